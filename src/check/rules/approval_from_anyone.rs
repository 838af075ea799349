//! An approval that anyone can give.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// An approval that anyone can give.
pub(super) static RULE: Rule =
    Rule { code: &codes::APPROVAL_FROM_ANYONE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        for approve in gate.approvals.iter().filter(|a| a.from.is_none() && a.count.value > 0) {
            let message = format!("anyone who is logged in can approve for `{}`", *environment.name);
            let fault = Diagnostic::new(&codes::APPROVAL_FROM_ANYONE, message).at(approve.span, "names no group");
            found.push(fault.help("say whose yes it takes: `from=GROUP`"));
        }
    }
}
