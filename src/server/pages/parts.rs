//! What pages share: marks, moments, names, digests, forms.

use super::Look;
use crate::digest::Digest;
use crate::plan::candidate::name_of;
use crate::plan::memory::Moment;
use crate::report::layout::{clean, one_line};
use crate::report::past::What;
use crate::report::steps::Is;
use crate::report::{Clock, words};
use crate::run::RunOutcome;
use maud::{Markup, PreEscaped, html};

/// How something is, as a shape. The word stands beside it or is said to those who cannot see it; the colour only helps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Good,
    Past,
    Waits,
    Queued,
    Moves,
    Enters,
    Failed,
    Refused,
    Held,
    Passed,
    Unclear,
    Back,
    Nothing,
}

impl Mark {
    /// The name of its class.
    pub(super) fn class(self) -> &'static str {
        match self {
            Mark::Good => "good",
            Mark::Past => "past",
            Mark::Waits => "waits",
            Mark::Queued => "queued",
            Mark::Moves => "moves",
            Mark::Enters => "enters",
            Mark::Failed => "failed",
            Mark::Refused => "refused",
            Mark::Held => "held",
            Mark::Passed => "passed",
            Mark::Unclear => "unclear",
            Mark::Back => "back",
            Mark::Nothing => "nothing",
        }
    }

    fn shape(self) -> &'static str {
        match self {
            Mark::Good => r#"<circle class="f" cx="8" cy="8" r="7"/><path class="k" d="m4.7 8.3 2.3 2.3 4.3-4.8"/>"#,
            Mark::Past => r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="m5.2 8.2 2 2 3.6-4"/>"#,
            Mark::Waits => r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="M6.2 5.500v5M9.8 5.500v5"/>"#,
            Mark::Queued => {
                r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="M5 8h.01M8 8h.01M11 8h.01"/>"#
            }
            Mark::Moves => {
                r#"<circle class="t" cx="8" cy="8" r="6.2"/><path class="l turn" d="M8 1.800A6.2 6.2 0 0 1 14.2 8"/>"#
            }
            Mark::Enters => {
                r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="M4.8 8h6M8.3 5.5 10.8 8l-2.5 2.5"/>"#
            }
            Mark::Failed => {
                r#"<rect class="f" x="1" y="1" width="14" height="14" rx="3"/><path class="k" d="m5 5 6 6M11 5l-6 6"/>"#
            }
            Mark::Refused => r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="m3.8 12.2 8.4-8.4"/>"#,
            Mark::Held => {
                r#"<rect class="o" x="2.8" y="7" width="10.4" height="7.2" rx="1.5"/><path class="l" d="M5 7V4.800a3 3 0 0 1 6 0V7"/>"#
            }
            Mark::Passed => r#"<path class="l" d="m3.5 4.5 3.5 3.5-3.5 3.500M9 4.5 12.5 8 9 11.5"/>"#,
            Mark::Unclear => {
                r#"<circle class="o" cx="8" cy="8" r="6.2"/><path class="l" d="M6.2 6.300c0-2.3 3.7-2.3 3.7 0 0 1.4-1.9 1.5-1.9 3M8 11.500h.01"/>"#
            }
            Mark::Back => r#"<path class="l" d="M5.5 3 2.5 6l3 3M2.5 6h6.500a4 4 0 0 1 0 8H6"/>"#,
            Mark::Nothing => r#"<path class="l" d="M5.5 8h5"/>"#,
        }
    }
}

/// The shape alone; who draws it says the word beside it.
pub(super) fn mark(mark: Mark) -> Markup {
    html! {
        svg class={"m " (mark.class())} viewBox="0 0 16 16" aria-hidden="true" focusable="false" {
            (PreEscaped(mark.shape()))
        }
    }
}

/// The shape with its word.
pub(super) fn state(which: Mark, word: &str) -> Markup {
    html! { span class={"state " (which.class())} { (mark(which)) span { (word) } } }
}

/// What a passage looks like, and its word.
pub(super) fn of_passage(what: What) -> (Mark, &'static str) {
    match what {
        What::Stands => (Mark::Waits, "waits"),
        What::Queued => (Mark::Queued, "queued"),
        What::Enters => (Mark::Enters, "enters"),
        What::Has => (Mark::Good, "here"),
        What::Had => (Mark::Past, "was here"),
        What::Superseded => (Mark::Passed, "gave way"),
        What::Rejected => (Mark::Refused, "rejected"),
        What::Failed => (Mark::Failed, "failed"),
    }
}

/// What the end of a run looks like, and its word.
pub(super) fn of_outcome(outcome: Option<RunOutcome>) -> (Mark, &'static str) {
    match outcome {
        None => (Mark::Moves, "running"),
        Some(RunOutcome::Done) => (Mark::Good, "done"),
        Some(RunOutcome::Waiting) => (Mark::Waits, "waits at a gate"),
        Some(RunOutcome::Failed) => (Mark::Failed, "failed"),
        Some(RunOutcome::Cancelled) => (Mark::Refused, "stopped"),
        Some(RunOutcome::Asks) => (Mark::Unclear, "waits for an answer"),
    }
}

/// What a step looks like.
pub(super) fn of_step(is: Is) -> Mark {
    match is {
        Is::Waiting => Mark::Nothing,
        Is::Running => Mark::Moves,
        Is::Done => Mark::Good,
        Is::Reused => Mark::Past,
        Is::Failed => Mark::Failed,
        Is::Stopped => Mark::Refused,
        Is::Unclear => Mark::Unclear,
    }
}

/// Text of others: what shows nothing and reorders the rest is spelled out.
pub(super) fn text(text: &str) -> Markup {
    html! { (one_line(text)) }
}

/// Text of others with its lines.
pub(super) fn lines(text: &str) -> Markup {
    html! { (clean(text)) }
}

/// A moment: how far it is from now, and exactly for who points at it. Programs find it in full.
pub(super) fn when(clock: &Clock, moment: Moment) -> Markup {
    html! { time datetime=(Clock::rfc3339(moment)) title=(clock.exact(moment)) { (clock.distance(moment)) } }
}

/// A moment in full, for who looks back at several.
pub(super) fn stamp(clock: &Clock, moment: Moment) -> Markup {
    html! { time.exact datetime=(Clock::rfc3339(moment)) title=(clock.exact(moment)) { (clock.stamp(moment)) } }
}

/// The name of a candidate, as a link to its page.
pub(super) fn candidate(look: &Look<'_>, id: Digest) -> Markup {
    html! { a.candidate href=(look.to(&["candidates", &id.hex()])) { (name_of(id)) } }
}

/// A digest: its first digits, and all of it for who points at it.
pub(super) fn digest(digest: Digest) -> Markup {
    html! { code.digest title=(digest.to_string()) { (digest.short()) } }
}

/// A person without their address, which stands in the title.
pub(super) fn person(who: &str) -> Markup {
    let name = words::person(who);
    html! { span.person title=[(name != who).then(|| one_line(who))] { (name) } }
}

/// People, one after the other.
pub(super) fn people(who: &[String]) -> Markup {
    let mut names: Vec<&String> = who.iter().collect();
    names.dedup_by_key(|p| words::person(p));
    html! { @for (i, who) in names.iter().enumerate() { @if i > 0 { ", " } (person(who)) } }
}

/// What somebody new finds where there is nothing yet.
pub(super) fn empty(title: &str, body: Markup) -> Markup {
    html! { div.empty { p.lead { (title) } (body) } }
}

/// Something to type in a shell.
pub(super) fn typed(text: &str) -> Markup {
    html! { code.typed { (text) } }
}
