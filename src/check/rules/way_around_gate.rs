//! A command in the cluster of an environment that its gate does not hold back.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::before::behind;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, Kind, NodeId};
use crate::model::{Command, GateRule, Said, Spanned, Target, VerifyKind};
use std::collections::HashMap;

/// A command in the cluster of an environment that its gate does not hold back.
pub(super) static RULE: Rule = Rule { code: &codes::WAY_AROUND_GATE, needs_whole: false, sees: Sees::Pipeline(run) };

/// For each cluster, the environments in it, when all of them have a gate. What runs in such a cluster must be behind one
/// of these gates; a cluster that has an environment without a gate can be entered anyway.
struct Guarded<'a> {
    clusters: HashMap<&'a str, Cluster>,
}

struct Cluster {
    environments: Vec<NodeId>,
    /// For each node, whether it waits for one of them or is one.
    behind: Vec<bool>,
}

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let guarded = Guarded::new(context);
    if guarded.clusters.is_empty() {
        return;
    }
    let graph = context.graph;
    for (id, kind) in graph.nodes() {
        match kind {
            Kind::Build(_) => {
                graph.build(id).into_iter().flat_map(|b| &b.tests).for_each(|c| guarded.see(graph, id, c, found))
            }
            Kind::Task(_) => graph.task(id).into_iter().for_each(|t| guarded.see(graph, id, &t.command, found)),
            Kind::Environment(_) => {
                for verify in graph.environment(id).into_iter().flat_map(|e| &e.verifies) {
                    if let VerifyKind::Run(command) | VerifyKind::Script { command, .. } = &verify.kind {
                        guarded.see(graph, id, command, found);
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> Guarded<'a> {
    fn new(context: &Context<'a>) -> Guarded<'a> {
        let mut clusters: HashMap<&str, Vec<NodeId>> = HashMap::new();
        let mut open: Vec<&str> = Vec::new();
        for environment in &context.pipeline.environments {
            let Some(Target::Cluster { context: cluster, .. }) = &environment.target else { continue };
            match (&environment.gate, context.graph.find(&environment.name)) {
                (GateRule::Gate(_), Some(id)) => clusters.entry(cluster.as_str()).or_default().push(id),
                _ => open.push(cluster.as_str()),
            }
        }
        open.iter().for_each(|cluster| drop(clusters.remove(cluster)));
        let cluster =
            |environments: Vec<NodeId>| Cluster { behind: behind(context.graph, &environments), environments };
        Guarded { clusters: clusters.into_iter().map(|(name, e)| (name, cluster(e))).collect() }
    }

    /// Looks at one command of the node.
    fn see(&self, graph: &Graph, id: NodeId, command: &Command, found: &mut Vec<Diagnostic>) {
        let Some(cluster) = &command.cluster else { return };
        let Some(guarded) = self.clusters.get(cluster.as_str()) else { return };
        let behind = guarded.behind.get(id.at()) == Some(&true);
        if let Some(gate) = guarded.environments.first().filter(|_| !behind) {
            found.push(way(graph, id, cluster, *gate));
        }
    }
}

fn way(graph: &Graph, id: NodeId, cluster: &Spanned<Said>, environment: NodeId) -> Diagnostic {
    let (name, gated) = (graph.name(id), graph.name(environment));
    let message = format!("`{name}` runs in the cluster `{}` without passing the gate of `{gated}`", cluster.value);
    let fault = Diagnostic::new(&codes::WAY_AROUND_GATE, message).at(cluster.span, "enters the cluster");
    let fault = fault.at(graph.name_span(environment), "all environments there have a gate");
    fault.help(format!("let it run after that: `after {gated}`; or run it in another cluster"))
}
