//! A reference to the environment where none is known.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::Known;
use crate::check::places::Place;
use crate::diag::{Diagnostic, codes};
use crate::model::Reference;

/// A reference to the environment where none is known.
pub(super) static RULE: Rule = Rule { code: &codes::NO_ENVIRONMENT, needs_whole: false, sees: Sees::References(run) };

fn run(_: &Context<'_>, place: &Place<'_>, reference: &Reference, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    if place.in_environment || !matches!(known, Known::Context(name) if name.in_environment) {
        return;
    }
    let message = format!("{} is the same for all environments", place.role.words());
    let fault = Diagnostic::new(&codes::NO_ENVIRONMENT, message).at(reference.span, "no environment is known here");
    found.push(
        fault.help("builds and tasks run once for a candidate; releases and verifications know their environment"),
    );
}
