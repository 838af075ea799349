//! Two environments that deploy to one place.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::source::repository;
use crate::model::{Environment, Target};
use std::collections::HashMap;

/// Two environments that deploy to one place.
pub(super) static RULE: Rule = Rule { code: &codes::SAME_TARGET, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let mut namespaces: HashMap<(&str, &str), &Environment> = HashMap::new();
    let mut folders = Folders::default();
    let mut branches: HashMap<(&str, &str), Folders<'_>> = HashMap::new();
    for environment in &context.pipeline.environments {
        match &environment.target {
            Some(Target::Cluster { context, namespace, .. }) => {
                let place = (context.as_str(), namespace.as_str());
                match namespaces.get(&place) {
                    Some(first) => {
                        let place = format!("the namespace `{}` of `{}`", place.1, place.0);
                        found.push(same(first, environment, &place));
                    }
                    None => drop(namespaces.insert(place, environment)),
                }
            }
            Some(Target::Folder { path, .. }) => {
                if let Some(first) = folders.add(super::path_parts(path), environment) {
                    found.push(same(first, environment, &format!("the folder `{}`", path.value)));
                }
            }
            Some(Target::Branch { url, branch, folder, .. }) => {
                let name = folder.as_ref().unwrap_or(&environment.name);
                let seen = branches.entry((repository(url), branch.as_str())).or_default();
                if let Some(first) = seen.add(super::path_parts(name), environment) {
                    let place =
                        format!("the folder `{}` of the branch `{}` of `{}`", name.value, branch.value, url.value);
                    found.push(same(first, environment, &place));
                }
            }
            None => {}
        }
    }
}

/// The folders that were seen.
#[derive(Default)]
struct Folders<'a> {
    /// Each folder, by its parts.
    own: HashMap<Vec<&'a str>, &'a Environment>,
    /// Each folder above one of them.
    above: HashMap<Vec<&'a str>, &'a Environment>,
}

impl<'a> Folders<'a> {
    /// Adds a folder. Gives the environment that has it already, or has one above or below it.
    fn add(&mut self, parts: Vec<&'a str>, environment: &'a Environment) -> Option<&'a Environment> {
        let prefixes = || (0..=parts.len()).filter_map(|n| parts.get(..n));
        let taken = prefixes().find_map(|p| self.own.get(p)).or_else(|| self.above.get(&parts)).copied();
        for prefix in prefixes() {
            self.above.entry(prefix.to_vec()).or_insert(environment);
        }
        self.own.entry(parts).or_insert(environment);
        taken
    }
}

fn same(first: &Environment, second: &Environment, place: &str) -> Diagnostic {
    let at = |e: &Environment| e.target.as_ref().map_or(e.name.span, Target::span);
    let message = format!("`{}` and `{}` both deploy to {place}", *first.name, *second.name);
    Diagnostic::new(&codes::SAME_TARGET, message).at(at(second), "the second one").at(at(first), "the first one").help(
        "each would undo what the other deploys, and the weaker gate would be the only one; give each its own place",
    )
}
