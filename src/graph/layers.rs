//! The graph in layers, for whoever draws it: what is read or waited for stands in an earlier layer, and arrows lead from one
//! layer to the next, through empty places where they go further.

use super::{Graph, Kind, NodeId};
use std::collections::{BTreeMap, BTreeSet};

/// How many arrows are thinned out; of more, all are drawn.
const MAX_THINNED: usize = 4_000;
/// How many empty places are made.
const MAX_PLACES: usize = 20_000;
/// How often layers are put in order after their neighbours.
const SWEEPS: usize = 12;

/// A place in a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A node.
    Node(NodeId),
    /// Where an arrow goes through.
    Through,
}

/// A graph in layers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// The places of each layer, in their order.
    pub layers: Vec<Vec<Place>>,
    /// For each gap between a layer and the next: from which place to which.
    pub arrows: Vec<Vec<(usize, usize)>>,
}

/// Puts a graph in layers, without its secrets, and without arrows that follow from others. `room` says how much a node takes,
/// and `limit` how much a layer has; a layer of more goes on in another one. Nothing where it would be too much to draw.
pub fn layers(graph: &Graph, room: &dyn Fn(NodeId) -> usize, limit: usize) -> Option<Layers> {
    let nodes: Vec<NodeId> =
        graph.order().iter().copied().filter(|id| !matches!(graph.kind(*id), Kind::Secret(_))).collect();
    let edges = thinned(graph, &nodes);
    let ranks = folded(&nodes, &edges, ranks(&nodes, &edges), room, limit);
    let mut built = build(&nodes, &edges, &ranks)?;
    untangle(&mut built);
    Some(built)
}

/// The arrows that do not follow from others.
fn thinned(graph: &Graph, nodes: &[NodeId]) -> BTreeSet<(NodeId, NodeId)> {
    let known: BTreeSet<NodeId> = nodes.iter().copied().collect();
    let needs = |id: NodeId| graph.needs(id).map(move |(from, _)| (from, id));
    let all: BTreeSet<(NodeId, NodeId)> =
        nodes.iter().flat_map(|id| needs(*id)).filter(|(from, to)| known.contains(from) && from != to).collect();
    if all.len() > MAX_THINNED {
        return all;
    }
    let mut next: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in &all {
        next.entry(*from).or_default().push(*to);
    }
    // Whether there is a way that is longer than one step.
    let follows = |from: NodeId, to: NodeId| {
        let mut open: Vec<NodeId> = next.get(&from).into_iter().flatten().copied().filter(|n| *n != to).collect();
        let mut seen: BTreeSet<NodeId> = open.iter().copied().collect();
        while let Some(at) = open.pop() {
            for step in next.get(&at).into_iter().flatten() {
                if *step == to {
                    return true;
                }
                if seen.insert(*step) {
                    open.push(*step);
                }
            }
        }
        false
    };
    all.iter().copied().filter(|(from, to)| !follows(*from, *to)).collect()
}

/// The layer of each node: behind all that it needs, and what needs nothing as near as can be to what needs it.
fn ranks(nodes: &[NodeId], edges: &BTreeSet<(NodeId, NodeId)>) -> BTreeMap<NodeId, usize> {
    let mut before: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    let mut after: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (from, to) in edges {
        before.entry(*to).or_default().push(*from);
        after.entry(*from).or_default().push(*to);
    }
    let mut ranks: BTreeMap<NodeId, usize> = BTreeMap::new();
    for id in nodes {
        let rank = before.get(id).into_iter().flatten().filter_map(|n| ranks.get(n)).max().map_or(0, |r| r + 1);
        ranks.insert(*id, rank);
    }
    for id in nodes.iter().rev().filter(|id| !before.contains_key(id)) {
        if let Some(nearest) = after.get(id).into_iter().flatten().filter_map(|n| ranks.get(n)).min() {
            ranks.insert(*id, nearest.saturating_sub(1));
        }
    }
    ranks
}

