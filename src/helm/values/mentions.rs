//! Values that a text mentions: charts run texts of the values, and files of their own, as templates.

use super::reads::{Path, Reads};
use crate::helm::yaml::{Data, Node};

/// The largest text that is looked through.
const MAX_TEXT: usize = 1 << 20;

/// Adds what the texts in values mention.
pub(super) fn mentioned(values: &Node, reads: &mut Reads) {
    match &values.data {
        Data::Str(text) => in_text(text, reads),
        Data::Seq(items) => items.iter().for_each(|item| mentioned(item, reads)),
        Data::Map(entries) => entries.values().for_each(|entry| mentioned(&entry.value, reads)),
        _ => {}
    }
}

/// Adds what a text mentions between double braces.
pub(super) fn in_text(text: &str, reads: &mut Reads) {
    if text.len() > MAX_TEXT {
        return;
    }
    for action in text.split("{{").skip(1) {
        let action = action.split_once("}}").map_or(action, |(action, _)| action);
        for rest in action.split(".Values").skip(1) {
            reads.whole.insert(path(rest));
        }
    }
}

/// The keys behind `.Values`; none where they are not said, and then everything is meant.
fn path(rest: &str) -> Path {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    rest.get(..end).unwrap_or_default().split('.').filter(|key| !key.is_empty()).map(str::to_string).collect()
}
