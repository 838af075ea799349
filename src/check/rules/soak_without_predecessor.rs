//! A soak in an environment that comes after no other.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::before::environment_before;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// A soak in an environment that comes after no other.
pub(super) static RULE: Rule =
    Rule { code: &codes::SOAK_WITHOUT_PREDECESSOR, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    let all_before = environment_before(graph);
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id) else { continue };
        let GateRule::Gate(gate) = &environment.gate else { continue };
        let Some(soak) = &gate.soak else { continue };
        if all_before.get(id.at()).copied().flatten().is_some() {
            continue;
        }
        let message = format!("`{}` comes after no environment in which a candidate could soak", *environment.name);
        let fault = Diagnostic::new(&codes::SOAK_WITHOUT_PREDECESSOR, message).at(soak.span, "soaks nowhere");
        found.push(fault.at(environment.name.span, "no `after`").help("write `after=ENVIRONMENT`, or take `soak` out"));
    }
}