/// Layers that hold no more than there is room for: the rest of one goes into a layer of its own behind it.
fn folded(
    nodes: &[NodeId],
    edges: &BTreeSet<(NodeId, NodeId)>,
    ranks: BTreeMap<NodeId, usize>,
    room: &dyn Fn(NodeId) -> usize,
    limit: usize,
) -> BTreeMap<NodeId, usize> {
    let last = ranks.values().max().copied().unwrap_or(0);
    let (mut folded, mut number) = (BTreeMap::new(), 0);
    for layer in 0..=last {
        let here: Vec<NodeId> = nodes.iter().copied().filter(|id| ranks.get(id) == Some(&layer)).collect();
        // Arrows that go past this layer need a little room as well.
        let past = edges.iter().filter(|(from, to)| ranks.get(from) < Some(&layer) && ranks.get(to) > Some(&layer));
        let taken = past.count() * 3;
        let mut used = taken;
        for (at, id) in here.iter().enumerate() {
            let wide = room(*id);
            if at > 0 && used + wide > limit && used > taken {
                number += 1;
                // What stands above sends its arrows past.
                used = taken + at * 3;
            }
            folded.insert(*id, number);
            used += wide;
        }
        number += usize::from(!here.is_empty());
    }
    folded
}

fn build(nodes: &[NodeId], edges: &BTreeSet<(NodeId, NodeId)>, ranks: &BTreeMap<NodeId, usize>) -> Option<Layers> {
    let count = ranks.values().max().map_or(0, |r| r + 1);
    let mut built = Layers { layers: vec![Vec::new(); count], arrows: vec![Vec::new(); count.saturating_sub(1)] };
    let mut at: BTreeMap<NodeId, usize> = BTreeMap::new();
    for id in nodes {
        let layer = built.layers.get_mut(*ranks.get(id)?)?;
        at.insert(*id, layer.len());
        layer.push(Place::Node(*id));
    }
    let mut places = nodes.len();
    for (from, to) in edges {
        let (first, last) = (*ranks.get(from)?, *ranks.get(to)?);
        let mut here = *at.get(from)?;
        for layer in first + 1..last {
            places += 1;
            if places > MAX_PLACES {
                return None;
            }
            let next = built.layers.get_mut(layer)?;
            next.push(Place::Through);
            let there = next.len() - 1;
            built.arrows.get_mut(layer - 1)?.push((here, there));
            here = there;
        }
        built.arrows.get_mut(last.checked_sub(1)?)?.push((here, *at.get(to)?));
    }
    Some(built)
}

/// Puts each layer in the order of its neighbours' places, so that few arrows cross; keeps the best order.
fn untangle(built: &mut Layers) {
    let mut best = (crossings(built), built.clone());
    for sweep in 0..SWEEPS {
        let down = sweep % 2 == 0;
        let count = built.layers.len();
        for step in 1..count {
            let layer = if down { step } else { count - 1 - step };
            reorder(built, layer, down);
        }
        let now = crossings(built);
        if now < best.0 {
            best = (now, built.clone());
        }
        if best.0 == 0 {
            break;
        }
    }
    *built = best.1;
}

fn reorder(built: &mut Layers, layer: usize, down: bool) {
    let Some(places) = built.layers.get(layer) else { return };
    let mut sums = vec![(0usize, 0usize); places.len()];
    let gap = if down { layer.checked_sub(1) } else { Some(layer) };
    for (from, to) in gap.and_then(|g| built.arrows.get(g)).into_iter().flatten() {
        let (own, other) = if down { (*to, *from) } else { (*from, *to) };
        if let Some(sum) = sums.get_mut(own) {
            *sum = (sum.0 + other, sum.1 + 1);
        }
    }
    let mut order: Vec<usize> = (0..places.len()).collect();
    let weight = |at: &usize| {
        let (sum, count) = sums.get(*at).copied().unwrap_or_default();
        if count == 0 { *at as f64 } else { sum as f64 / count as f64 }
    };
    order.sort_by(|a, b| weight(a).total_cmp(&weight(b)));
    let mut moved = vec![0; order.len()];
    for (new, old) in order.iter().enumerate() {
        if let Some(place) = moved.get_mut(*old) {
            *place = new;
        }
    }
    let sorted = order.iter().filter_map(|old| places.get(*old).copied()).collect();
    if let Some(places) = built.layers.get_mut(layer) {
        *places = sorted;
    }
    let new = |old: usize| moved.get(old).copied().unwrap_or(old);
    if let Some(arrows) = layer.checked_sub(1).and_then(|g| built.arrows.get_mut(g)) {
        arrows.iter_mut().for_each(|(_, to)| *to = new(*to));
    }
    if let Some(arrows) = built.arrows.get_mut(layer) {
        arrows.iter_mut().for_each(|(from, _)| *from = new(*from));
    }
}

