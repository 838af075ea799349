//! An environment that hands on what nobody checked there.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;

/// An environment that hands on what nobody checked there.
pub(super) static RULE: Rule =
    Rule { code: &codes::UNVERIFIED_PROMOTION, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id).filter(|e| e.verifies.is_empty()) else { continue };
        let next = graph.needed_by(id).map(|(n, _)| n).find(|n| matches!(graph.kind(*n), Kind::Environment(_)));
        let Some(next) = next else { continue };
        let message =
            format!("what goes on from `{}` to `{}` was not checked there", *environment.name, graph.name(next));
        let fault = Diagnostic::new(&codes::UNVERIFIED_PROMOTION, message).at(environment.name.span, "no `verify`");
        found.push(
            fault
                .at(graph.name_span(next), "comes after it")
                .help("a `verify` decides whether a candidate is good: `verify SOURCE \"SCRIPT\"`"),
        );
    }
}
