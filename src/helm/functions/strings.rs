//! Strings: trimming, splitting, replacing, quoting. Lengths and positions are bytes, as in Go.

use super::args::{Outcome, any, int, items, slice, string_of, text};
use crate::helm::template::Param::{Any, Int, String};
use crate::helm::template::{Context, FuncError, FuncSpec, format};
use crate::helm::value::{Map, MapType, Str, Value};
use memchr::memmem;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("hello", &[], |_, _| Ok(Value::from("Hello!"))),
    FuncSpec::fixed("trim", &[String], |_, a| Ok(Value::str(trim_space(&text(a, 0))))),
    FuncSpec::fixed("trimall", &[String, String], trim_all),
    FuncSpec::fixed("trimAll", &[String, String], trim_all),
    FuncSpec::fixed("trimSuffix", &[String, String], |_, a| {
        let (suffix, s) = (text(a, 0), text(a, 1));
        Ok(s.strip_suffix(&suffix[..]).map_or_else(|| Value::Str(s.clone()), Value::str))
    }),
    FuncSpec::fixed("trimPrefix", &[String, String], |_, a| {
        let (prefix, s) = (text(a, 0), text(a, 1));
        Ok(s.strip_prefix(&prefix[..]).map_or_else(|| Value::Str(s.clone()), Value::str))
    }),
    FuncSpec::fixed("trunc", &[Int, String], trunc),
    FuncSpec::fixed("substr", &[Int, Int, String], substr),
    FuncSpec::fixed("repeat", &[Int, String], repeat),
    FuncSpec::fixed("contains", &[String, String], |_, a| {
        Ok(Value::Bool(memmem::find(&text(a, 1), &text(a, 0)).is_some()))
    }),
    FuncSpec::fixed("hasPrefix", &[String, String], |_, a| Ok(Value::Bool(text(a, 1).starts_with(&text(a, 0))))),
    FuncSpec::fixed("hasSuffix", &[String, String], |_, a| Ok(Value::Bool(text(a, 1).ends_with(&text(a, 0))))),
    FuncSpec::variadic("quote", &[], Any, |_, a| Ok(spaced(a, |v| format::quote(&string_of(v)).into_bytes()))),
    FuncSpec::variadic("squote", &[], Any, |_, a| Ok(spaced(a, |v| [b"'", &format::to_bytes(v)[..], b"'"].concat()))),
    FuncSpec::variadic("cat", &[], Any, |_, a| Ok(spaced(a, format::to_bytes))),
    FuncSpec::fixed("indent", &[Int, String], |c, a| indent(c, int(a, 0), &text(a, 1)).map(Value::from)),
    FuncSpec::fixed("nindent", &[Int, String], |c, a| {
        let mut out = indent(c, int(a, 0), &text(a, 1))?;
        out.insert(0, b'\n');
        Ok(Value::from(out))
    }),
    FuncSpec::fixed("replace", &[String, String, String], |c, a| {
        replace(c, &text(a, 2), &text(a, 0), &text(a, 1)).map(Value::from)
    }),
    FuncSpec::fixed("plural", &[String, String, Int], |_, a| Ok(any(a, if int(a, 2) == 1 { 0 } else { 1 }))),
    FuncSpec::fixed("toString", &[Any], |_, a| Ok(Value::from(string_of(&any(a, 0))))),
    FuncSpec::fixed("toStrings", &[Any], |_, a| Ok(Value::strings(to_strings(&any(a, 0))))),
    FuncSpec::fixed("join", &[String, Any], |_, a| Ok(Value::from(to_strings(&any(a, 1)).join(&text(a, 0)[..])))),
    FuncSpec::fixed("sortAlpha", &[Any], sort_alpha),
    FuncSpec::fixed("splitList", &[String, String], |_, a| Ok(Value::strings(split(&text(a, 1), &text(a, 0), -1)))),
    FuncSpec::fixed("split", &[String, String], |_, a| Ok(numbered(split(&text(a, 1), &text(a, 0), -1)))),
    FuncSpec::fixed("splitn", &[String, Int, String], |_, a| Ok(numbered(split(&text(a, 2), &text(a, 0), int(a, 1))))),
];

/// Each that is not nil, with a space between.
fn spaced(args: &[Value], each: impl Fn(&Value) -> Vec<u8>) -> Value {
    let parts: Vec<Vec<u8>> = args.iter().filter(|v| !v.is_nil()).map(each).collect();
    Value::from(parts.join(&b" "[..]))
}

/// `strings.TrimSpace`: Unicode white space; bytes that are no UTF-8 stay.
pub(super) fn trim_space(bytes: &[u8]) -> &[u8] {
    match std::str::from_utf8(bytes) {
        Ok(s) => s.trim_matches(is_space).as_bytes(),
        Err(_) => bytes.trim_ascii(),
    }
}

/// `unicode.IsSpace`.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace()
}

fn trim_all(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (cut, s) = (text(args, 0), text(args, 1));
    let cut = cut.to_text();
    Ok(match s.as_utf8() {
        Some(utf8) => Value::from(utf8.trim_matches(|c| cut.contains(c))),
        None => Value::Str(s),
    })
}

