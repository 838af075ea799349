//! Several pipelines: a line for each.

use super::frame::bare;
use super::parts::{self, Mark, mark};
use super::{Look, Viewer};
use crate::app::Failure;
use crate::report::{Style, diagnostics};
use maud::{Markup, html};
use std::path::Path;

/// The page of these lines; `seen` names what they were made of.
pub fn html(viewer: &Viewer, rows: &[Markup], seen: &str) -> Markup {
    let body = html! {
        div #index data-part {
            header.head { h1 { "Pipelines" } }
            @if rows.is_empty() {
                (parts::empty("There is no pipeline yet.", html! {
                    p { "A pipeline is one file beside what it ships. Write one with " (parts::typed("lockgate init")) ", and serve it with " (parts::typed("lockgate serve FILE")) "." }
                }))
            }
            ul.pipelines {
                @for row in rows { (row) }
            }
        }
    };
    bare(viewer, "Pipelines", Some(&format!("/live?seen={seen}")), body)
}

/// The line of a pipeline file that is not served, with what is wrong with it.
pub fn faulty(path: &Path, failure: &Failure) -> Markup {
    let said = diagnostics::text(&failure.diagnostics, &failure.sources, Style::default());
    html! {
        li {
            div.what { b { (parts::text(&path.display().to_string())) } (parts::state(Mark::Failed, "not served")) }
            p.notice { (mark(Mark::Failed)) span { "It is taken in as soon as it is mended: " (diagnostics::summary(&failure.diagnostics)) "." } }
            pre.fault { (parts::text(said.trim_end())) }
        }
    }
}

/// The line of a pipeline.
pub fn row(look: &Look<'_>) -> Markup {
    let memory = &look.state.memory;
    let waits =
        |e: &&str| memory.environments.get(*e).and_then(|p| p.standing.as_ref()).is_some_and(|s| s.rejected.is_none());
    let waiting: Vec<&str> = look.environments().filter(waits).collect();
    html! {
        li {
            div.what {
                a.pipeline href=(look.to(&[])) { (look.name()) }
                @if !look.state.open.is_empty() { (parts::state(Mark::Moves, "running")) }
                @if !waiting.is_empty() { (parts::state(Mark::Waits, &format!("waits before {}", waiting.join(", ")))) }
            }
            @for said in look.trouble { p.notice { (mark(Mark::Failed)) span { (parts::text(said)) } } }
            ul.places {
                @for name in look.environments() {
                    @let place = memory.environments.get(name);
                    @let has = place.and_then(|p| p.has.as_ref());
                    @let which = if place.is_some_and(|p| p.failed.is_some()) { Mark::Failed } else if has.is_some() { Mark::Good } else { Mark::Nothing };
                    li class=(which.class()) {
                        (mark(which)) b { (name) } " "
                        @match has { Some(has) => (parts::candidate(look, has.candidate)), None => span.muted { "nothing yet" } }
                    }
                }
            }
        }
    }
}
