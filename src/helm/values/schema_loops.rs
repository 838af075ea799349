//! Schemas that refer to themselves without looking at a smaller part of the values: their validation would never end.

use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// A place from which references lead back to itself while the value under test stays the same; nothing if there is none.
pub(super) fn endless_reference(schema: &Json) -> Option<String> {
    // Without references every step leads further in.
    if !refers(schema) {
        return None;
    }
    let mut edges = BTreeMap::new();
    let mut anchors = BTreeMap::new();
    walk(schema, String::new(), &mut edges, &mut anchors);
    let mut done = BTreeSet::new();
    edges.keys().find_map(|start| search(start, &edges, &anchors, &mut done))
}

/// Whether there is a reference anywhere.
fn refers(schema: &Json) -> bool {
    match schema {
        Json::Array(items) => items.iter().any(refers),
        Json::Object(entries) => entries.iter().any(|(key, value)| is_reference(key) || refers(value)),
        _ => false,
    }
}

fn is_reference(key: &str) -> bool {
    matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef")
}

/// Notes, for each place, where validation goes on with the same value.
fn walk(
    schema: &Json,
    place: String,
    edges: &mut BTreeMap<String, Vec<String>>,
    anchors: &mut BTreeMap<String, String>,
) {
    match schema {
        Json::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                walk(item, format!("{place}/{i}"), edges, anchors);
            }
        }
        Json::Object(entries) => {
            for (key, value) in entries {
                let below = format!("{place}/{}", key.replace('~', "~0").replace('/', "~1"));
                match (key.as_str(), value) {
                    (key, Json::String(target)) if is_reference(key) => {
                        if let Some(target) = target.strip_prefix('#') {
                            edges.entry(place.clone()).or_default().push(target.to_string());
                        }
                    }
                    ("$anchor" | "$dynamicAnchor", Json::String(name)) => {
                        anchors.insert(name.clone(), place.clone());
                    }
                    ("allOf" | "anyOf" | "oneOf", Json::Array(items)) => {
                        let inner = (0..items.len()).map(|i| format!("{below}/{i}"));
                        edges.entry(place.clone()).or_default().extend(inner);
                    }
                    ("not" | "if" | "then" | "else", _) => {
                        edges.entry(place.clone()).or_default().push(below.clone());
                    }
                    ("dependentSchemas" | "dependencies", Json::Object(inner)) => {
                        let inner =
                            inner.keys().map(|k| format!("{below}/{}", k.replace('~', "~0").replace('/', "~1")));
                        edges.entry(place.clone()).or_default().extend(inner);
                    }
                    _ => {}
                }
                walk(value, below, edges, anchors);
            }
        }
        _ => {}
    }
}

/// Follows the edges from a place, with a stack of its own.
fn search(
    start: &str,
    edges: &BTreeMap<String, Vec<String>>,
    anchors: &BTreeMap<String, String>,
    done: &mut BTreeSet<String>,
) -> Option<String> {
    let mut path: Vec<(String, usize)> = vec![(start.to_string(), 0)];
    let mut on_path = BTreeSet::from([start.to_string()]);
    while let Some((place, next)) = path.last_mut() {
        let target = edges.get(place).and_then(|targets| targets.get(*next));
        let Some(target) = target else {
            on_path.remove(place);
            done.insert(std::mem::take(place));
            path.pop();
            continue;
        };
        *next += 1;
        let target = anchors.get(target).unwrap_or(target).clone();
        if on_path.contains(&target) {
            return Some(target);
        }
        if !done.contains(&target) {
            on_path.insert(target.clone());
            path.push((target, 0));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_circles_and_allows_recursion() {
        let cases = [
            (r##"{"$ref":"#"}"##, true),
            (r##"{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"$ref":"#/$defs/a"}}}"##, true),
            (r##"{"properties":{"child":{"$ref":"#"}}}"##, false),
            (r##"{"$defs":{"a":{"items":{"$ref":"#/$defs/a"}}},"$ref":"#/$defs/a"}"##, false),
            (r##"{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"$defs":{"a":{}}}"##, false),
            (r##"{"$anchor":"x","not":{"$ref":"#x"}}"##, true),
        ];
        for (schema, expected) in cases {
            let schema = serde_json::from_str(schema).expect("json");
            assert_eq!(endless_reference(&schema).is_some(), expected, "{schema}");
        }
    }
}
