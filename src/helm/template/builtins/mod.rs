//! The functions that Go's `text/template` brings along. Follows `text/template/funcs.go`.

mod compare;
mod escape;
mod index;

use super::format::{sprint, sprintf, sprintln};
use super::{Context, FuncError, FuncSpec, Param};
use crate::helm::value::Value;

/// All of them.
pub(super) static BUILTINS: &[FuncSpec] = &[
    FuncSpec::lazy("and", unused),
    FuncSpec::lazy("or", unused),
    FuncSpec::fixed("not", &[Param::Reflect], not),
    FuncSpec::variadic("call", &[Param::Reflect], Param::Reflect, call),
    FuncSpec::variadic("html", &[], Param::Any, escape::html),
    FuncSpec::variadic("js", &[], Param::Any, escape::js),
    FuncSpec::variadic("urlquery", &[], Param::Any, escape::urlquery),
    FuncSpec::variadic("index", &[Param::Reflect], Param::Reflect, index::index),
    FuncSpec::variadic("slice", &[Param::Reflect], Param::Reflect, index::slice),
    FuncSpec::fixed("len", &[Param::Reflect], index::len),
    FuncSpec::variadic("print", &[], Param::Any, print),
    FuncSpec::variadic("printf", &[Param::String], Param::Any, printf),
    FuncSpec::variadic("println", &[], Param::Any, println),
    FuncSpec::variadic("eq", &[Param::Reflect], Param::Reflect, compare::eq),
    FuncSpec::fixed("ne", &[Param::Reflect, Param::Reflect], compare::ne),
    FuncSpec::fixed("lt", &[Param::Reflect, Param::Reflect], compare::lt),
    FuncSpec::fixed("le", &[Param::Reflect, Param::Reflect], compare::le),
    FuncSpec::fixed("gt", &[Param::Reflect, Param::Reflect], compare::gt),
    FuncSpec::fixed("ge", &[Param::Reflect, Param::Reflect], compare::ge),
];

/// The executor does what `and` and `or` do.
fn unused(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(args.last().cloned().unwrap_or_default())
}

fn not(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    Ok(Value::Bool(!args.first().is_some_and(Value::is_true)))
}

/// No value of a chart is a function.
fn call(_: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    match args.first() {
        Some(value) if !value.is_nil() => Err(format!("non-function of type {}", value.type_name()).into()),
        _ => Err("call of nil".into()),
    }
}

fn print(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    written(ctx, sprint(args))
}

fn println(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    written(ctx, sprintln(args))
}

fn printf(ctx: &mut Context<'_>, args: &[Value]) -> Result<Value, FuncError> {
    let Some((Value::Str(format), args)) = args.split_first() else { return Err("printf without a format".into()) };
    written(ctx, sprintf(format, args))
}

fn written(ctx: &mut Context<'_>, text: Vec<u8>) -> Result<Value, FuncError> {
    ctx.charge(text.len())?;
    Ok(Value::from(text))
}
