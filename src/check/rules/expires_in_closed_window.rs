//! An approval that expires before its window opens.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::window::{Hours, longest_closed};
use crate::model::{GateRule, duration};

/// An approval that expires before its window opens.
pub(super) static RULE: Rule =
    Rule { code: &codes::EXPIRES_IN_CLOSED_WINDOW, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        let Some(expires) = gate.expires.as_ref().filter(|e| !e.value.is_zero()) else { continue };
        let hours: Vec<Hours> = gate.windows.iter().filter_map(|w| Hours::parse(&w.hours).ok()).collect();
        let Some(closed) = longest_closed(&hours).filter(|closed| *closed >= expires.value) else { continue };
        let message = format!(
            "an approval can expire before a window opens: they are closed for up to {}",
            duration::format(closed)
        );
        let mut fault =
            Diagnostic::new(&codes::EXPIRES_IN_CLOSED_WINDOW, message).at(expires.span, "may be over by then");
        for window in &gate.windows {
            fault = fault.at(window.hours.span, "");
        }
        found.push(fault.help("let it count for longer, or open another window"));
    }
}
