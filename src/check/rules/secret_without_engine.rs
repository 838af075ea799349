//! A secret of a build in which nothing runs that could read it.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::Builder;
use crate::source::Span;

/// A secret of a build in which nothing runs that could read it.
pub(super) static RULE: Rule = Rule { code: &codes::CONTRADICTION, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for build in context.pipeline.builds.iter().filter(|b| b.builder.value == Builder::Daemonless) {
        let Some(secret) = build.secrets.first() else { continue };
        let place = secret.name.span;
        let message =
            format!("the build `{}` has a secret, and nothing runs in it that could read one", build.name.value);
        let behind = Span::new(place.file, place.range().end, place.range().end);
        found.push(
            Diagnostic::new(&codes::CONTRADICTION, message)
                .at(place, "for an instruction that mounts it")
                .help("write `builder docker`: an engine runs the programs of a Dockerfile")
                .fix("Let a Docker engine build it", behind, "\n        builder docker"),
        );
    }
}
