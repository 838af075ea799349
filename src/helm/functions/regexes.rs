//! Regular expressions, in RE2's syntax.

use super::args::{Outcome, chars, int, text};
use super::re2;
use crate::helm::template::Param::{Int, String};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::Value;
use regex::bytes::{NoExpand, Regex};
use std::rc::Rc;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("regexMatch", &[String, String], |_, a| {
        Ok(Value::Bool(re2::compile(&chars(a, 0)).is_ok_and(|r| r.is_match(&text(a, 1)))))
    }),
    FuncSpec::fixed("mustRegexMatch", &[String, String], |_, a| Ok(Value::Bool(pattern(a)?.is_match(&text(a, 1))))),
    FuncSpec::fixed("regexFind", &[String, String], |_, a| find(must, a)),
    FuncSpec::fixed("mustRegexFind", &[String, String], |_, a| find(pattern, a)),
    FuncSpec::fixed("regexFindAll", &[String, String, Int], |_, a| find_all(must, a)),
    FuncSpec::fixed("mustRegexFindAll", &[String, String, Int], |_, a| find_all(pattern, a)),
    FuncSpec::fixed("regexReplaceAll", &[String, String, String], |c, a| replace(c, must, a)),
    FuncSpec::fixed("mustRegexReplaceAll", &[String, String, String], |c, a| replace(c, pattern, a)),
    FuncSpec::fixed("regexReplaceAllLiteral", &[String, String, String], |c, a| replace_literal(c, must, a)),
    FuncSpec::fixed("mustRegexReplaceAllLiteral", &[String, String, String], |c, a| replace_literal(c, pattern, a)),
    FuncSpec::fixed("regexSplit", &[String, String, Int], |_, a| split(must, a)),
    FuncSpec::fixed("mustRegexSplit", &[String, String, Int], |_, a| split(pattern, a)),
    FuncSpec::fixed("regexQuoteMeta", &[String], |_, a| Ok(Value::from(re2::quote_meta(&text(a, 0))))),
];

/// The pattern, for the functions that return an error.
fn pattern(args: &[Value]) -> Result<Rc<Regex>, FuncError> {
    re2::compile(&chars(args, 0)).map_err(FuncError::Message)
}

/// The pattern, for the functions that panic.
fn must(args: &[Value]) -> Result<Rc<Regex>, FuncError> {
    let source = chars(args, 0);
    let shown = if source.contains('`') { format!("{source:?}") } else { format!("`{source}`") };
    re2::compile(&source).map_err(|e| FuncError::Message(format!("regexp: Compile({shown}): {e}")))
}

type Compile = fn(&[Value]) -> Result<Rc<Regex>, FuncError>;

fn find(pattern: Compile, args: &[Value]) -> Outcome {
    let text = text(args, 1);
    Ok(Value::str(pattern(args)?.find(&text).map_or(&b""[..], |m| m.as_bytes())))
}

fn limit(args: &[Value]) -> usize {
    usize::try_from(int(args, 2)).unwrap_or(usize::MAX)
}

fn find_all(pattern: Compile, args: &[Value]) -> Outcome {
    let text = text(args, 1);
    Ok(Value::strings(pattern(args)?.find_iter(&text).take(limit(args)).map(|m| m.as_bytes())))
}

fn replace(context: &mut Context<'_>, pattern: Compile, args: &[Value]) -> Outcome {
    let template = re2::replacement(&text(args, 2));
    let out = pattern(args)?.replace_all(&text(args, 1), &template[..]).into_owned();
    context.charge(out.len())?;
    Ok(Value::from(out))
}

fn replace_literal(context: &mut Context<'_>, pattern: Compile, args: &[Value]) -> Outcome {
    let out = pattern(args)?.replace_all(&text(args, 1), NoExpand(&text(args, 2))).into_owned();
    context.charge(out.len())?;
    Ok(Value::from(out))
}

/// `Regexp.Split`: at most `n` parts, none for 0; an empty match at the start or end cuts nothing off.
fn split(pattern: Compile, args: &[Value]) -> Outcome {
    let (pattern, source, text, limit) = (pattern(args)?, chars(args, 0), text(args, 1), limit(args));
    if limit == 0 {
        return Ok(Value::strings(Vec::<Vec<u8>>::new()));
    }
    if !source.is_empty() && text.is_empty() {
        return Ok(Value::strings([""]));
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    let (mut start, mut end) = (0, 0);
    for found in pattern.find_iter(&text) {
        if parts.len() + 1 >= limit {
            break;
        }
        end = found.start();
        if found.end() != 0 {
            parts.push(&text[start..end]);
        }
        start = found.end();
    }
    if end != text.len() {
        parts.push(&text[start..]);
    }
    Ok(Value::strings(parts))
}
