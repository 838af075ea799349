//! A time of nothing.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places;
use crate::diag::{Diagnostic, codes};
use crate::model::{GateRule, Spanned, TriggerKind, VerifyKind};
use std::time::Duration;

/// A time of nothing.
pub(super) static RULE: Rule = Rule { code: &codes::ZERO_DURATION, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let pipeline = context.pipeline;
    let mut see = |what: &str, time: Option<&Spanned<Duration>>| {
        if let Some(time) = time.filter(|t| t.value.is_zero()) {
            let fault =
                Diagnostic::new(&codes::ZERO_DURATION, format!("`{what}` of no time at all")).at(time.span, "nothing");
            found.push(fault.help(format!("leave `{what}` out, or say how long")));
        }
    };
    places::commands(pipeline, &mut |command| see("timeout", command.timeout.as_ref()));
    for trigger in pipeline.sources.iter().flat_map(|s| &s.triggers) {
        if let TriggerKind::Poll(poll) = &trigger.kind {
            see("poll", Some(poll));
        }
    }
    for environment in &pipeline.environments {
        see("timeout", environment.timeout.as_ref());
        if let GateRule::Gate(gate) = &environment.gate {
            see("soak", gate.soak.as_ref());
            see("expires", gate.expires.as_ref());
        }
        for verify in &environment.verifies {
            if let VerifyKind::Http { timeout, .. } | VerifyKind::HelmTest { timeout, .. } = &verify.kind {
                see("timeout", timeout.as_ref());
            }
        }
    }
}
