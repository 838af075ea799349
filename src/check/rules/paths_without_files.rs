//! Path filters on a source that has no files.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;

/// Path filters on a source that has no files.
pub(super) static RULE: Rule =
    Rule { code: &codes::PATHS_WITHOUT_FILES, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let filter = source.paths.first().map(|p| ("paths", p)).or(source.ignore.first().map(|p| ("ignore", p)));
        let Some((word, place)) = filter.filter(|_| !source.kind.has_files() && source.kind != SourceKind::Unknown)
        else {
            continue;
        };
        let message = format!("`{word}` has nothing to choose from: `{}` has no files", *source.name);
        let fault = Diagnostic::new(&codes::PATHS_WITHOUT_FILES, message).at(place.span, "means nothing here");
        found.push(
            fault.help(format!(
                "a source of kind `{}` has versions and no files; take `{word}` out",
                source.kind.word()
            )),
        );
    }
}
