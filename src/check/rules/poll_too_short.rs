//! A source that is polled all the time.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{TriggerKind, duration};
use std::time::Duration;

/// A source that is polled all the time.
pub(super) static RULE: Rule = Rule { code: &codes::POLL_TOO_SHORT, needs_whole: false, sees: Sees::Pipeline(run) };

/// What a neighbour bears: more often than this is for webhooks.
const LEAST: Duration = Duration::from_secs(10);

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for trigger in context.pipeline.sources.iter().flat_map(|s| &s.triggers) {
        let TriggerKind::Poll(poll) = &trigger.kind else { continue };
        if poll.value < LEAST && !poll.value.is_zero() {
            let message = format!("polling every {} is more than most servers bear", duration::format(poll.value));
            let fault = Diagnostic::new(&codes::POLL_TOO_SHORT, message).at(poll.span, "very often");
            found.push(fault.help("poll once a minute, and add `trigger webhook=SECRET` to be told at once"));
        }
    }
}
