//! A release that nothing uses.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;

/// A release that nothing uses.
pub(super) static RULE: Rule = Rule { code: &codes::UNUSED_RELEASE, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    super::unused(
        context,
        &codes::UNUSED_RELEASE,
        |k| matches!(k, Kind::Release(_)),
        "`deploy` it in an environment, or take it out",
        found,
    );
}
