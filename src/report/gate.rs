//! Gates for people: what one asks for, what is missing, who may give it, and what to type.

use super::layout::{count, list};
use super::{Clock, Paint, Style, Typed, layout, words};
use crate::plan::memory::{Memory, Standing};
use crate::plan::{EnvironmentPlan, GatePlan, Plan, Quorum, quorum};
use crate::run::gate::{Unmet, unmet};
use std::fmt::Write as _;

/// What a gate asks for, in one line: `2 approvals from sre, 2h of soaking, the window Mon-Thu 09:00-16:00 Europe/Berlin`.
pub fn asks(gate: &GatePlan) -> String {
    let mut parts: Vec<String> = gate.approvals.iter().map(approvals).collect();
    parts.extend(gate.soak.map(|s| format!("{} of soaking", super::clock::span(s))));
    if !gate.windows.is_empty() {
        let windows: Vec<String> =
            gate.windows.iter().map(|(hours, zone)| format!("{hours} {}", zone.as_deref().unwrap_or("UTC"))).collect();
        parts.push(format!("the window {}", list(&windows, "or")));
    }
    if parts.is_empty() {
        parts.push("nothing but its turn".to_string());
    }
    let mut text = parts.join(", ");
    if let Some(expires) = gate.expires.filter(|_| !gate.approvals.is_empty()) {
        let _ = write!(text, "; an approval counts for {}", super::clock::span(expires));
    }
    text
}

/// `2 approvals from sre`.
pub fn approvals(quorum: &Quorum) -> String {
    let from = quorum.from.as_ref().map(|f| format!(" from {f}")).unwrap_or_default();
    format!("{}{from}", count(quorum.count as usize, "approval"))
}

/// The approvals that a standing candidate still lacks.
pub fn missing(standing: &Standing, clock: &Clock) -> Vec<Quorum> {
    let lacks =
        |q: &Quorum| Quorum { count: quorum::missing(q, &standing.gate, standing, Some(clock.now)), ..q.clone() };
    standing.gate.approvals.iter().map(lacks).filter(|q| q.count > 0).collect()
}

/// Everything that waits at a gate, with who may approve it and what to type.
pub fn waiting(plan: &Plan, memory: &Memory, clock: &Clock, typed: &Typed, style: Style) -> String {
    let mut out = String::new();
    for environment in &plan.environments {
        let place = memory.environments.get(&environment.name);
        let standing = place.and_then(|p| p.standing.as_ref()).filter(|s| Some(s.subplan) == environment.subplan);
        if let Some(standing) = standing.filter(|s| s.rejected.is_none()) {
            let unmet = unmet(plan, environment, memory, clock.now);
            out.push_str(&at_gate(environment, standing, &unmet, clock, typed, style));
        }
    }
    out
}

fn at_gate(
    environment: &EnvironmentPlan,
    standing: &Standing,
    unmet: &[Unmet],
    clock: &Clock,
    typed: &Typed,
    style: Style,
) -> String {
    let name = crate::plan::candidate::name_of(standing.candidate);
    let mut out = String::from("\n");
    let end = if unmet.is_empty() { "." } else { ", for" };
    let text = format!("{} waits at its gate with {name}{end}", environment.name);
    layout::paragraph(&mut out, 0, &text, Paint::Notice, style);
    for missing in unmet {
        layout::paragraph(&mut out, 2, &one_unmet(missing, clock), Paint::Plain, style);
    }
    out.push_str(&who(standing, unmet, style));
    let asks = unmet.iter().any(|u| u.approvals.is_some());
    let mut commands = Vec::new();
    if asks {
        commands.push(approve(&environment.name, standing, unmet, typed));
    }
    commands.push(typed.command("apply"));
    out.push('\n');
    for (number, command) in commands.iter().enumerate() {
        let then = if number > 0 { "then: " } else { "" };
        let _ = writeln!(out, "  {then}{}", Paint::Typed.on(command, style));
    }
    out
}

/// What to type to approve, which somebody else has to where one's own word would not count.
pub(super) fn approve(environment: &str, standing: &Standing, unmet: &[Unmet], typed: &Typed) -> String {
    let may_not = !typed.is_own_word && is_barred(standing, unmet, &typed.person);
    typed.command(&format!("approve {environment}")) + if may_not { " --as NAME" } else { "" }
}

/// What is missing, and until when where time alone meets it.
pub fn one_unmet(unmet: &Unmet, clock: &Clock) -> String {
    match unmet.earliest {
        Some(moment) => format!("{}, met {}", unmet.what, clock.moment(moment)),
        None => unmet.what.clone(),
    }
}

/// Whether somebody may give none of the approvals that are missing: it is their change, or they gave theirs.
pub fn is_barred(standing: &Standing, unmet: &[Unmet], person: &str) -> bool {
    let own = quorum::is_own_change(person, &standing.people);
    let open = unmet.iter().filter_map(|u| u.approvals.as_ref()).any(|q| q.self_allowed || !own);
    !open || standing.approvals.iter().any(|a| a.by == person)
}

/// Who may not approve what is missing, since it is their change.
pub(super) fn not_from(people: &[String], unmet: &[Unmet], style: Style) -> String {
    let mut out = String::new();
    let mut people: Vec<String> = people.iter().filter(|p| words::is_person(p)).map(|p| words::person(p)).collect();
    people.dedup();
    if unmet.iter().filter_map(|u| u.approvals.as_ref()).any(|q| !q.self_allowed) && !people.is_empty() {
        let text = format!("not from {}: it is their change", list(&people, "or"));
        layout::paragraph(&mut out, 2, &text, Paint::Faint, style);
    }
    out
}

/// Who has approved, and who may not.
fn who(standing: &Standing, unmet: &[Unmet], style: Style) -> String {
    let mut out = String::new();
    if !standing.approvals.is_empty() {
        let people: Vec<String> = standing.approvals.iter().map(|a| words::person(&a.by)).collect();
        layout::paragraph(&mut out, 2, &format!("approved so far by {}", list(&people, "and")), Paint::Faint, style);
    }
    out.push_str(&not_from(&standing.people, unmet, style));
    out
}
