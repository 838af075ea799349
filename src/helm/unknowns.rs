//! Which fields of the rendered objects contain a value that is not known yet.

use super::manifest;
use super::value::Unknowns;
use super::yaml::{Data, Node};
use std::collections::BTreeMap;

/// A value that nobody knows yet, and the text that stands for it in the values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownValue {
    /// The text; it must occur nowhere by chance.
    pub marker: String,
    /// What it is, for people: `digest of image app, known after build`.
    pub what: String,
}

/// A field that contains unknowns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownField {
    /// The template it comes from.
    pub source: String,
    /// The object: kind, namespace and name.
    pub object: (String, String, String),
    /// The keys and indices that lead to the field; the last may be a key that is itself unknown.
    pub path: Vec<String>,
    /// What is unknown in it.
    pub what: Vec<String>,
}

/// Looks through all objects for markers.
pub(super) fn fields_with_unknowns(files: &BTreeMap<String, String>, unknowns: &Unknowns) -> Vec<UnknownField> {
    let mut found = Vec::new();
    for (source, text) in files.iter().filter(|(_, text)| unknowns.contains_marker(text.as_bytes())) {
        for manifest in manifest::split(text).into_iter().filter_map(|doc| manifest::read(source, doc).ok().flatten()) {
            let Some(node) = &manifest.object else { continue };
            let object = (manifest.kind.clone(), manifest.namespace.clone(), manifest.name.clone());
            walk(node, &mut Vec::new(), unknowns, &mut |path, what| {
                found.push(UnknownField { source: source.clone(), object: object.clone(), path, what });
            });
        }
    }
    found
}

fn walk(node: &Node, path: &mut Vec<String>, unknowns: &Unknowns, found: &mut impl FnMut(Vec<String>, Vec<String>)) {
    let what = |text: &str| unknowns.find(text.as_bytes()).iter().map(|u| u.what.clone()).collect::<Vec<_>>();
    match &node.data {
        Data::Str(text) => {
            let what = what(text);
            if !what.is_empty() {
                found(path.clone(), what);
            }
        }
        Data::Seq(items) => {
            for (i, item) in items.iter().enumerate() {
                path.push(i.to_string());
                walk(item, path, unknowns, found);
                path.pop();
            }
        }
        Data::Map(entries) => {
            for (key, entry) in entries {
                path.push(key.to_string());
                let in_key = what(key);
                if !in_key.is_empty() {
                    found(path.clone(), in_key);
                }
                walk(&entry.value, path, unknowns, found);
                path.pop();
            }
        }
        _ => {}
    }
}
