//! Ways through the graph. All of them loop and none recurses: a chain may be a hundred thousand nodes long.

use super::{Edge, Graph, Kind, NodeId, Why};
use petgraph::Direction;
use petgraph::algo::dominators;
use petgraph::visit::EdgeRef;

impl Graph {
    /// All nodes, each after everything that it reads or waits for; otherwise in the order of the text. Nodes on a cycle
    /// are missing.
    pub fn order(&self) -> &[NodeId] {
        &self.order
    }

    /// What the node reads or waits for, in the order of the text.
    pub fn needs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
        let mut edges: Vec<_> = self.edges.edges_directed(id.index(), Direction::Incoming).collect();
        edges.reverse();
        edges.into_iter().map(|e| (from_index(e.source()), *e.weight()))
    }

    /// What reads or waits for the node.
    pub fn needed_by(&self, id: NodeId) -> impl Iterator<Item = (NodeId, Edge)> + '_ {
        self.edges.edges(id.index()).map(|e| (from_index(e.target()), *e.weight()))
    }

    /// The environments that an environment comes directly after.
    pub fn environments_before(&self, id: NodeId) -> Vec<NodeId> {
        let is_before = |(n, e): &(NodeId, Edge)| e.why == Why::After && matches!(self.kind(*n), Kind::Environment(_));
        let mut before: Vec<_> = self.needs(id).filter(is_before).map(|(n, _)| n).collect();
        before.sort_unstable();
        before.dedup();
        before
    }

    /// Everything that the node depends on, itself left out, in the order of [`Graph::order`].
    pub fn upstream(&self, id: NodeId) -> Vec<NodeId> {
        self.reach(id, Direction::Incoming)
    }

    /// Everything that depends on the node, itself left out, in the order of [`Graph::order`].
    pub fn downstream(&self, id: NodeId) -> Vec<NodeId> {
        self.reach(id, Direction::Outgoing)
    }

    fn reach(&self, id: NodeId, direction: Direction) -> Vec<NodeId> {
        let mut seen = vec![false; self.len()];
        let mut open = vec![id];
        while let Some(at) = open.pop() {
            for next in self.edges.neighbors_directed(at.index(), direction) {
                if !std::mem::replace(&mut seen[next.index()], true) {
                    open.push(from_index(next));
                }
            }
        }
        self.order.iter().copied().filter(|n| seen[n.at()] && *n != id).collect()
    }

    /// The nodes through which every way from an environment without predecessors to `id` leads, `id` left out. Nothing
    /// but environments and the order between them counts.
    pub fn gatekeepers(&self, id: NodeId) -> Vec<NodeId> {
        let mut ways = petgraph::graph::DiGraph::<NodeId, ()>::new();
        let root = ways.add_node(id);
        let mut index = std::collections::HashMap::new();
        for (node, kind) in self.nodes() {
            if matches!(kind, Kind::Environment(_)) {
                index.insert(node, ways.add_node(node));
            }
        }
        for (&node, &at) in &index {
            let before = self.environments_before(node);
            if before.is_empty() {
                ways.add_edge(root, at, ());
            }
            for b in before {
                ways.add_edge(index[&b], at, ());
            }
        }
        let dominators = dominators::simple_fast(&ways, root);
        let Some(&at) = index.get(&id) else { return Vec::new() };
        let strict = dominators.strict_dominators(at).into_iter().flatten();
        strict.filter(|n| *n != root).filter_map(|n| ways.node_weight(n).copied()).collect()
    }

    /// A cycle, if there is one: each node is needed by the next, and the last by the first; with the edges that say so.
    pub fn cycle(&self) -> Option<Vec<(NodeId, Edge)>> {
        let mut ordered = vec![false; self.len()];
        for n in &self.order {
            ordered[n.at()] = true;
        }
        let mut at = self.nodes().map(|(n, _)| n).find(|n| !ordered[n.at()])?;
        // Every node outside the order needs another one outside: walking back must come round.
        let mut path: Vec<(NodeId, Edge)> = Vec::new();
        let mut place = vec![usize::MAX; self.len()];
        loop {
            if place[at.at()] != usize::MAX {
                let mut cycle = path.split_off(place[at.at()]);
                cycle.reverse();
                return Some(cycle);
            }
            place[at.at()] = path.len();
            let (before, edge) = self.needs(at).find(|(n, _)| !ordered[n.at()])?;
            path.push((at, edge));
            at = before;
        }
    }

    pub(super) fn sort(&mut self) {
        let mut missing: Vec<usize> = (0..self.len())
            .map(|i| self.edges.edges_directed(petgraph::graph::NodeIndex::new(i), Direction::Incoming).count())
            .collect();
        let mut ready: std::collections::BinaryHeap<std::cmp::Reverse<NodeId>> =
            self.nodes().map(|(n, _)| n).filter(|n| missing[n.at()] == 0).map(std::cmp::Reverse).collect();
        let mut order = Vec::with_capacity(self.len());
        while let Some(std::cmp::Reverse(node)) = ready.pop() {
            order.push(node);
            for next in self.edges.neighbors(node.index()) {
                missing[next.index()] -= 1;
                if missing[next.index()] == 0 {
                    ready.push(std::cmp::Reverse(from_index(next)));
                }
            }
        }
        self.order = order;
    }
}

fn from_index(index: petgraph::graph::NodeIndex) -> NodeId {
    NodeId(u32::try_from(index.index()).unwrap_or(u32::MAX))
}
