//! An image that the cluster it is deployed to cannot pull.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, Kind, NodeId};
use crate::model::source::is_path;
use crate::model::{Build, Target};

/// An image that the cluster it is deployed to cannot pull.
pub(super) static RULE: Rule = Rule { code: &codes::IMAGE_OUT_OF_REACH, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(build) = graph.build(id).filter(|b| b.push.as_ref().is_none_or(|p| is_path(&p.repository))) else {
            continue;
        };
        let Some(environment) = deployed_to(graph, id) else { continue };
        let (place, why) = where_it_stays(build);
        let message = format!("`{}` cannot pull the image of `{}`", graph.name(environment), *build.name);
        let fault = Diagnostic::new(&codes::IMAGE_OUT_OF_REACH, message).at(place, why);
        found.push(
            fault
                .at(graph.name_span(environment), "deploys it to a cluster")
                .help("push it to a registry that the cluster reaches"),
        );
    }
}

fn where_it_stays(build: &Build) -> (crate::source::Span, &'static str) {
    match &build.push {
        Some(push) => (push.repository.span, "a folder of this machine"),
        None => (build.name.span, "is not pushed"),
    }
}

/// The first environment with a cluster that a release with this image is deployed to.
fn deployed_to(graph: &Graph, build: NodeId) -> Option<NodeId> {
    let releases = graph.needed_by(build).map(|(n, _)| n).filter(|n| matches!(graph.kind(*n), Kind::Release(_)));
    let mut environments = releases.flat_map(|r| graph.needed_by(r).map(|(n, _)| n).collect::<Vec<_>>());
    environments.find(|n| graph.environment(*n).is_some_and(|e| matches!(e.target, Some(Target::Cluster { .. }))))
}
