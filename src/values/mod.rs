//! Values and the charts they are for: what a chart does not read, and what its schema refuses, at the line that says so.
//!
//! Pure: charts and texts come through the small window [`Hand`]. What is not at hand is not judged, and a chart that reads
//! its values in a way that cannot be followed is taken to read all of them: a fault that is none would be worse than one
//! that is missed.

mod cases;
mod place;
mod refused;
mod settings;
mod unread;

pub use settings::setting;
pub use unread::{Nobody, nobody_reads};

use crate::diag::Diagnostic;
use crate::graph::Graph;
use crate::helm::chart::{Chart, ChartError};
use crate::helm::values::Readable;
use crate::model::Source;
use crate::source::FileId;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A chart with what it reads of its values, which takes longer to find out than to ask.
#[derive(Debug)]
pub struct Known {
    /// The chart.
    pub chart: Chart,
    readable: Readable,
}

impl Known {
    /// Looks through a chart.
    pub fn of(chart: Chart) -> Known {
        let readable = Readable::of(&chart);
        Known { chart, readable }
    }

    /// Looks through the chart that some files are: path in the chart's folder → contents.
    pub fn from_files(files: BTreeMap<String, impl Into<Bytes>>) -> Result<Known, ChartError> {
        Chart::from_files(files).map(Known::of)
    }
}

/// The text of a values file.
#[derive(Clone, Debug)]
pub struct Text {
    /// Its number among the texts.
    pub file: FileId,
    /// All of it.
    pub text: Arc<str>,
}

/// The window to what is at hand.
pub trait Hand {
    /// The chart in a folder of a source; the source itself is one where the folder is empty.
    fn chart(&self, source: &Source, folder: &str) -> Option<Arc<Known>>;
    /// A file of a source.
    fn text(&self, source: &Source, path: &str) -> Option<Text>;
}

/// What is wrong with the values of all releases of a pipeline, in each environment that they are deployed to.
pub fn judge(graph: &Graph, hand: &dyn Hand) -> Vec<Diagnostic> {
    let (cases, open) = cases::of(graph, hand);
    let mut found = Vec::new();
    for case in &cases {
        refused::look(case, &mut found);
    }
    unread::look(&cases, &open, &mut found);
    found
}

#[cfg(test)]
mod tests;
