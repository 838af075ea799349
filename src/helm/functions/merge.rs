//! `merge` and `mergeOverwrite`: what mergo v1.0.1 does with maps.
//!
//! Nested maps of the destination are changed in place; a nested map that only the source has is shared with it. Without
//! overwriting, what is empty in the destination (false, 0, "", an empty list) counts as missing.

use super::args::{Outcome, is_empty, map};
use super::defaults::DEPTH;
use crate::helm::template::Param::Map as MapParam;
use crate::helm::template::{FuncError, FuncSpec};
use crate::helm::value::{Map, Value};

pub(super) const FUNCTIONS: &[FuncSpec] = &[
    FuncSpec::variadic("merge", &[MapParam], MapParam, |_, a| run(a, false)).deep(),
    FuncSpec::variadic("mustMerge", &[MapParam], MapParam, |_, a| run(a, false)).deep(),
    FuncSpec::variadic("mergeOverwrite", &[MapParam], MapParam, |_, a| run(a, true)).deep(),
    FuncSpec::variadic("mustMergeOverwrite", &[MapParam], MapParam, |_, a| run(a, true)).deep(),
];

fn run(args: &[Value], overwrite: bool) -> Outcome {
    let destination = map(args, 0);
    for i in 1..args.len() {
        merge(&destination, &map(args, i), overwrite, DEPTH)?;
    }
    Ok(Value::Map(destination))
}

fn merge(destination: &Map, source: &Map, overwrite: bool, depth: usize) -> Result<(), FuncError> {
    let Some(depth) = depth.checked_sub(1) else {
        return Err(FuncError::Limit(format!("maps are merged more than {DEPTH} deep")));
    };
    if destination.same(source) {
        return Ok(());
    }
    for (key, value) in source.entries() {
        let old = destination.get(&key);
        match (&value, &old) {
            (Value::Missing | Value::Nil, _) if !overwrite => continue,
            (Value::Map(from), Some(Value::Map(to))) => {
                merge(to, from, overwrite, depth)?;
                if !to.is_empty() {
                    continue;
                }
            }
            _ => {}
        }
        if overwrite || old.as_ref().is_none_or(is_empty) {
            destination.set(key, value);
        }
    }
    Ok(())
}
