//! An approval by nobody.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// An approval by nobody.
pub(super) static RULE: Rule = Rule { code: &codes::APPROVE_NONE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        for approve in gate.approvals.iter().filter(|a| a.count.value == 0) {
            let message = format!("the gate of `{}` asks for the approval of nobody", *environment.name);
            let fault = Diagnostic::new(&codes::APPROVE_NONE, message).at(approve.count.span, "always fulfilled");
            found.push(fault.help("say how many must approve; that nobody must is written `gate none`"));
        }
    }
}
