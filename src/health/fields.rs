//! Reading objects: what is not there reads as empty.

use serde_json::Value;

/// The text at a place; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The number at a place.
pub(super) fn number(object: &Value, at: &str) -> Option<i64> {
    object.pointer(at).and_then(Value::as_i64)
}

/// The number at a place; 0 where there is none.
pub(super) fn count(object: &Value, at: &str) -> i64 {
    number(object, at).unwrap_or(0)
}

/// The list at a place; empty where there is none.
pub(super) fn list<'a>(object: &'a Value, at: &str) -> &'a [Value] {
    object.pointer(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// Whether something at a place is true.
pub(super) fn is(object: &Value, at: &str) -> bool {
    object.pointer(at).and_then(Value::as_bool).unwrap_or(false)
}

/// The annotation of that name.
pub(super) fn annotation<'a>(object: &'a Value, name: &str) -> &'a str {
    object.pointer("/metadata/annotations").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// The label of that name.
pub(super) fn label<'a>(object: &'a Value, name: &str) -> &'a str {
    object.pointer("/metadata/labels").and_then(|a| a.get(name)).and_then(Value::as_str).unwrap_or_default()
}

/// A condition of a status.
#[derive(Clone, Copy)]
pub(super) struct Condition<'a>(&'a Value);

impl<'a> Condition<'a> {
    /// Whether it holds.
    pub fn is_true(self) -> bool {
        text(self.0, "/status") == "True"
    }

    /// Whether it does not hold; it may also be unknown.
    pub fn is_false(self) -> bool {
        text(self.0, "/status") == "False"
    }

    /// The reason, one word.
    pub fn reason(self) -> &'a str {
        text(self.0, "/reason")
    }

    /// Reason and message, as far as they are given.
    pub fn words(self) -> String {
        let message = text(self.0, "/message").trim_end_matches('.');
        match (self.reason(), message) {
            ("", "") => format!("{} is {}", text(self.0, "/type"), text(self.0, "/status")),
            ("", message) => message.to_string(),
            (reason, "") => reason.to_string(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

/// The condition of that type.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    list(object, "/status/conditions").iter().find(|c| text(c, "/type") == kind).map(Condition)
}

/// A condition out of a list that stands elsewhere.
pub(super) fn condition_in<'a>(list: &'a [Value], kind: &str) -> Option<Condition<'a>> {
    list.iter().find(|c| text(c, "/type") == kind).map(Condition)
}

/// Whether the controller has seen what was asked for last.
pub(super) fn is_observed(object: &Value) -> bool {
    count(object, "/status/observedGeneration") >= count(object, "/metadata/generation")
}

/// Whether the object belongs to the one with that `uid`.
pub(super) fn is_owned(object: &Value, uid: &str) -> bool {
    list(object, "/metadata/ownerReferences").iter().any(|owner| text(owner, "/uid") == uid)
}

/// What names an object to people: `Deployment/web`.
pub fn id(object: &Value) -> String {
    format!("{}/{}", text(object, "/kind"), text(object, "/metadata/name"))
}

/// The `uid` of what an event is about.
pub fn pointed_to(event: &Value) -> &str {
    text(event, "/involvedObject/uid")
}

/// The labels by which a workload finds its pods, as a query: `app=web,tier=front`. Nothing where it has none, or selects
/// in ways that a query of plain labels cannot say.
pub fn selector(object: &Value) -> Option<String> {
    let labels = object.pointer("/spec/selector/matchLabels").and_then(Value::as_object)?;
    let pairs = labels.iter().map(|(name, value)| Some(format!("{name}={}", value.as_str()?)));
    pairs.collect::<Option<Vec<_>>>().map(|pairs| pairs.join(",")).filter(|query| !query.is_empty())
}
