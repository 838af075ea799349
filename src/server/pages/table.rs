//! Candidates against environments: the newest first, and what became of each where.

use super::Look;
use super::parts::{self, Mark, mark};
use crate::report::past::{Formed, What};
use crate::report::words;
use maud::{Markup, html};

pub(super) fn html(look: &Look<'_>, most: usize) -> Markup {
    let environments: Vec<&str> = look.environments().collect();
    html! {
        div.scroll tabindex="0" role="region" aria-label="Candidates by environment" {
            table.matrix {
                thead {
                    tr {
                        th scope="col" { "Candidate" }
                        th scope="col" { "What is new in it" }
                        @for name in &environments { th.cell scope="col" { (name) } }
                    }
                }
                tbody {
                    @for formed in look.past.candidates.iter().rev().take(most) {
                        tr {
                            th scope="row" {
                                (parts::candidate(look, formed.candidate.id))
                                span.since { (parts::when(look.clock, formed.at)) }
                            }
                            td.new { (news(look, formed)) }
                            @for name in &environments { (cell(look, formed, name)) }
                        }
                    }
                }
            }
        }
    }
}

/// What moved since the candidate before.
pub(super) fn news(look: &Look<'_>, formed: &Formed) -> Markup {
    html! {
        ul.moves {
            @for (source, before) in &formed.moved {
                @if let Some(version) = formed.candidate.versions.get(source) {
                    li {
                        b { (source) } " "
                        code { @match before { Some(before) => (words::moved(before, version)), None => (words::version(version)) } }
                        @if let Some(said) = look.past.about(source, &version.id).map(words::about).filter(|s| !s.is_empty()) {
                            " " span.about { (said) }
                        }
                    }
                }
            }
            @if formed.file { li { "the pipeline file" } }
        }
    }
}

fn cell(look: &Look<'_>, formed: &Formed, name: &str) -> Markup {
    let Some(passage) = formed.places.get(name) else {
        let newest = look.state.memory.latest == Some(formed.candidate.id);
        return html! {
            td.cell.nothing data-label=(name) {
                (mark(Mark::Nothing)) span.word { @if newest { "not yet" } @else { "never there" } }
            }
        };
    };
    let (which, word) = parts::of_passage(passage.what);
    let exact = look.clock.exact(passage.at);
    let title = passage
        .why
        .as_deref()
        .map_or(exact.clone(), |why| format!("{exact}, {}", crate::report::layout::one_line(why)));
    html! {
        td class={"cell " (which.class())} data-label=(name) title=(title) {
            @if passage.what == What::Stands {
                a href=(look.to(&["gates", name])) { (mark(which)) span.word { (word) } }
            } @else {
                (mark(which)) span.word { (word) }
            }
        }
    }
}
