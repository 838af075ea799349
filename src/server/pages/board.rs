//! The board: what waits for whom, what is where, and what became of the last candidates.

use super::frame::{Tab, page};
use super::parts::{self, Mark, mark};
use super::word::{self, What};
use super::{Look, table};
use crate::model::GateRule;
use crate::plan::candidate::name_of;
use crate::plan::memory::{Place, Standing};
use crate::plan::{EnvironmentPlan, Verdict};
use crate::ports::places::Target;
use crate::report::board::{Kind, notes_of};
use crate::report::layout::list;
use crate::report::{clock, gate, history, why, words};
use maud::{Markup, html};

/// How many candidates stand on the board, and how many events.
const CANDIDATES: usize = 8;
const EVENTS: usize = 8;

/// The page.
pub fn html(look: &Look<'_>) -> Markup {
    let body = html! {
        div #board data-part {
            (head(look))
            (trouble(look))
            @if look.state.number == 0 { (newcomer(look)) }
            (attention(look))
            div.columns {
                div.most {
                    (environments(look))
                    @if !look.past.candidates.is_empty() {
                        section aria-labelledby="candidates" {
                            h2 #candidates { "Candidates" }
                            (table::html(look, CANDIDATES))
                            @if look.past.candidates.len() > CANDIDATES {
                                p.more { a href=(look.to(&["candidates"])) { "All candidates" } }
                            }
                        }
                    }
                }
                aside.side { (sources(look)) (said(look)) (lately(look)) }
            }
        }
    };
    page(look, Tab::Board, "", body)
}

fn head(look: &Look<'_>) -> Markup {
    let latest = look.state.memory.latest;
    html! {
        header.head {
            h1 { (look.name()) }
            @if let Some(id) = latest {
                p.sub {
                    "newest candidate " (parts::candidate(look, id))
                    @if let Some(formed) = look.past.candidate(id) { ", " (parts::when(look.clock, formed.at)) }
                }
            }
            @for (number, run) in look.state.open.iter().rev() {
                p.banner {
                    (mark(Mark::Moves))
                    span {
                        a href=(look.to(&["runs", &number.to_string()])) { "Run " (number) }
                        @if run.cancelled { " is being stopped" } @else { " is under way" }
                        ", started by " (parts::person(&run.by)) " " (parts::when(look.clock, run.since))
                        @let steps = running(look, *number);
                        @if !steps.is_empty() { ": " @for (i, s) in steps.iter().enumerate() { @if i > 0 { ", " } code { (s) } } }
                        " " (word::link(look, What::Cancel, &number.to_string(), None, if run.cancelled { "Stop its programs" } else { "Stop" }))
                    }
                }
            }
            @if look.viewer.may_operate {
                p { a.button href=(word::to(look, What::Apply, "", None)) { "Apply now" } }
            }
        }
    }
}

/// What a run is at.
fn running(look: &Look<'_>, run: u64) -> Vec<String> {
    const MOST: usize = 3;
    look.state
        .intents
        .iter()
        .filter(|(_, i)| i.run == run && !i.indeterminate)
        .take(MOST)
        .map(|(s, _)| words_of(s))
        .collect()
}

fn words_of(step: &str) -> String {
    crate::report::layout::one_line(step)
}

fn trouble(look: &Look<'_>) -> Markup {
    let unclear = look.state.intents.iter().filter(|(_, i)| i.indeterminate);
    html! {
        @for said in look.trouble {
            p.banner.bad { (mark(Mark::Failed)) span { (parts::text(said)) } }
        }
        @for (step, _) in unclear {
            p.banner.bad {
                (mark(Mark::Unclear))
                span {
                    code { (words_of(step)) } " was cut off, and nobody knows whether it was done. Somebody has to look, and say. "
                    (word::link(look, What::Done, step, None, "It was done")) " " (word::link(look, What::Again, step, None, "Run it again"))
                }
            }
        }
    }
}

fn newcomer(look: &Look<'_>) -> Markup {
    let first = look.graph.pipeline().environments.first().map(|e| e.name.value.as_str());
    parts::empty(
        "Nothing has happened yet.",
        html! {
            p {
                "The first look at the sources makes the first candidate: one exact version of each. "
                @if let Some(first) = first { "It goes to " b { (first) } " by itself, and then as far as the gates let it. " }
            }
            p { "It is looked at as soon as the turns beside this come" @if look.viewer.may_operate { ", or now with the button above" } "." }
        },
    )
}

/// What waits for people, each with the way to its gate.
fn attention(look: &Look<'_>) -> Markup {
    let waiting: Vec<(&str, &Standing)> = look
        .environments()
        .filter_map(|name| Some((name, look.state.memory.environments.get(name)?.standing.as_ref()?)))
        .filter(|(name, standing)| standing.rejected.is_none() && !look.is_on_its_way(name, standing.candidate))
        .collect();
    let edit = look.state.memory.edit.as_ref().filter(|e| e.rejected.is_none());
    html! {
        @if !waiting.is_empty() || edit.is_some() {
            section.waiting aria-labelledby="waiting" {
                h2 #waiting { "Waits for people" }
                ul.gates {
                    @if let Some(edit) = edit { (super::edit::at_board(look, edit)) }
                    @for (name, standing) in &waiting { (at_gate(look, name, standing)) }
                }
            }
        } @else if look.state.number > 0 && look.state.open.is_empty() {
            p.calm { (mark(Mark::Good)) span { "Nothing waits for anybody." } }
        }
    }
}

