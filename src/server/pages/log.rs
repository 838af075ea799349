//! The log of a step: its lines with their numbers, searched, and followed while it grows.

use super::frame::{Tab, page};
use super::parts::{self, mark};
use super::{Look, ansi};
use crate::report::steps::{Is, StepLine};
use maud::{Markup, html};

/// How many lines stand on a page.
pub const LINES: usize = 2000;
/// How long what is searched for may be.
pub const QUERY: usize = 200;

/// A part of a log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// The lines with their numbers, from 1.
    pub lines: Vec<(usize, Vec<u8>)>,
    /// How many lines the log has; of those, the last may go on.
    pub total: usize,
    /// How many bytes.
    pub length: u64,
    /// What was searched for, and how many lines have it.
    pub found: Option<(String, usize)>,
}

/// The page of a log.
pub fn html(look: &Look<'_>, run: u64, step: &StepLine, part: &Part) -> Markup {
    let number = run.to_string();
    let here = look.to(&["runs", &number, "log", &step.id]);
    let is_live = step.is == Is::Running;
    let query = part.found.as_ref().map(|(q, _)| q.as_str()).unwrap_or_default();
    let which = parts::of_step(step.is);
    let body = html! {
        header.head {
            p.crumb {
                a href=(look.to(&["runs"])) { "Runs" } " / " a href=(look.to(&["runs", &number])) { (number) } " / log"
            }
            h1 #step data-part { code { (parts::text(&step.id)) } " " (parts::state(which, step.is.word())) }
            @if let Some(reason) = &step.reason { p.banner.bad { (mark(parts::Mark::Failed)) span { (parts::lines(reason)) } } }
        }
        form.search role="search" method="get" action=(here) {
            label { span.unseen { "Search this log" } input type="search" name="q" value=(query) maxlength=(QUERY) placeholder="Search this log" autocomplete="off"; }
            button type="submit" { "Search" }
            span.muted { (summary(part)) }
            @if !query.is_empty() { a href=(here) { "all lines" } }
        }
        (pages(&here, part))
        @if part.lines.is_empty() && !is_live {
            p.muted { @if query.is_empty() { "It printed nothing." } @else { "No line has it." } }
        } @else {
            div.log tabindex="0" role="region" aria-label="Log" {
                ol #log data-follow=[(is_live && query.is_empty()).then(|| format!("{here}/live?after={}", last(part)))] {
                    (lines(&part.lines))
                }
            }
        }
        (pages(&here, part))
        @if is_live { p.muted #following { "It goes on; this page follows it." } }
    };
    page(look, Tab::None, &format!("{} of run {run}", step.id), body)
}

/// Lines as they stand on the page, and as they are sent to one that follows.
pub fn lines(lines: &[(usize, Vec<u8>)]) -> Markup {
    html! {
        @for (number, bytes) in lines {
            li id={"L" (number)} { a.n href={"#L" (number)} aria-label={"line " (number)} { (number) } span { (ansi::line(bytes)) } }
        }
    }
}

fn last(part: &Part) -> usize {
    part.lines.last().map_or(0, |(n, _)| *n)
}

fn summary(part: &Part) -> String {
    let lines = crate::report::layout::count(part.total, "line");
    match &part.found {
        Some((_, found)) if *found > part.lines.len() => format!("{found} of {lines} have it; the first are shown"),
        Some((_, found)) => format!("{found} of {lines}"),
        None => format!("{lines}, {}", size(part.length)),
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{}.{} MiB", bytes >> 20, (bytes % (1 << 20)) * 10 / (1 << 20)),
    }
}

fn pages(here: &str, part: &Part) -> Markup {
    let (first, last) = (part.lines.first().map_or(0, |(n, _)| *n), last(part));
    html! {
        @if part.found.is_none() && part.total > LINES {
            nav.pages aria-label="Pages of the log" {
                @if first > 1 { a href={(here) "?from=" (first.saturating_sub(LINES).max(1))} { "earlier lines" } }
                span.muted { (first) "–" (last) " of " (part.total) }
                @if last < part.total { a href={(here) "?from=" (last + 1)} { "later lines" } }
            }
        }
    }
}
