//! The environments of a plan: what becomes of each, what changes there, and what holds it.

use super::{changes, steps};
use crate::plan::{EnvironmentPlan, Plan, Verdict, Work};
use crate::report::layout::{Rows, cell, list};
use crate::report::{Paint, Style, gate, words};

pub(super) fn text(plan: &Plan, style: Style) -> String {
    let name = |e: &EnvironmentPlan| crate::report::layout::width(&e.name);
    let wide = plan.environments.iter().map(name).max().unwrap_or(0);
    let mut out = String::new();
    for environment in &plan.environments {
        let mut rows = Rows::new(0).first(wide.min(24));
        let (what, paint) = verdict(plan, environment);
        rows.push([cell(&environment.name, Paint::Strong), cell(what, paint)]);
        out.push_str(&rows.render(style));
        if matches!(environment.verdict, Verdict::Enter | Verdict::Gate) {
            out.push_str(&why(plan, environment, style));
            out.push_str(&changes::text(&environment.changes, style));
            out.push_str(&own_steps(plan, environment, style));
        }
    }
    out
}

/// Why what is deployed there changes. That it is the first time can be seen.
fn why(plan: &Plan, environment: &EnvironmentPlan, style: Style) -> String {
    let mut rows = Rows::new(4);
    let deploys = environment
        .steps
        .iter()
        .filter_map(|s| plan.steps.get(*s as usize))
        .filter(|s| matches!(s.work, Work::Deploy(_)));
    let told = deploys.filter(|s| {
        environment.changes.iter().any(|c| s.id.contains(&c.release)) && s.reasons != ["nothing is deployed there"]
    });
    for step in told {
        rows.push([cell(steps::reasons(step), Paint::Faint)]);
    }
    rows.render(style)
}

/// What becomes of an environment, in a sentence.
pub(crate) fn verdict(plan: &Plan, environment: &EnvironmentPlan) -> (String, Paint) {
    let candidate = crate::plan::candidate::name_of(environment.candidate);
    let name =
        if plan.candidate().is_some_and(|c| c.id == environment.candidate) { "the candidate" } else { &candidate };
    let gets = if environment.is_rollback { format!("goes back to {candidate}") } else { format!("gets {name}") };
    match &environment.verdict {
        Verdict::UpToDate if name == candidate => (format!("has {candidate}, nothing to do"), Paint::Faint),
        Verdict::UpToDate => ("has it, nothing to do".to_string(), Paint::Faint),
        Verdict::Enter => (with_after(plan, environment, gets), Paint::Good),
        Verdict::Gate => (
            with_after(plan, environment, format!("{gets} once its gate is open: {}", needs(environment))),
            Paint::Notice,
        ),
        Verdict::Unplanned { reason } => (format!("cannot be planned: {reason}"), Paint::Bad),
        Verdict::InHand { run } => (format!("is in hand: run {run} brings {candidate} there"), Paint::Plain),
        Verdict::Overtaken { by } => (overtaken(*by), Paint::Faint),
        Verdict::Held { by, reason } => (format!("is held by {}: {reason}", words::person(by)), Paint::Notice),
        Verdict::Banned { reason } => (format!("{candidate} failed here and may not enter: {reason}"), Paint::Bad),
        Verdict::Rejected { by, reason } => {
            (format!("{candidate} was rejected by {}: {reason}", words::person(by)), Paint::Notice)
        }
    }
}

/// That a newer candidate was faster.
pub(crate) fn overtaken(by: crate::digest::Digest) -> String {
    format!("has or gets {}, which is newer", crate::plan::candidate::name_of(by))
}

fn with_after(plan: &Plan, environment: &EnvironmentPlan, text: String) -> String {
    let pending = |e: &&EnvironmentPlan| e.verdict != Verdict::UpToDate && e.candidate == environment.candidate;
    let before = environment.after.iter().filter_map(|e| plan.environments.get(*e as usize)).filter(pending);
    let before: Vec<String> = before.map(|e| e.name.clone()).collect();
    if before.is_empty() { text } else { format!("after {}, {text}", list(&before, "and")) }
}

/// What a gate asks for, and who may not give it.
fn needs(environment: &EnvironmentPlan) -> String {
    let Some(gate) = &environment.gate else { return String::new() };
    let mut text = gate::asks(gate);
    if gate.approvals.iter().any(|q| !q.self_allowed) && !environment.people.is_empty() {
        let people: Vec<String> = environment.people.iter().map(|p| words::person(p)).collect();
        text.push_str(&format!("; not from {}, whose change it is", list(&people, "or")));
    }
    text
}

/// What runs there besides the deploys, and deploys that change no object, with their reasons.
fn own_steps(plan: &Plan, environment: &EnvironmentPlan, style: Style) -> String {
    let mut rows = Rows::new(4);
    for step in environment.steps.iter().filter_map(|s| plan.steps.get(*s as usize)).filter(|s| !s.is_reused()) {
        let is_shown = match &step.work {
            Work::Deploy(work) => environment.changes.iter().all(|c| c.release != work.release),
            _ => true,
        };
        if is_shown {
            rows.push(steps::row(step));
        }
    }
    rows.render(style)
}
