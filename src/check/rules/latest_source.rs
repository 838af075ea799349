//! A source that follows the tag `latest`.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;
use crate::model::source::is_path;

/// A source that follows the tag `latest`.
pub(super) static RULE: Rule = Rule { code: &codes::LATEST_TAG, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let SourceKind::Image { repository, tag, .. } = &source.kind else { continue };
        // A folder has the one image that was put there.
        if tag.value == "latest" && !is_path(repository) {
            let fault = Diagnostic::new(&codes::LATEST_TAG, "`latest` is whatever was pushed last");
            let fault = fault.at(tag.span, "says no version");
            found.push(fault.help("name the versions that are wanted: `tag=\"1.2.*\"`"));
        }
    }
}
