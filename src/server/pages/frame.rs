//! What surrounds every page.

use super::assets::{Name, get};
use super::{Look, Viewer, address};
use maud::{DOCTYPE, Markup, html};

/// The tabs of a pipeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tab {
    Board,
    Runs,
    History,
    File,
    /// A page below one of them.
    None,
}

/// A page of a pipeline.
pub(super) fn page(look: &Look<'_>, tab: Tab, title: &str, body: Markup) -> Markup {
    let name = look.name();
    let tabs = [
        (Tab::Board, "Board", look.to(&[])),
        (Tab::Runs, "Runs", look.to(&["runs"])),
        (Tab::History, "History", look.to(&["history"])),
        (Tab::File, "File", look.to(&["file"])),
    ];
    let nav = html! {
        nav.tabs aria-label=(name) {
            @for (this, word, href) in &tabs {
                a href=(href) aria-current=[(*this == tab).then_some("page")] { (word) }
            }
        }
    };
    let title = if title.is_empty() { name.to_string() } else { format!("{title} · {name}") };
    let live = format!("{}?seen={}", look.to(&["live"]), look.seen);
    document(look.viewer, Some((name, &look.to(&[]))), &title, Some(&live), nav, body)
}

/// A page of no pipeline.
pub(super) fn bare(viewer: &Viewer, title: &str, live: Option<&str>, body: Markup) -> Markup {
    document(viewer, None, title, live, html! {}, body)
}

fn document(
    viewer: &Viewer,
    pipeline: Option<(&str, &str)>,
    title: &str,
    live: Option<&str>,
    nav: Markup,
    body: Markup,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) " · Lockgate" }
                link rel="stylesheet" href=(get(Name::Style).path);
                link rel="icon" type="image/svg+xml" href=(get(Name::Mark).path);
                script src=(get(Name::Script).path) defer {}
            }
            body data-live=[live] {
                a.skip href="#main" { "Skip to the content" }
                header.top {
                    div.bar {
                        a.brand href="/" { (mark()) span { "Lockgate" } }
                        @if let Some((name, href)) = pipeline {
                            a.pipeline href=(href) { (name) }
                        }
                        (nav)
                        (who(viewer))
                    }
                }
                main #main tabindex="-1" { (body) }
                footer.end {
                    span { "Lockgate " (env!("CARGO_PKG_VERSION")) }
                    @if live.is_some() {
                        span.live #live hidden role="status" { "live" }
                        noscript { span { "Reload to see what is new." } }
                    }
                }
            }
        }
    }
}

fn who(viewer: &Viewer) -> Markup {
    html! {
        div.who {
            @match &viewer.name {
                Some(name) => {
                    span.name title=[viewer.groups.as_ref().map(|g| groups(g))] { (super::parts::text(name)) }
                    form method="post" action=(address(&["logout"])) {
                        input type="hidden" name="csrf" value=(viewer.csrf);
                        button.plain type="submit" { "Sign out" }
                    }
                }
                None => a href=(address(&["login"])) { "Sign in" }
            }
        }
    }
}

fn groups(groups: &[String]) -> String {
    if groups.is_empty() { "of no group".to_string() } else { format!("of {}", groups.join(", ")) }
}

/// The mark: a gate of two leaves that meet against the water.
fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path.water d="M2 15.5c1.7 0 1.7-1.5 3.3-1.5s1.7 1.5 3.4 1.5 1.6-1.5 3.3-1.5 1.7 1.5 3.3 1.5 1.7-1.5 3.4-1.5 1.6 1.5 3.3 1.5V22H2z" {}
            path.leaf d="M5 2v14M19 2v14M5 5l7 4.5L19 5M5 10.500l7 4.5 7-4.5" {}
        }
    }
}
