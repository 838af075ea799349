//! The graph of a pipeline for people: boxes and arrows in a terminal, a picture for a page, or a list where it is too large for
//! the one and the other.

mod boxes;
mod canvas;
mod list;
mod svg;

pub use svg::{CSS, Picture, svg};

use super::Style;
use super::layout::one_line;
use crate::graph::{Graph, Kind, NodeId};
use crate::model::{Gate, GateRule, SourceKind};

/// The graph as text: boxes and arrows where they fit the width, else a list. With `plain`, in ASCII.
pub fn text(graph: &Graph, plain: bool, style: Style) -> String {
    boxes::text(graph, plain, style).unwrap_or_else(|| list::text(graph, style))
}

/// `environment.dev`, as plans and the API name it.
pub fn id(graph: &Graph, node: NodeId) -> String {
    format!("{}.{}", graph.kind(node).word(), graph.name(node))
}

/// What is said of a node besides its name; empty where there is nothing to say.
fn detail(graph: &Graph, node: NodeId) -> String {
    let text = match graph.kind(node) {
        Kind::Source(_) => graph.source(node).map(|s| match &s.kind {
            SourceKind::Git { branch, .. } => format!("git {}", branch.value),
            SourceKind::Image { tag, .. } => format!("image {}", tag.value),
            SourceKind::Helm { chart, version, .. } => {
                let version = version.as_ref().map(|v| format!(" {}", v.value)).unwrap_or_default();
                format!("chart {}{version}", chart.value.rsplit('/').next().unwrap_or_default())
            }
            SourceKind::Folder { path } => format!("folder {}", path.value),
            other => other.word().to_string(),
        }),
        Kind::Environment(_) => graph.environment(node).and_then(|e| match &e.gate {
            GateRule::Gate(gate) => Some(conditions(gate).join(", ")),
            GateRule::None(_) => Some("no gate".to_string()),
            GateRule::Silent => None,
        }),
        _ => None,
    };
    one_line(&text.unwrap_or_default())
}

/// What a gate wants, a few words each.
pub fn conditions(gate: &Gate) -> Vec<String> {
    let approval = |a: &crate::model::Approve| match &a.from {
        Some(group) => format!("{} of {}", a.count.value, group.value),
        None => format!("{} of anyone", a.count.value),
    };
    let mut words: Vec<String> = gate.approvals.iter().map(approval).collect();
    words.extend(gate.windows.iter().map(|w| w.hours.value.to_string()));
    words.extend(gate.soak.iter().map(|s| format!("soak {}", crate::model::duration::format(s.value))));
    words
}

/// Whether an environment has a gate.
fn is_gated(graph: &Graph, node: NodeId) -> bool {
    graph.environment(node).is_some_and(|e| matches!(e.gate, GateRule::Gate(_)))
}

#[cfg(test)]
mod tests;
