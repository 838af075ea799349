//! `lockgate graph`: the pipeline as a graph.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::graph;
use crate::report::graph as drawn;
use clap::ValueEnum;
use std::path::PathBuf;

/// Show the pipeline as a graph
///
/// In the terminal as boxes and arrows from above to below, where they fit its width, else as a list. Environments have double
/// lines, and a ◆ stands where a gate is.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate graph
  lockgate graph --format svg > pipeline.svg
  lockgate graph --format mermaid")]
pub(super) struct Graph {
    /// The pipeline file or its folder
    path: Option<PathBuf>,
    /// In which language
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Draw with characters of ASCII only; so it is done on a terminal that knows no others
    #[arg(long)]
    ascii: bool,
}

/// The language of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Boxes and arrows
    #[default]
    Text,
    /// A picture for a page, light and dark
    Svg,
    /// Graphviz
    Dot,
    /// Mermaid
    Mermaid,
    /// One JSON document
    Json,
}

impl Graph {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let session = desk.open(self.path.as_deref())?;
        let graph = &*session.graph;
        desk.terminal.print(&match self.format {
            Format::Text => drawn::text(graph, self.ascii || !desk.terminal.out.unicode, desk.terminal.out),
            Format::Svg => drawn::svg(graph, &drawn::Picture::default()),
            Format::Dot => graph::dot(graph),
            Format::Mermaid => graph::mermaid(graph),
            Format::Json => serde_json::to_string_pretty(&graph::json(graph)).unwrap_or_default() + "\n",
        });
        Ok(Exit::Done)
    }
}
