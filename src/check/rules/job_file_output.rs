//! A file that a Job cannot hand over.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A file that a Job cannot hand over.
pub(super) static RULE: Rule = Rule { code: &codes::JOB_FILE_OUTPUT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for task in &context.pipeline.tasks {
        let Some(cluster) = &task.command.cluster else { continue };
        for output in task.outputs.iter().filter(|output| output.path.is_some()) {
            let message =
                format!("the task `{}` cannot hand over the file of its output `{}`", *task.name, output.name.value);
            let fault = Diagnostic::new(&codes::JOB_FILE_OUTPUT, message).at(output.span, "a file in the pod of a Job");
            found.push(fault.at(cluster.span, "it runs in a cluster").help(
                "let it push or upload what it makes and tell where it is, by a line of LOCKGATE_OUTPUT, or let it run without `cluster`",
            ));
        }
    }
}
