//! A name that stands twice in one list.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Said, Spanned};

/// A name that stands twice in one list.
pub(super) static RULE: Rule = Rule { code: &codes::REPEATED_MENTION, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let pipeline = context.pipeline;
    pipeline.tasks.iter().for_each(|t| list(&t.after, "after", found));
    pipeline.environments.iter().for_each(|e| list(&e.after, "after", found));
    pipeline.environments.iter().for_each(|e| list(&e.deploys, "deploy", found));
    pipeline.secrets.iter().for_each(|s| list(&s.environments, "environments", found));
    pipeline.notifies.iter().for_each(|n| list(&n.on, "on", found));
}

fn list(names: &[Spanned<Said>], what: &str, found: &mut Vec<Diagnostic>) {
    for (first, second) in super::repeated(names, |n| n.as_str()) {
        let message = format!("`{what}` names `{}` twice", second.value);
        let fault = Diagnostic::new(&codes::REPEATED_MENTION, message).at(second.span, "a second time here");
        found.push(fault.at(first.span, "first here").help("once is enough: take one of them out"));
    }
}