fn crossings(built: &Layers) -> usize {
    let in_gap = |arrows: &Vec<(usize, usize)>| {
        let pairs = arrows.iter().enumerate().flat_map(|(n, a)| arrows.iter().skip(n + 1).map(move |b| (a, b)));
        pairs.filter(|(a, b)| (a.0 < b.0 && a.1 > b.1) || (a.0 > b.0 && a.1 < b.1)).count()
    };
    built.arrows.iter().map(in_gap).sum()
}

/// Where the middle of each place goes, so that arrows are as straight as can be: `size` is how much a place takes, `gap` what
/// is left between two. The first place begins at nothing.
pub fn spread(built: &Layers, size: &dyn Fn(Place) -> usize, gap: usize) -> Vec<Vec<usize>> {
    let sizes: Vec<Vec<usize>> = built.layers.iter().map(|l| l.iter().map(|p| size(*p)).collect()).collect();
    let mut middles: Vec<Vec<f64>> = Vec::new();
    for sizes in &sizes {
        let mut at = 0;
        let middle = |size: &usize| {
            let here = at as f64 + *size as f64 / 2.0;
            at += size + gap;
            here
        };
        middles.push(sizes.iter().map(middle).collect());
    }
    for sweep in 0..SWEEPS {
        for step in 0..middles.len() {
            let layer = if sweep % 2 == 0 { step } else { middles.len() - 1 - step };
            let wanted = wanted(built, &middles, layer);
            if let (Some(sizes), Some(place)) = (sizes.get(layer), middles.get_mut(layer)) {
                *place = apart(&wanted, sizes, gap);
            }
        }
    }
    let starts = middles.iter().zip(&sizes).flat_map(|(m, s)| m.iter().zip(s).map(|(m, s)| m - *s as f64 / 2.0));
    let first = starts.fold(f64::INFINITY, f64::min);
    let rounded = |middle: &f64| (middle - first).round().max(0.0) as usize;
    middles.iter().map(|layer| layer.iter().map(rounded).collect()).collect()
}

/// Where each place of a layer would be best: in the middle of what it is joined to.
fn wanted(built: &Layers, middles: &[Vec<f64>], layer: usize) -> Vec<f64> {
    let own = middles.get(layer).cloned().unwrap_or_default();
    let mut sums = vec![(0.0, 0.0); own.len()];
    let mut add = |own: usize, other: Option<&f64>| {
        if let (Some(sum), Some(other)) = (sums.get_mut(own), other) {
            *sum = (sum.0 + other, sum.1 + 1.0);
        }
    };
    if let Some(above) = layer.checked_sub(1) {
        for (from, to) in built.arrows.get(above).into_iter().flatten() {
            add(*to, middles.get(above).and_then(|m| m.get(*from)));
        }
    }
    for (from, to) in built.arrows.get(layer).into_iter().flatten() {
        add(*from, middles.get(layer + 1).and_then(|m| m.get(*to)));
    }
    own.iter().zip(sums).map(|(own, (sum, count))| if count > 0.0 { sum / count } else { *own }).collect()
}

/// The places as near as can be to where they are wanted, in their order and with room between them: neighbours that would
/// touch move as one block to the middle of what all of them want.
fn apart(wanted: &[f64], sizes: &[usize], gap: usize) -> Vec<f64> {
    // Without their sizes: how far the middle of each is from that of the first when they touch.
    let mut offsets = Vec::with_capacity(sizes.len());
    let mut at = 0.0;
    for (n, size) in sizes.iter().enumerate() {
        if n > 0 {
            at += (sizes.get(n - 1).copied().unwrap_or(0) + size) as f64 / 2.0 + gap as f64;
        }
        offsets.push(at);
    }
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for (wanted, offset) in wanted.iter().zip(&offsets) {
        blocks.push((wanted - offset, 1));
        while let [.., (a, n), (b, m)] = blocks.as_slice() {
            if a <= b {
                break;
            }
            let merged = ((a * *n as f64 + b * *m as f64) / (n + m) as f64, n + m);
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let starts = blocks.iter().flat_map(|(start, count)| std::iter::repeat_n(*start, *count));
    starts.zip(&offsets).map(|(start, offset)| start + offset).collect()
}
