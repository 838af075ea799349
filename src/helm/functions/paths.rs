//! Slash-separated paths: Go's `path`, and `path/filepath` on Unix, which does the same.

use super::args::text;
use crate::helm::template::FuncSpec;
use crate::helm::template::Param::String;
use crate::helm::value::Value;

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::fixed("base", &[String], |_, a| Ok(Value::from(base(&text(a, 0))))),
    FuncSpec::fixed("osBase", &[String], |_, a| Ok(Value::from(base(&text(a, 0))))),
    FuncSpec::fixed("dir", &[String], |_, a| Ok(Value::from(dir(&text(a, 0))))),
    FuncSpec::fixed("osDir", &[String], |_, a| Ok(Value::from(dir(&text(a, 0))))),
    FuncSpec::fixed("clean", &[String], |_, a| Ok(Value::from(clean(&text(a, 0))))),
    FuncSpec::fixed("osClean", &[String], |_, a| Ok(Value::from(clean(&text(a, 0))))),
    FuncSpec::fixed("ext", &[String], |_, a| Ok(Value::from(ext(&text(a, 0))))),
    FuncSpec::fixed("osExt", &[String], |_, a| Ok(Value::from(ext(&text(a, 0))))),
    FuncSpec::fixed("isAbs", &[String], |_, a| Ok(Value::Bool(text(a, 0).starts_with(b"/")))),
    FuncSpec::fixed("osIsAbs", &[String], |_, a| Ok(Value::Bool(text(a, 0).starts_with(b"/")))),
];

/// `path.Base`: the last element; "." for nothing.
pub(crate) fn base(path: &[u8]) -> Vec<u8> {
    if path.is_empty() {
        return b".".to_vec();
    }
    let end = path.iter().rposition(|b| *b != b'/').map_or(0, |i| i + 1);
    let trimmed = &path[..end];
    match trimmed.rsplit(|b| *b == b'/').next() {
        Some(last) if !last.is_empty() => last.to_vec(),
        _ => b"/".to_vec(),
    }
}

fn dir(path: &[u8]) -> Vec<u8> {
    let cut = path.iter().rposition(|b| *b == b'/').map_or(0, |i| i + 1);
    clean(&path[..cut])
}

fn ext(path: &[u8]) -> Vec<u8> {
    let name = path.rsplit(|b| *b == b'/').next().unwrap_or_default();
    name.iter().rposition(|b| *b == b'.').map_or(Vec::new(), |i| name[i..].to_vec())
}

/// `path.Clean`: without `.`, `..` and doubled slashes where they can be resolved.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            b".." if rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", &joined[..]].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
