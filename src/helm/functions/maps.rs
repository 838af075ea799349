//! Maps. `set`, `unset` and `merge` change the map itself, for all who hold it.

use super::args::{Outcome, any, map, string_of, text};
use crate::helm::template::Param::{Any, Map as MapParam, String};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{Map, MapType, Value};

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::variadic("dict", &[], Any, dict),
    FuncSpec::fixed("get", &[MapParam, String], |_, a| {
        Ok(map(a, 0).get(text(a, 1)).unwrap_or_else(|| Value::from("")))
    }),
    FuncSpec::fixed("set", &[MapParam, String, Any], set),
    FuncSpec::fixed("unset", &[MapParam, String], |_, a| {
        let map = map(a, 0);
        map.remove(text(a, 1));
        Ok(Value::Map(map))
    }),
    FuncSpec::fixed("hasKey", &[MapParam, String], |_, a| Ok(Value::Bool(map(a, 0).has(text(a, 1))))),
    FuncSpec::variadic("pluck", &[String], MapParam, |_, a| {
        let key = text(a, 0);
        Ok(Value::list((1..a.len()).filter_map(|i| map(a, i).get(&key)).collect()))
    }),
    FuncSpec::variadic("keys", &[], MapParam, |_, a| Ok(Value::strings((0..a.len()).flat_map(|i| map(a, i).keys())))),
    FuncSpec::fixed("values", &[MapParam], |_, a| {
        Ok(Value::list(map(a, 0).entries().into_iter().map(|(_, value)| value).collect()))
    }),
    FuncSpec::variadic("pick", &[MapParam], String, |_, a| {
        let from = map(a, 0);
        let keys = (1..a.len()).map(|i| text(a, i));
        Ok(Value::Map(keys.filter_map(|key| from.get(&key).map(|value| (key, value))).collect()))
    }),
    FuncSpec::variadic("omit", &[MapParam], String, |_, a| {
        let left_out: Vec<_> = (1..a.len()).map(|i| text(a, i)).collect();
        Ok(Value::Map(map(a, 0).entries().into_iter().filter(|(key, _)| !left_out.contains(key)).collect()))
    }),
    FuncSpec::variadic("dig", &[], Any, dig),
];

fn dict(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let map = Map::new();
    for pair in args.chunks(2) {
        map.set(string_of(&any(pair, 0)), pair.get(1).cloned().unwrap_or_else(|| Value::from("")));
    }
    Ok(Value::Map(map))
}

fn set(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    if any(args, 0).is_nil() {
        return Err(FuncError::from("assignment to entry in nil map"));
    }
    let map = map(args, 0);
    map.set(text(args, 1), any(args, 2));
    Ok(Value::Map(map))
}

fn dig(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let [keys @ .., default, dict] = args else {
        return Err(FuncError::from("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(FuncError::from("dig needs at least three arguments"));
    }
    let mut step = dict.clone();
    let names = keys.iter().map(|key| match key {
        Value::Str(name) => Ok(name.clone()),
        other => Err(conversion(other, "string")),
    });
    for name in names.collect::<Result<Vec<_>, _>>()? {
        let map = match &step {
            Value::Map(map) if map.map_type() == MapType::Any => map.clone(),
            other => return Err(conversion(other, "map[string]interface {}")),
        };
        match map.get(&name) {
            Some(value) => step = value,
            None => return Ok(default.clone()),
        }
    }
    Ok(step)
}

/// Go's panic where a type assertion fails.
pub(super) fn conversion(value: &Value, wanted: &str) -> FuncError {
    match value {
        Value::Missing | Value::Nil => {
            FuncError::Message(format!("interface conversion: interface {{}} is nil, not {wanted}"))
        }
        other => {
            FuncError::Message(format!("interface conversion: interface {{}} is {}, not {wanted}", other.type_name()))
        }
    }
}
