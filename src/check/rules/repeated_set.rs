//! A value of a release that is set twice.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A value of a release that is set twice.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_SET, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for release in &context.pipeline.releases {
        let paths = release.sets.iter().map(|s| &s.path);
        for (first, second) in super::repeated(paths, |p| p.as_str()) {
            // In one node it stands twice as a property, which has been told.
            let message = format!("`{}` is set twice", second.value);
            let fault = Diagnostic::new(&codes::REPEATED_SET, message).at(second.span, "a second time here");
            found.push(fault.at(first.span, "first here").help("keep the one that is meant"));
        }
    }
}
