//! The page of a gate: what exactly is let in, who must say yes, and one button.

use super::frame::{Tab, page};
use super::parts::{self, Mark, mark};
use super::{Look, changes};
use crate::plan::candidate::name_of;
use crate::plan::memory::Standing;
use crate::plan::{EnvironmentPlan, GatePlan, Step, Work, quorum};
use crate::report::{gate, words};
use crate::run::{Event, Saying, Word};
use maud::{Markup, html};

/// How long a reason may be.
pub const REASON: usize = 500;

/// Why the viewer may not approve what stands there; nothing when they may. It is the answer they would get.
pub fn refusal(look: &Look<'_>, environment: &str, standing: &Standing) -> Option<String> {
    let Some(name) = look.viewer.name.clone() else { return Some("Sign in to approve or reject.".to_string()) };
    if !look.viewer.may_decide {
        return Some("Your role is to look, not to approve.".to_string());
    }
    let what = Saying::Approve { environment: environment.to_string(), subplan: Some(standing.subplan) };
    answer(look, name, what)
}

/// Why something that the viewer would say under that name would be refused, if it would.
pub(super) fn answer(look: &Look<'_>, name: String, what: Saying) -> Option<String> {
    let (groups, also) = (look.viewer.groups.clone(), look.viewer.also.clone());
    let word = Word { by: name, groups, also, reason: None, what };
    let events = crate::run::said(&look.state.memory, &look.state.intents, &word, look.clock.now);
    events.into_iter().find_map(|event| if let Event::Refused { reason, .. } = event { Some(reason) } else { None })
}

/// The page; nothing where there is no such environment. `said` is what came of what was just asked.
pub fn html(look: &Look<'_>, environment: &str, said: Option<&str>) -> Option<Markup> {
    look.environments().find(|e| *e == environment)?;
    let standing = look.state.memory.environments.get(environment).and_then(|p| p.standing.as_ref());
    let plan = look.plan.and_then(|p| p.environment(environment));
    let body = match standing {
        Some(standing) => at(look, environment, standing, plan, said),
        None => nothing(look, environment, plan, said),
    };
    Some(page(look, Tab::None, &format!("{environment} gate"), body))
}

fn nothing(look: &Look<'_>, environment: &str, plan: Option<&EnvironmentPlan>, said: Option<&str>) -> Markup {
    let has = look.state.memory.environments.get(environment).and_then(|p| p.has.as_ref());
    let gate = plan.and_then(|p| p.gate.as_ref());
    html! {
        div #gate data-part {
            header.head { h1 { "The gate of " (environment) } }
            (notice(said))
            p.calm {
                (mark(Mark::Good))
                span {
                    "Nothing stands at this gate."
                    @if let Some(has) = has { " " (environment) " got " (parts::candidate(look, has.candidate)) " " (parts::when(look.clock, has.since)) "." }
                }
            }
            section {
                h2 { "What it asks for" }
                @match gate {
                    Some(gate) => p { (parts::text(&gate::asks(gate))) "." },
                    None => p { (environment) " has no gate: it takes every candidate at once." }
                }
            }
            @if let (Some(plan), Some(environment)) = (look.plan, plan) {
                @let reasons = crate::report::why::reasons(plan, environment, &look.state.memory, look.clock);
                @if !reasons.is_empty() {
                    section {
                        h2 { "Why " (name_of(environment.candidate)) " is not there yet" }
                        ul.notes { @for reason in reasons { li { (mark(Mark::Nothing)) span { (parts::text(&reason.text)) } } } }
                    }
                }
            }
        }
    }
}

/// What came of what was just asked.
pub(super) fn notice(said: Option<&str>) -> Markup {
    html! { @if let Some(said) = said { p.banner role="alert" { (mark(Mark::Unclear)) span { (parts::text(said)) } } } }
}

