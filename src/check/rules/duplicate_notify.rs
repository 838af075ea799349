//! Two notifications of one name.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// Two notifications of one name.
pub(super) static RULE: Rule = Rule { code: &codes::DUPLICATE_NAME, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let names = context.pipeline.notifies.iter().map(|n| &n.name);
    for (first, second) in super::repeated(names, |n| n.as_str()) {
        let message = format!("the name `{}` is given twice", second.value);
        let fault = Diagnostic::new(&codes::DUPLICATE_NAME, message).at(second.span, "a second time here");
        found.push(fault.at(first.span, "first here").help("each `notify` of a pipeline has its own name"));
    }
}
