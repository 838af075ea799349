//! Events in words.

use super::layout::{Rows, cell, list};
use super::{Clock, Paint, Style, words};
use crate::plan::candidate::name_of;
use crate::plan::memory::Hold;
use crate::run::{Event, Outcome, Record, RunOutcome};
use serde::Serialize;

/// An event as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// What it is about: a step, an environment, a source, a run.
    pub about: String,
    /// What happened.
    pub text: String,
    /// How it stands out.
    pub paint: Paint,
    /// How much it matters.
    pub weight: Weight,
}

/// How much an event matters to somebody who looks back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Only where steps are looked at one by one.
    Detail,
    /// Always.
    Main,
}

fn main(about: &str, text: impl Into<String>, paint: Paint) -> Told {
    Told { about: about.to_string(), text: text.into(), paint, weight: Weight::Main }
}

fn detail(about: &str, text: impl Into<String>, paint: Paint) -> Told {
    Told { about: about.to_string(), text: text.into(), paint, weight: Weight::Detail }
}

/// An event in words.
pub fn told(record: &Record) -> Told {
    let run = format!("run {}", record.run);
    match &record.event {
        Event::RunStarted { by, candidate, .. } => {
            main(&run, format!("started by {} for {}", words::person(by), name_of(*candidate)), Paint::Plain)
        }
        Event::PlanCompleted { .. } => detail(&run, "what was unknown in the plan is known", Paint::Faint),
        Event::RunFinished { outcome } => {
            let (text, paint) = ended(*outcome);
            main(&run, text, paint)
        }
        Event::CancelAsked { by } => main(&run, format!("{} asked to stop", words::person(by)), Paint::Notice),
        Event::HeadSeen { source, head } => main(source, words::head(head), Paint::Plain),
        Event::CandidateFormed { candidate } => main("candidate", candidate.name(), Paint::Strong),
        Event::RerunAsked { node, .. } => main(node, "is to run anew", Paint::Plain),
        event => {
            of_step(event).or_else(|| of_environment(event)).or_else(|| of_gate(event)).unwrap_or_else(|| said(event))
        }
    }
}

fn ended(outcome: RunOutcome) -> (&'static str, Paint) {
    match outcome {
        RunOutcome::Done => ("done", Paint::Good),
        RunOutcome::Waiting => ("waits at a gate", Paint::Notice),
        RunOutcome::Failed => ("failed", Paint::Bad),
        RunOutcome::Cancelled => ("stopped", Paint::Notice),
        RunOutcome::Asks => ("waits for an answer", Paint::Notice),
    }
}

fn of_step(event: &Event) -> Option<Told> {
    Some(match event {
        Event::StepStarted { step, attempt: 1, .. } => detail(step, "started", Paint::Plain),
        Event::StepStarted { step, attempt, .. } => {
            detail(step, format!("started again, attempt {attempt}"), Paint::Plain)
        }
        Event::StepFinished { step, outcome: Outcome::Succeeded { .. }, .. } => detail(step, "done", Paint::Good),
        Event::StepFinished { step, outcome: Outcome::Failed { reason, .. }, .. } => {
            main(step, format!("failed: {reason}"), Paint::Bad)
        }
        Event::AttemptFailed { step, attempt, reason } => {
            detail(step, format!("attempt {attempt} failed: {reason}"), Paint::Notice)
        }
        Event::Interrupted { step, .. } => detail(step, "was cut off, and is looked at anew", Paint::Notice),
        Event::StepsReused { steps } => {
            let about = steps.first().filter(|_| steps.len() == 1).map_or("steps", |step| step);
            let text = match steps.len() {
                1 => "comes out as it was, and is used again".to_string(),
                several => format!("{several} come out as they were, and are used again"),
            };
            detail(about, text, Paint::Faint)
        }
        Event::StepReused { step, .. } => detail(step, "has succeeded before, and is used again", Paint::Faint),
        Event::Indeterminate { step, .. } => {
            main(step, "was cut off, and nobody knows whether it was done", Paint::Bad)
        }
        Event::Resolved { step, by, done: true, .. } => {
            main(step, format!("counts as done, says {}", words::person(by)), Paint::Plain)
        }
        Event::Resolved { step, by, .. } => {
            main(step, format!("is to run again, says {}", words::person(by)), Paint::Plain)
        }
        _ => return None,
    })
}

fn of_environment(event: &Event) -> Option<Told> {
    Some(match event {
        Event::DeployedThere { environment, release, deployed } => {
            detail(environment, format!("{release} deployed of {}", name_of(deployed.candidate)), Paint::Plain)
        }
        Event::RemovedThere { environment, release } => detail(environment, format!("{release} removed"), Paint::Plain),
        Event::VerifiedThere { environment, .. } => detail(environment, "verified", Paint::Good),
        Event::HasCandidate { environment, has } => {
            main(environment, format!("has {}", name_of(has.candidate)), Paint::Good)
        }
        Event::EnvironmentFailed { environment, failure } => {
            main(environment, format!("{} failed: {}", name_of(failure.candidate), failure.reason), Paint::Bad)
        }
        Event::RollbackStarted { environment, to } => {
            main(environment, format!("goes back to {}", name_of(to.candidate)), Paint::Notice)
        }
        Event::RolledBack { environment } => main(environment, "is back at what it had", Paint::Notice),
        Event::RollbackFailed { environment, reason } => {
            main(environment, format!("could not go back: {reason}"), Paint::Bad)
        }
        _ => return None,
    })
}

