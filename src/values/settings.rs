//! What `set` says, in the words of `helm --set`.

use crate::helm;
use crate::model::{SetKind, SetTo, Template};

/// A single value for the `helm` room. Texts and odd numbers go as JSON, so that nothing in them is read twice. References in
/// texts are none any more. `name` is how it is called in messages.
pub fn setting(path: &str, to: &SetTo, kind: SetKind, name: &str) -> helm::Set {
    let text = |t: &Template| t.as_text().unwrap_or_default().to_string();
    let (kind, value, file) = match (to, kind) {
        (SetTo::Text(t), SetKind::File) => (helm::SetKind::File, String::new(), Some(text(t))),
        (SetTo::Text(t), SetKind::Json) => (helm::SetKind::Json, text(t), None),
        (SetTo::Text(t), SetKind::Typed) => (helm::SetKind::Json, serde_json::Value::from(text(t)).to_string(), None),
        (SetTo::Int(n), _) => (helm::SetKind::Typed, n.to_string(), None),
        (SetTo::Float(n), _) => (helm::SetKind::Json, n.to_string(), None),
        (SetTo::Bool(b), _) => (helm::SetKind::Typed, b.to_string(), None),
        (SetTo::Null, _) => (helm::SetKind::Typed, "null".to_string(), None),
    };
    helm::Set { text: format!("{path}={value}"), kind, file, name: name.to_string() }
}
