//! The graph of a run, each node as its steps are.

use super::Look;
use crate::report::graph::{Picture, svg};
use crate::report::steps::{Is, StepLine};
use std::collections::BTreeMap;

/// The picture: what runs, is done, failed or waits; a click on an environment leads to its gate.
pub(super) fn html(look: &Look<'_>, steps: &[StepLine], is_open: bool) -> String {
    let mut states: BTreeMap<String, &str> = BTreeMap::new();
    for step in steps {
        let Some(node) = node_of(&step.id) else { continue };
        let state = match step.is {
            Is::Failed | Is::Unclear => "bad",
            Is::Running => "busy",
            Is::Waiting => "due",
            Is::Done | Is::Reused | Is::Stopped => "good",
        };
        let worse = states.get(&node).is_none_or(|before| weight(state) > weight(before));
        if worse {
            states.insert(node, state);
        }
    }
    for name in look.environments().filter(|_| is_open) {
        let standing = look.state.memory.environments.get(name).and_then(|p| p.standing.as_ref());
        if standing.is_some_and(|s| s.rejected.is_none()) {
            states.entry(format!("environment.{name}")).or_insert("waits");
        }
    }
    let link = |name: &str| (format!("environment.{name}"), look.to(&["gates", name]));
    let links = look.environments().map(link).collect();
    let states = states.into_iter().map(|(node, state)| (node, state.to_string())).collect();
    svg(look.graph, &Picture { states, links, bare: true })
}

/// What of several steps of one node shows.
fn weight(state: &str) -> u8 {
    match state {
        "bad" => 3,
        "busy" => 2,
        "due" => 1,
        _ => 0,
    }
}

/// The node that a step belongs to.
fn node_of(step: &str) -> Option<String> {
    let (kind, rest) = step.split_once('.')?;
    let name = rest.split(['.', '@']).next()?;
    match kind {
        "build" | "test" | "push" => Some(format!("build.{name}")),
        "task" => Some(format!("task.{name}")),
        "deploy" | "verify" => Some(format!("environment.{name}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_belong_to_nodes() {
        let of = |step| node_of(step).unwrap_or_default();
        assert_eq!(
            [of("push.image"), of("deploy.dev.mi"), of("verify.dev.2")],
            ["build.image", "environment.dev", "environment.dev"]
        );
        assert_eq!(node_of("nothing"), None);
    }
}