fn of_gate(event: &Event) -> Option<Told> {
    Some(match event {
        Event::StandsAtGate { environment, standing } => {
            main(environment, format!("{} waits at the gate", name_of(standing.candidate)), Paint::Notice)
        }
        Event::Superseded { environment, candidate, by } => {
            let text = format!("{} gives way to {}", name_of(*candidate), name_of(*by));
            main(environment, text, Paint::Faint)
        }
        Event::Queued { environment, candidate } => {
            main(environment, format!("{} stands in the queue at the gate", name_of(*candidate)), Paint::Faint)
        }
        Event::ApprovalsVoid { environment, people, differs } => {
            let people: Vec<String> = people.iter().map(|p| words::person(p)).collect();
            let why = if differs.is_empty() { String::new() } else { format!(": {}", differs.join("; ")) };
            main(
                environment,
                format!("the approval of {} does not count any more{why}", list(&people, "and")),
                Paint::Notice,
            )
        }
        Event::Approved { environment, approval } => {
            let reason = approval.reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default();
            main(environment, format!("approved by {}{reason}", words::person(&approval.by)), Paint::Good)
        }
        Event::EditProposed { edit } => {
            let text = format!("an edit waits, since it makes gates weaker: {}", edit.weakens.join("; "));
            main("file", text, Paint::Notice)
        }
        Event::EditApproved { approval, .. } => {
            main("file", format!("{} approved the edit", words::person(&approval.by)), Paint::Good)
        }
        Event::EditRejected { word, .. } => main("file", format!("the edit was rejected {}", by(word)), Paint::Bad),
        Event::EditSettled { accepted: true, .. } => main("file", "the edit counts now", Paint::Good),
        Event::EditSettled { .. } => main("file", "the edit does not wait any more", Paint::Plain),
        Event::Withdrawn { environment, by: whose, word } => {
            let text = format!("the approval of {} does not count any more, {}", words::person(whose), by(word));
            main(environment, text, Paint::Notice)
        }
        Event::Rejected { environment, candidate, word } => {
            main(environment, format!("{} rejected {}", name_of(*candidate), by(word)), Paint::Bad)
        }
        Event::GatePassed { environment, candidate, approved_by, .. } if approved_by.is_empty() => {
            detail(environment, format!("{} enters", name_of(*candidate)), Paint::Plain)
        }
        Event::GatePassed { environment, candidate, approved_by, .. } => {
            let people: Vec<String> = approved_by.iter().map(|p| words::person(p)).collect();
            main(
                environment,
                format!("{} passed the gate, approved by {}", name_of(*candidate), list(&people, "and")),
                Paint::Good,
            )
        }
        _ => return None,
    })
}

/// What people said.
fn said(event: &Event) -> Told {
    match event {
        Event::Refused { call, by, reason } => {
            main("refused", format!("`{call}` of {}: {reason}", words::person(by)), Paint::Bad)
        }
        Event::HoldSet { environment, word } => main(environment, format!("held {}", by(word)), Paint::Notice),
        Event::HoldReleased { environment, word } => main(environment, format!("released {}", by(word)), Paint::Plain),
        Event::PinSet { source, pin } => {
            main(source, format!("pinned at {} {}", words::version(&pin.head.version), by(&pin.word)), Paint::Notice)
        }
        Event::PinReleased { source, word } => main(source, format!("unpinned {}", by(word)), Paint::Plain),
        Event::BanSet { ban } => main(&ban.source, format!("{} banned {}", ban.version, by(&ban.word)), Paint::Notice),
        Event::BanReleased { source, version, word } => {
            main(source, format!("{version} unbanned {}", by(word)), Paint::Plain)
        }
        Event::RollbackAsked { environment, wish } => main(
            environment,
            format!("is to go back to {}, asked {}", name_of(wish.candidate), by(&wish.word)),
            Paint::Notice,
        ),
        Event::Left { environment, candidate } => {
            detail(environment, format!("{} is not on its way in any more", name_of(*candidate)), Paint::Faint)
        }
        other => detail("", format!("{other:?}"), Paint::Faint),
    }
}

/// `by ann: why`.
pub(crate) fn by(word: &Hold) -> String {
    let reason = if word.reason.is_empty() { String::new() } else { format!(": {}", word.reason) };
    format!("by {}{reason}", words::person(&word.by))
}

/// Events, one after the other: when, what about, what.
pub fn text<'r>(records: impl IntoIterator<Item = &'r Record>, clock: &Clock, style: Style) -> String {
    let mut rows = Rows::new(0);
    for record in records {
        let told = told(record);
        rows.push([
            cell(clock.stamp(record.at), Paint::Faint),
            cell(told.about, Paint::Strong),
            cell(told.text, told.paint),
        ]);
    }
    rows.render(style)
}

/// An event for programs: one line of JSON, with the words beside what is stored.
pub fn json(record: &Record) -> String {
    #[derive(Serialize)]
    struct Line<'a> {
        number: u64,
        at: String,
        run: u64,
        about: String,
        text: String,
        #[serde(flatten)]
        event: &'a Event,
    }
    let Told { about, text, .. } = told(record);
    let line = Line {
        number: record.number,
        at: Clock::rfc3339(record.at),
        run: record.run,
        about,
        text,
        event: &record.event,
    };
    serde_json::to_string(&line).unwrap_or_default() + "\n"
}

/// Whether an event is of this: an environment, a source, a step or what belongs to it.
pub fn is_about(record: &Record, name: &str) -> bool {
    is_part(&told(record).about, name)
}

/// Whether that name stands in every event of this as it is, so that others need not be read: a run is named by its number, and
/// some characters are written otherwise.
pub fn stands_in(name: &str) -> bool {
    !name.is_empty() && !name.starts_with("run ") && !name.chars().any(|c| c.is_control() || c == '"' || c == '\\')
}

/// Whether a step is that, or belongs to that.
pub fn is_part(step: &str, name: &str) -> bool {
    let mut parts = step.split('@').next().unwrap_or_default().split('.');
    step == name || parts.any(|p| p == name)
}
