//! Text of others in a line of a shell.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::Known;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::Reference;
use crate::model::fields::Nature;

/// Text of others in a line of a shell.
pub(super) static RULE: Rule = Rule { code: &codes::SHELL_INJECTION, needs_whole: false, sees: Sees::References(run) };

fn run(_: &Context<'_>, place: &Place<'_>, reference: &Reference, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    if !matches!(place.role, Role::Shell) || known.nature(reference) != Some(Nature::Foreign) {
        return;
    }
    let fault = Diagnostic::new(&codes::SHELL_INJECTION, "whoever writes a commit can run programs here");
    let fault = fault.at(reference.span, "the shell reads this as code");
    found.push(fault.help("hand it over in `env` and use `\"$NAME\"` in the line"));
}
