//! What happened, the newest first: everything, refusals included.

use super::Look;
use super::frame::{Tab, page};
use super::parts;
use crate::report::{Paint, history};
use crate::run::Record;
use maud::{Markup, html};

/// How many events stand on a page.
pub const PAGE: usize = 200;

/// A part of the history.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// The events, the newest first.
    pub records: Vec<Record>,
    /// What they are of, where not everything is shown.
    pub about: Option<String>,
    /// The number below which older ones stand, if there are any.
    pub older: Option<u64>,
    /// Whether there are newer ones.
    pub is_first: bool,
}

/// The page.
pub fn html(look: &Look<'_>, part: &Part) -> Markup {
    let here = look.to(&["history"]);
    let about = part.about.as_deref().unwrap_or_default();
    let of = |name: &str| format!("{here}?about={}", super::address(&[name]).trim_start_matches('/'));
    let body = html! {
        div #history data-part {
            header.head { h1 { "History" } p.sub { "Every event of the journal, refusals included." } }
            nav.filter aria-label="Filter" {
                a href=(here) aria-current=[about.is_empty().then_some("true")] { "everything" }
                @for name in look.environments() { a href=(of(name)) aria-current=[(about == name).then_some("true")] { (name) } }
                @for source in &look.graph.pipeline().sources {
                    @let name = source.name.value.as_str();
                    a href=(of(name)) aria-current=[(about == name).then_some("true")] { (name) }
                }
                a href=(of("refused")) aria-current=[(about == "refused").then_some("true")] { "refusals" }
            }
            @if part.records.is_empty() { p.muted { "Nothing of that has happened." } }
            @else { ol.events.all { @for record in &part.records { (dated(look, record)) } } }
            nav.pages aria-label="Pages of the history" {
                @if !part.is_first { a href=(if about.is_empty() { here.clone() } else { of(about) }) { "newest" } }
                @if let Some(before) = part.older {
                    a href={(if about.is_empty() { format!("{here}?") } else { format!("{}&", of(about)) }) "before=" (before)} { "older" }
                }
            }
        }
    };
    page(look, Tab::History, "History", body)
}

/// An event in a line, for those who want to know what is new.
pub(super) fn event(look: &Look<'_>, record: &Record) -> Markup {
    line(look, record, parts::when(look.clock, record.at))
}

/// An event in a line, for those who look back.
pub(super) fn dated(look: &Look<'_>, record: &Record) -> Markup {
    line(look, record, parts::stamp(look.clock, record.at))
}

fn line(look: &Look<'_>, record: &Record, when: Markup) -> Markup {
    let told = history::told(record);
    let class = match told.paint {
        Paint::Good => "good",
        Paint::Bad => "bad",
        Paint::Notice => "notice",
        Paint::Faint => "faint",
        _ => "plain",
    };
    html! {
        li class=(class) {
            (when)
            span.about {
                @if record.run > 0 && told.about.starts_with("run ") { a href=(look.to(&["runs", &record.run.to_string()])) { (told.about) } }
                @else { b { (parts::text(&told.about)) } }
                " " (parts::text(&told.text))
            }
            span.number title={"event " (record.number)} { "#" (record.number) }
        }
    }
}
