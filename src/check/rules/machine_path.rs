//! A path that only this machine has.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A path that only this machine has.
pub(super) static RULE: Rule = Rule { code: &codes::MACHINE_PATH, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        let Some(path) = source.kind.local_path() else { continue };
        if path.starts_with('/') {
            let message = format!("`{}` is watched at a place that only this machine has", *source.name);
            let fault = Diagnostic::new(&codes::MACHINE_PATH, message).at(path.span, "an absolute path");
            found.push(fault.help("write it relative to the pipeline file, so that it means the same for everyone"));
        }
    }
}
