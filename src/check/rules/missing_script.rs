//! A script that is not in the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::VerifyKind;

/// A script that is not in the repository.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_SCRIPT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        for verify in &environment.verifies {
            let VerifyKind::Script { script, .. } = &verify.kind else { continue };
            let Some(missing) = files::first_missing(context, script, &[&environment.name], "") else { continue };
            let place = script.path.as_ref().map_or(script.span, |p| p.span);
            let fault = Diagnostic::new(&codes::MISSING_SCRIPT, format!("there is no script `{missing}`"))
                .at(place, "not there");
            found.push(fault.help("its path is relative to the root of the source"));
        }
    }
}
