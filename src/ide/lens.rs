//! What stands over each environment: what it has, and what waits there.

use super::{Analysis, Kind, index};
use crate::source::{FileId, Span};

/// A line over another line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lens {
    /// What it is about.
    pub span: Span,
    /// The line.
    pub text: String,
}

/// A line over each environment of a file of which something is known.
pub fn lenses(analysis: &Analysis, file: FileId) -> Vec<Lens> {
    let environments = analysis.index().symbols.iter().filter(|s| s.kind == Kind::Environment && s.span.file == file);
    let lens = |symbol: &super::Symbol| {
        let node = analysis.document.node(symbol.node)?;
        let pipeline = index::pipeline_of(node)?.arg(0)?.as_str()?;
        let has = analysis.facts.environment(pipeline, &symbol.name)?;
        Some(Lens { span: node.name_span(), text: format!("{}: {}", symbol.name, has.line()) })
    };
    environments.filter_map(lens).collect()
}
