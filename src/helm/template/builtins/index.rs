//! `index`, `slice`, `len`.

use crate::helm::template::{Context, FuncError};
use crate::helm::value::{List, Map, MapType, Str, Value};

pub(super) fn index(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let Some((item, keys)) = args.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("index of untyped nil".into());
    };
    let mut item = item.clone();
    for key in keys {
        item = match &item {
            Value::Missing | Value::Nil => return Err("index of nil pointer".into()),
            Value::Map(map) => of_map(map, key)?,
            Value::List(list) => at(key, list.len(), |n| list.get(n).cloned())?,
            Value::Str(bytes) | Value::Bytes(bytes) => {
                at(key, bytes.len(), |n| bytes.get(n).map(|byte| Value::Uint64(u64::from(*byte))))?
            }
            Value::Object(object) => match object.index(key) {
                Some(value) => value,
                None => return Err(format!("can't index item of type {}", object.type_name()).into()),
            },
            other => return Err(format!("can't index item of type {}", other.type_name()).into()),
        };
    }
    Ok(item)
}

fn of_map(map: &Map, key: &Value) -> Result<Value, FuncError> {
    let key = match key {
        Value::Str(key) => key,
        Value::Missing | Value::Nil => return Err("value is nil; should be of type string".into()),
        other => return Err(format!("value has type {}; should be string", other.type_name()).into()),
    };
    Ok(map.get(key).unwrap_or_else(|| match map.map_type() {
        MapType::Strings => Value::str(""),
        MapType::Any | MapType::Values => Value::Nil,
    }))
}

fn at(key: &Value, len: usize, get: impl FnOnce(usize) -> Option<Value>) -> Result<Value, FuncError> {
    get(position(key, len)?).ok_or_else(|| "reflect: slice index out of range".into())
}

/// An index, at most the length.
fn position(key: &Value, len: usize) -> Result<usize, FuncError> {
    let n = match key {
        Value::Int(n) | Value::Int64(n) => i128::from(*n),
        Value::Uint64(n) => i128::from(*n),
        Value::Missing | Value::Nil => return Err("cannot index slice/array with nil".into()),
        other => return Err(format!("cannot index slice/array with type {}", other.type_name()).into()),
    };
    let found = usize::try_from(n).ok().filter(|n| *n <= len);
    found.ok_or_else(|| format!("index out of range: {n}").into())
}

pub(super) fn slice(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let Some((item, bounds)) = args.split_first().filter(|(item, _)| !item.is_nil()) else {
        return Err("slice of untyped nil".into());
    };
    if bounds.len() > 3 {
        return Err(format!("too many slice indexes: {}", bounds.len()).into());
    }
    let len = match item {
        Value::Str(_) if bounds.len() == 3 => return Err("cannot 3-index slice a string".into()),
        Value::Str(bytes) | Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        other => return Err(format!("can't slice item of type {}", other.type_name()).into()),
    };
    let mut range = [0, len, len];
    for (bound, key) in range.iter_mut().zip(bounds) {
        *bound = position(key, len)?;
    }
    let [from, to, limit] = range;
    match (from > to, bounds.len() == 3 && to > limit) {
        (true, _) => return Err(format!("invalid slice index: {from} > {to}").into()),
        (_, true) => return Err(format!("invalid slice index: {to} > {limit}").into()),
        _ => {}
    }
    let part = |bytes: &Str| Str::from(bytes.get(from..to).unwrap_or_default());
    Ok(match item {
        Value::Str(bytes) => Value::Str(part(bytes)),
        Value::Bytes(bytes) => Value::Bytes(part(bytes)),
        Value::List(list) => {
            let items = list.items().get(from..to).unwrap_or_default();
            Value::List(List::typed(list.list_type(), items.to_vec()))
        }
        _ => Value::Nil,
    })
}

pub(super) fn len(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let value = args.first().unwrap_or(&Value::Missing);
    let length = match value {
        Value::Missing => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        Value::Nil => return Err("len of nil pointer".into()),
        Value::Str(bytes) | Value::Bytes(bytes) => Some(bytes.len()),
        Value::List(list) => Some(list.len()),
        Value::Map(map) => Some(map.len()),
        Value::Object(object) => object.len(),
        Value::Bool(_) | Value::Int(_) | Value::Int64(_) | Value::Uint64(_) | Value::Float(_) => None,
    };
    match length.and_then(|length| i64::try_from(length).ok()) {
        Some(length) => Ok(Value::Int(length)),
        None => Err(format!("len of type {}", value.type_name()).into()),
    }
}
