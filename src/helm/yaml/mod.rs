//! YAML as Helm reads and writes it: `sigs.k8s.io/yaml`, which goes through JSON on both ways, over go-yaml v2.
//!
//! Reading is YAML 1.1 (`yes` is a boolean, `0777` is octal, a timestamp stays a string), every key becomes a string, the
//! last of equal keys wins, and every number becomes a `float64`. Writing orders keys naturally (`k2` before `k10`), does
//! not indent sequences, folds plain text at 80 columns and quotes what would read as something else.
//!
//! Sources: `sigs.k8s.io/yaml` v1.6 and `go.yaml.in/yaml/v2` v2.4. Scanner and parser are our own: those of `libyaml-safer`
//! panic at a block scalar that ends the text and misread CRLF, and must be as go-yaml's anyway.

mod analyze;
mod emit;
mod entries;
mod float;
mod grammar;
mod node;
mod order;
mod parse;
mod quick;
mod resolve;
mod scalars;
mod scan;

pub use emit::{write, write_pretty};
pub use entries::Entries;
pub use float::{float_e, float_g, float_json};
pub(crate) use node::text_of;
pub use node::{Data, Entry, Mark, Node, Text};
pub use parse::{parse, parse_chars};

use crate::helm::value::{Map, Value};

/// The largest text that is read as YAML. A cluster refuses objects of a tenth of it.
pub const MAX_BYTES: usize = 32 << 20;

/// How deep collections may lie in one another; the deepest schemas of the world need some sixty.
pub const MAX_DEPTH: usize = 1_000;

/// Why a text is no YAML, or no YAML that can become JSON. Displays in go-yaml's words, which do not name the first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The line, from 1, where one is known.
    pub line: Option<u32>,
    /// What is wrong.
    pub message: String,
    /// Whether the grammar is broken, and not a word: go-yaml then names the line before.
    pub grammar: bool,
}

impl std::error::Error for YamlError {}

impl std::fmt::Display for YamlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.shown_line() {
            Some(line) => write!(f, "yaml: line {line}: {}", self.message),
            None => write!(f, "yaml: {}", self.message),
        }
    }
}

impl YamlError {
    pub(crate) fn new(message: impl Into<String>) -> YamlError {
        YamlError { line: None, message: message.into(), grammar: false }
    }

    pub(crate) fn at(mark: Mark, message: impl Into<String>) -> YamlError {
        YamlError { line: Some(mark.line), message: message.into(), grammar: false }
    }

    pub(crate) fn of_grammar(mark: Mark, message: impl Into<String>) -> YamlError {
        YamlError { grammar: true, ..YamlError::at(mark, message) }
    }

    fn shown_line(&self) -> Option<u32> {
        let line = self.line.filter(|n| *n > 1)?;
        Some(line - u32::from(self.grammar))
    }
}

/// Reads the first document of a text; [`Value::Nil`] if there is none.
///
/// # Errors
/// What [`parse`] refuses.
pub fn read(text: &[u8]) -> Result<Value, YamlError> {
    Ok(parse(text)?.map_or(Value::Nil, |node| node.to_value()))
}

/// Reads the first document of a text, which must be a mapping or nothing, as `yaml.Unmarshal` into a Go map does.
///
/// # Errors
/// What [`parse`] refuses, and a document of another kind.
pub fn read_map(text: &[u8]) -> Result<Map, YamlError> {
    match parse(text)? {
        None => Ok(Map::new()),
        Some(node) => match node.to_value() {
            Value::Nil => Ok(Map::new()),
            Value::Map(map) => Ok(map),
            other => Err(YamlError::new(format!(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type \
                 map[string]interface {{}}",
                json_kind(&other)
            ))),
        },
    }
}

/// What Go's JSON decoder calls a value of this kind.
pub(crate) fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Str(_) | Value::Bytes(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) | Value::Object(_) => "object",
        _ => "number",
    }
}

#[cfg(test)]
mod tests;
