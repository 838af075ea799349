//! A push under a tag that stays the same.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::known;
use crate::diag::{Diagnostic, codes};
use crate::model::fields::Nature;

/// A push under a tag that stays the same.
pub(super) static RULE: Rule = Rule { code: &codes::MUTABLE_TAG, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for push in context.pipeline.builds.iter().filter_map(|b| b.push.as_ref()) {
        let Some(tag) = &push.tag else { continue };
        // `latest` has a rule of its own.
        if tag.as_text() == Some("latest") {
            continue;
        }
        let exact = |r| known(context, r).is_none_or(|k| matches!(k.nature(r), None | Some(Nature::Exact)));
        if !tag.refs().any(exact) {
            let fault = Diagnostic::new(&codes::MUTABLE_TAG, "two different images can get this tag")
                .at(tag.span, "does not change with the content");
            found.push(fault.help("put something exact in it, as `{app.short}`, or leave `tag=` out"));
        }
    }
}
