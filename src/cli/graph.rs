//! `lockgate graph`: the pipeline as a graph.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::graph;
use clap::ValueEnum;
use std::path::PathBuf;

/// Show the pipeline as a graph
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate graph
  lockgate graph --format dot | dot -Tsvg > pipeline.svg")]
pub(super) struct Graph {
    /// The pipeline file or its folder
    path: Option<PathBuf>,
    /// In which language
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
}

/// The language of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A line a node
    #[default]
    Text,
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
            Format::Text => crate::report::graph::text(graph, desk.terminal.out),
            Format::Dot => graph::dot(graph),
            Format::Mermaid => graph::mermaid(graph),
            Format::Json => serde_json::to_string_pretty(&graph::json(graph)).unwrap_or_default() + "\n",
        });
        Ok(Exit::Done)
    }
}
