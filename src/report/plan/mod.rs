//! A plan for people: what moved, what would run and why, what would change where, and what holds it.
//!
//! The text depends on the plan and on what is remembered, and on nothing else: two plans of one state are the same bytes.

pub mod beyond;
pub mod json;

pub(crate) mod changes;
mod count;
mod environments;
mod heads;
mod steps;

pub use count::Count;
pub(crate) use environments::overtaken;
#[cfg(feature = "server")]
pub(crate) use environments::verdict;

use super::{Paint, Style};
use crate::plan::{Memory, Plan};

/// How many steps of a kind are shown, and how many objects of an environment.
const SHOWN: usize = 20;

/// The plan as text.
pub fn text(plan: &Plan, memory: &Memory, style: Style) -> String {
    let mut out = heads::text(plan, memory, style);
    for part in [steps::text(plan, style), environments::text(plan, style)] {
        if !part.is_empty() {
            out.push('\n');
            out.push_str(&part);
        }
    }
    let count = Count::of(plan);
    out.push('\n');
    out.push_str(&Paint::Strong.on(&count.sentence(), style));
    out.push('\n');
    out
}

/// What is said of those that are not shown.
fn more(hidden: usize) -> String {
    format!("… and {hidden} more (lockgate plan --json shows all)")
}
