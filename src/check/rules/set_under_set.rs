//! A value that is set inside of another that is set.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::format::set_path;
use crate::model::{Release, SetKind, SetValue};
use std::collections::HashMap;

/// A value that is set inside of another that is set.
pub(super) static RULE: Rule = Rule { code: &codes::SET_UNDER_SET, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    context.pipeline.releases.iter().for_each(|release| in_release(release, found));
}

fn in_release(release: &Release, found: &mut Vec<Diagnostic>) {
    let mut scalars: HashMap<Vec<String>, &SetValue> = HashMap::new();
    for set in release.sets.iter().filter(|s| s.kind != SetKind::Json) {
        if let Ok(path) = set_path(&set.path) {
            scalars.entry(path).or_insert(set);
        }
    }
    for set in &release.sets {
        let Ok(path) = set_path(&set.path) else { continue };
        let above = (1..path.len()).find_map(|n| scalars.get(path.get(..n)?));
        let Some(above) = above else { continue };
        let message = format!("`{}` is set inside of `{}`, which is a single value", set.path.value, above.path.value);
        let fault = Diagnostic::new(&codes::SET_UNDER_SET, message).at(set.path.span, "inside of it");
        found.push(fault.at(above.path.span, "a single value").help("it cannot be both: keep the one that is meant"));
    }
}
