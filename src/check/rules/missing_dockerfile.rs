//! A Dockerfile that is not in the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A Dockerfile that is not in the repository.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_DOCKERFILE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for build in &context.pipeline.builds {
        let Some(path) = &build.context else { continue };
        let dockerfile = build.dockerfile.as_ref().map_or("Dockerfile", |d| d.as_str());
        let Some(missing) = files::first_missing(context, path, &[], dockerfile) else { continue };
        let place = build.dockerfile.as_ref().map_or(path.span, |d| d.span);
        let fault = Diagnostic::new(&codes::MISSING_DOCKERFILE, format!("there is no Dockerfile `{missing}`"))
            .at(place, "not there");
        found.push(fault.help("its path is relative to the context; another one is named with `dockerfile \"PATH\"`"));
    }
}
