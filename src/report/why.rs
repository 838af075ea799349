//! Why an environment does not have the newest candidate, and when it can have it at the earliest.

use super::layout::{Rows, cell, paragraph};
use super::{Clock, Paint, Style, Typed, gate, words};
use crate::plan::candidate::name_of;
use crate::plan::{EnvironmentPlan, Memory, Plan, Verdict};
use crate::run::gate::{Unmet, earliest, unmet};
use std::fmt::Write as _;

/// Something that keeps the candidate out, and how it ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What, in words.
    pub text: String,
    /// How it stands out.
    pub paint: Paint,
}

/// Everything that keeps the candidate out of an environment; nothing where the next run brings it there.
pub fn reasons(plan: &Plan, environment: &EnvironmentPlan, memory: &Memory, clock: &Clock) -> Vec<Reason> {
    if environment.verdict == Verdict::UpToDate {
        return Vec::new();
    }
    reasons_of(plan, environment, &gate_unmet(plan, environment, memory, clock), clock)
}

/// Why an environment waits, as text.
pub fn text(
    plan: &Plan,
    environment: &EnvironmentPlan,
    memory: &Memory,
    clock: &Clock,
    typed: &Typed,
    style: Style,
) -> String {
    let place = memory.environments.get(&environment.name);
    let candidate = name_of(environment.candidate);
    let has = place.and_then(|p| p.has.as_ref());
    let name = &environment.name;
    if environment.verdict == Verdict::UpToDate {
        let since = has.map(|h| format!(", since {}", clock.moment(h.since))).unwrap_or_default();
        return sentence(&format!("{name} has {candidate}{since}. It waits for nothing."), style);
    }
    let now = match has {
        Some(has) => format!("{name} has {}, since {}.", name_of(has.candidate), clock.moment(has.since)),
        None => format!("{name} has nothing yet."),
    };
    let mut out = sentence(&format!("{now} {candidate} is not there yet:"), style);
    let unmet = gate_unmet(plan, environment, memory, clock);
    let reasons = reasons_of(plan, environment, &unmet, clock);
    let mut rows = Rows::new(2);
    reasons.iter().for_each(|r| rows.push([cell(&r.text, r.paint)]));
    if rows.is_empty() {
        rows.push([cell("nothing holds it; the next run brings it there", Paint::Plain)]);
    }
    out.push_str(&rows.render(style));
    out.push_str(&when(environment, &unmet, &reasons, clock));
    let before = environment.after.iter().filter_map(|e| plan.environments.get(*e as usize));
    let blocked: Vec<&str> = before.filter(|e| e.verdict != Verdict::UpToDate).map(|e| e.name.as_str()).collect();
    out.push_str(&next(environment, &blocked, memory, &unmet, typed, style));
    out
}

fn sentence(text: &str, style: Style) -> String {
    let mut out = String::new();
    paragraph(&mut out, 0, text, Paint::Strong, style);
    out
}

fn gate_unmet(plan: &Plan, environment: &EnvironmentPlan, memory: &Memory, clock: &Clock) -> Vec<Unmet> {
    if environment.verdict == Verdict::Gate { unmet(plan, environment, memory, clock.now) } else { Vec::new() }
}

fn reasons_of(plan: &Plan, environment: &EnvironmentPlan, unmet: &[Unmet], clock: &Clock) -> Vec<Reason> {
    let reason = |text: String, paint| Reason { text, paint };
    let mut out = Vec::new();
    match &environment.verdict {
        Verdict::Unplanned { reason: why } => out.push(reason(format!("it cannot be planned: {why}"), Paint::Bad)),
        Verdict::InHand { run } => out.push(reason(format!("run {run} is at it"), Paint::Plain)),
        Verdict::Overtaken { by } => {
            out.push(reason(format!("{} is there or on its way in, and is newer", name_of(*by)), Paint::Plain))
        }
        Verdict::Held { by, reason: why } => {
            out.push(reason(format!("it is held by {}: {why}", words::person(by)), Paint::Notice))
        }
        Verdict::Banned { reason: why } => {
            out.push(reason(format!("the candidate failed here before: {why}"), Paint::Bad))
        }
        Verdict::Rejected { by, reason: why } => {
            out.push(reason(format!("{} rejected it: {why}", words::person(by)), Paint::Bad))
        }
        Verdict::UpToDate | Verdict::Enter | Verdict::Gate => {}
    }
    let before = environment.after.iter().filter_map(|e| plan.environments.get(*e as usize));
    for other in before.filter(|e| e.verdict != Verdict::UpToDate) {
        out.push(reason(format!("{} does not have it yet", other.name), Paint::Plain));
    }
    let steps = plan.steps.iter().filter(|s| s.environment.is_none() && !s.is_reused()).map(|s| s.id.to_string());
    let steps: Vec<String> = steps.take(6).collect();
    if !steps.is_empty() {
        let (shown, rest) = steps.split_at(steps.len().min(5));
        let and_more = if rest.is_empty() { "" } else { " and more" };
        out.push(reason(format!("to be done before: {}{and_more}", shown.join(", ")), Paint::Plain));
    }
    out.extend(unmet.iter().map(|u| reason(format!("its gate wants {}", gate::one_unmet(u, clock)), Paint::Notice)));
    out
}

/// The earliest moment, where time alone decides.
fn when(environment: &EnvironmentPlan, unmet: &[Unmet], reasons: &[Reason], clock: &Clock) -> String {
    if environment.verdict != Verdict::Gate || unmet.is_empty() {
        return String::new();
    }
    let times = unmet.iter().filter_map(|u| u.earliest).max();
    match (earliest(unmet), times) {
        (Some(moment), _) if reasons.len() == unmet.len() => format!("At the earliest {}.\n", clock.moment(moment)),
        (_, Some(moment)) => format!("Not before {}.\n", clock.moment(moment)),
        _ => String::new(),
    }
}

/// Who may not approve, and what to type.
fn next(
    environment: &EnvironmentPlan,
    blocked: &[&str],
    memory: &Memory,
    unmet: &[Unmet],
    typed: &Typed,
    style: Style,
) -> String {
    let mut out = String::new();
    let mut command = |text: String| {
        let _ = write!(out, "\n  {}\n", Paint::Typed.on(&text, style));
    };
    match &environment.verdict {
        Verdict::Held { .. } => command(typed.command(&format!("release {}", environment.name))),
        Verdict::Banned { .. } => command(format!("{} --rerun {}", typed.command("apply"), environment.name)),
        Verdict::Enter if blocked.is_empty() => command(typed.command("apply")),
        Verdict::Gate if blocked.is_empty() && unmet.is_empty() => command(typed.command("apply")),
        _ => {}
    }
    blocked.iter().for_each(|name| command(typed.command(&format!("why {name}"))));
    let place = memory.environments.get(&environment.name);
    let standing = place.and_then(|p| p.standing.as_ref()).filter(|s| Some(s.subplan) == environment.subplan);
    if let Some(standing) = standing.filter(|s| s.rejected.is_none() && unmet.iter().any(|u| u.approvals.is_some())) {
        command(gate::approve(&environment.name, standing, unmet, typed));
    }
    let people = standing.map_or(&environment.people, |s| &s.people);
    out + &gate::not_from(people, unmet, style)
}
