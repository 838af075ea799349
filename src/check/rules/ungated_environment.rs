//! An environment after another one without a gate.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, Kind, NodeId};
use crate::model::GateRule;

/// An environment after another one without a gate.
pub(super) static RULE: Rule =
    Rule { code: &codes::UNGATED_ENVIRONMENT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id).filter(|e| e.gate == GateRule::Silent) else { continue };
        let Some(before) = environment_before(graph, id) else { continue };
        let message =
            format!("every candidate of `{}` enters `{}` without anyone's yes", graph.name(before), *environment.name);
        let fault = Diagnostic::new(&codes::UNGATED_ENVIRONMENT, message).at(environment.name.span, "no gate");
        let fault = fault.at(graph.name_span(before), "comes before it");
        found.push(
            fault.help("say who must approve, `gate { approve 1 from=GROUP }`, or that nobody must, `gate none`"),
        );
    }
}

/// An environment before this one, directly or behind tasks.
fn environment_before(graph: &Graph, id: NodeId) -> Option<NodeId> {
    graph
        .environments_before(id)
        .into_iter()
        .next()
        .or_else(|| graph.upstream(id).into_iter().rev().find(|n| matches!(graph.kind(*n), Kind::Environment(_))))
}
