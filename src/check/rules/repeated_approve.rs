//! Two approvals of one group in one gate.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Approve, GateRule};

/// Two approvals of one group in one gate.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_APPROVE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        let group = |approve: &Approve| approve.from.as_ref().map(|f| f.value.clone());
        for (first, second) in super::repeated(&gate.approvals, group) {
            let from = group(second).map_or("anyone".to_string(), |g| format!("`{g}`"));
            let fault = Diagnostic::new(&codes::REPEATED_APPROVE, format!("the gate asks {from} twice"));
            let fault = fault.at(second.span, "a second time here").at(first.span, "first here");
            found.push(fault.help("one `approve` with the larger number says it"));
        }
    }
}
