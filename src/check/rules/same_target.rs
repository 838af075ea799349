//! Two environments that deploy to one place.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Environment, Target};
use std::collections::HashMap;

/// Two environments that deploy to one place.
pub(super) static RULE: Rule = Rule { code: &codes::SAME_TARGET, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut namespaces: HashMap<(&str, &str), &Environment> = HashMap::new();
    let mut folders: Vec<(Vec<&str>, &Environment)> = Vec::new();
    for environment in &context.pipeline.environments {
        match &environment.target {
            Some(Target::Cluster { context, namespace, .. }) => {
                let place = (context.as_str(), namespace.as_str());
                match namespaces.get(&place) {
                    Some(first) => {
                        found.push(same(first, environment, &format!("the namespace `{}` of `{}`", place.1, place.0)))
                    }
                    None => drop(namespaces.insert(place, environment)),
                }
            }
            Some(Target::Folder { path, .. }) => {
                let parts = super::path_parts(path);
                match folders.iter().find(|(other, _)| parts.starts_with(other) || other.starts_with(&parts)) {
                    Some((_, first)) => found.push(same(first, environment, &format!("the folder `{}`", path.value))),
                    None => folders.push((parts, environment)),
                }
            }
            None => {}
        }
    }
}

fn same(first: &Environment, second: &Environment, place: &str) -> Diagnostic {
    let at = |e: &Environment| e.target.as_ref().map_or(e.name.span, Target::span);
    let message = format!("`{}` and `{}` both deploy to {place}", *first.name, *second.name);
    Diagnostic::new(&codes::SAME_TARGET, message).at(at(second), "the second one").at(at(first), "the first one").help(
        "each would undo what the other deploys, and the weaker gate would be the only one; give each its own place",
    )
}
