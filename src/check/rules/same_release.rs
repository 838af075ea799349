//! Two releases that are deployed to one environment under one name.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Graph;
use crate::model::{Environment, Release, Said};
use crate::source::Span;
use std::collections::HashMap;

/// Two releases that are deployed to one environment under one name.
pub(super) static RULE: Rule = Rule { code: &codes::SAME_RELEASE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    // Without a name of its own, a release has the name of its node, and of those there are no two.
    if context.pipeline.releases.iter().all(|r| r.release_name.is_none()) {
        return;
    }
    for environment in &context.pipeline.environments {
        let mut names: HashMap<Said, &Release> = HashMap::new();
        for release in deployed(context.graph, environment) {
            let name =
                release.release_name.as_ref().map_or_else(|| release.name.value.clone(), |t| super::written(t).into());
            match names.get(&name) {
                Some(first) if first.name.value != release.name.value => {
                    found.push(same(environment, first, release, &name));
                }
                Some(_) => {}
                None => drop(names.insert(name, release)),
            }
        }
    }
}

fn deployed<'a>(graph: &'a Graph, environment: &'a Environment) -> impl Iterator<Item = &'a Release> {
    environment.deploys.iter().filter_map(|name| graph.release(graph.find_release(name)?))
}

fn same(environment: &Environment, first: &Release, second: &Release, name: &str) -> Diagnostic {
    let place = |r: &Release| -> Span { r.release_name.as_ref().map_or(r.name.span, |t| t.span) };
    let message = format!("two releases are deployed to `{}` under the name `{name}`", *environment.name);
    Diagnostic::new(&codes::SAME_RELEASE, message)
        .at(place(second), "the second one")
        .at(place(first), "the first one")
        .help("the later one would replace the earlier: give each its own name")
}
