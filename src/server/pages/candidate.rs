//! The page of a candidate: what it is made of, and how far it came.

use super::frame::{Tab, page};
use super::parts::{self, Mark, mark};
use super::word::{self, What};
use super::{Look, changes, table};
use crate::digest::Digest;
use crate::plan::candidate::name_of;
use crate::plan::{Change, EnvironmentPlan, Verdict, Work};
use crate::report::past::{Formed, Passage};
use crate::report::words;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// What a candidate changed in each environment that it came to.
pub type Went = BTreeMap<String, Vec<Change>>;

/// The candidate that an address names: by its id, or by its short name, of which the newest is meant.
pub fn find(look: &Look<'_>, named: &str) -> Option<Digest> {
    let candidates = &look.state.memory.candidates;
    if let Ok(id) = format!("sha256:{named}").parse::<Digest>() {
        return candidates.contains_key(&id).then_some(id);
    }
    let newest = look.past.candidates.iter().rev().map(|f| f.candidate.id).find(|id| name_of(*id) == named);
    newest.or_else(|| candidates.keys().copied().find(|id| name_of(*id) == named))
}

/// The page of a candidate that there is.
pub fn html(look: &Look<'_>, id: Digest, went: &Went) -> Markup {
    let name = name_of(id);
    let formed = look.past.candidate(id);
    let body = html! {
        div #candidate data-part {
            header.head {
                p.crumb { a href=(look.to(&[])) { "Board" } " / candidate" }
                h1 { (name) }
                p.sub {
                    @if let Some(formed) = formed {
                        "formed " (parts::when(look.clock, formed.at))
                        @if formed.run > 0 { " in " a href=(look.to(&["runs", &formed.run.to_string()])) { "run " (formed.run) } }
                        ", "
                    }
                    (parts::digest(id))
                    @if look.state.memory.latest == Some(id) { ", the newest" }
                }
            }
            section aria-labelledby="versions" {
                h2 #versions { "What it is made of" }
                (versions(look, id, None, true))
            }
            (made(look, id))
            section aria-labelledby="where" {
                h2 #where { "How far it came" }
                ol.way { @for name in look.environments() { (place(look, id, name, formed, went)) } }
            }
        }
    };
    page(look, Tab::None, &name, body)
}

/// All candidates that are remembered.
pub fn all(look: &Look<'_>) -> Markup {
    let body = html! {
        div #candidates data-part {
            header.head {
                p.crumb { a href=(look.to(&[])) { "Board" } " / candidates" }
                h1 { "Candidates" }
            }
            (table::html(look, crate::report::past::MOST))
        }
    };
    page(look, Tab::None, "Candidates", body)
}

/// The versions of a candidate; against another one, those that differ. With `acts`, what an operator may say of each.
pub(super) fn versions(look: &Look<'_>, id: Digest, against: Option<Digest>, acts: bool) -> Markup {
    let candidates = &look.state.memory.candidates;
    let Some(candidate) = candidates.get(&id) else {
        return html! { p.muted { "It is not remembered." } };
    };
    let before = against.and_then(|id| candidates.get(&id));
    let formed = look.past.candidate(id);
    let differs =
        |source: &str, version: &str| before.and_then(|b| b.versions.get(source)).is_none_or(|b| b.id != version);
    let file = before.is_some_and(|b| b.file != candidate.file);
    let nothing = !file && candidate.versions.iter().all(|(s, v)| !differs(s, &v.id));
    html! {
        @if against.is_some() && nothing { p.muted { "Nothing: it is made of what is there already." } }
        dl.versions {
            @for (source, version) in candidate.versions.iter().filter(|(s, v)| before.is_none() || differs(s, &v.id)) {
                div {
                    dt { (source) }
                    dd {
                        @let was = before.and_then(|b| b.versions.get(source)).or_else(|| moved(formed, source).filter(|_| against.is_none()));
                        code title=(version.id) { (was.map_or_else(|| words::version(version), |was| words::moved(was, version))) }
                        @if let Some(about) = look.past.about(source, &version.id) {
                            @if let Some(subject) = &about.subject { p.subject { (parts::text(subject)) } }
                            p.about {
                                @if let Some(author) = &about.author { (parts::person(author)) }
                                @if let Some(time) = about.time { " " (parts::when(look.clock, time.saturating_mul(1000))) }
                                @let others: Vec<String> = about.people.iter().filter(|p| about.author.as_ref() != Some(p)).cloned().collect();
                                @if !others.is_empty() { ", with " (parts::people(&others)) }
                            }
                            @if let Some(note) = &about.note { p.about.notice { (parts::text(note)) } }
                        }
                        p.about { code { (parts::text(&version.id)) } }
                        @if acts && look.viewer.may_operate {
                            p.acts {
                                (word::link(look, What::Pin, source, Some(&version.id), "Pin"))
                                (word::link(look, What::Ban, source, Some(&version.id), "Ban"))
                            }
                        }
                    }
                }
            }
            @if file || (before.is_none() && formed.is_some_and(|f| f.file)) {
                div { dt { "pipeline file" } dd { "changed" p.about { (parts::digest(candidate.file)) } } }
            }
        }
    }
}

