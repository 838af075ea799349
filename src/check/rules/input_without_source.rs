//! An input that is a glob over no source.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// An input that is a glob over no source.
pub(super) static RULE: Rule =
    Rule { code: &codes::INPUT_WITHOUT_SOURCE, needs_whole: true, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for task in context.pipeline.tasks.iter().filter(|t| t.command.workdir.is_none()) {
        let globs = task.inputs.iter().filter(|i| i.source.is_none() && i.what.refs().next().is_none());
        for input in globs {
            let message = format!("the task `{}` works in no source, so this is a glob over nothing", *task.name);
            let fault = Diagnostic::new(&codes::INPUT_WITHOUT_SOURCE, message).at(input.span, "of which source?");
            found.push(
                fault.help(
                    "say in which source it works, `in SOURCE`, or of which one this is, `input SOURCE \"GLOB\"`",
                ),
            );
        }
    }
}
