//! An input that is no glob.

use super::Rule;
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::format::GLOB;

/// An input that is no glob.
pub(super) static RULE: Rule = Rule { code: &codes::BAD_GLOB, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for input in context.pipeline.tasks.iter().flat_map(|t| &t.inputs) {
        let Some(text) = input.what.as_text() else { continue };
        // What leads out of the source is found with all other paths.
        if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
            continue;
        }
        if let Err(wrong) = (GLOB.check)(text) {
            let message = format!("`{text}` is not a glob: {}", wrong.why);
            let fault = Diagnostic::new(&codes::BAD_GLOB, message).at(input.what.span, "");
            found.push(fault.help(format!("a glob is written so: {}", GLOB.prose)));
        }
    }
}
