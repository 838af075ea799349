//! The reference of the language, written from the specs: the pages in `grammar/`, what `lockgate explain NODE` prints, and
//! the description that other tools can load.

mod highlights;
mod json;
mod page;
mod texts;

pub use json::json;

use super::spec::Spec;
use super::{build, environment, gate, notify, pipeline, release, secret, source, task, test, verify};

/// The nodes that have a page of their own, in the order of reading; all others stand on the page of the node they are in.
pub static PAGES: &[&Spec] = &[
    &pipeline::FILE,
    &pipeline::PIPELINE,
    &source::SPEC,
    &build::SPEC,
    &task::SPEC,
    &release::SPEC,
    &environment::SPEC,
    &gate::SPEC,
    &verify::SPEC,
    &secret::SPEC,
    &notify::SPEC,
    &test::SPEC,
];

/// All pages that are written from tables: the name of the file in `grammar/`, and its text.
pub fn pages() -> Vec<(String, String)> {
    let mut pages = vec![("README.md".to_string(), texts::readme())];
    pages.extend(PAGES.iter().map(|spec| (file_name(spec), page::page(spec))));
    pages.push(("references.md".to_string(), texts::references()));
    pages.push(("formats.md".to_string(), texts::formats()));
    pages.push(("rules/README.md".to_string(), texts::rules()));
    pages.push(("highlights.scm".to_string(), highlights::queries(PAGES)));
    pages
}

/// The reference of a node, of a node in another (`source git`), or of `references` and `formats`.
pub fn explain(topic: &str) -> Option<String> {
    let words: Vec<&str> = topic.split_whitespace().collect();
    match words.as_slice() {
        ["references"] => Some(texts::references()),
        ["formats"] => Some(texts::formats()),
        ["rules"] => Some(texts::rules()),
        ["file"] => Some(page::page(&pipeline::FILE)),
        [name] => {
            let own = PAGES.iter().find(|s| s.name == *name && !name.is_empty()).map(|s| page::page(s));
            own.or_else(|| sections(name))
        }
        [node, name] => {
            let within = PAGES.iter().find(|s| s.name == *node)?;
            within.child(name).map(|c| page::section(c.spec, 1))
        }
        _ => None,
    }
}

/// What is said of nodes of that name that have no page of their own; the same word can be several nodes.
fn sections(name: &str) -> Option<String> {
    let mut sections: Vec<String> = Vec::new();
    for within in PAGES {
        if let Some(child) = within.child(name) {
            let text = page::section(child.spec, 1);
            let place = if within.name.is_empty() {
                "At the top of a file".to_string()
            } else {
                format!("In `{}`", within.name)
            };
            if !sections.iter().any(|s| s.contains(&text)) {
                sections.push(format!("{place}:\n\n{text}"));
            }
        }
    }
    (!sections.is_empty()).then(|| sections.join("\n"))
}

/// Whether a node has a page of its own.
fn has_page(spec: &Spec) -> bool {
    PAGES.iter().any(|s| std::ptr::eq(*s, spec))
}

fn file_name(spec: &Spec) -> String {
    format!("{}.md", if spec.name.is_empty() { "file" } else { spec.name })
}
