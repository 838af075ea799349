//! Which of a chart's dependencies are on, under which names, and what they export: Helm's `ProcessDependencies`.

use super::coalesce::{Mismatch, Rules, coalesce_values, deep_copy, merge_values, tables};
use crate::helm::HelmVersion;
use crate::helm::chart::{Chart, Dependency, ImportValue, Metadata};
use crate::helm::semver::compatible;
use crate::helm::value::{Map, Value};

/// A chart during a render: its parts can change, its files stay.
#[derive(Clone)]
pub(crate) struct Live<'a> {
    /// Where the files are.
    pub chart: &'a Chart,
    /// A copy: an alias changes the name, a condition the dependencies.
    pub metadata: Metadata,
    /// The default values, with what is imported from below.
    pub values: Map,
    /// The charts below that are on.
    pub charts: Vec<Live<'a>>,
}

impl<'a> Live<'a> {
    /// The chart as it was loaded.
    pub(crate) fn new(chart: &'a Chart) -> Live<'a> {
        let values = match chart.values.to_value() {
            Value::Map(map) => map,
            _ => Map::new(),
        };
        let charts = chart.charts.iter().map(Live::new).collect();
        Live { chart, metadata: chart.metadata.clone(), values, charts }
    }
}

/// Turns dependencies off and imports values, in place.
pub(crate) fn process(chart: &mut Live<'_>, values: &Map, helm: HelmVersion) -> Result<(), Mismatch> {
    enable(chart, values, "", helm)?;
    import_all(chart, helm)
}

fn enable(chart: &mut Live<'_>, values: &Map, path: &str, helm: HelmVersion) -> Result<(), Mismatch> {
    if chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let mut dependencies = std::mem::take(&mut chart.metadata.dependencies);
    rename(chart, &mut dependencies);
    let all = coalesce_values(chart, values, helm)?;
    for dependency in &mut dependencies {
        dependency.enabled = by_tags(dependency, &all);
        if let Some(enabled) = by_condition(dependency, &all, path) {
            dependency.enabled = enabled;
        }
    }
    let off: Vec<String> = dependencies.iter().filter(|d| !d.enabled).map(|d| d.name.clone()).collect();
    chart.charts.retain(|c| !off.contains(&c.metadata.name));
    dependencies.retain(|d| !off.contains(&d.name));
    for below in &mut chart.charts {
        let path = format!("{path}{}.", below.metadata.name);
        enable(below, &all, &path, helm)?;
    }
    chart.metadata.dependencies = dependencies;
    Ok(())
}

/// Makes one chart of each dependency, under its alias; charts that no dependency names stay as they are.
fn rename(chart: &mut Live<'_>, dependencies: &mut [Dependency]) {
    let found = std::mem::take(&mut chart.charts);
    let fits = |c: &Live<'_>, d: &Dependency| c.metadata.name == d.name && compatible(&d.version, &c.metadata.version);
    chart.charts.extend(found.iter().filter(|c| !dependencies.iter().any(|d| fits(c, d))).cloned());
    for dependency in dependencies {
        if let Some(below) = found.iter().find(|c| fits(c, dependency)) {
            let mut below = below.clone();
            if !dependency.alias.is_empty() {
                below.metadata.name.clone_from(&dependency.alias);
            }
            chart.charts.push(below);
        }
        if !dependency.alias.is_empty() {
            dependency.name.clone_from(&dependency.alias);
        }
    }
}

/// One tag that is true turns a chart on; else one that is false turns it off.
fn by_tags(dependency: &Dependency, values: &Map) -> bool {
    let Some(Value::Map(tags)) = values.get("tags") else { return true };
    let set = |wanted: bool| dependency.tags.iter().any(|t| matches!(tags.get(t), Some(Value::Bool(b)) if b == wanted));
    set(true) || !set(false)
}

/// The first path of the condition that leads to a boolean decides.
fn by_condition(dependency: &Dependency, values: &Map, path: &str) -> Option<bool> {
    dependency.condition.trim().split(',').filter(|c| !c.is_empty()).find_map(|condition| {
        match lookup(values, &format!("{path}{condition}")) {
            Some(Value::Bool(b)) => Some(b),
            _ => None,
        }
    })
}

/// The value at a dotted path.
fn lookup(values: &Map, path: &str) -> Option<Value> {
    path.split('.').try_fold(Value::Map(values.clone()), |value, key| value.as_map()?.get(key))
}

fn table(values: &Map, path: &str) -> Option<Map> {
    match lookup(values, path)? {
        Value::Map(map) => Some(map),
        _ => None,
    }
}

fn import_all(chart: &mut Live<'_>, helm: HelmVersion) -> Result<(), Mismatch> {
    for below in &mut chart.charts {
        import_all(below, helm)?;
    }
    import(chart, helm)
}

/// Puts what the charts below export under this chart's own values.
fn import(chart: &mut Live<'_>, helm: HelmVersion) -> Result<(), Mismatch> {
    if chart.chart.metadata.dependencies.is_empty() {
        return Ok(());
    }
    let all = merge_values(chart, &Map::new(), helm)?;
    let rules = Rules { merge: true, helm };
    let imported = Map::new();
    for dependency in &mut chart.metadata.dependencies {
        let imports = std::mem::take(&mut dependency.import_values);
        for import in imports {
            let (child, parent) = match import {
                ImportValue::Export(name) => (format!("exports.{name}"), ".".to_string()),
                ImportValue::Table { child, parent } => (child, parent),
                ImportValue::Other => continue,
            };
            if let Some(found) = table(&all, &format!("{}.{child}", dependency.name)) {
                tables(&imported, &under(&parent, found), rules);
            }
            dependency.import_values.push(ImportValue::Table { child, parent });
        }
    }
    chart.values = deep_copy(&all);
    tables(&chart.values, &imported, rules);
    Ok(())
}

/// The table as it stands below a dotted path.
fn under(path: &str, table: Map) -> Map {
    if path == "." {
        return table;
    }
    path.rsplit('.').fold(table, |inner, key| Map::of([(key, Value::Map(inner))]))
}
