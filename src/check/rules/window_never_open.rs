//! A window that never opens beside others that do.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;
use crate::model::window::Hours;

/// A window that never opens beside others that do.
pub(super) static RULE: Rule = Rule { code: &codes::WINDOW_NEVER_OPEN, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        let empty = |hours: &str| Hours::parse(hours).is_ok_and(|h| h.is_empty());
        // With none that opens, the environment is out of reach, which has a rule of its own.
        if gate.windows.iter().all(|w| empty(&w.hours)) {
            continue;
        }
        for window in gate.windows.iter().filter(|w| empty(&w.hours)) {
            let fault = Diagnostic::new(&codes::WINDOW_NEVER_OPEN, "this window never opens")
                .at(window.hours.span, "ends as it starts");
            found.push(fault.help("take it out, or say when it ends; the whole day is `00:00-24:00`"));
        }
    }
}
