//! A URL with a password in it.

use super::urls;
use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::format::parse_url;

/// A URL with a password in it.
pub(super) static RULE: Rule = Rule { code: &codes::CREDENTIALS_IN_URL, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    urls::each(context.pipeline, &mut |text, span| {
        let Some(user) = parse_url(text).and_then(|u| u.user) else { return };
        // A user name alone is no secret: `ssh://git@…` has one always.
        let token = user.len() >= 20 && !user.contains('.');
        if user.contains(':') || token {
            let fault = Diagnostic::new(&codes::CREDENTIALS_IN_URL, "a password stands in a URL")
                .at(span, "everyone who has this file can read it");
            found.push(fault.help(
                "take it out, and change it: it is known by now. Name a secret instead: `credentials SECRET` in a source, `credentials=SECRET` in an environment",
            ));
        }
    });
}
