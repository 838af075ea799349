//! The graph as a picture for a page: it needs nothing else, and fits a light page and a dark one.

use super::{detail, id, is_gated};
use crate::graph::layers::{Place, layers, spread};
use crate::graph::{Graph, Kind, NodeId};
use crate::report::layout::{clean, elide, width, xml};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// How it looks. A page that forbids styles in pictures brings this along itself.
pub const CSS: &str = "\
.lg{font:13px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;--ink:#1f2328;--faint:#656d76;--line:#8c959f;--box:#f6f8fa;\
--env:#ddf4ff;--edge:#d0d7de;--gate:#9a6700;--good:#1a7f37;--bad:#cf222e;--busy:#0969da}\
@media(prefers-color-scheme:dark){.lg{--ink:#e6edf3;--faint:#8d96a0;--line:#6e7681;--box:#161b22;--env:#10243e;--edge:#30363d;\
--gate:#d29922;--good:#3fb950;--bad:#f85149;--busy:#58a6ff}}\
.lg rect{fill:var(--box);stroke:var(--edge);stroke-width:1.2}.lg .environment rect{fill:var(--env)}\
.lg text{fill:var(--ink)}.lg .kind,.lg .detail{fill:var(--faint);font-size:11px}.lg .name{font-weight:600}\
.lg path{fill:none;stroke:var(--line);stroke-width:1.3}.lg .tip{fill:var(--line);stroke:none}\
.lg .gate{fill:var(--gate);stroke:none}.lg .gated .detail{fill:var(--gate)}\
.lg .good rect{stroke:var(--good);stroke-width:2}.lg .bad rect{stroke:var(--bad);stroke-width:2}\
.lg .busy rect{stroke:var(--busy);stroke-width:2;stroke-dasharray:5 3}.lg .waits rect{stroke:var(--gate);stroke-width:2}";

/// How a picture is wanted.
#[derive(Clone, Debug, Default)]
pub struct Picture {
    /// The CSS class of the state of a node, by its id (`environment.dev`): `good`, `bad`, `busy`, `waits`, or any other one.
    pub states: BTreeMap<String, String>,
    /// Where a click on a node leads, by its id.
    pub links: BTreeMap<String, String>,
    /// Whether [`CSS`] is left out, for a page that has it.
    pub bare: bool,
}

/// The width of one character of a name and of a detail.
const NAME: f64 = 7.9;
const DETAIL: f64 = 6.7;
/// The space between two boxes of a layer, between two layers, and around everything.
const BETWEEN: usize = 18;
const LAYER: usize = 64;
const AROUND: usize = 12;
/// How many characters of a text are shown; all of it is in the title.
const LONGEST: usize = 34;

struct Box {
    id: NodeId,
    x: usize,
    y: usize,
    wide: usize,
    high: usize,
}

/// The picture, from the left to the right. Of a graph that is too large to be put in layers, only its boxes, in a column.
pub fn svg(graph: &Graph, picture: &Picture) -> String {
    let size = |id: NodeId| measure(graph, id);
    let built = layers(graph, &|_| 1, usize::MAX / 2).unwrap_or_default();
    let high = |place: Place| match place {
        Place::Node(id) => size(id).1,
        Place::Through => 2,
    };
    let rows = spread(&built, &high, BETWEEN);
    let (mut columns, mut x) = (Vec::new(), AROUND);
    for layer in &built.layers {
        let wide = layer.iter().map(|p| if let Place::Node(id) = p { size(*id).0 } else { 0 }).max().unwrap_or(0);
        columns.push((x, wide));
        x += wide + LAYER;
    }
    let wide = x.saturating_sub(LAYER) + AROUND;
    let (mut boxes, mut tall) = (Vec::new(), 0);
    for ((layer, rows), (x, widest)) in built.layers.iter().zip(&rows).zip(&columns) {
        for (place, middle) in layer.iter().zip(rows) {
            let high = high(*place);
            tall = tall.max(middle + high / 2 + AROUND * 2 + 1);
            if let Place::Node(id) = place {
                let (wide, high) = size(*id);
                let y = AROUND + middle.saturating_sub(high / 2);
                boxes.push(Box { id: *id, x: x + (widest - wide) / 2, y, wide, high });
            }
        }
    }
    // What can be clicked is no picture to those who hear it.
    let role = if picture.links.is_empty() { "img" } else { "group" };
    let mut out = String::new();
    let _ = write!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"lg\" role=\"{role}\" viewBox=\"0 0 {wide} {tall}\" width=\"{wide}\" \
         height=\"{tall}\"><title>{}</title>",
        xml(&format!("The graph of {}", graph.pipeline().name.value))
    );
    if !picture.bare {
        let _ = write!(out, "<style>{CSS}</style>");
    }
    out.push('\n');
    for (gap, arrows) in built.arrows.iter().enumerate() {
        for (from, to) in arrows {
            let end = |layer: usize, at: usize, right: bool| -> Option<(usize, usize, bool)> {
                let (x, wide) = columns.get(layer)?;
                match built.layers.get(layer)?.get(at)? {
                    Place::Node(id) => {
                        let found = boxes.iter().find(|b| b.id == *id)?;
                        Some((if right { found.x + found.wide } else { found.x }, found.y + found.high / 2, true))
                    }
                    Place::Through => {
                        let y = AROUND + rows.get(layer)?.get(at)?;
                        Some((if right { x + wide } else { *x }, y, false))
                    }
                }
            };
            let (Some(a), Some(b)) = (end(gap, *from, true), end(gap + 1, *to, false)) else { continue };
            arrow(&mut out, a, b);
            // An arrow that goes on leads straight through the layer.
            if !b.2 {
                let through = columns.get(gap + 1).map_or(0, |c| c.1);
                let _ = writeln!(out, "<path d=\"M{} {}h{through}\"/>", b.0, b.1);
            }
        }
    }
    boxes.iter().for_each(|b| node(&mut out, graph, b, picture));
    out.push_str("</svg>\n");
    out
}

