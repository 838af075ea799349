//! How the values of a chart, its parents and its user become one: Helm's `coalesce.go`, step by step, since which maps
//! end up shared can be seen by templates that change them.
//!
//! `merge` keeps nulls, for the values of a chart that are still to be looked at by its parents; without it a null deletes
//! the default of the same key.

use super::dependencies::Live;
use crate::helm::HelmVersion;
use crate::helm::value::{Map, Str, Value};

/// The key that every subchart sees.
const GLOBAL: &[u8] = b"global";

/// How deep values may be copied; YAML bounds them before.
const DEPTH: usize = 2_000;

/// A type mismatch between a chart and what is configured for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("type mismatch on {0}: the values for a subchart must be a table")]
pub struct Mismatch(pub String);

/// Which rules hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub merge: bool,
    pub helm: HelmVersion,
}

/// A copy of a map that shares nothing with it.
pub(crate) fn deep_copy(map: &Map) -> Map {
    match Value::Map(map.clone()).deep_copy(DEPTH) {
        Value::Map(map) => map,
        _ => Map::new(),
    }
}

/// Helm's `CoalesceValues`: the values a chart renders with, subcharts' under their names.
pub(crate) fn coalesce_values(chart: &Live<'_>, values: &Map, helm: HelmVersion) -> Result<Map, Mismatch> {
    let copy = deep_copy(values);
    coalesce(chart, &copy, Rules { merge: false, helm })?;
    Ok(copy)
}

/// Helm's `MergeValues`: as [`coalesce_values`], with nulls kept.
pub(super) fn merge_values(chart: &Live<'_>, values: &Map, helm: HelmVersion) -> Result<Map, Mismatch> {
    let copy = deep_copy(values);
    coalesce(chart, &copy, Rules { merge: true, helm })?;
    Ok(copy)
}

fn coalesce(chart: &Live<'_>, destination: &Map, rules: Rules) -> Result<(), Mismatch> {
    own_values(chart, destination, rules);
    for below in &chart.charts {
        let name = below.metadata.name.as_str();
        let table = match destination.get(name) {
            None => {
                let table = Map::new();
                destination.set(name, Value::Map(table.clone()));
                table
            }
            Some(Value::Map(table)) => table,
            Some(_) => return Err(Mismatch(name.to_string())),
        };
        globals(&table, destination, rules);
        coalesce(below, &table, rules)?;
    }
    Ok(())
}

fn table_or_new(map: &Map) -> Option<Map> {
    match map.get(GLOBAL) {
        None => Some(Map::new()),
        Some(Value::Map(table)) => Some(table),
        Some(_) => None,
    }
}

/// Hands the globals down: what the parent says stands above what the chart below has.
fn globals(destination: &Map, source: &Map, rules: Rules) {
    let (Some(to), Some(from)) = (table_or_new(destination), table_or_new(source)) else { return };
    for (key, value) in from.entries() {
        match (&value, to.get(&key)) {
            (Value::Map(table), None) => to.set(key, Value::Map(table.copy())),
            (Value::Map(table), Some(Value::Map(below))) => {
                let above = table.copy();
                tables(&above, &below, Rules { merge: true, ..rules });
                to.set(key, Value::Map(above));
            }
            (Value::Map(_), Some(_)) | (_, Some(Value::Map(_))) => {}
            _ => to.set(key, value),
        }
    }
    destination.set(Str::new(GLOBAL), Value::Map(to));
}

/// Puts the chart's own defaults below what is there.
fn own_values(chart: &Live<'_>, values: &Map, rules: Rules) {
    for (key, default) in deep_copy(&chart.values).entries() {
        match values.get(&key) {
            Some(Value::Nil) if !rules.merge => {
                values.remove(&key);
            }
            Some(Value::Map(table)) => {
                let Value::Map(defaults) = default else { continue };
                let is_chart = chart.charts.iter().any(|c| c.metadata.name.as_bytes() == &key[..]);
                let merge = rules.merge || is_chart;
                if !merge && rules.helm == HelmVersion::V4 {
                    drop_nulls(&defaults);
                }
                tables(&table, &defaults, Rules { merge, ..rules });
            }
            Some(_) => {}
            None => {
                if !rules.merge && rules.helm == HelmVersion::V4 {
                    match &default {
                        Value::Nil => continue,
                        Value::Map(table) => drop_nulls(table),
                        _ => {}
                    }
                }
                values.set(key, default);
            }
        }
    }
}

/// Helm's `coalesceTablesFullKey`: `destination` has the last word.
pub(super) fn tables(destination: &Map, source: &Map, rules: Rules) {
    let was_set: Vec<Str> = source.entries().into_iter().filter(|(_, v)| !v.is_nil()).map(|(key, _)| key).collect();
    for (key, _) in destination.entries().into_iter().filter(|(_, v)| v.is_nil()) {
        source.set(key, Value::Nil);
    }
    for (key, value) in source.entries() {
        match (destination.get(&key), &value) {
            (Some(Value::Nil), _) if !rules.merge && deletes(&was_set, &key, rules) => {
                destination.remove(&key);
            }
            (None, _) => destination.set(key, value),
            (Some(Value::Map(to)), Value::Map(from)) => tables(&to, from, rules),
            _ => {}
        }
    }
}

/// Whether a null removes its key: always in Helm 3; in Helm 4 only where there is a default to remove.
fn deletes(was_set: &[Str], key: &Str, rules: Rules) -> bool {
    rules.helm == HelmVersion::V3 || was_set.contains(key)
}

fn drop_nulls(map: &Map) {
    for (key, value) in map.entries() {
        match value {
            Value::Nil => {
                map.remove(&key);
            }
            Value::Map(table) => drop_nulls(&table),
            _ => {}
        }
    }
}