fn moved<'f>(formed: Option<&'f Formed>, source: &str) -> Option<&'f crate::ports::sources::Version> {
    formed?.moved.iter().find(|(s, _)| s == source)?.1.as_ref()
}

/// The images that were made of it, as far as the plan knows them. Behind a `@` stand those of other candidates.
fn made(look: &Look<'_>, id: Digest) -> Markup {
    let Some(plan) = look.plan.filter(|p| p.candidate().is_some_and(|c| c.id == id)) else { return html! {} };
    let told = |step: &crate::plan::Step| {
        let build = if let Work::Build(work) = &step.work { work.digest.map(|d| d.to_string()) } else { None };
        step.outputs.get("digest").cloned().or(build)
    };
    let builds: Vec<_> = plan
        .steps
        .iter()
        .filter(|s| words::kind(s) == "build" && !s.id.contains('@'))
        .map(|s| (s.id.clone(), told(s)))
        .collect();
    html! {
        @if !builds.is_empty() {
            section aria-labelledby="images" {
                h2 #images { "What is made of it" }
                dl.versions {
                    @for (step, digest) in builds {
                        div {
                            dt { (parts::text(step.strip_prefix("build.").unwrap_or(&step))) }
                            dd {
                                @match digest {
                                    Some(digest) => code.digest { (parts::text(&digest)) },
                                    None => span.muted { "known once it is built" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn place(look: &Look<'_>, id: Digest, name: &str, formed: Option<&Formed>, went: &Went) -> Markup {
    let passage = formed.and_then(|f| f.places.get(name));
    let plan = look.plan.and_then(|p| p.environment(name)).filter(|e| e.candidate == id);
    let (which, word) = passage.map_or((Mark::Nothing, "not there"), |p| parts::of_passage(p.what));
    html! {
        li class=(which.class()) {
            h3 { (mark(which)) (name) " " span.word { (word) } }
            @if let Some(passage) = passage { (told(look, name, passage)) }
            @if passage.is_some_and(|p| p.what == crate::report::past::What::Had) {
                p.acts { (word::link(look, What::Rollback, name, Some(&id.hex()), "Bring it back to")) }
            }
            (verified(look, name, id))
            @match (plan.filter(|p| p.verdict != Verdict::UpToDate), went.get(name)) {
                (Some(plan), _) => (would(look, plan)),
                (None, Some(changes)) if changes.is_empty() => p.muted { "It changed no object there." },
                (None, Some(changes)) => details {
                    summary { "What it changed there" }
                    (changes::html(changes, None))
                },
                (None, None) => {}
            }
        }
    }
}

fn told(look: &Look<'_>, name: &str, passage: &Passage) -> Markup {
    html! {
        p.about {
            (parts::when(look.clock, passage.at))
            @if let Some(why) = &passage.why { ", " (parts::text(why)) }
            @if !passage.approved.is_empty() { ", approved by " (parts::people(&passage.approved)) }
            @if passage.what == crate::report::past::What::Stands { ", " a href=(look.to(&["gates", name])) { "to the gate" } }
        }
    }
}

fn verified(look: &Look<'_>, name: &str, id: Digest) -> Markup {
    let has = look.state.memory.environments.get(name).and_then(|p| p.has.as_ref()).filter(|h| h.candidate == id);
    html! {
        @if let Some(has) = has {
            p.about {
                @if has.verified.is_empty() { "Nothing verifies it there." }
                @else { "Verified: " (crate::report::layout::count(has.verified.len(), "check")) " succeeded." }
                @for (release, bundle) in &has.bundles { " Objects of " (release) " " (parts::digest(*bundle)) "." }
            }
        }
    }
}

fn would(look: &Look<'_>, environment: &EnvironmentPlan) -> Markup {
    let plan = look.plan.map(|plan| crate::report::plan::verdict(plan, environment).0).unwrap_or_default();
    html! {
        @if !plan.is_empty() { p.about { (parts::text(&format!("It {plan}."))) } }
        @if !environment.changes.is_empty() {
            details open[environment.changes.len() < 4] {
                summary { "What it would change there" }
                (changes::html(&environment.changes, look.plan.map(|all| (all, environment.name.as_str()))))
            }
        }
    }
}
