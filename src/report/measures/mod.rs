//! What happened, measured: how often runs and steps ended how, and how long they took; and how delivery goes, environment by
//! environment. A fold of events and nothing else.

pub mod delivery;
pub mod histogram;

pub use delivery::{Delivery, Summary};
pub use histogram::Histogram;

use crate::plan::memory::Moment;
use crate::run::{Event, Outcome, Record, RunOutcome};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long runs take, in seconds: from a second to a day.
const RUNS: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0, 86_400.0];
/// How long steps take, in seconds.
const STEPS: &[f64] = &[0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3_600.0];
/// How many steps that began are kept in mind; one that never ends is forgotten with a run that does.
const OPEN: usize = 100_000;

/// What happened.
#[derive(Clone, Debug)]
pub struct Measures {
    /// Runs that ended, by how.
    pub runs: BTreeMap<&'static str, u64>,
    /// How long they took.
    pub run_seconds: Histogram,
    /// Steps that ended, by their kind and how.
    pub steps: BTreeMap<(&'static str, &'static str), u64>,
    /// How long they took, by their kind.
    pub step_seconds: BTreeMap<&'static str, Histogram>,
    /// How delivery goes.
    pub delivery: Delivery,
    counted_from: u64,
    open_runs: BTreeMap<u64, Moment>,
    open_steps: BTreeMap<(u64, Arc<str>), Moment>,
}

impl Measures {
    /// Nothing yet. Runs and steps are counted from the events behind that number on; how delivery goes is told of all.
    pub fn new(counted_from: u64) -> Measures {
        Measures {
            runs: BTreeMap::new(),
            run_seconds: Histogram::new(RUNS),
            steps: BTreeMap::new(),
            step_seconds: BTreeMap::new(),
            delivery: Delivery::default(),
            counted_from,
            open_runs: BTreeMap::new(),
            open_steps: BTreeMap::new(),
        }
    }

    /// Takes an event in.
    pub fn take(&mut self, record: &Record) {
        self.delivery.take(record);
        let (at, counts) = (record.at, record.number > self.counted_from);
        match &record.event {
            Event::RunStarted { beside, .. } => {
                // Those that do not go on beside it were cut off.
                self.open_runs.retain(|run, _| beside.contains(run));
                self.open_runs.insert(record.run, at);
            }
            Event::RunFinished { outcome } => {
                let began = self.open_runs.remove(&record.run);
                self.open_steps.retain(|(run, _), _| *run != record.run);
                if counts {
                    *self.runs.entry(outcome_word(*outcome)).or_default() += 1;
                    began.into_iter().for_each(|began| self.run_seconds.add(seconds(at - began)));
                }
            }
            Event::StepStarted { step, .. } if self.open_steps.len() < OPEN => {
                self.open_steps.entry((record.run, step.clone())).or_insert(at);
            }
            Event::StepFinished { step, outcome, .. } => {
                let how = if matches!(outcome, Outcome::Succeeded { .. }) { "succeeded" } else { "failed" };
                let began = self.open_steps.remove(&(record.run, step.clone()));
                if counts {
                    self.ended(step, how);
                    if let Some(began) = began {
                        let times = self.step_seconds.entry(kind(step)).or_insert_with(|| Histogram::new(STEPS));
                        times.add(seconds(at - began));
                    }
                }
            }
            Event::StepReused { step, .. } if counts => self.ended(step, "reused"),
            Event::StepsReused { steps } if counts => steps.iter().for_each(|s| self.ended(s, "reused")),
            Event::Indeterminate { step, .. } if counts => self.ended(step, "indeterminate"),
            _ => {}
        }
    }

    fn ended(&mut self, step: &str, how: &'static str) {
        *self.steps.entry((kind(step), how)).or_default() += 1;
    }
}

/// How a run ended, in a word.
fn outcome_word(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Done => "done",
        RunOutcome::Waiting => "waiting",
        RunOutcome::Failed => "failed",
        RunOutcome::Cancelled => "cancelled",
        RunOutcome::Asks => "asks",
    }
}

/// Kinds of steps, which are words of the language; whatever else stands before the first dot is none of them.
const KINDS: &[&str] = &["build", "push", "test", "task", "deploy", "verify", "rollback"];

/// The kind of a step, of a bounded number of words.
fn kind(step: &str) -> &'static str {
    let word = step.split('.').next().unwrap_or_default();
    KINDS.iter().find(|k| **k == word).copied().unwrap_or("other")
}

/// Milliseconds as seconds, none of them below zero where a clock went back.
pub fn seconds(millis: Moment) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "a duration of 285,000 years is not exact to the millisecond")]
    let seconds = millis.max(0) as f64 / 1000.0;
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::ports::Fault;

    #[test]
    fn runs_and_steps_are_counted_from_where_it_was_said() {
        let mut measures = Measures::new(2);
        let (step, key): (Arc<str>, _) = ("test.image.1".into(), Digest::default());
        let outcome = Outcome::Failed { fault: Fault::Invalid, reason: "x".into(), log: None };
        let started = Event::RunStarted { by: "a".into(), candidate: key, plan: key, beside: vec![] };
        let begun = Event::StepStarted {
            step: step.clone(),
            key,
            payload: key,
            attempt: 1,
            effect: crate::plan::Effect::Opaque,
        };
        let events = [
            (1, 0, started),
            (2, 1_000, begun),
            (3, 3_000, Event::StepFinished { step: step.clone(), key, outcome }),
            (4, 4_000, Event::StepsReused { steps: vec!["odd.x".into(), step] }),
            (5, 9_000, Event::RunFinished { outcome: RunOutcome::Failed }),
        ];
        for (number, at, event) in events {
            measures.take(&Record { number, at, run: 1, event });
        }
        assert_eq!(measures.runs, BTreeMap::from([("failed", 1)]));
        let steps: Vec<_> = measures.steps.iter().map(|((k, o), n)| (*k, *o, *n)).collect();
        assert_eq!(steps, [("other", "reused", 1), ("test", "failed", 1), ("test", "reused", 1)]);
        assert_eq!((measures.run_seconds.count(), measures.run_seconds.sum()), (1, 9.0));
        assert_eq!(measures.step_seconds["test"].sum(), 2.0);
        assert!(measures.open_runs.is_empty() && measures.open_steps.is_empty());
    }
}
