//! An input that is no glob.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::format::GLOB;

/// An input that is no glob.
pub(super) static RULE: Rule = Rule { code: &codes::BAD_GLOB, needs_whole: false, sees: Sees::Places(run) };

fn run(_: &Context<'_>, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    let Some(text) = place.template.as_text().filter(|_| matches!(place.role, Role::Input)) else { return };
    // What leads out of the source is found with all other paths.
    if text.is_empty() || text.starts_with('/') || text.split('/').any(|part| part == "..") {
        return;
    }
    if let Err(wrong) = (GLOB.check)(text) {
        let message = format!("`{text}` is not a glob: {}", wrong.why);
        let fault = Diagnostic::new(&codes::BAD_GLOB, message).at(place.template.span, "");
        found.push(fault.help(format!("a glob is written so: {}", GLOB.prose)));
    }
}
