//! An environment that deploys into a folder or branch that is watched.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::source::repository;
use crate::model::{SourceKind, Target};

/// An environment that deploys into a folder or branch that is watched.
pub(super) static RULE: Rule = Rule { code: &codes::TARGET_IN_SOURCE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        for source in &context.pipeline.sources {
            let (path, watched) = match (&environment.target, &source.kind) {
                (Some(Target::Folder { path, .. }), SourceKind::Folder { path: watched }) => {
                    if !super::path_parts(path).starts_with(&super::path_parts(watched)) {
                        continue;
                    }
                    (path, watched)
                }
                (Some(Target::Branch { url, branch, .. }), SourceKind::Git { url: watched, branch: followed }) => {
                    if repository(url) != repository(watched) || branch.value != followed.value {
                        continue;
                    }
                    (url, watched)
                }
                _ => continue,
            };
            // With a filter, what is deployed may be left out; whether it is, is only seen when it is there.
            if !source.paths.is_empty() || !source.ignore.is_empty() {
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
