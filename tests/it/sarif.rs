//! What is written as SARIF fits its schema: for every example of every rule, and for files of several faults.

use super::check::{blocks, pages, whole};
use lockgate::check::{self, AnyRepository};
use lockgate::report::diagnostics::sarif;
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};
use serde_json::Value;
use std::path::{Path, PathBuf};

fn schemas() -> Vec<(PathBuf, jsonschema::Validator)> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sarif/schema.json");
    let of_the_standard = std::env::var_os("LOCKGATE_SARIF_SCHEMA").map(PathBuf::from);
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).expect("a schema");
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a good schema");
        (path, validator)
    };
    std::iter::once(own).chain(of_the_standard).map(read).collect()
}

/// What is found in a text, as SARIF.
fn sarif_of(path: &str, text: &str) -> Value {
    let mut sources = Sources::new();
    let file = sources.add(path, text);
    let (tree, faults) = syntax::parse(file, text.into(), &Limits::default());
    let (_, found) = check::document(&Document::from(tree), faults, &AnyRepository);
    serde_json::from_str(&sarif::text(&found, &sources)).expect("JSON")
}

#[test]
fn whatever_is_found_fits_the_schema() {
    let mut texts: Vec<(String, String)> = Vec::new();
    for (name, page) in pages() {
        let examples = blocks(&page).into_iter().filter(|b| b.info.starts_with("kdl"));
        texts.extend(examples.map(|b| (format!("grammar/{name} ä.kdl"), whole(&b.text))));
    }
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases")).expect("cases") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|e| e == "kdl") {
            texts.push((path.display().to_string(), std::fs::read_to_string(&path).expect("a case")));
        }
    }
    texts.push(("empty.kdl".to_string(), String::new()));
    assert!(texts.len() > 150, "{} texts", texts.len());
    let schemas = schemas();
    let mut results = 0;
    for (path, text) in &texts {
        let document = sarif_of(path, text);
        results += document["runs"][0]["results"].as_array().map_or(0, Vec::len);
        for (schema, validator) in &schemas {
            let faults: Vec<String> =
                validator.iter_errors(&document).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert!(faults.is_empty(), "{} refuses {path}: {faults:#?}\n{document:#}", schema.display());
        }
    }
    assert!(results > 100, "{results} results");
}

#[test]
fn the_schema_refuses_what_is_not_in_the_standard() {
    let good = sarif_of("a.kdl", "lockgate 1\npipeline p {\n    sorce app\n}\n");
    for (pointer, value) in [
        ("/version", "2.2".into()),
        ("/runs/0/results/0/level", "bad".into()),
        ("/runs/0/results/0/locations/0/physicalLocation/region/startLine", 0.into()),
        ("/runs/0/results/0/message", serde_json::json!({})),
        ("/runs/0/results/0/fixes/0/artifactChanges", serde_json::json!([])),
        ("/runs/0/tool", serde_json::json!({ "driver": {} })),
    ] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} in {good:#}")) = value;
        for (schema, validator) in schemas() {
            assert!(!validator.is_valid(&bad), "{} takes {pointer}", schema.display());
        }
    }
}
