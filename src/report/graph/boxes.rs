//! Boxes and arrows: one layer below the other, arrows from above to below.

use super::canvas::Canvas;
use super::{detail, is_gated};
use crate::graph::layers::{Layers, Place, layers, spread};
use crate::graph::{Graph, Kind, NodeId};
use crate::report::layout::{clean, elide, width, wrap};
use crate::report::{Paint, Style};
use std::collections::{BTreeMap, BTreeSet};

/// Of more nodes a list says more.
const MAX_NODES: usize = 120;
/// The columns between two boxes.
const GAP: usize = 2;
/// How many lines of details a box has.
const DETAILS: usize = 3;
/// How wide boxes may be inside, and which part of the width may be filled, the first that fits.
const TRIES: [(usize, usize); 6] = [(30, 100), (30, 80), (20, 100), (20, 75), (12, 100), (12, 70)];

/// The picture; nothing where it does not fit.
pub(super) fn text(graph: &Graph, plain: bool, style: Style) -> Option<String> {
    let shown = graph.nodes().filter(|(_, kind)| !matches!(kind, Kind::Secret(_))).count();
    if shown == 0 || shown > MAX_NODES {
        return None;
    }
    TRIES.iter().find_map(|(inner, part)| {
        let boxes: BTreeMap<NodeId, Content> = graph.nodes().map(|(id, _)| (id, content(graph, id, *inner))).collect();
        let room = |id: NodeId| boxes.get(&id).map_or(1, |b| b.width + 4) + GAP;
        let built = layers(graph, &room, style.width * part / 100)?;
        let canvas = Drawing { graph, boxes: &boxes, built: &built, canvas: Canvas::default() }.draw();
        (canvas.width() <= style.width).then(|| canvas.render(plain, style))
    })
}

/// What stands in a box.
struct Content {
    lines: Vec<(String, Paint)>,
    width: usize,
}

fn content(graph: &Graph, id: NodeId, inner: usize) -> Content {
    let kind = graph.kind(id);
    let mut lines =
        vec![(elide(kind.word(), inner), Paint::Faint), (elide(&clean(graph.name(id)), inner), name_paint(kind))];
    let detail = detail(graph, id);
    if !detail.is_empty() {
        let paint = if is_gated(graph, id) { Paint::Notice } else { Paint::Faint };
        let mut wrapped = wrap(&detail, inner, inner);
        if wrapped.len() > DETAILS {
            wrapped.truncate(DETAILS);
            if let Some(last) = wrapped.last_mut() {
                *last = elide(&format!("{last} …"), inner);
            }
        }
        lines.extend(wrapped.into_iter().map(|line| (line, paint)));
    }
    let width = lines.iter().map(|(text, _)| width(text)).max().unwrap_or(0);
    Content { lines, width }
}

fn name_paint(kind: Kind) -> Paint {
    match kind {
        Kind::Source(_) => Paint::Typed,
        Kind::Environment(_) => Paint::Good,
        _ => Paint::Strong,
    }
}

struct Drawing<'a> {
    graph: &'a Graph,
    boxes: &'a BTreeMap<NodeId, Content>,
    built: &'a Layers,
    canvas: Canvas,
}

/// The columns that a place takes: the first, the middle, the last.
#[derive(Clone, Copy)]
struct Columns {
    first: usize,
    middle: usize,
    last: usize,
}

