//! The graph as a list: every node with what it reads, waits for or deploys.

use crate::graph::{Graph, Kind, NodeId, Why};
use crate::report::layout::{Rows, cell};
use crate::report::{Paint, Style};

/// The graph as text, in the order in which things happen.
pub(super) fn text(graph: &Graph, style: Style) -> String {
    let mut rows = Rows::new(0);
    for &id in graph.order() {
        let kind = graph.kind(id);
        if matches!(kind, Kind::Secret(_)) {
            continue;
        }
        rows.push([
            cell(kind.word(), Paint::Faint),
            cell(graph.name(id), paint(kind)),
            cell(needs(graph, id), Paint::Plain),
        ]);
    }
    rows.render(style)
}

fn paint(kind: Kind) -> Paint {
    match kind {
        Kind::Source(_) => Paint::Typed,
        Kind::Environment(_) => Paint::Good,
        _ => Paint::Strong,
    }
}

/// `← app, base · after dev`.
fn needs(graph: &Graph, id: NodeId) -> String {
    let of = |wanted: fn(Why) -> bool| -> Vec<&str> {
        let mut needs: Vec<(NodeId, &str)> =
            graph.needs(id).filter(|(_, e)| wanted(e.why)).map(|(n, _)| (n, graph.name(n))).collect();
        needs.sort_unstable();
        needs.dedup();
        needs.into_iter().map(|(_, name)| name).collect()
    };
    let (inputs, after) = (of(|w| w != Why::After), of(|w| w == Why::After));
    let mut parts = Vec::new();
    if !inputs.is_empty() {
        parts.push(format!("← {}", inputs.join(", ")));
    }
    if !after.is_empty() {
        parts.push(format!("after {}", after.join(", ")));
    }
    parts.join(" · ")
}
