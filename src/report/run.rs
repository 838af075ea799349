//! A run as it happens: a fold of its events into lines and a few numbers.

use super::history::{self, Told, Weight};
use super::layout::{self, count, elide, list, one_line, width};
use super::{Clock, Paint, Style, Typed, clock, gate, words};
use crate::plan::{Moment, Plan, Verdict};
use crate::ports::Fault;
use crate::run::event::Log;
use crate::run::{Event, Outcome, Record, RunOutcome, State};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

/// Above so many steps, only failures are told one by one.
pub const MANY: usize = 200;
/// After so many finished steps of a large run the numbers are told.
const ROUND: usize = 1000;

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// How many steps there are to do.
    pub total: usize,
    /// How many are done.
    pub done: usize,
    /// Which failed.
    pub failed: Vec<Arc<str>>,
    /// Which are indeterminate.
    pub unclear: Vec<Arc<str>>,
    /// Environments that got their candidate.
    pub entered: Vec<String>,
    is_live: bool,
    running: HashMap<Arc<str>, Moment>,
    column: usize,
    told: usize,
    began: Option<Moment>,
    ended: Moment,
}

/// A line of a run, with the log that belongs below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// The line.
    pub text: String,
    /// The log of a step that failed.
    pub log: Option<Log>,
}

impl Progress {
    /// The beginning of a run. Where what runs is shown while it runs, its beginning is not told.
    pub fn new(is_live: bool) -> Progress {
        Progress { is_live, ..Progress::default() }
    }

    /// Whether there are so many steps that only failures are told one by one.
    pub fn is_large(&self) -> bool {
        self.total > MANY
    }

    /// Takes an event in, and gives its line, if it has one.
    pub fn take(&mut self, plan: &Plan, record: &Record, clock: &Clock, style: Style) -> Option<Line> {
        self.ended = record.at;
        let mut took = None;
        match &record.event {
            Event::RunStarted { .. } => {
                self.began = Some(record.at);
                self.total = to_do(plan);
                self.column = column(plan);
            }
            Event::PlanCompleted { .. } => self.total = self.done + to_do(plan),
            Event::StepStarted { step, .. } => {
                self.running.entry(step.clone()).or_insert(record.at);
            }
            Event::StepFinished { step, outcome, .. } => {
                took = self.running.remove(step).map(|since| record.at.saturating_sub(since));
                match outcome {
                    Outcome::Succeeded { .. } => self.done += 1,
                    // What was stopped has not failed.
                    Outcome::Failed { fault: Fault::Cancelled, .. } => {}
                    Outcome::Failed { .. } => self.failed.push(step.clone()),
                }
            }
            Event::StepReused { .. } => self.done += 1,
            Event::StepsReused { steps } => self.done += steps.len(),
            Event::Interrupted { step, .. } => {
                self.running.remove(step);
            }
            Event::Indeterminate { step, .. } => {
                self.running.remove(step);
                self.unclear.push(step.clone());
            }
            Event::HasCandidate { environment, .. } => self.entered.push(environment.clone()),
            _ => {}
        }
        self.line(plan, record, took, clock, style)
    }

    fn line(&mut self, plan: &Plan, record: &Record, took: Option<i64>, clock: &Clock, style: Style) -> Option<Line> {
        let log = match &record.event {
            Event::StepStarted { attempt: 1, .. } if self.is_live => return None,
            Event::StepFinished { outcome: Outcome::Failed { log, .. }, .. } => log.clone(),
            Event::StepFinished { .. } | Event::StepStarted { .. } if self.is_large() => {
                return self.round(record, clock, style);
            }
            Event::StepStarted { .. } | Event::StepFinished { .. } | Event::AttemptFailed { .. } => None,
            Event::RunStarted { .. } if self.total > 0 => return Some(Line { text: head(plan, style), log: None }),
            // The last lines say these.
            Event::RunStarted { .. }
            | Event::RunFinished { .. }
            | Event::HeadSeen { .. }
            | Event::CandidateFormed { .. } => return None,
            event if is_told_by_its_step(event) => return None,
            _ => None,
        };
        let told = history::told(record);
        if told.weight == Weight::Detail && self.is_large() {
            return None;
        }
        let text = match (took, &record.event) {
            // Its step has said why.
            (_, Event::EnvironmentFailed { failure, .. }) => {
                format!("{} failed", crate::plan::candidate::name_of(failure.candidate))
            }
            (Some(took), Event::StepFinished { outcome: Outcome::Succeeded { .. }, .. }) => {
                format!("done in {}", clock::span(took))
            }
            (Some(took), _) => format!("{} (after {})", told.text, clock::span(took)),
            (None, _) => told.text.clone(),
        };
        Some(Line { text: self.row(record.at, &Told { text, ..told }, clock, style), log })
    }