fn trunc(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (count, s) = (int(args, 0), text(args, 1));
    let len = s.len() as i64;
    Ok(match count {
        c if c < 0 && len + c > 0 => Value::str(&s[(len + c) as usize..]),
        c if c >= 0 && len > c => Value::str(&s[..c as usize]),
        _ => Value::Str(s),
    })
}

fn substr(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (start, end, s) = (int(args, 0), int(args, 1), text(args, 2));
    let len = s.len() as i64;
    let (from, to) = match (start, end) {
        (start, end) if start < 0 => (0, end),
        (start, end) if end < 0 || end > len => (start, len),
        range => range,
    };
    let range = usize::try_from(from).ok().zip(usize::try_from(to).ok());
    match range.and_then(|(from, to)| s.get(from..to)) {
        Some(part) => Ok(Value::str(part)),
        None if from > to && to <= len => Err(bounds(format!("[{from}:{to}]"))),
        None if to > len || to < 0 => Err(bounds(format!("[:{to}] with length {len}"))),
        None => Err(bounds(format!("[{from}:{to}]"))),
    }
}

fn bounds(what: std::string::String) -> FuncError {
    FuncError::Message(format!("runtime error: slice bounds out of range {what}"))
}

fn repeat(context: &mut Context<'_>, args: &[Value]) -> Outcome {
    let (count, s) = (int(args, 0), text(args, 1));
    let count = usize::try_from(count).map_err(|_| FuncError::from("strings: negative Repeat count"))?;
    context.charge(s.len().saturating_mul(count))?;
    Ok(Value::from(s.repeat(count)))
}

/// sprig's `indent`: the first line too.
pub(super) fn indent(context: &mut Context<'_>, spaces: i64, s: &[u8]) -> Result<Vec<u8>, FuncError> {
    let spaces = usize::try_from(spaces).map_err(|_| FuncError::from("strings: negative Repeat count"))?;
    let breaks = memchr::memchr_iter(b'\n', s).count();
    context.charge(spaces.saturating_mul(breaks + 1))?;
    let mut out = Vec::with_capacity(s.len() + spaces * (breaks + 1));
    for (i, line) in s.split(|b| *b == b'\n').enumerate() {
        if i > 0 {
            out.push(b'\n');
        }
        out.resize(out.len() + spaces, b' ');
        out.extend_from_slice(line);
    }
    Ok(out)
}

/// `strings.ReplaceAll`: an empty `old` matches before each character and at the end.
fn replace(context: &mut Context<'_>, s: &[u8], old: &[u8], new: &[u8]) -> Result<Vec<u8>, FuncError> {
    if old.is_empty() {
        context.charge(s.len().saturating_mul(new.len() + 1))?;
        let mut out = Vec::new();
        for part in characters(s) {
            out.extend_from_slice(new);
            out.extend_from_slice(part);
        }
        out.extend_from_slice(new);
        return Ok(out);
    }
    let found: Vec<usize> = memmem::find_iter(s, old).collect();
    context.charge(found.len().saturating_mul(new.len()))?;
    let mut out = Vec::with_capacity(s.len());
    let mut from = 0;
    for at in found {
        out.extend_from_slice(&s[from..at]);
        out.extend_from_slice(new);
        from = at + old.len();
    }
    out.extend_from_slice(&s[from..]);
    Ok(out)
}

/// The characters, as bytes; each byte alone where they are no UTF-8.
fn characters(s: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    for chunk in s.utf8_chunks() {
        let valid = chunk.valid();
        parts.extend(valid.char_indices().map(|(i, c)| &valid.as_bytes()[i..i + c.len_utf8()]));
        parts.extend(chunk.invalid().chunks(1));
    }
    parts
}

/// `strings.SplitN`; a negative count means all, 0 none, an empty separator splits characters.
pub(super) fn split(s: &[u8], separator: &[u8], count: i64) -> Vec<Vec<u8>> {
    let limit = match count {
        0 => return Vec::new(),
        c if c < 0 => usize::MAX,
        c => c as usize,
    };
    let mut parts = Vec::new();
    let mut rest = s;
    while parts.len() + 1 < limit {
        let cut = if separator.is_empty() {
            characters(rest).first().map(|c| c.len()).filter(|n| *n < rest.len())
        } else {
            memmem::find(rest, separator)
        };
        let Some(cut) = cut else { break };
        parts.push(rest[..cut].to_vec());
        rest = &rest[cut + separator.len()..];
    }
    if !(separator.is_empty() && rest.is_empty()) {
        parts.push(rest.to_vec());
    }
    parts
}

fn numbered(parts: Vec<Vec<u8>>) -> Value {
    let map = Map::typed(MapType::Strings);
    for (i, part) in parts.into_iter().enumerate() {
        map.set(format!("_{i}"), Value::from(part));
    }
    Value::Map(map)
}

/// sprig's `strslice`: nil is left out, and what is no list becomes one.
pub(super) fn to_strings(value: &Value) -> Vec<Vec<u8>> {
    match items(value) {
        Some(items) => items.iter().filter(|v| !v.is_nil()).map(string_of).collect(),
        None if value.is_nil() => Vec::new(),
        None => vec![string_of(value)],
    }
}

fn sort_alpha(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let value = any(args, 0);
    if slice(&value, "").is_err() {
        return Ok(Value::strings([Str::from(string_of(&value))]));
    }
    let mut texts = to_strings(&value);
    texts.sort();
    Ok(Value::strings(texts))
}
