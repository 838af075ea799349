//! The steps of a plan that belong to no environment: builds, tests, pushes, tasks.

use super::{SHOWN, more};
use crate::plan::{Action, Plan, Step};
use crate::report::layout::{Cell, Rows, cell};
use crate::report::{Paint, Style, words};

pub(super) fn text(plan: &Plan, style: Style) -> String {
    let mut kinds: Vec<(&str, Vec<&Step>, usize)> = Vec::new();
    for step in plan.steps.iter().filter(|s| s.environment.is_none() && !s.is_reused()) {
        let kind = words::kind(step);
        let at = kinds.iter().position(|(k, ..)| *k == kind).unwrap_or_else(|| {
            kinds.push((kind, Vec::new(), 0));
            kinds.len() - 1
        });
        let Some((_, shown, hidden)) = kinds.get_mut(at) else { continue };
        if shown.len() < SHOWN { shown.push(step) } else { *hidden += 1 }
    }
    // In the order of the plan where all are shown: a build, its test, its push, the next build.
    if kinds.iter().all(|(_, _, hidden)| *hidden == 0) {
        let mut steps: Vec<&Step> = plan.steps.iter().filter(|s| s.environment.is_none() && !s.is_reused()).collect();
        steps.truncate(SHOWN * kinds.len());
        let mut rows = Rows::new(0);
        steps.iter().for_each(|s| rows.push(row(s)));
        return rows.render(style);
    }
    let mut out = String::new();
    for (_, shown, hidden) in kinds {
        let mut rows = Rows::new(0);
        shown.iter().for_each(|s| rows.push(row(s)));
        out.push_str(&rows.render(style));
        if hidden > 0 {
            out.push_str(&Paint::Faint.on(&more(hidden), style));
            out.push('\n');
        }
    }
    out
}

/// What a step would do, and why.
pub(super) fn row(step: &Step) -> [Cell; 3] {
    let what = format!("{} {}", if step.action == Action::Maybe { "may" } else { "would" }, words::work(step));
    [cell(&step.id, Paint::Strong), cell(what, Paint::Plain), cell(reasons(step), Paint::Faint)]
}

/// Why a step runs, in one line; what it waits for where that decides.
pub(super) fn reasons(step: &Step) -> String {
    const MOST: usize = 3;
    let mut text = step.reasons.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join("; ");
    if step.reasons.len() > MOST {
        text.push_str(&format!("; and {} more", step.reasons.len() - MOST));
    }
    text
}