impl Drawing<'_> {
    fn draw(mut self) -> Canvas {
        let size = |place: Place| match place {
            Place::Node(id) => self.boxes.get(&id).map_or(1, |b| b.width + 4),
            Place::Through => 1,
        };
        let middles = spread(self.built, &size, GAP);
        let columns = |(place, middle): (&Place, &usize)| {
            let size = size(*place);
            let first = middle.saturating_sub(size / 2);
            Columns { first, middle: first + size / 2, last: first + size - 1 }
        };
        let columns: Vec<Vec<Columns>> = self
            .built
            .layers
            .iter()
            .zip(&middles)
            .map(|(layer, middles)| layer.iter().zip(middles).map(columns).collect())
            .collect();
        let mut y = 0;
        for (number, layer) in self.built.layers.iter().enumerate() {
            let here = columns.get(number).map(Vec::as_slice).unwrap_or_default();
            let height = layer.iter().map(|p| self.height(*p)).max().unwrap_or(1);
            for (place, columns) in layer.iter().zip(here) {
                match place {
                    Place::Node(id) => self.node(*id, *columns, y, height),
                    Place::Through => (y..y + height).for_each(|y| self.canvas.through(columns.middle, y)),
                }
            }
            y += height;
            let next = columns.get(number + 1).map(Vec::as_slice).unwrap_or_default();
            if let Some(arrows) = self.built.arrows.get(number) {
                y = self.gap(number, arrows, here, next, y);
            }
        }
        self.canvas
    }

    fn height(&self, place: Place) -> usize {
        match place {
            Place::Node(id) => self.boxes.get(&id).map_or(3, |b| b.lines.len() + 2),
            Place::Through => 1,
        }
    }

    /// A box; all boxes of a layer are of one height, so that arrows begin in one line.
    fn node(&mut self, id: NodeId, columns: Columns, y: usize, height: usize) {
        let Some(content) = self.boxes.get(&id) else { return };
        let double = matches!(self.graph.kind(id), Kind::Environment(_));
        let [tl, tr, bl, br, h, v] = if double {
            ['╔', '╗', '╚', '╝', '═', '║']
        } else {
            ['┌', '┐', '└', '┘', '─', '│']
        };
        let side = h.to_string().repeat(content.width + 2);
        let paint = if double { Paint::Plain } else { Paint::Faint };
        self.canvas.text(columns.first, y, &format!("{tl}{side}{tr}"), paint);
        for line in 1..height - 1 {
            self.canvas.text(columns.first, y + line, &v.to_string(), paint);
            self.canvas.text(columns.last, y + line, &v.to_string(), paint);
            if let Some((text, paint)) = content.lines.get(line - 1) {
                self.canvas.text(columns.first + 2, y + line, text, *paint);
            }
        }
        self.canvas.text(columns.first, y + height - 1, &format!("{bl}{side}{br}"), paint);
    }

    /// The arrows between two layers; gives the line behind them.
    fn gap(
        &mut self,
        layer: usize,
        arrows: &[(usize, usize)],
        above: &[Columns],
        below: &[Columns],
        y: usize,
    ) -> usize {
        let is_node = |layer: usize, at: usize| {
            matches!(self.built.layers.get(layer).and_then(|l| l.get(at)), Some(Place::Node(_)))
        };
        let ends: BTreeMap<usize, usize> =
            arrows.iter().filter_map(|(_, to)| Some((*to, below.get(*to)?.middle))).collect();
        let starts = starts(arrows, above, &ends, &|at| is_node(layer, at));
        let mut targets: Vec<Target> = Vec::new();
        for (to, end) in &ends {
            let columns = arrows.iter().zip(&starts).filter(|((_, t), _)| t == to).map(|(_, column)| *column);
            targets.push(Target { end: *end, starts: columns.collect(), node: is_node(layer + 1, *to), at: *to });
        }
        let (tracks, count) = tracks(&targets);
        let height = count.max(1);
        for (target, track) in targets.iter().zip(&tracks) {
            let turn = y + track.unwrap_or(0);
            for start in &target.starts {
                (y..turn).for_each(|y| self.canvas.through(*start, y));
                self.canvas.open(*start, turn, true);
                if *start != target.end {
                    self.canvas.across(turn, *start, target.end);
                }
            }
            self.canvas.open(target.end, turn, false);
            (turn + 1..y + height).for_each(|y| self.canvas.through(target.end, y));
            self.tip(layer + 1, target, y + height);
        }
        y + height + 1
    }

    fn tip(&mut self, layer: usize, target: &Target, y: usize) {
        let place = self.built.layers.get(layer).and_then(|l| l.get(target.at));
        match place {
            Some(Place::Node(id)) if is_gated(self.graph, *id) => self.canvas.text(target.end, y, "◆", Paint::Notice),
            Some(Place::Node(_)) => self.canvas.text(target.end, y, "▼", Paint::Faint),
            _ => self.canvas.through(target.end, y),
        }
        debug_assert_eq!(target.node, matches!(place, Some(Place::Node(_))));
    }
}

