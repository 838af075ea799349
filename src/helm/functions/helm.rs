//! Helm's own: `include`, `tpl`, `required`, `fail`, `lookup`, and `getHostByName`, which Helm turns off.

use super::args::{Outcome, any, chars, text};
use crate::helm::template::Param::{Any, String};
use crate::helm::template::{Context, FuncError, FuncSpec, Lookup};
use crate::helm::value::Value;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("include", &[String, Any], |c, a| c.include(&text(a, 0), &any(a, 1))),
    FuncSpec::fixed("tpl", &[String, Any], |c, a| c.tpl(&text(a, 0), &any(a, 1))),
    FuncSpec::fixed("required", &[String, Any], required),
    FuncSpec::fixed("fail", &[String], |c, a| match c.env.lint {
        true => Ok(Value::from("")),
        false => Err(FuncError::Refused(chars(a, 0))),
    }),
    FuncSpec::fixed("lookup", &[String, String, String, String], lookup),
    FuncSpec::fixed("getHostByName", &[String], |_, _| Ok(Value::from(""))),
];

fn required(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 1);
    let missing = value.is_nil() || value.as_str().is_some_and(|s| s.is_empty());
    match (missing, context.env.lint) {
        (true, true) => Ok(Value::from("")),
        (true, false) => Err(FuncError::Refused(chars(args, 0))),
        (false, _) => Ok(value),
    }
}

fn lookup(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let question =
        Lookup { api_version: chars(args, 0), kind: chars(args, 1), namespace: chars(args, 2), name: chars(args, 3) };
    Ok(context.lookup(question).unwrap_or_else(|| Value::Map(Default::default())))
}
