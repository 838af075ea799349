//! A task with two outputs of one name.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A task with two outputs of one name.
pub(super) static RULE: Rule = Rule { code: &codes::DUPLICATE_OUTPUT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for task in &context.pipeline.tasks {
        let names = task.outputs.iter().map(|o| &o.name);
        for (first, second) in super::repeated(names, |n| n.as_str()) {
            let message = format!("the task `{}` has two outputs `{}`", *task.name, second.value);
            let fault = Diagnostic::new(&codes::DUPLICATE_OUTPUT, message).at(second.span, "a second time here");
            found.push(fault.at(first.span, "first here").help("a reference must mean one of them: rename the other"));
        }
    }
}
