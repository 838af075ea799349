//! The steps of one run: a fold of its events, and of its plan where it still goes on.

use crate::plan::memory::Moment;
use crate::plan::{Plan, Verdict};
use crate::ports::Fault;
use crate::run::event::Log;
use crate::run::{Event, Outcome, Record};
use std::collections::HashMap;
use std::sync::Arc;

/// A step of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct StepLine {
    /// Its id.
    pub id: Arc<str>,
    /// Where it is.
    pub is: Is,
    /// When it began, if it has.
    pub since: Option<Moment>,
    /// When it ended, if it has.
    pub until: Option<Moment>,
    /// The attempt, from 1; 0 where it has not begun.
    pub attempt: u32,
    /// Why it failed.
    pub reason: Option<String>,
    /// Its log, once it is closed.
    pub log: Option<Log>,
}

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// It has not begun.
    Waiting,
    /// It is carried out.
    Running,
    /// It is done.
    Done,
    /// It has succeeded before, and is used again.
    Reused,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
    /// It was cut off, and nobody knows whether it was done.
    Unclear,
}

impl Is {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Is::Waiting => "waits",
            Is::Running => "running",
            Is::Done => "done",
            Is::Reused => "used again",
            Is::Failed => "failed",
            Is::Stopped => "stopped",
            Is::Unclear => "unclear",
        }
    }
}

/// The steps of a run in the order in which they began; behind them those of its plan that have not. `plan` is that of a run
/// that goes on.
pub fn lines<'r>(records: impl IntoIterator<Item = &'r Record>, plan: Option<&Plan>) -> Vec<StepLine> {
    let mut lines = Lines::default();
    for record in records {
        lines.take(record);
    }
    for step in plan.into_iter().flat_map(|p| p.steps.iter()).filter(|s| !s.is_reused()) {
        let environment = step.environment.and_then(|e| plan?.environments.get(e as usize));
        if environment.is_none_or(|e| e.verdict == Verdict::Enter) {
            lines.of(&step.id);
        }
    }
    lines.lines
}

#[derive(Default)]
struct Lines {
    lines: Vec<StepLine>,
    at: HashMap<Arc<str>, usize>,
}

impl Lines {
    fn of(&mut self, id: &Arc<str>) -> Option<&mut StepLine> {
        let next = self.lines.len();
        let at = *self.at.entry(id.clone()).or_insert(next);
        if at == next {
            let id = id.clone();
            let (since, until, reason, log) = (None, None, None, None);
            self.lines.push(StepLine { id, is: Is::Waiting, since, until, attempt: 0, reason, log });
        }
        self.lines.get_mut(at)
    }

    fn set(&mut self, id: &Arc<str>, is: Is, until: Option<Moment>, reason: Option<String>) {
        if let Some(line) = self.of(id) {
            (line.is, line.until, line.reason) = (is, until, reason);
        }
    }

    fn take(&mut self, record: &Record) {
        let now = Some(record.at);
        match &record.event {
            Event::StepStarted { step, attempt, .. } => {
                if let Some(line) = self.of(step) {
                    (line.is, line.attempt, line.until, line.log) = (Is::Running, *attempt, None, None);
                    line.since = line.since.or(now);
                }
            }
            Event::StepFinished { step, outcome, .. } => {
                let (is, reason, log) = match outcome {
                    Outcome::Succeeded { log, .. } => (Is::Done, None, log),
                    Outcome::Failed { fault: Fault::Cancelled, reason, log } => (Is::Stopped, Some(reason), log),
                    Outcome::Failed { reason, log, .. } => (Is::Failed, Some(reason), log),
                };
                self.set(step, is, now, reason.cloned());
                if let Some(line) = self.of(step) {
                    line.log = log.clone();
                }
            }
            Event::AttemptFailed { step, reason, .. } => self.set(step, Is::Running, None, Some(reason.clone())),
            Event::Interrupted { step, .. } => self.set(step, Is::Waiting, None, Some("was cut off".to_string())),
            Event::StepReused { step, .. } => self.set(step, Is::Reused, None, None),
            Event::Indeterminate { step, .. } => self.set(step, Is::Unclear, now, None),
            Event::Resolved { step, done: true, .. } => self.set(step, Is::Done, now, None),
            Event::Resolved { step, .. } => self.set(step, Is::Waiting, None, None),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::plan::Effect;

    #[test]
    fn a_step_is_what_its_last_event_says() {
        let (step, key) = (Arc::<str>::from("build.image"), Digest::default());
        let started = |attempt| Event::StepStarted {
            step: step.clone(),
            key,
            payload: key,
            attempt,
            effect: Effect::ContentAddressed,
        };
        let failed = Outcome::Failed { fault: Fault::Invalid, reason: "no".into(), log: None };
        let events = [
            started(1),
            Event::AttemptFailed { step: step.clone(), attempt: 1, reason: "net".into() },
            started(2),
            Event::StepFinished { step: step.clone(), key, outcome: failed },
        ];
        let records: Vec<Record> =
            events.into_iter().zip(1..).map(|(event, n)| Record { number: n, at: n as i64, run: 1, event }).collect();
        let is = |n: usize| {
            let all = lines(&records[..n], None);
            let [line] = all.as_slice() else { panic!("{all:?}") };
            (line.is, line.attempt, line.since, line.until)
        };
        assert_eq!(is(1), (Is::Running, 1, Some(1), None));
        assert_eq!(is(3), (Is::Running, 2, Some(1), None));
        assert_eq!(is(4), (Is::Failed, 2, Some(1), Some(4)));
    }
}
