//! The difference between two values, field by field.

use serde::Serialize;
use serde_json::{Value, json};

/// A field that changes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldChange {
    /// Where: `spec.template.spec.containers[app].image`.
    pub path: String,
    /// What was there; nothing where it is new.
    pub before: Option<Value>,
    /// What will be there; nothing where it goes.
    pub after: Option<Value>,
}

/// The fields in which two values differ, in the order of the text.
pub fn fields(before: &Value, after: &Value) -> Vec<FieldChange> {
    let mut out = Vec::new();
    compare(&mut String::new(), before, after, &mut out);
    out
}

/// Replaces what a secret holds by marks that are the same for the same content on both sides, and tell no more.
pub fn mask(before: &mut Option<Value>, after: &mut Option<Value>) {
    let is_secret =
        |v: &Option<Value>| v.as_ref().is_some_and(|v| v.get("kind").and_then(Value::as_str) == Some("Secret"));
    if !is_secret(before) && !is_secret(after) {
        return;
    }
    for part in ["data", "stringData"] {
        let held = |object: &Option<Value>, key: &str| object.as_ref()?.get(part)?.get(key).cloned();
        let keys = |object: &Option<Value>| -> Vec<String> {
            let fields = object.as_ref().and_then(|o| o.get(part)).and_then(Value::as_object);
            fields.map(|f| f.keys().cloned().collect()).unwrap_or_default()
        };
        for key in keys(before).into_iter().chain(keys(after)).collect::<std::collections::BTreeSet<_>>() {
            let same = held(before, &key) == held(after, &key);
            for (object, mark) in
                [(&mut *before, "(hidden)"), (&mut *after, if same { "(hidden)" } else { "(hidden, new)" })]
            {
                let held = object.as_mut().and_then(|o| o.get_mut(part)).and_then(|p| p.get_mut(&key));
                if let Some(held) = held {
                    *held = json!(mark);
                }
            }
        }
    }
}

fn compare(path: &mut String, before: &Value, after: &Value, out: &mut Vec<FieldChange>) {
    if before == after {
        return;
    }
    match (before, after) {
        (Value::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                under(path, &key_step(key), |path| one(path, Some(value), b.get(key), out));
            }
            for (key, value) in b.iter().filter(|(k, _)| !a.contains_key(*k)) {
                under(path, &key_step(key), |path| one(path, None, Some(value), out));
            }
        }
        (Value::Array(a), Value::Array(b)) => match (named(a), named(b)) {
            (Some(names), Some(_)) => named_items(path, &names, a, b, out),
            _ => {
                for i in 0..a.len().max(b.len()) {
                    under(path, &format!("[{i}]"), |path| one(path, a.get(i), b.get(i), out));
                }
            }
        },
        _ => out.push(FieldChange { path: path.clone(), before: Some(before.clone()), after: Some(after.clone()) }),
    }
}

fn one(path: &mut String, before: Option<&Value>, after: Option<&Value>, out: &mut Vec<FieldChange>) {
    match (before, after) {
        (Some(a), Some(b)) => compare(path, a, b, out),
        (a, b) => out.push(FieldChange { path: path.clone(), before: a.cloned(), after: b.cloned() }),
    }
}

/// Lists whose items have names, such as containers and their variables, are compared by name.
fn named(items: &[Value]) -> Option<Vec<&str>> {
    let names: Vec<&str> = items.iter().map(|i| i.get("name").and_then(Value::as_str)).collect::<Option<_>>()?;
    let mut sorted = names.clone();
    sorted.sort_unstable();
    sorted.dedup();
    (sorted.len() == names.len() && !names.is_empty()).then_some(names)
}

fn named_items(path: &mut String, names: &[&str], a: &[Value], b: &[Value], out: &mut Vec<FieldChange>) {
    let find = |name: &str| b.iter().find(|i| i.get("name").and_then(Value::as_str) == Some(name));
    for (name, item) in names.iter().zip(a) {
        under(path, &format!("[{name}]"), |path| one(path, Some(item), find(name), out));
    }
    for item in b {
        let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
        if !names.contains(&name) {
            under(path, &format!("[{name}]"), |path| one(path, None, Some(item), out));
        }
    }
}

fn key_step(key: &str) -> String {
    let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if plain { format!(".{key}") } else { format!("[\"{key}\"]") }
}

fn under(path: &mut String, step: &str, run: impl FnOnce(&mut String)) {
    let length = path.len();
    let step = if length == 0 { step.strip_prefix('.').unwrap_or(step) } else { step };
    path.push_str(step);
    run(path);
    path.truncate(length);
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn paths(before: Value, after: Value) -> Vec<String> {
        fields(&before, &after).into_iter().map(|f| f.path).collect()
    }

    #[test]
    fn names_the_fields_that_differ() {
        let before = json!({"spec": {"replicas": 1, "containers": [{"name": "a", "image": "x:1"}, {"name": "b"}]}});
        let after = json!({"spec": {"replicas": 2, "containers": [{"name": "b"}, {"name": "a", "image": "x:2"}]}});
        assert_eq!(paths(before, after), ["spec.replicas", "spec.containers[a].image"]);
    }

    #[test]
    fn odd_keys_are_quoted_and_missing_fields_shown() {
        let got = fields(&json!({"metadata": {"labels": {"a/b": "1"}}}), &json!({"metadata": {"labels": {}}}));
        assert_eq!(
            got,
            [FieldChange { path: "metadata.labels[\"a/b\"]".into(), before: Some(json!("1")), after: None }]
        );
    }

    #[test]
    fn equal_values_have_no_difference() {
        assert!(fields(&json!([1, 2]), &json!([1, 2])).is_empty());
        assert_eq!(paths(json!([1, 2]), json!([1, 3, 4])), ["[1]", "[2]"]);
    }
}