fn at_gate(look: &Look<'_>, name: &str, standing: &Standing) -> Markup {
    let environment = look.plan.and_then(|p| p.environment(name));
    let unmet = match (look.plan, environment) {
        (Some(plan), Some(e)) => crate::run::gate::unmet(plan, e, &look.state.memory, look.clock.now),
        _ => Vec::new(),
    };
    let missing = gate::missing(standing, look.clock);
    let may = super::gate::refusal(look, name, standing).is_none();
    let wants: Vec<String> = if unmet.is_empty() {
        missing.iter().map(gate::approvals).collect()
    } else {
        unmet.iter().map(|u| gate::one_unmet(u, look.clock)).collect()
    };
    html! {
        li.gate {
            span.what {
                (mark(Mark::Waits))
                span { b { (name) } " waits with " (parts::candidate(look, standing.candidate)) }
            }
            span.wants {
                @if wants.is_empty() { "its gate is open" } @else { "for " (wants.join(", ")) }
                span.since { " · came " (parts::when(look.clock, standing.since)) }
            }
            a.button.primary[may] href=(look.to(&["gates", name])) {
                @if may { "Review and approve" } @else { "Review" } span.unseen { " " (name) }
            }
        }
    }
}

fn environments(look: &Look<'_>) -> Markup {
    html! {
        section aria-labelledby="environments" {
            h2 #environments { "Environments" }
            ol.chambers {
                @for name in look.environments() { (chamber(look, name)) }
            }
        }
    }
}

fn chamber(look: &Look<'_>, name: &str) -> Markup {
    let place = look.state.memory.environments.get(name);
    let plan = look.plan.and_then(|p| p.environment(name));
    let has = place.and_then(|p| p.has.as_ref());
    let behind = has.map(|h| behind(look, h.candidate));
    let notes = place.map(|p| notes(look, name, p)).unwrap_or_default();
    let gated =
        look.graph.pipeline().environments.iter().any(|e| e.name.value == name && matches!(e.gate, GateRule::Gate(_)));
    html! {
        li.chamber data-level=(match behind { None => "none", Some(0) => "full", Some(1) => "half", Some(_) => "low" }) {
            div.name {
                h3 { @if gated { a href=(look.to(&["gates", name])) { (name) } } @else { (name) } }
                @if let Some(behind) = behind {
                    span.level { @if behind == 0 { "newest" } @else { (behind) " behind" } }
                }
            }
            p.target {
                @if let Some(plan) = plan { (target(&plan.target)) }
                @if let Some(after) = after(look, name) { span { " · " (after) } }
            }
            p.has {
                @match has {
                    Some(has) => {
                        (mark(Mark::Good)) (parts::candidate(look, has.candidate))
                        span.since { (parts::when(look.clock, has.since)) }
                    }
                    None => { (mark(Mark::Nothing)) span.muted { "nothing yet" } }
                }
            }
            @if !notes.is_empty() {
                ul.notes { @for (which, note) in notes { li class=(which.class()) { (mark(which)) span { (note) } } } }
            }
            @if let (Some(plan), None) = (plan, place.and_then(|p| p.standing.as_ref()))
                && has.is_none_or(|h| h.candidate != plan.candidate) { (reasons(look, plan)) }
            @if look.viewer.may_operate {
                p.acts {
                    @if place.is_some_and(|p| p.hold.is_some()) { (word::link(look, What::Release, name, None, "Release")) }
                    @else { (word::link(look, What::Hold, name, None, "Hold")) }
                    @if place.is_some_and(|p| !p.had.is_empty()) { (word::link(look, What::Rollback, name, None, "Bring back")) }
                }
            }
        }
    }
}

/// What stands before an environment: `after dev, behind a gate`.
fn after(look: &Look<'_>, name: &str) -> Option<String> {
    let environment = look.graph.pipeline().environments.iter().find(|e| e.name.value == name)?;
    let after: Vec<String> = environment.after.iter().map(|r| r.value.to_string()).collect();
    let gate = matches!(environment.gate, GateRule::Gate(_)).then_some("behind a gate");
    let after = (!after.is_empty()).then(|| format!("after {}", list(&after, "and")));
    let said: Vec<&str> = after.as_deref().into_iter().chain(gate).collect();
    (!said.is_empty()).then(|| said.join(", "))
}

/// How many candidates are newer.
fn behind(look: &Look<'_>, has: crate::digest::Digest) -> usize {
    if look.state.memory.latest == Some(has) {
        return 0;
    }
    let newer = look.past.candidates.iter().rev().take_while(|f| f.candidate.id != has).count();
    newer.max(1)
}

