//! A cron expression that never comes.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::TriggerKind;
use crate::model::cron::Schedule;

/// A cron expression that never comes.
pub(super) static RULE: Rule = Rule { code: &codes::NEVER_DUE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        for trigger in &source.triggers {
            let TriggerKind::Cron { expression, .. } = &trigger.kind else { continue };
            let never = Schedule::parse(expression, &source.name, None).is_ok_and(|s| !s.is_ever_due());
            if never {
                let fault =
                    Diagnostic::new(&codes::NEVER_DUE, "this time never comes").at(expression.span, "no day fits");
                found.push(fault.help("the fields are: minute, hour, day of the month, month, day of the week"));
            }
        }
    }
}
