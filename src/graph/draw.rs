//! The graph for other tools: dot, mermaid and JSON.

use super::{Graph, Kind, NodeId, Why};
use std::fmt::Write as _;

/// The graph in Graphviz's language.
pub fn dot(graph: &Graph) -> String {
    let mut out = format!(
        "digraph {} {{\n    rankdir=LR;\n    node [fontname=\"sans-serif\"];\n",
        quoted(&graph.pipeline().name)
    );
    for (id, kind) in shown(graph) {
        let shape = match kind {
            Kind::Source(_) => "ellipse",
            Kind::Build(_) | Kind::Task(_) => "box",
            Kind::Release(_) => "component",
            Kind::Environment(_) => "house",
            Kind::Secret(_) => "note",
        };
        let _ = writeln!(out, "    {} [label={}, shape={shape}];", key(graph, id), quoted(&label(graph, id)));
    }
    for (from, to, why) in arrows(graph) {
        let style = if why == Why::After { " [style=dashed]" } else { "" };
        let _ = writeln!(out, "    {} -> {}{style};", key(graph, from), key(graph, to));
    }
    out.push_str("}\n");
    out
}

/// The graph in mermaid's language.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart LR\n");
    for (id, kind) in shown(graph) {
        let (open, close) = match kind {
            Kind::Source(_) => ("([", "])"),
            Kind::Environment(_) => ("{{", "}}"),
            _ => ("[", "]"),
        };
        let _ = writeln!(out, "    n{}{open}\"{}\"{close}", id.0, label(graph, id).replace('"', "#quot;"));
    }
    for (from, to, why) in arrows(graph) {
        let arrow = if why == Why::After { "-.->" } else { "-->" };
        let _ = writeln!(out, "    n{} {arrow} n{}", from.0, to.0);
    }
    out
}

/// The graph as data: `{"pipeline", "nodes": [{"id", "kind", "name"}], "edges": [{"from", "to", "why"}]}`.
pub fn json(graph: &Graph) -> serde_json::Value {
    let nodes: Vec<_> = shown(graph)
        .map(|(id, kind)| serde_json::json!({"id": id_text(graph, id), "kind": kind.word(), "name": graph.name(id)}))
        .collect();
    let edges: Vec<_> = arrows(graph)
        .into_iter()
        .map(|(from, to, why)| {
            let why = match why {
                Why::Reads => "reads",
                Why::After => "after",
                Why::Deploys => "deploys",
            };
            serde_json::json!({"from": id_text(graph, from), "to": id_text(graph, to), "why": why})
        })
        .collect();
    serde_json::json!({"pipeline": graph.pipeline().name.value, "nodes": nodes, "edges": edges})
}

fn shown(graph: &Graph) -> impl Iterator<Item = (NodeId, Kind)> + '_ {
    graph.nodes().filter(|(_, k)| !matches!(k, Kind::Secret(_)))
}

fn arrows(graph: &Graph) -> Vec<(NodeId, NodeId, Why)> {
    let needs = |(id, _)| graph.needs(id).map(move |(from, edge)| (from, id, edge.why));
    let mut arrows: Vec<_> =
        shown(graph).flat_map(needs).filter(|(from, ..)| !matches!(graph.kind(*from), Kind::Secret(_))).collect();
    arrows.sort_unstable();
    arrows.dedup();
    arrows
}

fn id_text(graph: &Graph, id: NodeId) -> String {
    format!("{}.{}", graph.kind(id).word(), graph.name(id))
}

fn key(graph: &Graph, id: NodeId) -> String {
    quoted(&id_text(graph, id))
}

fn label(graph: &Graph, id: NodeId) -> String {
    format!("{} {}", graph.kind(id).word(), graph.name(id))
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
