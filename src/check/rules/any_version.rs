//! A source that takes any version.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;
use crate::model::source::is_path;

/// A source that takes any version.
pub(super) static RULE: Rule = Rule { code: &codes::ANY_VERSION, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let place = match &source.kind {
            SourceKind::Helm { chart, version: None, .. } if !is_path(chart) => chart.span,
            SourceKind::Helm { version: Some(range), .. } if matches!(range.trim(), "*" | "x" | ">0" | ">=0") => {
                range.span
            }
            SourceKind::Image { tag, repository, .. } if tag.trim() == "*" && !is_path(repository) => tag.span,
            _ => continue,
        };
        let message = format!("`{}` takes any version, also the next major one", source.name.value);
        let fault = Diagnostic::new(&codes::ANY_VERSION, message).at(place, "no bound");
        found.push(fault.help("say how far it may go: `~1.2` takes 1.2.x, `^1` takes 1.x"));
    }
}
