//! A path with references that leads out of its source.

use super::Rule;
use crate::check::Context;
use crate::check::places::{self, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::Part;

/// A path with references that leads out of its source.
pub(super) static RULE: Rule = Rule { code: &codes::PATH_ESCAPES, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::each(context.pipeline, &mut |place| {
        if !matches!(place.role, Role::Path | Role::Input) {
            return;
        }
        // A reference stands for some name: what matters is what stands around it.
        let text: String = place.template.parts.iter().map(|p| if let Part::Text(t) = p { t } else { "x" }).collect();
        let why = match text.as_str() {
            "" => "it is empty",
            t if t.starts_with('/') => "it is absolute",
            t if t.split('/').any(|part| part == "..") => "`..` leads out of it",
            _ => return,
        };
        let fault =
            Diagnostic::new(&codes::PATH_ESCAPES, format!("{} leads out of its source: {why}", place.role.words()));
        found.push(fault.at(place.template.span, "").help("paths are relative to the source's root"));
    });
}
