//! A document as a tree that knows where everything stands.

use super::entries::Entries;
use crate::helm::value::Value;

/// A key or a text of a document. Up to 24 bytes of it stand in the node, and most are that short.
pub type Text = compact_str::CompactString;

/// A place in a text, both numbers from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Mark {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

/// A value and where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it begins; the place of the anchor for what came through an alias.
    pub mark: Mark,
    /// The value.
    pub data: Data,
}

/// A resolved value, as go-yaml v2 resolves it.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Nothing, `~` or `null`.
    Null,
    /// A boolean in any of YAML 1.1's spellings.
    Bool(bool),
    /// An integer that an `int64` holds.
    Int(i64),
    /// An integer that only an `uint64` holds.
    Uint(u64),
    /// Any other number.
    Float(f64),
    /// An integer of a `--set`, which never goes through JSON: it stays an `int64`.
    Exact(i64),
    /// A text.
    Str(Text),
    /// A sequence.
    Seq(Vec<Node>),
    /// A mapping; keys that were no strings are written as JSON's keys.
    Map(Entries),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Mark,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The value, with every number as `float64`: what a Go program sees after YAML went through JSON.
    pub fn to_value(&self) -> Value {
        match &self.data {
            Data::Null => Value::Nil,
            Data::Bool(b) => Value::Bool(*b),
            Data::Int(n) => Value::Float(*n as f64),
            Data::Uint(n) => Value::Float(*n as f64),
            Data::Float(n) => Value::Float(*n),
            Data::Exact(n) => Value::Int64(*n),
            Data::Str(s) => Value::from(s.as_str()),
            Data::Seq(items) => Value::list(items.iter().map(Node::to_value).collect()),
            Data::Map(entries) => Value::map(entries.iter().map(|(key, entry)| (key, entry.value.to_value()))),
        }
    }

    /// The value as JSON; integers stay integers, as an API server wants them.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.data {
            Data::Null => serde_json::Value::Null,
            Data::Bool(b) => (*b).into(),
            Data::Int(n) | Data::Exact(n) => (*n).into(),
            Data::Uint(n) => (*n).into(),
            Data::Float(n) => (*n).into(),
            Data::Str(s) => s.as_str().into(),
            Data::Seq(items) => items.iter().map(Node::to_json).collect(),
            Data::Map(entries) => {
                serde_json::Value::Object(entries.iter().map(|(k, e)| (k.to_string(), e.value.to_json())).collect())
            }
        }
    }

    /// The entry of a key, if this is a mapping that has it.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        match &self.data {
            Data::Map(entries) => entries.get(key),
            _ => None,
        }
    }

    /// The value of a key as Go's JSON decoder finds it: the very name, or else one that differs in case.
    pub fn get_folded(&self, name: &str) -> Option<&Node> {
        let Data::Map(entries) = &self.data else { return None };
        let folded = || entries.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, entry)| entry);
        entries.get(name).or_else(folded).map(|entry| &entry.value)
    }

    /// The text, if this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The place of the entry that a path of keys and list indices names, as far as it leads: the last one found.
    pub fn locate<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> Option<Mark> {
        let mut node = self;
        let mut found = None;
        for step in path {
            (found, node) = match &node.data {
                Data::Map(entries) => match entries.get(step) {
                    Some(entry) => (Some(entry.key), &entry.value),
                    None => return found,
                },
                Data::Seq(items) => match step.parse::<usize>().ok().and_then(|i| items.get(i)) {
                    Some(item) => (Some(item.mark), item),
                    None => return found,
                },
                _ => return found,
            };
        }
        found
    }
}

/// The text that `sigs.k8s.io/yaml` makes of a scalar where a string is wanted; nothing for collections and null.
pub(crate) fn text_of(node: &Node) -> Option<String> {
    Some(match &node.data {
        Data::Str(s) => s.to_string(),
        Data::Bool(b) => b.to_string(),
        Data::Int(n) | Data::Exact(n) => n.to_string(),
        Data::Uint(n) => n.to_string(),
        Data::Float(n) => super::float_g(*n, true),
        _ => return None,
    })
}
