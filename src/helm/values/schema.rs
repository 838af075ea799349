//! `values.schema.json` of a chart and of those below it.

use super::dependencies::Live;
use crate::helm::value::{Map, Value};
use std::fmt;

/// What values break of the schemas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaErrors(pub Vec<SchemaError>);

/// What values break of one chart's schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    /// The chart.
    pub chart: String,
    /// Each fault: where in the chart's values, and what.
    pub faults: Vec<(String, String)>,
}

impl std::error::Error for SchemaErrors {}

impl fmt::Display for SchemaErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.0 {
            writeln!(f, "{}:", error.chart)?;
            for (path, text) in &error.faults {
                writeln!(f, "- at '{path}': {text}")?;
            }
        }
        Ok(())
    }
}

/// Checks the coalesced values of a chart and of all charts below it.
pub(crate) fn validate_all(chart: &Live<'_>, values: &Map) -> Result<(), SchemaErrors> {
    let mut errors = Vec::new();
    collect(chart, values, &mut errors);
    if errors.is_empty() { Ok(()) } else { Err(SchemaErrors(errors)) }
}

fn collect(chart: &Live<'_>, values: &Map, errors: &mut Vec<SchemaError>) {
    for below in &chart.charts {
        if let Some(Value::Map(own)) = values.get(&below.metadata.name) {
            collect(below, &own, errors);
        }
    }
}
