//! The page of an edit of the pipeline file that makes gates weaker: what it changes, in words and in the text, who must say yes,
//! and one button.

use super::frame::{Tab, page};
use super::gate::{REASON, approved_by, notice, quorums};
use super::parts::{self, Mark, mark};
use super::{Look, changes};
use crate::app::keeper::Rewritten;
use crate::plan::memory::Edit;
use crate::run::Saying;
use maud::{Markup, html};

/// Why the viewer may not approve the edit; nothing when they may. It is the answer they would get.
pub fn refusal(look: &Look<'_>, edit: &Edit) -> Option<String> {
    let Some(name) = look.viewer.name.clone() else { return Some("Sign in to approve or reject.".to_string()) };
    if !look.viewer.may_decide {
        return Some("Your role is to look, not to approve.".to_string());
    }
    super::gate::answer(look, name, Saying::ApproveEdit { file: edit.file })
}

/// Whether the viewer may reject it.
fn may_reject(look: &Look<'_>, edit: &Edit) -> bool {
    let name = look.viewer.name.clone().filter(|_| look.viewer.may_decide);
    name.is_some_and(|name| super::gate::answer(look, name, Saying::RejectEdit { file: edit.file }).is_none())
}

/// The page. `texts` is what differs, where the files are those of the edit; `said` what came of what was just asked.
pub fn html(look: &Look<'_>, texts: Option<&[Rewritten]>, said: Option<&str>) -> Markup {
    let body = match &look.state.memory.edit {
        Some(edit) => waits(look, edit, texts, said),
        None => html! {
            div #edit data-part {
                header.head { h1 { "Edits of the pipeline file" } }
                (notice(said))
                p.calm { (mark(Mark::Good)) span { "No edit waits: the newest " a href=(look.to(&["file"])) { "pipeline file" } " is the one that counts." } }
                p { "An edit that makes a gate weaker waits here until the people whom that gate asks today have said yes. Every other edit counts at once." }
            }
        },
    };
    page(look, Tab::None, "Edit of the pipeline file", body)
}

fn waits(look: &Look<'_>, edit: &Edit, texts: Option<&[Rewritten]>, said: Option<&str>) -> Markup {
    html! {
        div #edit data-part {
            header.head {
                p.crumb { a href=(look.to(&[])) { "Board" } " / edit" }
                h1 { "Let this edit of the pipeline file count?" }
                p.sub { "It makes gates weaker, and came " (parts::when(look.clock, edit.since)) ". Until it counts the file before it goes on." }
            }
            (notice(said))
            @if let Some(no) = &edit.rejected {
                p.banner.bad { (mark(Mark::Refused)) span { "It was rejected " (parts::text(&crate::report::history::by(no))) ", " (parts::when(look.clock, no.at)) ". Another edit takes its place." } }
            }
            div.columns.gate {
                div.most {
                    section aria-labelledby="weaker" {
                        h2 #weaker { "What it makes weaker" }
                        ul.notes { @for what in &edit.weakens { li { (mark(Mark::Unclear)) span { (parts::text(what)) } } } }
                    }
                    section aria-labelledby="texts" {
                        h2 #texts { "What differs in the text" }
                        @match texts {
                            Some(texts) => @for text in texts {
                                h3 { code { (parts::text(&text.name)) } }
                                (changes::difference(&text.before, &text.after))
                            },
                            None => p.banner { (mark(Mark::Moves)) span { "The files have moved on, and are being read. Look again in a moment." } }
                        }
                    }
                }
                aside.side {
                    section.asks aria-labelledby="asks" {
                        h2 #asks { "Who must say yes" }
                        p.muted { "Those whom the gates ask that it makes weaker:" }
                        @for (name, standing) in &edit.gates {
                            h3 { (name) }
                            ul.notes { (quorums(look, standing)) }
                            (approved_by(look, standing))
                        }
                    }
                    @if edit.rejected.is_none() { (decide(look, edit, texts.is_some())) }
                }
            }
        }
    }
}

fn decide(look: &Look<'_>, edit: &Edit, is_shown: bool) -> Markup {
    let hidden = html! {
        input type="hidden" name="csrf" value=(look.viewer.csrf);
        input type="hidden" name="file" value=(edit.file.to_string());
    };
    html! {
        section.decide aria-labelledby="decide" data-keep {
            h2 #decide { "Your word" }
            @match (refusal(look, edit), is_shown) {
                (Some(why), _) => {
                    p.muted { (parts::text(&why)) }
                    @if look.viewer.name.is_none() {
                        a.button.primary href=(super::login::address_for(&look.to(&["edit"]))) { "Sign in" }
                    }
                }
                (None, false) => p.muted { "You can approve as soon as the text can be shown." },
                (None, true) => form method="post" action=(look.to(&["edit", "approve"])) {
                    (hidden)
                    label { span { "Reason " span.muted { "(if you like)" } } input type="text" name="reason" maxlength=(REASON) autocomplete="off"; }
                    button.primary type="submit" { "Approve the edit" }
                }
            }
            @if may_reject(look, edit) {
                details {
                    summary { "Reject it instead" }
                    form method="post" action=(look.to(&["edit", "reject"])) {
                        (hidden)
                        label { "Why" input type="text" name="reason" maxlength=(REASON) required autocomplete="off"; }
                        button.bad type="submit" { "Reject the edit" }
                    }
                }
            }
        }
    }
}

/// What the board says of an edit that waits.
pub(super) fn at_board(look: &Look<'_>, edit: &Edit) -> Markup {
    let may = refusal(look, edit).is_none();
    let missing = crate::report::board::edit_missing(edit, look.clock);
    html! {
        li.gate {
            span.what { (mark(Mark::Waits)) span { "An edit of the " b { "pipeline file" } " makes gates weaker" } }
            span.wants {
                @if missing.is_empty() { "it counts in a moment" } @else { "for " (missing.join(", ")) }
                span.since { " · came " (parts::when(look.clock, edit.since)) }
            }
            a.button.primary[may] href=(look.to(&["edit"])) { @if may { "Review and approve" } @else { "Review" } span.unseen { " the edit" } }
        }
    }
}
