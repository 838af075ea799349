//! A build that nothing uses.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;

/// A build that nothing uses.
pub(super) static RULE: Rule = Rule { code: &codes::UNUSED_BUILD, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // A pipeline that deploys nothing is there to build and push.
    if context.pipeline.environments.is_empty() {
        return;
    }
    super::unused(
        context,
        &codes::UNUSED_BUILD,
        |k| matches!(k, Kind::Build(_)),
        "refer to it as `{NAME}` where it is deployed or tested, or take it out",
        found,
    );
}
