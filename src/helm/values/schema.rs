//! `values.schema.json` of a chart and of those below it: JSON Schema of drafts 4 to 2020-12.

use super::dependencies::Live;
use super::schema_loops::endless_reference;
use crate::helm::functions::adapt_pattern;
use crate::helm::value::{Map, Value};
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::{PatternOptions, ValidationError};
use serde_json::Value as Json;
use std::fmt;

/// How many faults of one chart are told; more help nobody.
const MAX_FAULTS: usize = 50;

/// How large the values may be for a message to quote them.
const MAX_QUOTED: usize = 60;

/// What values break of the schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaErrors(pub Vec<SchemaError>);

/// What values break of one chart's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The chart.
    pub chart: String,
    /// The keys that lead to the chart's values in those of the chart at the top.
    pub path: Vec<String>,
    /// Each fault.
    pub faults: Vec<SchemaFault>,
}

/// One thing that a schema does not allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFault {
    /// The JSON pointer in the chart's values; nothing where the schema itself is at fault.
    pub place: Option<String>,
    /// What is wrong.
    pub text: String,
    /// The keys at that place that the schema does not know, where that is what is wrong.
    pub keys: Vec<String>,
}

impl SchemaFault {
    fn of_schema(text: String) -> SchemaFault {
        SchemaFault { place: None, text, keys: Vec::new() }
    }
}

impl std::error::Error for SchemaErrors {}

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{}:", error.chart)?;
            for fault in &error.faults {
                match &fault.place {
                    Some(path) => writeln!(f, "- at '{path}': {}", fault.text)?,
                    None => writeln!(f, "{}", fault.text)?,
                }
            }
        }
        Ok(())
    }
}

/// Checks the coalesced values of a chart and of all charts below it. `unknowns` are texts that stand for what is not known
/// yet: of a value with one of them only the shape is checked.
///
/// # Errors
/// What the values break; a schema that is none; a reference that leads outside or in a circle.
pub(crate) fn validate_all(chart: &Live<'_>, values: &Map, unknowns: &[&str]) -> Result<(), SchemaErrors> {
    let mut errors = Vec::new();
    collect(chart, values, unknowns, &mut Vec::new(), &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(SchemaErrors(errors)) }
}

fn collect(chart: &Live<'_>, values: &Map, unknowns: &[&str], path: &mut Vec<String>, errors: &mut Vec<SchemaError>) {
    let faults = chart.chart.schema.as_ref().map(|schema| validate(schema, values, unknowns)).unwrap_or_default();
    if !faults.is_empty() {
        errors.push(SchemaError { chart: chart.metadata.name.clone(), path: path.clone(), faults });
    }
    for below in &chart.charts {
        path.push(below.metadata.name.clone());
        match values.get(&below.metadata.name) {
            None | Some(Value::Missing | Value::Nil) => {}
            Some(Value::Map(own)) => collect(below, &own, unknowns, path, errors),
            Some(other) => {
                let text = format!("invalid type for values: expected object (map), got {}", other.type_name());
                let faults = vec![SchemaFault::of_schema(text)];
                errors.push(SchemaError { chart: below.metadata.name.clone(), path: path.clone(), faults });
            }
        }
        path.pop();
    }
}

fn validate(schema: &[u8], values: &Map, unknowns: &[&str]) -> Vec<SchemaFault> {
    let fault = |text: String| vec![SchemaFault::of_schema(text)];
    let mut schema: Json = match serde_json::from_slice(schema) {
        Ok(schema) => schema,
        Err(error) => return fault(error.to_string()),
    };
    if let Some(place) = endless_reference(&schema) {
        return fault(format!("the schema refers to itself without end at '{place}'"));
    }
    adapt_patterns(&mut schema);
    let options = jsonschema::options().with_pattern_options(PatternOptions::regex()).with_retriever(Nowhere);
    match options.build(&schema) {
        Err(error) => fault(error.to_string()),
        Ok(validator) => {
            let values = to_json(&Value::Map(values.clone()));
            let errors = validator.iter_errors(&values).filter(|error| !is_open(error, unknowns));
            errors.take(MAX_FAULTS).map(told).collect()
        }
    }
}

