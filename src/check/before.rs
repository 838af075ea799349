//! What comes before what among the environments, for all nodes in one walk.

use crate::graph::{Graph, NodeId};

/// For each node, by its number, the last environment of some way to it; nothing where no environment is on any way.
pub(super) fn environment_before(graph: &Graph) -> Vec<Option<NodeId>> {
    let mut before = vec![None; graph.len()];
    for &node in graph.order() {
        let last = graph.needs(node).find_map(|(need, _)| match graph.environment(need) {
            Some(_) => Some(need),
            None => before.get(need.at()).copied().flatten(),
        });
        if let Some(place) = before.get_mut(node.at()) {
            *place = last;
        }
    }
    before
}

/// For each node, whether one of `from` is before it on some way, or the node is one of them.
pub(super) fn behind(graph: &Graph, from: &[NodeId]) -> Vec<bool> {
    let mut behind = vec![false; graph.len()];
    for node in from {
        if let Some(place) = behind.get_mut(node.at()) {
            *place = true;
        }
    }
    for &node in graph.order() {
        let is = behind.get(node.at()) == Some(&true)
            || graph.needs(node).any(|(need, _)| behind.get(need.at()) == Some(&true));
        if let Some(place) = behind.get_mut(node.at()) {
            *place = is;
        }
    }
    behind
}
