//! An environment that no candidate can reach.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;
use crate::model::window::Hours;
use crate::model::{Gate, GateRule};

/// An environment that no candidate can reach.
pub(super) static RULE: Rule =
    Rule { code: &codes::UNREACHABLE_ENVIRONMENT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id) else { continue };
        let GateRule::Gate(gate) = &environment.gate else { continue };
        if !never_opens(gate) {
            continue;
        }
        let message = format!("no candidate can reach `{}`: its gate never opens", *environment.name);
        let mut fault =
            Diagnostic::new(&codes::UNREACHABLE_ENVIRONMENT, message).at(environment.name.span, "out of reach");
        for window in &gate.windows {
            fault = fault.at(window.hours.span, "ends as it starts");
        }
        let behind: Vec<&str> = graph
            .downstream(id)
            .into_iter()
            .filter(|n| matches!(graph.kind(*n), Kind::Environment(_)))
            .map(|n| graph.name(n))
            .collect();
        found.push(match behind.as_slice() {
            [] => fault.help("a window has to end later than it starts; the whole day is `00:00-24:00`"),
            names => fault.help(format!("what comes after it is out of reach as well: {}", names.join(", "))),
        });
    }
}

/// Whether there are windows, and none of them holds any time.
fn never_opens(gate: &Gate) -> bool {
    !gate.windows.is_empty() && gate.windows.iter().all(|w| Hours::parse(&w.hours).is_ok_and(|h| h.is_empty()))
}
