//! A path that is not in the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;
use crate::model::source::is_path;

/// A path that is not in the repository.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_PATH, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let path = match &source.kind {
            SourceKind::Folder { path } => path,
            SourceKind::Git { url, .. } if is_path(url) => url,
            SourceKind::Helm { chart, .. } if is_path(chart) => chart,
            SourceKind::Image { repository, .. } if is_path(repository) => repository,
            _ => continue,
        };
        if files::is_within(path) && !context.repository.exists(path) {
            let message = format!("there is no `{}` in the repository", path.value);
            let fault = Diagnostic::new(&codes::MISSING_PATH, message).at(path.span, "not there");
            found.push(fault.help("paths are relative to the pipeline file"));
        }
    }
}
