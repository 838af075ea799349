//! Comparing objects: without what nobody wants to see, and without what secrets hold.

use super::owner::{APPLIED, OWNER, RELEASE};
use super::wanted::Wanted;
pub use crate::ports::fields::mask;
use serde_json::Value;

/// What the server writes about an object, and tells nobody anything.
const NOISE: [&str; 6] = ["managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "selfLink"];
/// Marks that a controller, a client or we ourselves write with each change.
const MARKS: [&str; 5] =
    [APPLIED, OWNER, RELEASE, "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision"];

/// An object as people compare it.
pub fn clean(mut object: Value) -> Value {
    if let Some(fields) = object.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        NOISE.iter().for_each(|field| {
            metadata.remove(*field);
        });
        for part in ["labels", "annotations"] {
            if let Some(marks) = metadata.get_mut(part).and_then(Value::as_object_mut) {
                MARKS.iter().for_each(|mark| {
                    marks.remove(*mark);
                });
                if marks.is_empty() {
                    metadata.remove(part);
                }
            }
        }
    }
    sorted(&mut object);
    object
}

/// The same order of keys, whoever wrote them.
fn sorted(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.sort_keys();
            fields.values_mut().for_each(sorted);
        }
        Value::Array(items) => items.iter_mut().for_each(sorted),
        _ => {}
    }
}

/// Whether an object is as it was applied: it bears the mark of this very content, and every field of that is as it was. What
/// the server rewrites (`0.5` to `500m`) says no, and has to be asked about.
pub fn is_applied(wanted: &Wanted, live: &Value) -> bool {
    let mark = super::owner::annotation(live, APPLIED);
    mark.is_some() && mark == wanted.stamp() && is_within(&wanted.body, live)
}

/// Whether every field of the one is in the other, with the same value.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part.iter().all(|(key, value)| match whole.get(key) {
            Some(other) => is_within(value, other),
            None => is_nothing(value),
        }),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() == whole.len() && part.iter().zip(whole).all(|(a, b)| is_within(a, b))
        }
        (Value::Null, _) => true,
        (a, b) => a == b,
    }
}

/// What a server keeps no field for.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.values().all(is_nothing),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

/// How an object is not as it was deployed, in words; nothing where it is.
pub fn drift(live: &Value, deployed: &Value) -> Option<String> {
    const SHOWN: usize = 3;
    let (mut before, mut after) = (Some(clean(live.clone())), Some(clean(deployed.clone())));
    mask(&mut before, &mut after);
    let fields = crate::ports::fields::fields(&before?, &after?);
    if fields.is_empty() {
        return None;
    }
    let say = |value: &Option<Value>| match value {
        None => "nothing".to_string(),
        Some(Value::String(text)) => short(text),
        Some(value) => short(&value.to_string()),
    };
    let said: Vec<String> = fields
        .iter()
        .take(SHOWN)
        .map(|f| match manager(live, &f.path) {
            Some(who) => format!("{} is {} by `{who}`, deployed was {}", f.path, say(&f.before), say(&f.after)),
            None => format!("{} is {}, deployed was {}", f.path, say(&f.before), say(&f.after)),
        })
        .collect();
    let more = match fields.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    Some(format!("was changed: {}{more}", said.join("; ")))
}

fn short(text: &str) -> String {
    const LONGEST: usize = 60;
    let line = text.lines().next().unwrap_or_default();
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None if line.len() < text.len() => format!("{line}…"),
        None => line.to_string(),
    }
}

/// Who last set a field, if the server says so and it is plain to find: fields of maps.
fn manager(live: &Value, path: &str) -> Option<String> {
    let entries = live.pointer("/metadata/managedFields")?.as_array()?;
    let owns = |entry: &&Value| {
        let mut at = entry.get("fieldsV1");
        for step in path.split('.') {
            if step.contains('[') {
                return false;
            }
            at = at.and_then(|a| a.get(format!("f:{step}")));
        }
        at.is_some() && entry.get("manager").and_then(Value::as_str) != Some(super::client::MANAGER)
    };
    entries.iter().rfind(owns)?.get("manager")?.as_str().map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_server_says_of_an_object_is_no_difference() {
        let one = json!({"metadata": {"name": "a", "uid": "1", "annotations": {(APPLIED): "x"}}, "status": {"x": 1}});
        let two = json!({"metadata": {"resourceVersion": "5", "name": "a"}});
        assert_eq!(clean(one), clean(two));
    }

    #[test]
    fn secrets_differ_without_telling_how() {
        let secret = |value: &str| Some(json!({"kind": "Secret", "data": {"a": value, "b": "c2FtZQ=="}}));
        let (mut before, mut after) = (secret("b2xk"), secret("bmV3"));
        mask(&mut before, &mut after);
        let (before, after) = (before.expect("there"), after.expect("there"));
        assert_ne!(before["data"]["a"], after["data"]["a"]);
        assert_eq!(before["data"]["b"], after["data"]["b"]);
        assert!(!format!("{before}{after}").contains("b2xk") && !format!("{before}{after}").contains("bmV3"));
    }

    #[test]
    fn parts_of_an_object_are_found_in_it() {
        let live = json!({"spec": {"ports": [{"port": 80, "protocol": "TCP"}], "type": "ClusterIP"}});
        assert!(is_within(&json!({"spec": {"ports": [{"port": 80}], "selector": {}, "x": null}}), &live));
        assert!(!is_within(&json!({"spec": {"ports": [{"port": 81}]}}), &live));
        assert!(!is_within(&json!({"spec": {"ports": []}}), &live));
    }

    #[test]
    fn drift_says_what_it_is_what_it_was_and_who_did_it() {
        let managed = json!([
            {"manager": "lockgate", "fieldsV1": {"f:spec": {"f:paused": {}}}},
            {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
        ]);
        let live = json!({"metadata": {"managedFields": managed}, "spec": {"replicas": 3}});
        let deployed = json!({"metadata": {}, "spec": {"replicas": 1}});
        let words = "was changed: spec.replicas is 3 by `kubectl`, deployed was 1";
        assert_eq!(drift(&live, &deployed).as_deref(), Some(words));
        assert_eq!(drift(&live, &live), None);
    }
}
