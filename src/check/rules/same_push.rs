//! Two builds that push under one name.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Build, Push};
use std::collections::HashMap;

/// Two builds that push under one name.
pub(super) static RULE: Rule = Rule { code: &codes::SAME_PUSH, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<(&str, String), (&Build, &Push)> = HashMap::new();
    for build in &context.pipeline.builds {
        let Some(push) = &build.push else { continue };
        let key = (push.repository.as_str(), push.tag.as_ref().map(super::written).unwrap_or_default());
        let Some((first, first_push)) = seen.get(&key) else {
            seen.insert(key, (build, push));
            continue;
        };
        let message = format!("`{}` and `{}` push to one repository under one tag", *first.name, *build.name);
        let fault = Diagnostic::new(&codes::SAME_PUSH, message).at(push.span, "the second one");
        found.push(
            fault
                .at(first_push.span, "the first one")
                .help("the later one would take the tag of the earlier: give each its own repository or tag"),
        );
    }
}
