//! Names resolved, order known. The only place that knows petgraph.
//!
//! A [`Graph`] has one node for each source, build, task, release, environment and secret of a pipeline, and an edge from
//! whatever is read or waited for to whoever reads or waits. The edges come from the references in the text; `after` is
//! the only order that a person writes.

mod draw;
pub mod layers;
mod lower;
mod walk;

pub use draw::{dot, json, mermaid};
pub use lower::lower;

use crate::model::{Build, Environment, LevelChange, Pipeline, Release, Secret, Source, Task};
use crate::source::Span;
use petgraph::graph::{DiGraph, NodeIndex};
use std::sync::Arc;

/// The number of a node in its graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct NodeId(pub u32);

impl NodeId {
    fn index(self) -> NodeIndex {
        NodeIndex::new(self.0 as usize)
    }

    /// The number as an index.
    pub fn at(self) -> usize {
        self.0 as usize
    }
}

/// What a node is; the number counts within its kind, in the order of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// A thing that is watched.
    Source(u32),
    /// An image that is made.
    Build(u32),
    /// A program that is run.
    Task(u32),
    /// A chart and its values.
    Release(u32),
    /// A place deployed to.
    Environment(u32),
    /// A value that is never shown.
    Secret(u32),
}

impl Kind {
    /// The kind as the language names it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Source(_) => "source",
            Kind::Build(_) => "build",
            Kind::Task(_) => "task",
            Kind::Release(_) => "release",
            Kind::Environment(_) => "environment",
            Kind::Secret(_) => "secret",
        }
    }
}

/// Why there is an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// Something of the one is read by the other.
    Reads,
    /// The other waits for the one, by `after`.
    After,
    /// The other deploys the one.
    Deploys,
}

/// An edge: why, and the place that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// Why there is one.
    pub why: Why,
    /// The place.
    pub span: Span,
}

/// A pipeline with its names resolved.
#[derive(Clone, Debug)]
pub struct Graph {
    pipeline: Arc<Pipeline>,
    kinds: Vec<Kind>,
    /// What can be found by name, in the order of the names; of those with one name the first. Releases have names of their own.
    names: Vec<NodeId>,
    releases: Vec<NodeId>,
    edges: DiGraph<(), Edge>,
    order: Vec<NodeId>,
    /// The levels of rules that the file says, for what is only found when it is planned.
    pub levels: Arc<[LevelChange]>,
}

impl Graph {
    /// The pipeline it was made of.
    pub fn pipeline(&self) -> &Arc<Pipeline> {
        &self.pipeline
    }

    /// How many nodes there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there is no node.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// All nodes: sources, builds, tasks, releases, environments, secrets, each kind in the order of the text.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, Kind)> + '_ {
        self.kinds.iter().enumerate().map(|(i, k)| (NodeId(u32::try_from(i).unwrap_or(u32::MAX)), *k))
    }

    /// What a node is.
    pub fn kind(&self, id: NodeId) -> Kind {
        self.kinds[id.at()]
    }

    /// The name of a node.
    pub fn name(&self, id: NodeId) -> &str {
        &self.named(id).value
    }

    /// The place of a node's name.
    pub fn name_span(&self, id: NodeId) -> Span {
        self.named(id).span
    }

    fn named(&self, id: NodeId) -> &crate::model::Spanned<crate::model::Said> {
        let p = &self.pipeline;
        match self.kind(id) {
            Kind::Source(i) => &p.sources[i as usize].name,
            Kind::Build(i) => &p.builds[i as usize].name,
            Kind::Task(i) => &p.tasks[i as usize].name,
            Kind::Release(i) => &p.releases[i as usize].name,
            Kind::Environment(i) => &p.environments[i as usize].name,
            Kind::Secret(i) => &p.secrets[i as usize].name,
        }
    }

    /// The source, build, task, environment or secret of that name.
    pub fn find(&self, name: &str) -> Option<NodeId> {
        self.look_up(&self.names, name)
    }

    /// The release of that name; releases have names of their own.
    pub fn find_release(&self, name: &str) -> Option<NodeId> {
        self.look_up(&self.releases, name)
    }

    fn look_up(&self, table: &[NodeId], name: &str) -> Option<NodeId> {
        let at = table.binary_search_by(|id| self.name(*id).cmp(name)).ok()?;
        table.get(at).copied()
    }

    /// The source that the node is, if it is one.
    pub fn source(&self, id: NodeId) -> Option<&Source> {
        if let Kind::Source(i) = self.kind(id) { self.pipeline.sources.get(i as usize) } else { None }
    }

    /// The build that the node is, if it is one.
    pub fn build(&self, id: NodeId) -> Option<&Build> {
        if let Kind::Build(i) = self.kind(id) { self.pipeline.builds.get(i as usize) } else { None }
    }

    /// The task that the node is, if it is one.
    pub fn task(&self, id: NodeId) -> Option<&Task> {
        if let Kind::Task(i) = self.kind(id) { self.pipeline.tasks.get(i as usize) } else { None }
    }

    /// The release that the node is, if it is one.
    pub fn release(&self, id: NodeId) -> Option<&Release> {
        if let Kind::Release(i) = self.kind(id) { self.pipeline.releases.get(i as usize) } else { None }
    }

    /// The environment that the node is, if it is one.
    pub fn environment(&self, id: NodeId) -> Option<&Environment> {
        if let Kind::Environment(i) = self.kind(id) { self.pipeline.environments.get(i as usize) } else { None }
    }

    /// The secret that the node is, if it is one.
    pub fn secret(&self, id: NodeId) -> Option<&Secret> {
        if let Kind::Secret(i) = self.kind(id) { self.pipeline.secrets.get(i as usize) } else { None }
    }
}