fn measure(graph: &Graph, id: NodeId) -> (usize, usize) {
    let (name, detail) = (elide(graph.name(id), LONGEST), elide(&detail(graph, id), LONGEST));
    let kind = graph.kind(id).word();
    let widest = (width(&name) as f64 * NAME).max(width(&detail).max(width(kind)) as f64 * DETAIL);
    let high = if detail.is_empty() { 44 } else { 60 };
    (widest.ceil() as usize + 24, high)
}

fn arrow(out: &mut String, (x, y, _): (usize, usize, bool), (to_x, to_y, is_end): (usize, usize, bool)) {
    let tip = if is_end { 7 } else { 0 };
    let end = to_x.saturating_sub(tip);
    let half = end.saturating_sub(x) / 2;
    let _ = writeln!(out, "<path d=\"M{x} {y}C{} {y} {} {to_y} {end} {to_y}\"/>", x + half, end.saturating_sub(half));
    if is_end {
        let _ = writeln!(out, "<path class=\"tip\" d=\"M{to_x} {to_y}l-8 -4v8z\"/>");
    }
}

fn node(out: &mut String, graph: &Graph, at: &Box, picture: &Picture) {
    let key = id(graph, at.id);
    let (kind, name, detail) = (graph.kind(at.id).word(), clean(graph.name(at.id)), detail(graph, at.id));
    let mut class = kind.to_string();
    if is_gated(graph, at.id) {
        class.push_str(" gated");
    }
    if let Some(state) = picture.states.get(&key) {
        let _ = write!(class, " {state}");
    }
    let link = picture.links.get(&key);
    if let Some(link) = link {
        let _ = write!(out, "<a href=\"{}\">", xml(link));
    }
    let Box { x, y, wide, high, .. } = at;
    let radius = if matches!(graph.kind(at.id), Kind::Environment(_)) { 3 } else { 8 };
    let title = if detail.is_empty() { key.clone() } else { format!("{key}: {detail}") };
    let _ = write!(
        out,
        "<g class=\"{}\" data-id=\"{}\"><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" \
         rx=\"{radius}\"/>",
        xml(&class),
        xml(&key),
        xml(&title)
    );
    for (class, text, below) in [("kind", kind, 16), ("name", &name, 33), ("detail", &detail, 50)] {
        if !text.is_empty() {
            let text = xml(&elide(text, LONGEST));
            let _ = write!(out, "<text class=\"{class}\" x=\"{}\" y=\"{}\">{text}</text>", x + 12, y + below);
        }
    }
    if is_gated(graph, at.id) {
        let _ = write!(out, "<path class=\"gate\" d=\"M{x} {}l6 6 -6 6 -6 -6z\"/>", y + high / 2 - 6);
    }
    out.push_str("</g>");
    out.push_str(if link.is_some() { "</a>\n" } else { "\n" });
}
