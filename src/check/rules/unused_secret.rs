//! A secret that nothing uses.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;

/// A secret that nothing uses.
pub(super) static RULE: Rule = Rule { code: &codes::UNUSED_SECRET, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    super::unused(
        context,
        &codes::UNUSED_SECRET,
        |k| matches!(k, Kind::Secret(_)),
        "refer to it where it is needed, or take it out",
        found,
    );
}
