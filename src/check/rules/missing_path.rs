//! A path that is not in the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A path that is not in the repository.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_PATH, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let Some(path) = source.kind.local_path() else { continue };
        if files::is_within(path) && !context.repository.exists(path) {
            let message = format!("there is no `{}` in the repository", path.value);
            let fault = Diagnostic::new(&codes::MISSING_PATH, message).at(path.span, "not there");
            found.push(fault.help("paths are relative to the pipeline file"));
        }
    }
}
