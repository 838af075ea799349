//! Two approvals of one group in one gate.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// Two approvals of one group in one gate.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_APPROVE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let GateRule::Gate(gate) = &environment.gate else { continue };
        for (i, second) in gate.approvals.iter().enumerate() {
            let group = |a: &crate::model::Approve| a.from.as_ref().map(|f| f.value.clone());
            let Some(first) = gate.approvals.iter().take(i).find(|a| group(a) == group(second)) else { continue };
            let from = group(second).map_or("anyone".to_string(), |g| format!("`{g}`"));
            let fault = Diagnostic::new(&codes::REPEATED_APPROVE, format!("the gate asks {from} twice"))
                .at(second.span, "a second time here");
            found.push(fault.at(first.span, "first here").help("one `approve` with the larger number says it"));
        }
    }
}
