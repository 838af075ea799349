//! The table of all functions: at least one row each, and what the real Helm writes; `tests/charts/refresh.sh` makes it anew.
//! A row is the name, an expression, and the text as JSON, or `!` and why Helm refuses.

use lockgate::helm::{Chart, RenderError, Request, render};
use std::collections::BTreeSet;
use std::path::Path;

/// A chart with the template `templates/t.txt` and a partial that greets.
fn one_template(text: &str) -> Chart {
    let files = [
        ("Chart.yaml", "apiVersion: v2\nname: f\nversion: 1.0.0\n"),
        ("templates/_greet.tpl", "{{ define \"greet\" }}Hello {{ .name }}{{ end }}"),
        ("templates/t.txt", text),
    ];
    let files = files.map(|(name, text)| (name.to_string(), text.as_bytes().to_vec()));
    Chart::from_files(files.into()).expect("a chart")
}

/// The text of the template, though it be no manifest.
fn text_of(chart: &Chart) -> Result<String, String> {
    match render(&Request::new(chart, "r", "n")) {
        Ok(rendered) => Ok(rendered.files.get("f/templates/t.txt").cloned().unwrap_or_default()),
        Err(RenderError::Manifest(error)) => Ok(error.text),
        Err(error) => Err(error.to_string()),
    }
}

/// Wraps what a template writes so that it is YAML whatever it is, and takes the wrapping off again.
fn evaluate(expression: &str) -> Result<String, String> {
    let text = text_of(&one_template(&format!("{{{{ {expression} | toString | b64enc | quote }}}}")))?;
    Ok(text.trim_matches('"').to_string())
}

fn base64(text: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(text)
}

/// Every function has a row, and every row comes out as Helm says.
#[test]
fn functions_are_helms() {
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts/functions.tsv"))
        .expect("the table");
    let mut faults = Vec::new();
    let mut covered = BTreeSet::new();
    for row in table.lines() {
        let [name, expression, expected] = row.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        covered.insert(name);
        // A nil prints nothing at the end of a template, but has a text inside: not wrapped then.
        let ours = evaluate(&format!("({expression})"));
        match (expected.strip_prefix('!'), ours) {
            (Some(_), Err(_)) => {}
            (Some(why), Ok(text)) => faults.push(format!("{expression}: {text}, but Helm refuses: {why}")),
            (None, Err(error)) => faults.push(format!("{expression}: {error}, but Helm writes {expected}")),
            (None, Ok(text)) => {
                let expected: String = serde_json::from_str(expected).expect("JSON");
                let nil = expected.is_empty() && text == base64("<nil>");
                if text != base64(&expected) && !nil {
                    faults.push(format!("{expression}: {text:?} (base64), but Helm writes {expected:?}"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} of {} differ:\n{}", faults.len(), table.lines().count(), faults.join("\n"));
    let registry = lockgate::helm::functions::registry();
    let missing: Vec<_> = registry.names().into_iter().filter(|name| !covered.contains(name)).collect();
    assert!(missing.is_empty(), "without a row: {missing:?}");
}