fn at(
    look: &Look<'_>,
    environment: &str,
    standing: &Standing,
    plan: Option<&EnvironmentPlan>,
    said: Option<&str>,
) -> Markup {
    let candidate = name_of(standing.candidate);
    let shown = plan.filter(|p| p.subplan == Some(standing.subplan));
    html! {
        div #gate data-part {
            header.head {
                p.crumb { a href=(look.to(&[])) { "Board" } " / gate" }
                h1 { "Let " (candidate) " into " (environment) "?" }
                p.sub {
                    (parts::candidate(look, standing.candidate)) " came to this gate " (parts::when(look.clock, standing.since))
                    @if let Some(plan) = plan { ", and would be deployed to " b { (super::board::target(&plan.target)) } }
                }
            }
            (notice(said))
            @if let Some(run) = look.brought_by(environment, standing.candidate) {
                p.banner {
                    (mark(Mark::Enters))
                    span { "It was let in, and is on its way in " a href=(look.to(&["runs", &run.to_string()])) { "run " (run) } "." }
                }
            }
            @if let Some(no) = &standing.rejected {
                p.banner.bad { (mark(Mark::Refused)) span { (candidate) " was rejected " (parts::text(&crate::report::history::by(no))) ", " (parts::when(look.clock, no.at)) ". That is final; a newer candidate may come." } }
            }
            div.columns.gate {
                div.most {
                    @match shown {
                        Some(plan) => (contents(look, plan, standing)),
                        // What was let in is not worked out again.
                        None if look.is_on_its_way(environment, standing.candidate) => {}
                        None => p.banner { (mark(Mark::Moves)) span { "What would be done is being worked out anew. Look again in a moment." } }
                    }
                }
                aside.side {
                    (asks(look, environment, standing))
                    @if standing.rejected.is_none() { (decide(look, environment, standing, shown.is_some())) }
                }
            }
        }
    }
}

/// What is let in: what of it is new, what changes, what is verified.
fn contents(look: &Look<'_>, plan: &EnvironmentPlan, standing: &Standing) -> Markup {
    let has = look.state.memory.environments.get(&plan.name).and_then(|p| p.has.as_ref());
    html! {
        section aria-labelledby="new" {
            h2 #new { "What is new for " (plan.name) }
            (super::candidate::versions(look, standing.candidate, has.map(|h| h.candidate), false))
        }
        section aria-labelledby="changes" {
            h2 #changes { "What changes there" }
            @if plan.changes.is_empty() {
                p.calm { (mark(Mark::Good)) span { "No object changes. What is there is verified for this candidate." } }
            } @else { (changes::html(&plan.changes, look.plan.map(|all| (all, plan.name.as_str())))) }
            @if !plan.drift.is_empty() {
                h3 { "Not as it was left" }
                ul.notes { @for (object, how) in &plan.drift { li.unclear { (mark(Mark::Unclear)) span { b { (parts::text(object)) } " " (parts::text(how)) } } } }
            }
        }
        section aria-labelledby="steps" {
            h2 #steps { "What is done" }
            (steps(look, plan))
        }
        details {
            summary { "What exactly an approval is of" }
            p { "An approval is of the hash of everything below. If any of it changes, approvals do not count any more, and what differs is told." }
            dl.contents {
                div { dt { "sub-plan" } dd { (parts::digest(standing.subplan)) } }
                div { dt { "candidate" } dd { (parts::digest(standing.candidate)) } }
                @for (what, digest) in &standing.contents { div { dt { (parts::text(what)) } dd { code.digest { @if what == "target" { (super::board::target(&plan.target)) } @else { (short(digest)) } } } } }
            }
        }
    }
}

fn short(text: &str) -> String {
    text.parse::<crate::digest::Digest>().map_or_else(|_| crate::report::layout::one_line(text), |d| d.short())
}

fn steps(look: &Look<'_>, environment: &EnvironmentPlan) -> Markup {
    let all = look.plan.map(|p| p.steps.as_slice()).unwrap_or_default();
    let steps: Vec<&Step> = environment.steps.iter().filter_map(|s| all.get(*s as usize)).collect();
    html! {
        ul.steps {
            @for step in steps {
                li {
                    @let which = if step.is_reused() { Mark::Past } else { Mark::Nothing };
                    (mark(which))
                    span {
                        code { (parts::text(&step.id)) } " " (parts::text(&words::work(step)))
                        @if let Work::Deploy(deploy) = &step.work {
                            @if let Some(bundle) = deploy.bundle { " " span.muted { "objects " } (parts::digest(bundle)) }
                        }
                        @if step.is_reused() { " " span.muted { "has succeeded for this" } }
                    }
                }
            }
        }
    }
}

