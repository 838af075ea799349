//! Values: the layers a user gives, the chart's defaults below them, and what a subchart sees of both.

mod coalesce;
mod dependencies;
mod layers;
mod mentions;
mod reads;
mod schema;
mod schema_loops;
mod strvals;
mod unread;

pub(crate) use layers::exact;
pub use layers::{Layer, Layers, Origin, Set, SetKind, ValuesError};
pub use reads::{Reads, read_paths};
pub use schema::{SchemaError, SchemaErrors, SchemaFault};
pub use strvals::SetError;
pub use unread::{Readable, UnreadKey, unread_keys};

pub use coalesce::Mismatch;
pub(crate) use coalesce::coalesce_values;
pub(crate) use dependencies::{Live, process};
pub(crate) use schema::validate_all;

use super::yaml::{self, Data, Entries, Entry, Mark, Node, YamlError};

/// A mapping without entries.
pub(crate) fn empty_node() -> Node {
    Node { mark: Mark { line: 1, column: 1 }, data: Data::Map(Entries::new()) }
}

/// Reads a values file: one or more documents, each a mapping or nothing, later ones over earlier ones.
///
/// # Errors
/// Text that is no YAML, and a document that is no mapping.
pub fn load(text: &[u8]) -> Result<Node, YamlError> {
    let mut values = empty_node();
    for (first_line, document) in documents(text) {
        let shifted = |mut error: YamlError| {
            error.line = error.line.map(|line| line + first_line);
            error
        };
        let Some(mut node) = yaml::parse(document).map_err(shifted)? else { continue };
        shift(&mut node, first_line);
        match node.data {
            Data::Null => {}
            Data::Map(entries) => overlay(&mut values, entries),
            _ => {
                let found = yaml::json_kind(&node.to_value());
                let message = format!("cannot unmarshal {found} into Go value of type map[string]interface {{}}");
                return Err(YamlError::at(node.mark, message));
            }
        }
    }
    Ok(values)
}

/// The documents of a stream, each with the number of lines before it. A line `---` separates, unless nothing precedes it.
fn documents(text: &[u8]) -> Vec<(u32, &[u8])> {
    let mut documents = Vec::new();
    let (mut start, mut first_line, mut at, mut line) = (0, 0, 0, 0);
    for part in text.split_inclusive(|b| *b == b'\n') {
        let separates = part.strip_prefix(b"---").is_some_and(|rest| rest.trim_ascii().is_empty());
        if separates && at > start {
            documents.push((first_line, &text[start..at]));
            start = at + part.len();
            first_line = line + 1;
        }
        at += part.len();
        line += 1;
    }
    documents.push((first_line, &text[start.min(text.len())..]));
    documents
}

fn shift(node: &mut Node, lines: u32) {
    if lines == 0 {
        return;
    }
    node.mark.line += lines;
    match &mut node.data {
        Data::Seq(items) => items.iter_mut().for_each(|item| shift(item, lines)),
        Data::Map(entries) => entries.values_mut().for_each(|entry| {
            entry.key.line += lines;
            shift(&mut entry.value, lines);
        }),
        _ => {}
    }
}

/// Helm's `MergeMaps`: mappings merge, anything else replaces, a null too.
fn overlay(below: &mut Node, above: Entries) {
    let Data::Map(entries) = &mut below.data else { return };
    let mut more = Vec::new();
    for (key, entry) in above {
        match (entries.get_mut(&key), entry.value.data) {
            (Some(old @ Entry { value: Node { data: Data::Map(_), .. }, .. }), Data::Map(inner)) => {
                overlay(&mut old.value, inner);
            }
            (_, data) => {
                let value = Node { mark: entry.value.mark, data };
                more.push((key, Entry { key: entry.key, value }));
            }
        }
    }
    entries.extend(more);
}

#[cfg(test)]
mod tests;
