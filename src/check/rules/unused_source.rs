//! A source that nothing uses.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;

/// A source that nothing uses.
pub(super) static RULE: Rule = Rule { code: &codes::UNUSED_SOURCE, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    super::unused(
        context,
        &codes::UNUSED_SOURCE,
        |k| matches!(k, Kind::Source(_)),
        "watch it for something, or take it out",
        found,
    );
}
