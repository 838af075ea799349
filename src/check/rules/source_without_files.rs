//! A source that has no files where files are needed.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places;
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;

/// A source that has no files where files are needed.
pub(super) static RULE: Rule =
    Rule { code: &codes::SOURCE_WITHOUT_FILES, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    if context.pipeline.sources.iter().all(|s| s.kind.has_files()) {
        return;
    }
    let mut see = |name: &crate::model::Spanned<crate::model::Said>, what: &str| {
        let Some(id) = graph.find(name) else { return };
        let Some(source) = graph.source(id).filter(|s| !s.kind.has_files() && s.kind != SourceKind::Unknown) else {
            return;
        };
        let message = format!("the source `{}` has no files, and a {what} is wanted", name.value);
        let fault = Diagnostic::new(&codes::SOURCE_WITHOUT_FILES, message).at(name.span, "files are wanted");
        let fault = fault.at(source.name.span, format!("a source of kind `{}`", source.kind.word()));
        found.push(fault.help("git branches, folders and charts have files"));
    };
    places::source_paths(context.pipeline, &mut |path, what| see(&path.source, what));
    for input in context.pipeline.tasks.iter().flat_map(|t| &t.inputs) {
        input.source.iter().for_each(|name| see(name, "file to read"));
    }
}