/// Whether an error may be none once everything is known: it is about the contents of a value with an unknown in it.
fn is_open(error: &ValidationError<'_>, unknowns: &[&str]) -> bool {
    let is_shape =
        matches!(error.kind(), Kind::Type { .. } | Kind::Required { .. } | Kind::AdditionalProperties { .. });
    !is_shape && !unknowns.is_empty() && holds(error.instance(), unknowns)
}

fn holds(value: &Json, unknowns: &[&str]) -> bool {
    match value {
        Json::String(text) => unknowns.iter().any(|unknown| text.contains(unknown)),
        Json::Array(items) => items.iter().any(|item| holds(item, unknowns)),
        Json::Object(entries) => entries.values().any(|entry| holds(entry, unknowns)),
        _ => false,
    }
}

/// A render fetches nothing: `urn:` allows everything, as in Helm, and the rest is refused.
struct Nowhere;

impl jsonschema::Retrieve for Nowhere {
    fn retrieve(&self, uri: &jsonschema::Uri<String>) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        match uri.scheme().as_str() {
            "urn" => Ok(Json::Bool(true)),
            _ => Err(format!("schemas outside of the chart are not fetched: {uri}").into()),
        }
    }
}

/// Patterns are RE2's for Helm.
fn adapt_patterns(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(adapt_patterns),
        Json::Object(entries) => {
            if let Some(Json::String(pattern)) = entries.get_mut("pattern") {
                *pattern = adapt_pattern(pattern);
            }
            if let Some(Json::Object(patterns)) = entries.get_mut("patternProperties") {
                *patterns = std::mem::take(patterns).into_iter().map(|(k, v)| (adapt_pattern(&k), v)).collect();
            }
            entries.values_mut().for_each(adapt_patterns);
        }
        _ => {}
    }
}

/// Values as JSON, whole numbers as integers.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(b) => (*b).into(),
        Value::Int(n) | Value::Int64(n) => (*n).into(),
        Value::Uint64(n) => (*n).into(),
        Value::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => (*n as i64).into(),
        Value::Float(n) => (*n).into(),
        Value::Str(s) | Value::Bytes(s) => s.to_text().into_owned().into(),
        Value::List(list) => list.iter().map(to_json).collect(),
        Value::Map(map) => {
            let entries = map.entries().into_iter().map(|(k, v)| (k.to_text().into_owned(), to_json(&v)));
            Json::Object(entries.collect())
        }
        _ => Json::Null,
    }
}

/// A fault in the words of the library Helm uses, where they are plain.
fn told(error: ValidationError<'_>) -> SchemaFault {
    let mut keys = Vec::new();
    let text = match error.kind() {
        Kind::Type { .. } => {
            let wanted = error.to_string();
            let wanted = wanted.rsplit_once(" is not of type").map_or("", |(_, w)| w).trim_matches([' ', 's']);
            let wanted = wanted.replace('"', "").replace(", ", " or ");
            format!("got {}, want {wanted}", kind_of(error.instance()))
        }
        Kind::Required { property } => format!("missing property '{}'", property.as_str().unwrap_or_default()),
        Kind::AdditionalProperties { unexpected } => {
            keys.clone_from(unexpected);
            let names: Vec<_> = unexpected.iter().map(|name| format!("'{name}'")).collect();
            format!("additional properties {} not allowed", names.join(", "))
        }
        _ => {
            let quoted = error.instance().to_string();
            let text = error.to_string();
            if quoted.len() > MAX_QUOTED { text.replace(&quoted, "the value") } else { text }
        }
    };
    SchemaFault { place: Some(error.instance_path().to_string()), text, keys }
}

fn kind_of(value: &Json) -> &'static str {
    match value {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}
