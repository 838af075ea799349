//! Two triggers of which one does what the other does.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Trigger, TriggerKind};

/// Two triggers of which one does what the other does.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_TRIGGER, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        for (first, second) in super::repeated(&source.triggers, what) {
            let message = format!("`{}` has two triggers of which one is enough", *source.name);
            let fault = Diagnostic::new(&codes::REPEATED_TRIGGER, message).at(second.span, "a second time here");
            found.push(fault.at(first.span, "first here").help("keep the one that is meant"));
        }
    }
}

/// What a trigger does: of two polls one is enough whatever their times, of others only of two that are the same.
fn what(trigger: &Trigger) -> (&'static str, &str, Option<&str>) {
    match &trigger.kind {
        TriggerKind::Poll(_) => ("poll", "", None),
        TriggerKind::Cron { expression, tz } => ("cron", &expression.value, tz.as_ref().map(|z| z.value.as_str())),
        TriggerKind::Webhook(secret) => ("webhook", &secret.value, None),
    }
}
