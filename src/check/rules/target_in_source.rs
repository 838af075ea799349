//! An environment that deploys into a folder that is watched.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{SourceKind, Target};

/// An environment that deploys into a folder that is watched.
pub(super) static RULE: Rule = Rule { code: &codes::TARGET_IN_SOURCE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        let Some(Target::Folder { path, .. }) = &environment.target else { continue };
        let target = super::path_parts(path);
        for source in &context.pipeline.sources {
            let SourceKind::Folder { path: watched } = &source.kind else { continue };
            let folder = super::path_parts(watched);
            // With a filter, what is deployed may be left out; whether it is, is only seen when it is there.
            if !target.starts_with(&folder) || !source.paths.is_empty() || !source.ignore.is_empty() {
                continue;
            }
            let message = format!("what `{}` deploys is a change of the source `{}`", *environment.name, *source.name);
            let fault =
                Diagnostic::new(&codes::TARGET_IN_SOURCE, message).at(path.span, "deployed into what is watched");
            found.push(
                fault
                    .at(watched.span, "watched")
                    .help("each deploy would make a new candidate: deploy elsewhere, or `ignore` the folder"),
            );
        }
    }
}
