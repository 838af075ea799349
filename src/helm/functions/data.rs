//! YAML, JSON and TOML in and out. Most of these swallow errors, as Helm's do: "" or a map with the key `Error`.

use super::args::{Outcome, any, text};
use super::toml;
use crate::helm::json::{self, Form};
use crate::helm::template::Param::{Any, String};
use crate::helm::template::{FuncError, FuncSpec};
use crate::helm::value::{Map, Value};
use crate::helm::yaml;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("toYaml", &[Any], |_, a| Ok(Value::from(to_yaml(&any(a, 0)).unwrap_or_default()))).deep(),
    FuncSpec::fixed("mustToYaml", &[Any], |_, a| {
        to_yaml(&any(a, 0)).map(Value::from).ok_or_else(|| FuncError::from("error marshaling into JSON"))
    })
    .deep(),
    FuncSpec::fixed("toYamlPretty", &[Any], |_, a| Ok(Value::from(pretty(&any(a, 0))))).deep(),
    FuncSpec::fixed("fromYaml", &[String], |_, a| {
        Ok(yaml::read_map(&text(a, 0)).map_or_else(|e| error_map(&convert(&e)), Value::Map))
    }),
    FuncSpec::fixed("fromYamlArray", &[String], |_, a| Ok(from_yaml_array(&text(a, 0)))),
    FuncSpec::fixed(
        "toJson",
        &[Any],
        |_, a| Ok(to_json(&any(a, 0), Form::Compact).unwrap_or_else(|_| Value::from(""))),
    )
    .deep(),
    FuncSpec::fixed("mustToJson", &[Any], |_, a| to_json(&any(a, 0), Form::Compact)).deep(),
    FuncSpec::fixed("toPrettyJson", &[Any], |_, a| {
        Ok(to_json(&any(a, 0), Form::Pretty).unwrap_or_else(|_| Value::from("")))
    })
    .deep(),
    FuncSpec::fixed("mustToPrettyJson", &[Any], |_, a| to_json(&any(a, 0), Form::Pretty)).deep(),
    FuncSpec::fixed("toRawJson", &[Any], |_, a| to_json(&any(a, 0), Form::Raw)).deep(),
    FuncSpec::fixed("mustToRawJson", &[Any], |_, a| to_json(&any(a, 0), Form::Raw)).deep(),
    FuncSpec::fixed("fromJson", &[String], |_, a| Ok(from_json(&text(a, 0)))),
    FuncSpec::fixed("mustFromJson", &[String], |_, a| json::read(&text(a, 0)).map_err(FuncError::Message)),
    FuncSpec::fixed("fromJsonArray", &[String], |_, a| Ok(from_json_array(&text(a, 0)))),
    FuncSpec::fixed("toToml", &[Any], |_, a| Ok(Value::from(toml::write(&any(a, 0)).unwrap_or_else(|e| e)))).deep(),
    FuncSpec::fixed("mustToToml", &[Any], |_, a| toml::write(&any(a, 0)).map(Value::from).map_err(FuncError::Message))
        .deep(),
    FuncSpec::fixed("fromToml", &[String], |_, a| {
        Ok(toml::read(&text(a, 0)).map_or_else(|e| error_map(&e), Value::Map))
    }),
];

/// Helm's `toYaml`: without the line break at the end. Nothing where writing fails.
pub(crate) fn to_yaml(value: &Value) -> Option<std::string::String> {
    let mut text = yaml::write(value)?;
    text.truncate(text.strip_suffix('\n').map_or(text.len(), str::len));
    Some(text)
}

fn pretty(value: &Value) -> std::string::String {
    let text = yaml::write_pretty(value).unwrap_or_default();
    text.strip_suffix('\n').unwrap_or(&text).to_string()
}

fn error_map(message: &str) -> Value {
    Value::map([("Error", Value::from(message))])
}

fn convert(error: &yaml::YamlError) -> std::string::String {
    let text = error.to_string();
    match error.message.starts_with("error ") {
        true => error.message.clone(),
        false => format!("error converting YAML to JSON: {text}"),
    }
}

fn from_yaml_array(text: &[u8]) -> Value {
    match yaml::read(text) {
        Ok(Value::List(list)) => Value::List(list),
        Ok(Value::Nil) => Value::list(Vec::new()),
        Ok(other) => Value::list(vec![Value::from(format!(
            "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {} into Go value of type []interface {{}}",
            yaml::json_kind(&other)
        ))]),
        Err(error) => Value::list(vec![Value::from(convert(&error))]),
    }
}

fn to_json(value: &Value, form: Form) -> Outcome {
    json::write(value, form).map(Value::from).map_err(FuncError::Message)
}

fn from_json(text: &[u8]) -> Value {
    match json::read(text) {
        Ok(Value::Map(map)) => Value::Map(map),
        Ok(Value::Nil) => Value::Map(Map::new()),
        Ok(other) => error_map(&cannot(&other, "map[string]interface {}")),
        Err(error) => error_map(&error),
    }
}

fn from_json_array(text: &[u8]) -> Value {
    match json::read(text) {
        Ok(Value::List(list)) => Value::List(list),
        Ok(Value::Nil) => Value::list(Vec::new()),
        Ok(other) => Value::list(vec![Value::from(cannot(&other, "[]interface {}"))]),
        Err(error) => Value::list(vec![Value::from(error)]),
    }
}

fn cannot(value: &Value, target: &str) -> std::string::String {
    format!("json: cannot unmarshal {} into Go value of type {target}", yaml::json_kind(value))
}
