//! A gate that one can open for a change of one's own.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// A gate that one can open for a change of one's own.
pub(super) static RULE: Rule = Rule { code: &codes::OPEN_SELF_APPROVAL, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        let others: u32 = gate.approvals.iter().filter(|a| !a.self_allowed).map(|a| a.count.value).sum();
        let Some(own) = gate.approvals.iter().find(|a| a.self_allowed && a.count.value == 1).filter(|_| others == 0)
        else {
            continue;
        };
        let message = format!("whoever makes a change can let it into `{}` alone", *environment.name);
        let fault = Diagnostic::new(&codes::OPEN_SELF_APPROVAL, message).at(own.span, "one yes, and one's own counts");
        found.push(fault.help("ask for two, or take `self=allow` out"));
    }
}
