//! Choosing and asking: defaults, emptiness, types.

use super::args::{Outcome, any, boolean, is_empty, string_of, text};
use crate::helm::template::Param::{Any, Bool, String};
use crate::helm::template::{Context, FuncSpec};
use crate::helm::value::{Kind, Value};

/// How deep `deepEqual` and `deepCopy` look; charts nest far less.
pub(super) const DEPTH: usize = 1_000;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::variadic("default", &[Any], Any, |_, a| {
        Ok(match a.get(1) {
            Some(given) if !is_empty(given) => given.clone(),
            _ => any(a, 0),
        })
    }),
    FuncSpec::fixed("empty", &[Any], |_, a| Ok(Value::Bool(is_empty(&any(a, 0))))),
    FuncSpec::variadic("coalesce", &[], Any, |_, a| Ok(a.iter().find(|v| !is_empty(v)).cloned().unwrap_or(Value::Nil))),
    FuncSpec::variadic("all", &[], Any, |_, a| Ok(Value::Bool(!a.iter().any(is_empty)))),
    FuncSpec::variadic("any", &[], Any, |_, a| Ok(Value::Bool(!a.iter().all(is_empty)))),
    FuncSpec::fixed("ternary", &[Any, Any, Bool], |_, a| Ok(any(a, if boolean(a, 2) { 0 } else { 1 }))),
    FuncSpec::fixed("deepCopy", &[Any], |_, a| deep_copy(&any(a, 0))).deep(),
    FuncSpec::fixed("mustDeepCopy", &[Any], |_, a| deep_copy(&any(a, 0))).deep(),
    FuncSpec::fixed("typeOf", &[Any], |_, a| Ok(Value::from(any(a, 0).type_name()))),
    FuncSpec::fixed("typeIs", &[String, Any], |_, a| Ok(Value::Bool(text(a, 0) == any(a, 1).type_name()))),
    FuncSpec::fixed("typeIsLike", &[String, Any], |_, a| {
        let (target, found) = (text(a, 0), any(a, 1).type_name());
        Ok(Value::Bool(target == found || [b"*", &target[..]].concat() == found.as_bytes()))
    }),
    FuncSpec::fixed("kindOf", &[Any], |_, a| Ok(Value::from(any(a, 0).kind().name()))),
    FuncSpec::fixed("kindIs", &[String, Any], |_, a| Ok(Value::Bool(text(a, 0) == any(a, 1).kind().name()))),
    FuncSpec::fixed("deepEqual", &[Any, Any], deep_equal_of).deep(),
];

/// Go's copier has no way with nil.
fn deep_copy(value: &Value) -> Outcome {
    match value.is_nil() {
        true => Err("reflect: call of reflect.Value.Type on zero Value".into()),
        false => Ok(value.deep_copy(DEPTH)),
    }
}

fn deep_equal_of(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    Ok(Value::Bool(deep_equal(&any(args, 0), &any(args, 1), DEPTH)))
}

/// `reflect.DeepEqual`: the same types all the way down, and the same contents.
pub(super) fn deep_equal(a: &Value, b: &Value, depth: usize) -> bool {
    let Some(depth) = depth.checked_sub(1) else { return false };
    match (a, b) {
        (Value::Missing | Value::Nil, Value::Missing | Value::Nil) => true,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Int(a), Value::Int(b)) | (Value::Int64(a), Value::Int64(b)) => a == b,
        (Value::Uint64(a), Value::Uint64(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Str(a), Value::Str(b)) | (Value::Bytes(a), Value::Bytes(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.list_type() == b.list_type()
                && a.len() == b.len()
                && (a.same(b) || a.iter().zip(b.iter()).all(|(a, b)| deep_equal(a, b, depth)))
        }
        (Value::Map(a), Value::Map(b)) => {
            let (x, y) = (a.entries(), b.entries());
            a.map_type() == b.map_type()
                && x.len() == y.len()
                && (a.same(b) || x.iter().zip(&y).all(|((k, a), (l, b))| k == l && deep_equal(a, b, depth)))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.type_name() == y.type_name() && x.kind() != Kind::Func && string_of(a) == string_of(b)
        }
        _ => false,
    }
}