    /// The numbers, once in a while.
    fn round(&mut self, record: &Record, clock: &Clock, style: Style) -> Option<Line> {
        if self.done < self.told + ROUND {
            return None;
        }
        self.told = self.done - self.done % ROUND;
        let text = format!("{} of {} done", self.told, self.total);
        let told = Told { about: format!("run {}", record.run), text, paint: Paint::Plain, weight: Weight::Main };
        Some(Line { text: self.row(record.at, &told, clock, style), log: None })
    }

    fn row(&self, at: Moment, told: &Told, clock: &Clock, style: Style) -> String {
        let about = one_line(&told.about);
        let pad = " ".repeat(self.column.saturating_sub(width(&about)));
        let (time, text) = (clock.time(at), one_line(&told.text));
        format!(
            "{}  {}{pad}  {}",
            Paint::Faint.on(&time, style),
            Paint::Strong.on(&about, style),
            told.paint.on(&text, style)
        )
    }

    /// What runs now, the longest first: a line each, at most so many, and one with the numbers.
    pub fn live(&self, now: Moment, most: usize, style: Style) -> Vec<String> {
        let mut running: Vec<(&Arc<str>, &Moment)> = self.running.iter().collect();
        running.sort_by_key(|(step, since)| (**since, (*step).clone()));
        let room = style.width.saturating_sub(1);
        let one = |(step, since): &(&Arc<str>, &Moment)| {
            let elapsed = clock::elapsed(now.saturating_sub(**since));
            let name = elide(&one_line(step), room.saturating_sub(width(&elapsed) + 4));
            format!("  {}  {}", Paint::Strong.on(&name, style), Paint::Faint.on(&elapsed, style))
        };
        let mut lines: Vec<String> = running.iter().take(most).map(one).collect();
        if running.len() > most {
            lines.push(Paint::Faint.on(&format!("  … and {} more", running.len() - most), style));
        }
        let failed = if self.failed.is_empty() { String::new() } else { format!(", {} failed", self.failed.len()) };
        let elapsed = self.began.map(|b| clock::elapsed(now.saturating_sub(b))).unwrap_or_default();
        let numbers = format!("{} of {} done{failed}  {elapsed}", self.done, self.total);
        lines.push(elide(&numbers, room));
        lines
    }

    /// `, 3 not begun`.
    fn rest(&self) -> String {
        let rest = self.total.saturating_sub(self.done + self.failed.len());
        if rest == 0 { String::new() } else { format!(", {rest} not begun") }
    }

    /// The last lines of a run: how it ended, and what to do now.
    pub fn summary(
        &self,
        plan: &Plan,
        state: &State,
        outcome: RunOutcome,
        clock: &Clock,
        typed: &Typed,
        style: Style,
    ) -> String {
        let took = clock::span(self.ended.saturating_sub(self.began.unwrap_or(self.ended)));
        let mut out = String::new();
        let done = format!("{} done in {took}", count(self.done, "step"));
        let has: Vec<String> = distinct(&self.entered);
        let has = if has.is_empty() { String::new() } else { format!("; {}", what_they_have(&has, plan, state)) };
        let (text, paint) = match outcome {
            RunOutcome::Done if self.done == 0 && self.entered.is_empty() => {
                ("Nothing to do.".to_string(), Paint::Strong)
            }
            RunOutcome::Done => (format!("Done: {} in {took}{has}.", count(self.done, "step")), Paint::Good),
            RunOutcome::Waiting => (format!("Waits at a gate: {done}{has}."), Paint::Notice),
            RunOutcome::Failed if self.failed.is_empty() => {
                (format!("Not everything could be planned: {done}{}{has}.", self.rest()), Paint::Bad)
            }
            RunOutcome::Failed => {
                (format!("Failed: {}; {done}{}{has}.", count(self.failed.len(), "step"), self.rest()), Paint::Bad)
            }
            RunOutcome::Cancelled => (format!("Stopped: {done}{has}."), Paint::Notice),
            RunOutcome::Asks => (format!("Waits for an answer: {done}{has}."), Paint::Notice),
        };
        layout::paragraph(&mut out, 0, &text, paint, style);
        for step in self.failed.iter().take(5) {
            let command = typed.command(&format!("log {}", words::quoted(step)));
            let _ = writeln!(out, "  {}", Paint::Typed.on(&command, style));
        }
        out.push_str(&barred(plan, style));
        for (step, _) in state.intents.iter().filter(|(_, i)| i.indeterminate) {
            out.push_str(&unclear(step, typed, style));
        }
        out.push_str(&gate::waiting(plan, &state.memory, clock, typed, style));
        let wants_yes = outcome == RunOutcome::Asks && !state.intents.values().any(|i| i.indeterminate);
        let next = match outcome {
            RunOutcome::Cancelled => "apply",
            RunOutcome::Asks if wants_yes => "apply --yes",
            _ => return out,
        };
        let _ = writeln!(out, "\nto go on: {}", Paint::Typed.on(&typed.command(next), style));
        out
    }
}

