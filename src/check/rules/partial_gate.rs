//! An environment that can be reached by a way with a gate and by one without.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, NodeId};
use crate::model::GateRule;

/// An environment that can be reached by a way with a gate and by one without.
pub(super) static RULE: Rule = Rule { code: &codes::PARTIAL_GATE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    let gated = |id: NodeId| graph.environment(id).is_some_and(|e| matches!(e.gate, GateRule::Gate(_)));
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id) else { continue };
        let GateRule::None(place) = environment.gate else { continue };
        // Through a gatekeeper leads every way: when one of them has a gate, so have all ways.
        if graph.gatekeepers(id).into_iter().any(gated) {
            continue;
        }
        let before = environments_before(graph, id);
        let (Some(held), Some(free)) = (before.iter().find(|n| gated(**n)), open_way(graph, id, &gated)) else {
            continue;
        };
        let message = format!("one way to `{}` has a gate, and another has none", *environment.name);
        let fault = Diagnostic::new(&codes::PARTIAL_GATE, message).at(place, "no gate here");
        let fault = fault.at(graph.name_span(*held), "a gate on this way");
        let fault = fault.at(graph.name_span(free), "none on this one");
        found.push(fault.help("give it a gate of its own, so that what holds it back is said in one place"));
    }
}

/// All environments before this one, near and far.
fn environments_before(graph: &Graph, id: NodeId) -> Vec<NodeId> {
    graph.upstream(id).into_iter().filter(|n| graph.environment(*n).is_some()).collect()
}

/// The last environment of a way here on which no environment has a gate.
fn open_way(graph: &Graph, id: NodeId, gated: &impl Fn(NodeId) -> bool) -> Option<NodeId> {
    let free = |n: &NodeId| !gated(*n) && environments_before(graph, *n).into_iter().all(|b| !gated(b));
    graph.environments_before(id).into_iter().find(free)
}
