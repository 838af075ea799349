//! A tag of a push that no registry takes.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::Part;

/// A tag of a push that no registry takes.
pub(super) static RULE: Rule = Rule { code: &codes::BAD_TAG, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for tag in context.pipeline.builds.iter().filter_map(|b| b.push.as_ref()?.tag.as_ref()) {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let stray = tag.parts.iter().find_map(|part| match part {
            Part::Text(text) => text.chars().find(|c| !allowed(*c)),
            Part::Ref(_) => None,
        });
        let why = match (stray, tag.parts.first()) {
            (Some(c), _) => format!("`{}` cannot stand in a tag", c.escape_debug()),
            (None, None) => "it is empty".to_string(),
            (None, Some(Part::Text(text))) if text.starts_with(['.', '-']) => "a tag does not start so".to_string(),
            _ => continue,
        };
        let fault = Diagnostic::new(&codes::BAD_TAG, format!("no registry takes this tag: {why}")).at(tag.span, "");
        found.push(fault.help("letters, digits, `.`, `_` and `-` can stand in it, at most 128"));
    }
}
