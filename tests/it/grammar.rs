//! The pages in `grammar/` say what the program does: they are written from its tables, and their examples are read by it.

use lockgate::diag::{Diagnostic, render};
use lockgate::model::spec::Spec;
use lockgate::model::{self, manual};
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};
use std::path::Path;

#[test]
fn the_pages_are_current() {
    let grammar = Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar");
    let mut old = Vec::new();
    for (name, text) in manual::pages() {
        let path = grammar.join(&name);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &text).expect("a page is written");
        } else if std::fs::read_to_string(&path).ok().as_ref() != Some(&text) {
            old.push(name);
        }
    }
    assert!(
        old.is_empty(),
        "these pages are not current: {}; `UPDATE=1 cargo test grammar` writes them",
        old.join(", ")
    );
}

/// Reads a text and gives what is found in the part of it from that offset on.
fn faults(before: &str, text: &str, after: &str) -> (Vec<Diagnostic>, String) {
    let whole = format!("{before}{text}{after}");
    let mut sources = Sources::new();
    let id = sources.add("example.kdl", whole.as_str());
    let (tree, mut found) = syntax::parse(id, whole.into(), &Limits::default());
    found.extend(model::decode(&Document::from(tree)).1);
    let range = before.len()..before.len() + text.len();
    found.retain(|d| d.span().is_none_or(|s| range.contains(&(s.start as usize))));
    let report = render::render(&found, &sources, render::Style::default());
    (found, report)
}

/// Checks the examples of a node and of all nodes in it, each within the nodes that it stands in.
fn examples(spec: &'static Spec, before: &str, after: &str, wrong: &mut String) {
    if !spec.name.is_empty() {
        let before = if spec.name == "lockgate" { "" } else { before };
        let (found, report) = faults(before, spec.example, after);
        if spec.example.is_empty() || !found.is_empty() {
            *wrong += &format!("the example of `{}`:\n{}\n{report}\n", spec.name, spec.example);
        }
    }
    let header = match spec.name {
        "" => String::new(),
        "gate" | "verify" => format!("{} {{\n", spec.name),
        name => format!("{name} x {{\n"),
    };
    let (before, after) = if spec.name.is_empty() {
        (before.to_string(), after.to_string())
    } else {
        (format!("{before}{header}"), format!("\n}}{after}"))
    };
    for child in spec.children {
        examples(child.spec, &before, &after, wrong);
    }
}

#[test]
fn each_node_has_an_example_that_is_right() {
    let mut wrong = String::new();
    examples(&model::pipeline::FILE, "lockgate 1\n", "\n", &mut wrong);
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_node_can_be_explained() {
    for spec in manual::PAGES.iter().filter(|s| !s.name.is_empty()) {
        let page = manual::explain(spec.name).unwrap_or_default();
        assert!(page.starts_with(&format!("# {}\n", spec.name)), "{page}");
        for child in spec.children {
            assert!(manual::explain(&format!("{} {}", spec.name, child.spec.name)).is_some());
            assert!(manual::explain(child.spec.name).is_some());
        }
    }
    assert!(manual::explain("file").is_some_and(|page| page.contains("`lockgate`")));
    assert_eq!(manual::explain("nonsense"), None);
}

#[test]
fn the_description_for_programs_is_complete() {
    let grammar = manual::json();
    let children = grammar["file"]["children"].as_array().expect("children");
    let pipeline = children.iter().find(|c| c["node"]["name"] == "pipeline").expect("pipeline");
    let names: Vec<_> =
        pipeline["node"]["children"].as_array().expect("children").iter().map(|c| &c["node"]["name"]).collect();
    assert_eq!(names, ["source", "build", "task", "release", "environment", "secret", "notify", "include"]);
}
