//! A variable, build argument or label that is given twice.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places;
use crate::diag::{Diagnostic, codes};
use crate::model::{Said, Spanned, Template};

/// A variable, build argument or label that is given twice.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_VARIABLE, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for build in &context.pipeline.builds {
        pairs(&build.args, "the build argument", found);
        pairs(&build.labels, "the label", found);
    }
    places::commands(context.pipeline, &mut |command| pairs(&command.env, "the variable", found));
}

fn pairs(pairs: &[(Spanned<Said>, Template)], what: &str, found: &mut Vec<Diagnostic>) {
    for (first, second) in super::repeated(pairs.iter().map(|(name, _)| name), |n| n.as_str()) {
        let message = format!("{what} `{}` is given twice", second.value);
        let fault = Diagnostic::new(&codes::REPEATED_VARIABLE, message).at(second.span, "a second time here");
        found.push(fault.at(first.span, "first here").help("keep the one that is meant"));
    }
}
