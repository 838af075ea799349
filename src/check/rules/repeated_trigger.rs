//! Two triggers of which one does what the other does.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Trigger, TriggerKind};

/// Two triggers of which one does what the other does.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_TRIGGER, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        for (i, second) in source.triggers.iter().enumerate() {
            let Some(first) = source.triggers.iter().take(i).find(|first| same(first, second)) else { continue };
            let message = format!("`{}` has two triggers of which one is enough", *source.name);
            let fault = Diagnostic::new(&codes::REPEATED_TRIGGER, message).at(second.span, "a second time here");
            found.push(fault.at(first.span, "first here").help("keep the one that is meant"));
        }
    }
}

/// Whether the one makes the other needless: two polls of any length, or the same cron or hint twice.
fn same(first: &Trigger, second: &Trigger) -> bool {
    match (&first.kind, &second.kind) {
        (TriggerKind::Poll(_), TriggerKind::Poll(_)) => true,
        (TriggerKind::Cron { expression: a, tz: x }, TriggerKind::Cron { expression: b, tz: y }) => {
            a.value == b.value && x.as_ref().map(|z| &z.value) == y.as_ref().map(|z| &z.value)
        }
        (TriggerKind::Webhook(a), TriggerKind::Webhook(b)) => a.value == b.value,
        _ => false,
    }
}