/// Where arrows end, and the columns they come from.
struct Target {
    at: usize,
    end: usize,
    starts: Vec<usize>,
    node: bool,
}

/// The column in which each arrow leaves its box: above its end where that can be, and never one of another arrow.
fn starts(
    arrows: &[(usize, usize)],
    above: &[Columns],
    ends: &BTreeMap<usize, usize>,
    is_node: &dyn Fn(usize) -> bool,
) -> Vec<usize> {
    let mut found = vec![0; arrows.len()];
    let mut by_end: Vec<usize> = (0..arrows.len()).collect();
    by_end.sort_by_key(|n| arrows.get(*n).map(|(from, to)| (*from, ends.get(to).copied(), *to)));
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    let others: BTreeSet<usize> = ends.values().copied().collect();
    for n in by_end {
        let Some((from, to)) = arrows.get(n) else { continue };
        let (Some(columns), Some(end)) = (above.get(*from), ends.get(to)) else { continue };
        let column = if is_node(*from) {
            let (first, last) = (columns.first + 1, columns.last.saturating_sub(1).max(columns.first + 1));
            let several = arrows.iter().filter(|(other, _)| other == from).count() > 1;
            let wish = if several || (first..=last).contains(end) { (*end).clamp(first, last) } else { columns.middle };
            let mut free: Vec<usize> = (first..=last).filter(|c| !taken.contains(c)).collect();
            free.sort_by_key(|c| (others.contains(c) && c != end, c.abs_diff(wish)));
            free.first().copied().unwrap_or(wish)
        } else {
            columns.middle
        };
        taken.insert(column);
        if let Some(place) = found.get_mut(n) {
            *place = column;
        }
    }
    found
}

/// The line in which the arrows of each target turn, and how many lines that takes; none for arrows that go straight down.
fn tracks(targets: &[Target]) -> (Vec<Option<usize>>, usize) {
    let turns = |t: &Target| t.starts.iter().any(|s| *s != t.end);
    let span = |t: &Target| {
        let all = || t.starts.iter().copied().chain([t.end]);
        (all().min().unwrap_or(0), all().max().unwrap_or(0))
    };
    let mut order: Vec<usize> = (0..targets.len()).filter(|n| targets.get(*n).is_some_and(turns)).collect();
    // What comes from above the end of another turns above that one.
    let before = |a: &Target, b: &Target| a.starts.contains(&b.end);
    order.sort_by_key(|n| targets.get(*n).map(span));
    let mut rows: Vec<Vec<(usize, usize)>> = Vec::new();
    let mut found = vec![None; targets.len()];
    let mut open = order;
    while !open.is_empty() {
        let free = |n: &usize| {
            let own = targets.get(*n);
            !open.iter().any(|o| {
                o != n && targets.get(*o).zip(own).is_some_and(|(other, own)| before(other, own) && !before(own, other))
            })
        };
        let at = open.iter().position(free).unwrap_or(0);
        let next = open.remove(at);
        let Some(target) = targets.get(next) else { continue };
        let least = targets
            .iter()
            .zip(&found)
            .filter(|(other, _)| before(other, target))
            .filter_map(|(_, row): (_, &Option<usize>)| row.map(|r| r + 1))
            .max()
            .unwrap_or(0);
        let (from, to) = span(target);
        let apart = |row: &Vec<(usize, usize)>| row.iter().all(|(a, b)| to + 1 < *a || *b + 1 < from);
        let row = (least..rows.len()).find(|r| rows.get(*r).is_some_and(apart)).unwrap_or(rows.len().max(least));
        while rows.len() <= row {
            rows.push(Vec::new());
        }
        if let Some(row) = rows.get_mut(row) {
            row.push((from, to));
        }
        if let Some(place) = found.get_mut(next) {
            *place = Some(row);
        }
    }
    (found, rows.len())
}
