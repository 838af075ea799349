//! Several pipelines: a line for each.

use super::frame::bare;
use super::parts::{self, Mark, mark};
use super::{Look, Viewer};
use maud::{Markup, html};

/// The page; `others` are pipelines that cannot be shown, with why.
pub fn html(viewer: &Viewer, looks: &[Look<'_>], others: &[(String, String)]) -> Markup {
    let body = html! {
        div #index data-part {
            header.head { h1 { "Pipelines" } }
            @if looks.is_empty() && others.is_empty() {
                (parts::empty("There is no pipeline yet.", html! {
                    p { "A pipeline is one file beside what it ships. Write one with " (parts::typed("lockgate init")) ", and serve it with " (parts::typed("lockgate serve FILE")) "." }
                }))
            }
            ul.pipelines {
                @for look in looks { (row(look)) }
                @for (name, why) in others { li { span.what { b { (parts::text(name)) } } p.notice { (mark(Mark::Failed)) span { (parts::text(why)) } } } }
            }
        }
    };
    bare(viewer, "Pipelines", Some("/live"), body)
}

fn row(look: &Look<'_>) -> Markup {
    let memory = &look.state.memory;
    let waits =
        |e: &&str| memory.environments.get(*e).and_then(|p| p.standing.as_ref()).is_some_and(|s| s.rejected.is_none());
    let waiting: Vec<&str> = look.environments().filter(waits).collect();
    html! {
        li {
            div.what {
                a.pipeline href=(look.to(&[])) { (look.name()) }
                @if look.state.open.is_some() { (parts::state(Mark::Moves, "running")) }
                @if !waiting.is_empty() { (parts::state(Mark::Waits, &format!("waits before {}", waiting.join(", ")))) }
            }
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