/// `dev and prod have the-candidate`; one by one where some got an older one.
fn what_they_have(environments: &[String], plan: &Plan, state: &State) -> String {
    let name = |e: &String| {
        let has = state.memory.environments.get(e).and_then(|p| p.has.as_ref());
        has.map_or_else(|| words::candidate(plan), |h| crate::plan::candidate::name_of(h.candidate))
    };
    let names = distinct(&environments.iter().map(name).collect::<Vec<_>>());
    match names.as_slice() {
        [one] if environments.len() > 1 => format!("{} have {one}", list(environments, "and")),
        _ => list(&environments.iter().map(|e| format!("{e} has {}", name(e))).collect::<Vec<_>>(), "and"),
    }
}

fn distinct(names: &[String]) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    names.iter().for_each(|n| {
        if !out.contains(n) {
            out.push(n.clone())
        }
    });
    out
}

/// Steps of a plan that a run would carry out.
fn to_do(plan: &Plan) -> usize {
    let enters = |e: u32| {
        let environment = plan.environments.get(e as usize);
        environment.is_none_or(|e| matches!(e.verdict, Verdict::Enter | Verdict::Gate))
    };
    plan.steps.iter().filter(|s| !s.is_reused() && s.environment.is_none_or(enters)).count()
}

/// What only repeats what its step has said.
fn is_told_by_its_step(event: &Event) -> bool {
    matches!(
        event,
        Event::DeployedThere { .. }
            | Event::VerifiedThere { .. }
            | Event::RemovedThere { .. }
            | Event::GatePassed { .. }
    )
}

/// The first line: the candidate, and how much there is to do.
fn head(plan: &Plan, style: Style) -> String {
    let sentence = super::plan::Count::of(plan).sentence();
    format!("{}  {sentence}", Paint::Strong.on(&words::candidate(plan), style))
}

/// How wide the names of what is done are, within reason.
fn column(plan: &Plan) -> usize {
    const MOST: usize = 28;
    let names = plan.steps.iter().filter(|s| !s.is_reused()).map(|s| width(&s.id));
    names.filter(|w| *w <= MOST).max().unwrap_or(0)
}

/// Environments that nothing may enter, and why.
fn barred(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    for environment in &plan.environments {
        let why = match &environment.verdict {
            Verdict::Unplanned { reason } => format!("cannot be planned: {reason}"),
            Verdict::InHand { run } => format!("is left to run {run}, which is at it"),
            Verdict::Overtaken { by } => super::plan::overtaken(*by),
            Verdict::Held { by, reason } => format!("is held by {}: {reason}", words::person(by)),
            Verdict::Banned { reason } => format!("does not take the candidate, which failed there: {reason}"),
            Verdict::Rejected { by, reason } => {
                format!("does not take the candidate, which {} rejected: {reason}", words::person(by))
            }
            _ => continue,
        };
        layout::paragraph(&mut out, 0, &format!("{} {}", environment.name, one_line(&why)), Paint::Notice, style);
    }
    out
}

/// What to type where nobody knows whether a step was done.
fn unclear(step: &str, typed: &Typed, style: Style) -> String {
    let name = words::quoted(step);
    let done = typed.command(&format!("resolve {name} --done"));
    let again = typed.command(&format!("resolve {name} --again"));
    format!(
        "\n{} was cut off, and nobody knows whether it was done. Look, and say:\n\n  {}\n  or: {}\n",
        Paint::Notice.on(step, style),
        Paint::Typed.on(&done, style),
        Paint::Typed.on(&again, style)
    )
}
