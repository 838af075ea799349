//! An environment that can be reached by a way with a gate and by one without.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::before::behind;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, NodeId};
use crate::model::GateRule;

/// An environment that can be reached by a way with a gate and by one without.
pub(super) static RULE: Rule = Rule { code: &codes::PARTIAL_GATE, needs_whole: false, sees: Sees::Pipeline(run) };

/// So many are told; the proof for each looks at the whole graph.
const MOST: usize = 100;

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    let gated = |id: NodeId| graph.environment(id).is_some_and(|e| matches!(e.gate, GateRule::Gate(_)));
    let gates: Vec<NodeId> = graph.nodes().map(|(id, _)| id).filter(|id| gated(*id)).collect();
    if gates.is_empty() {
        return;
    }
    let (held, open) = (behind(graph, &gates), open_ways(graph, &gated));
    let already = found.len();
    for (id, _) in graph.nodes() {
        if found.len() - already == MOST {
            return;
        }
        let Some(environment) = graph.environment(id) else { continue };
        let (GateRule::None(place), Some(true), Some(Some(free))) =
            (&environment.gate, held.get(id.at()), open.get(id.at()))
        else {
            continue;
        };
        // Through a gatekeeper leads every way: were one of them gated, so were all ways.
        if graph.gatekeepers(id).into_iter().any(gated) {
            continue;
        }
        let message = format!("one way to `{}` has a gate, and another has none", *environment.name);
        let fault = Diagnostic::new(&codes::PARTIAL_GATE, message).at(*place, "no gate here");
        let fault = fault.at(graph.name_span(*free), "no gate on this way either");
        let gate = graph.upstream(id).into_iter().find(|n| gated(*n));
        let fault = gate.map_or(fault.clone(), |gate| fault.at(graph.name_span(gate), "a gate on this one"));
        found.push(fault.help("give it a gate of its own, so that what holds it back is said in one place"));
    }
}

/// For each environment that can be reached without passing a gate, the one before it on such a way; itself where there is
/// none before it.
fn open_ways(graph: &Graph, gated: &impl Fn(NodeId) -> bool) -> Vec<Option<NodeId>> {
    let mut open: Vec<Option<NodeId>> = vec![None; graph.len()];
    for &node in graph.order().iter().filter(|n| graph.environment(**n).is_some() && !gated(**n)) {
        let before = graph.environments_before(node);
        let free = before.iter().find(|b| open.get(b.at()).is_some_and(Option::is_some)).copied();
        if let Some(place) = open.get_mut(node.at()) {
            *place = if before.is_empty() { Some(node) } else { free };
        }
    }
    open
}