/// What the gate asks for, and how much of it is there.
fn asks(look: &Look<'_>, environment: &str, standing: &Standing) -> Markup {
    let gate = &standing.gate;
    let plan = look.plan.and_then(|p| Some((p, p.environment(environment)?)));
    let unmet =
        plan.map(|(p, e)| crate::run::gate::unmet(p, e, &look.state.memory, look.clock.now)).unwrap_or_default();
    html! {
        section.asks aria-labelledby="asks" {
            h2 #asks { "The gate asks for" }
            ul.notes {
                (quorums(look, standing))
                @for unmet in unmet.iter().filter(|u| u.approvals.is_none()) {
                    li.waits { (mark(Mark::Waits)) span { (parts::text(&gate::one_unmet(unmet, look.clock))) } }
                }
            }
            (approved_by(look, standing))
            @let people: Vec<String> = standing.people.iter().filter(|p| words::is_person(p)).cloned().collect();
            @if gate.approvals.iter().any(|q| !q.self_allowed) && !people.is_empty() {
                p.muted { "Not by " (parts::people(&people)) ": it is their change." }
            }
            @if let Some(text) = expiry(gate) { p.muted { (text) } }
        }
    }
}

/// How many have said yes of how many who must.
pub(super) fn quorums(look: &Look<'_>, standing: &Standing) -> Markup {
    html! {
        @for line in &standing.gate.approvals {
            @let missing = quorum::missing(line, &standing.gate, standing, Some(look.clock.now));
            @let which = if missing == 0 { Mark::Good } else { Mark::Waits };
            li class=(which.class()) {
                (mark(which))
                span { (gate::approvals(line)) ", " b { (line.count.saturating_sub(missing)) " of " (line.count) } " so far" }
            }
        }
    }
}

/// Who has said yes, and why.
pub(super) fn approved_by(look: &Look<'_>, standing: &Standing) -> Markup {
    html! {
        @if !standing.approvals.is_empty() {
            p.muted { "Approved by" }
            ul.people {
                @for approval in &standing.approvals {
                    li {
                        (parts::person(&approval.by)) " " span.since { (parts::when(look.clock, approval.at)) }
                        @if let Some(reason) = &approval.reason { p.about { (parts::text(reason)) } }
                    }
                }
            }
        }
    }
}

fn expiry(gate: &GatePlan) -> Option<String> {
    Some(format!("An approval counts for {}.", crate::report::clock::span(gate.expires?)))
}

/// The one button, and the other word behind it.
fn decide(look: &Look<'_>, environment: &str, standing: &Standing, is_shown: bool) -> Markup {
    let refusal = refusal(look, environment, standing);
    let no = |name| answer(look, name, Saying::Reject { environment: environment.to_string() }).is_none();
    let may_reject = look.viewer.may_decide && look.viewer.name.clone().is_some_and(no);
    let hidden = html! {
        input type="hidden" name="csrf" value=(look.viewer.csrf);
        input type="hidden" name="subplan" value=(standing.subplan.to_string());
        input type="hidden" name="candidate" value=(standing.candidate.to_string());
    };
    html! {
        section.decide aria-labelledby="decide" data-keep {
            h2 #decide { "Your word" }
            @match (&refusal, is_shown) {
                (Some(why), _) => {
                    p.muted { (parts::text(why)) }
                    @if look.viewer.name.is_none() {
                        a.button.primary href=(super::login::address_for(&look.to(&["gates", environment]))) { "Sign in" }
                    }
                }
                (None, false) => p.muted { "You can approve as soon as it is known what would be done." },
                (None, true) => {
                    form method="post" action=(look.to(&["gates", environment, "approve"])) {
                        (hidden)
                        label { span { "Reason " span.muted { "(if you like)" } } input type="text" name="reason" maxlength=(REASON) autocomplete="off"; }
                        button.primary type="submit" { "Approve for " (environment) }
                    }
                }
            }
            @if may_reject {
                details {
                    summary { "Reject it instead" }
                    form method="post" action=(look.to(&["gates", environment, "reject"])) {
                        (hidden)
                        label { "Why" input type="text" name="reason" maxlength=(REASON) required autocomplete="off"; }
                        button.bad type="submit" { "Reject " (name_of(standing.candidate)) }
                        p.muted { "A rejection is final for this candidate." }
                    }
                }
            }
        }
    }
}
