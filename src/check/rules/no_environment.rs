//! A reference to the environment where none is known.

use super::Rule;
use crate::check::{Context, places};
use crate::diag::{Diagnostic, codes};
use crate::model::fields;

/// A reference to the environment where none is known.
pub(super) static RULE: Rule = Rule { code: &codes::NO_ENVIRONMENT, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::each(context.pipeline, &mut |place| {
        if place.in_environment {
            return;
        }
        let needs = |name: &str| fields::context(name).is_some_and(|c| c.in_environment);
        for reference in place.template.refs().filter(|r| needs(&r.name)) {
            let message = format!("{} is the same for all environments", place.role.words());
            let fault =
                Diagnostic::new(&codes::NO_ENVIRONMENT, message).at(reference.span, "no environment is known here");
            found.push(
                fault.help(
                    "builds and tasks run once for a candidate; releases and verifications know their environment",
                ),
            );
        }
    });
}
