//! A path with references that leads out of its source.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::Part;
use std::borrow::Cow;

/// A path with references that leads out of its source.
pub(super) static RULE: Rule = Rule { code: &codes::PATH_ESCAPES, needs_whole: false, sees: Sees::Places(run) };

fn run(_: &Context<'_>, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    if !matches!(place.role, Role::Path | Role::Input) {
        return;
    }
    // A reference stands for some name: what matters is what stands around it.
    let parts = place.template.parts.iter().map(|p| if let Part::Text(t) = p { t.as_str() } else { "x" });
    let text: Cow<'_, str> = place.template.as_text().map_or_else(|| parts.collect(), Cow::Borrowed);
    let why = match &*text {
        "" => "it is empty",
        t if t.starts_with('/') => "it is absolute",
        t if t.split('/').any(|part| part == "..") => "`..` leads out of it",
        _ => return,
    };
    let message = format!("{} leads out of its source: {why}", place.role.words());
    let fault = Diagnostic::new(&codes::PATH_ESCAPES, message).at(place.template.span, "");
    found.push(fault.help("paths are relative to the source's root"));
}
