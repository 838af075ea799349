//! A `set-json` that is no JSON.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Part, SetKind, SetTo};

/// A `set-json` that is no JSON.
pub(super) static RULE: Rule = Rule { code: &codes::BAD_JSON, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for set in context.pipeline.releases.iter().flat_map(|r| &r.sets).filter(|s| s.kind == SetKind::Json) {
        let SetTo::Text(template) = &set.to else { continue };
        // A digit can stand for any reference, within a string and without.
        let text: String = template.parts.iter().map(|p| if let Part::Text(t) = p { t } else { "0" }).collect();
        if let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(&text) {
            let why = error.to_string();
            let why = why.split(" at line").next().unwrap_or_default();
            let fault = Diagnostic::new(&codes::BAD_JSON, format!("`{}` is not JSON: {why}", set.path.value));
            found.push(fault.at(template.span, "").help("braces that are not references are doubled: `{{\"a\": 1}}`"));
        }
    }
}
