//! `eq ne lt le gt ge`: only values of one kind compare, and integers of any type with each other.

use crate::helm::template::format::to_bytes;
use crate::helm::template::{Context, FuncError};
use crate::helm::value::Value;
use std::cmp::Ordering;

const INVALID: &str = "invalid type for comparison";
const MISSING: &str = "missing argument for comparison";

/// What `eq` and `lt` know of a value.
enum Basic<'v> {
    Bool(bool),
    /// Signed and unsigned alike: all fit.
    Int(i128),
    Float(f64),
    String(&'v [u8]),
    /// Nil, a collection or an object.
    Other,
}

fn basic(value: &Value) -> Basic<'_> {
    match value {
        Value::Bool(b) => Basic::Bool(*b),
        Value::Int(n) | Value::Int64(n) => Basic::Int(i128::from(*n)),
        Value::Uint64(n) => Basic::Int(i128::from(*n)),
        Value::Float(n) => Basic::Float(*n),
        Value::Str(s) => Basic::String(s),
        Value::Missing | Value::Nil | Value::Bytes(_) | Value::List(_) | Value::Map(_) | Value::Object(_) => {
            Basic::Other
        }
    }
}

pub(super) fn eq(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let Some((first, others)) = args.split_first().filter(|(_, others)| !others.is_empty()) else {
        return Err(MISSING.into());
    };
    for other in others {
        if equal(first, other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

pub(super) fn ne(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let [a, b] = args else { return Err(MISSING.into()) };
    Ok(Value::Bool(!equal(a, b)?))
}

pub(super) fn lt(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(order(args)? == Some(Ordering::Less)))
}

pub(super) fn le(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(matches!(order(args)?, Some(Ordering::Less | Ordering::Equal))))
}

pub(super) fn gt(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    // As in Go, the opposite of `le`: true where a number is not one.
    Ok(Value::Bool(!matches!(order(args)?, Some(Ordering::Less | Ordering::Equal))))
}

pub(super) fn ge(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(order(args)? != Some(Ordering::Less)))
}

fn equal(a: &Value, b: &Value) -> Result<bool, FuncError> {
    match (basic(a), basic(b)) {
        (Basic::Bool(a), Basic::Bool(b)) => Ok(a == b),
        (Basic::Int(a), Basic::Int(b)) => Ok(a == b),
        (Basic::Float(a), Basic::Float(b)) => Ok(a == b),
        (Basic::String(a), Basic::String(b)) => Ok(a == b),
        (Basic::Other, Basic::Other) => equal_others(a, b),
        _ if a.is_nil() || b.is_nil() => Ok(false),
        _ => Err(incompatible(a, b)),
    }
}

/// Collections compare only with nil.
fn equal_others(a: &Value, b: &Value) -> Result<bool, FuncError> {
    if a.is_nil() || b.is_nil() {
        return Ok(a.is_nil() == b.is_nil());
    }
    let show = |value: &Value| String::from_utf8_lossy(&to_bytes(value)).into_owned();
    let (a_type, b_type) = (a.type_name(), b.type_name());
    Err(FuncError::Message(match a.kind() == b.kind() {
        true => format!("non-comparable type {}: {b_type}", show(b)),
        false => format!("non-comparable types {}: {a_type}, {b_type}: {}", show(a), show(b)),
    }))
}

/// Nothing for numbers that are none.
fn order(args: &[Value]) -> Result<Option<Ordering>, FuncError> {
    let [a, b] = args else { return Err(MISSING.into()) };
    match (basic(a), basic(b)) {
        (Basic::Int(a), Basic::Int(b)) => Ok(Some(a.cmp(&b))),
        (Basic::Float(a), Basic::Float(b)) => Ok(a.partial_cmp(&b)),
        (Basic::String(a), Basic::String(b)) => Ok(Some(a.cmp(b))),
        (Basic::Other, _) | (_, Basic::Other) | (Basic::Bool(_), Basic::Bool(_)) => Err(INVALID.into()),
        _ => Err(incompatible(a, b)),
    }
}

fn incompatible(a: &Value, b: &Value) -> FuncError {
    FuncError::Message(format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name()))
}