fn notes(look: &Look<'_>, name: &str, place: &Place) -> Vec<(Mark, String)> {
    let mark = |kind| match kind {
        Kind::Back => Mark::Back,
        Kind::Enters => Mark::Enters,
        Kind::Held => Mark::Held,
        Kind::Failed => Mark::Failed,
        Kind::Rejected => Mark::Refused,
        Kind::Waits => Mark::Waits,
        Kind::Queue => Mark::Queued,
    };
    let all = notes_of(name, place, look.state, look.clock).into_iter();
    all.map(|(kind, text)| (mark(kind), crate::report::layout::one_line(&text))).collect()
}

/// Why the newest candidate is not there.
fn reasons(look: &Look<'_>, environment: &EnvironmentPlan) -> Markup {
    let is_note = |v: &Verdict| !matches!(v, Verdict::Enter | Verdict::Gate);
    let Some(plan) = look.plan.filter(|_| environment.verdict != Verdict::UpToDate && !is_note(&environment.verdict))
    else {
        return html! {};
    };
    let reasons = why::reasons(plan, environment, &look.state.memory, look.clock);
    html! {
        @if !reasons.is_empty() {
            div.why {
                p { (name_of(environment.candidate)) " is not there yet:" }
                ul.notes { @for reason in reasons { li { (mark(Mark::Nothing)) span { (parts::text(&reason.text)) } } } }
            }
        }
    }
}

/// Where something is deployed, as people call it.
pub(super) fn target(target: &Target) -> String {
    match target {
        Target::Folder { path, .. } => {
            let parts: Vec<_> = path.iter().rev().take(2).map(|p| p.to_string_lossy()).collect();
            parts.iter().rev().map(AsRef::as_ref).collect::<Vec<&str>>().join("/")
        }
        Target::Branch { branch, folder, .. } if folder.is_empty() => format!("branch {branch}"),
        Target::Branch { branch, folder, .. } => format!("{folder} in branch {branch}"),
        Target::Cluster { context, namespace, .. } => format!("{namespace} in {context}"),
    }
}

fn sources(look: &Look<'_>) -> Markup {
    html! {
        section aria-labelledby="sources" {
            h2 #sources { "Sources" }
            ul.sources {
                @for source in &look.graph.pipeline().sources {
                    @let name = source.name.value.as_str();
                    li {
                        div.name {
                            b { (name) }
                            @match look.state.memory.heads.get(name) {
                                Some(head) => code title=(head.version.id) { (words::version(&head.version)) },
                                None => span.muted { "not seen yet" },
                            }
                        }
                        @if let Some(said) = look.state.memory.heads.get(name).map(|h| words::about(&h.about)).filter(|s| !s.is_empty()) {
                            p.about { (said) }
                        }
                        @for turn in look.turns.iter().filter(|t| t.source == name) {
                            @if let Some(at) = turn.at { p.turn { (parts::text(&turn.by)) " " (parts::when(look.clock, at)) } }
                            @if let Some(fault) = &turn.fault { p.turn.bad { (mark(Mark::Failed)) (parts::text(fault)) } }
                        }
                        @if look.viewer.may_operate && !look.state.memory.pins.contains_key(name) && look.state.memory.heads.contains_key(name) {
                            p.acts { (word::link(look, What::Pin, name, None, "Pin")) }
                        }
                    }
                }
            }
        }
    }
}

/// What people said against automation.
fn said(look: &Look<'_>) -> Markup {
    let memory = &look.state.memory;
    html! {
        @if !memory.pins.is_empty() || !memory.bans.is_empty() {
            section aria-labelledby="words" {
                h2 #words { "Pins and bans" }
                ul.notes {
                    @for (source, pin) in &memory.pins {
                        li.held {
                            (mark(Mark::Held))
                            span { b { (source) } " is pinned at " code { (words::version(&pin.head.version)) } " " (parts::text(&history::by(&pin.word))) " " (word::link(look, What::Unpin, source, None, "Unpin")) }
                        }
                    }
                    @for ban in &memory.bans {
                        li.refused {
                            (mark(Mark::Refused))
                            span { b { (ban.source) } " " code { (parts::text(&ban.version)) } " is banned " (parts::text(&history::by(&ban.word))) " " (word::link(look, What::Unban, &ban.source, Some(&ban.version), "Use it again")) }
                        }
                    }
                }
            }
        }
    }
}

fn lately(look: &Look<'_>) -> Markup {
    html! {
        @if !look.past.events.is_empty() {
            section aria-labelledby="lately" {
                h2 #lately { "Lately" }
                ol.events {
                    @for record in look.past.events.iter().rev().take(EVENTS) { (super::history::event(look, record)) }
                }
                p.more { a href=(look.to(&["history"])) { "All that happened" } }
            }
        }
    }
}

/// How long something takes or took, for people.
pub(super) fn took(look: &Look<'_>, since: i64, until: Option<i64>) -> String {
    match until {
        Some(until) => clock::span(until.saturating_sub(since)),
        None => clock::elapsed(look.clock.now.saturating_sub(since)),
    }
}
