//! The runs of a kept pipeline: each a thread of its own, which tells what others may wait for.

use super::planning::Waiting;
use super::work::Work;
use super::{Hastened, Keeper};
use crate::adapters::sqlite::register::Register;
use crate::app::{ApplyOptions, Call, Failure, Looked, Session};
use crate::digest::Digest;
use crate::plan::Plan;
use crate::ports::{Fault, PortError};
use crate::run::{Event, Outcome, Record, RunOutcome};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A run that goes on.
pub(super) struct Going {
    /// Its number, once it has begun.
    pub run: Option<u64>,
    candidate: Option<Digest>,
    by: String,
    calls: UnboundedSender<Call>,
}

/// What a run tells. The first field is when it was started.
pub(super) enum Told {
    /// It has begun, under that number.
    Began(u64, u64),
    /// It wrote something for which others may wait; whether it has let go of an environment.
    Wrote(u64, bool),
    /// Its plan was completed.
    Planned(u64, Arc<Plan>),
    /// It has come to its end, or is a fault of Lockgate.
    Ended(u64, Result<Ended, String>),
}

/// How a run ended.
pub(super) struct Ended {
    result: Result<RunOutcome, PortError>,
    /// Something failed because it could not be reached; later may be better.
    unavailable: bool,
    /// Who was not told what came of it, since it did not begin.
    waiting: Waiting,
}

impl Work<'_> {
    /// Whether that run goes on.
    pub(super) fn is_going(&self, run: u64) -> bool {
        self.runs.values().any(|going| going.run == Some(run))
    }

    /// Calls something to all runs.
    pub(super) fn call(&self, call: Call) {
        for going in self.runs.values() {
            let _ = going.calls.send(call);
        }
    }

    /// Calls something to one of them.
    pub(super) fn call_to(&self, run: u64, call: Call) {
        for going in self.runs.values().filter(|going| going.run == Some(run)) {
            let _ = going.calls.send(call);
        }
    }

    /// Starts a run of a plan.
    pub(super) fn start(&mut self, looked: Looked, by: String, waiting: Waiting) -> Result<(), PortError> {
        self.tried.insert(looked.plan.hash);
        self.started += 1;
        let (calls, called) = unbounded_channel();
        let candidate = looked.plan.candidate().map(|c| c.id);
        self.runs.insert(self.started, Going { run: None, candidate, by: by.clone(), calls });
        self.keeper.change(|view| view.running = true);
        let one = One {
            started: self.started,
            session: self.keeper.session(),
            keeper: self.keeper.clone(),
            register: self.keeping.register.clone(),
            tells: self.tells.clone(),
        };
        let failed = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}"));
        std::thread::Builder::new()
            .name("run".to_string())
            .spawn(move || {
                let (started, tells) = (one.started, one.tells.clone());
                let all = std::panic::AssertUnwindSafe(|| one.carry_out(looked, &by, waiting, called));
                let ended = std::panic::catch_unwind(all).map_err(|panic| super::said_by(&*panic));
                let _ = tells.send(Told::Ended(started, ended));
            })
            .map(drop)
            .map_err(failed)
    }

    /// Takes in what a run tells.
    pub(super) fn hear(&mut self, told: Told) {
        match told {
            Told::Began(started, number) => {
                if let Some(going) = self.runs.get_mut(&started) {
                    going.run = Some(number);
                    tracing::info!(pipeline = %self.keeper.name, run = number, by = %going.by, "run began");
                }
            }
            Told::Wrote(started, left) => {
                for (_, going) in self.runs.iter().filter(|(other, _)| **other != started) {
                    let _ = going.calls.send(Call::Look);
                }
                let free = || self.keeper.state(|s| !crate::run::is_building(s));
                self.dirty |= left && self.beside || self.blocked && free();
            }
            // The newest run has the newest candidate, which is what people want to see.
            Told::Planned(started, plan) if self.runs.keys().next_back() == Some(&started) => {
                self.keeper.change(|view| view.plan = Some(plan));
            }
            Told::Planned(..) => {}
            Told::Ended(started, ended) => {
                let result = self.end(started, ended);
                self.broken = self.broken.take().or(result.err());
            }
        }
    }

    fn end(&mut self, started: u64, ended: Result<Ended, String>) -> Result<(), PortError> {
        let Some(Going { run, candidate, by, .. }) = self.runs.remove(&started) else { return Ok(()) };
        self.keeper.change(|view| view.running = !self.runs.is_empty());
        self.call(Call::Look);
        self.dirty = true;
        let fault = |said| PortError::new(Fault::Invalid, format!("a fault of Lockgate: {said}"));
        let Ended { result, unavailable, waiting } = ended.map_err(fault)?;
        for one in waiting.hastened {
            let _ = one.answer.send(Ok(Hastened::Nothing("there is nothing to do".to_string())));
        }
        self.settle(&waiting.deliveries, "no run: there is nothing to do");
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(error) => {
                tracing::warn!(pipeline = %self.keeper.name, "the run ended: {error}");
                if let Some(run) = run {
                    // Where the journal takes nothing more, nothing goes on.
                    let outcome = RunOutcome::Failed;
                    self.keeper.book.lock().say(self.now(), run, vec![Event::RunFinished { outcome }])?;
                }
                self.keeper.change(|view| view.fault = Some(Failure::of(&error, "the run")));
                RunOutcome::Failed
            }
        };
        tracing::info!(pipeline = %self.keeper.name, run = run.unwrap_or_default(), by = %by, outcome = ?outcome, "run ended");
        // That an older candidate failed says nothing of the newest.
        if self.keeper.state(|s| s.memory.latest) == candidate {
            // What somebody stopped does not begin again by itself.
            self.quiet = matches!(outcome, RunOutcome::Failed | RunOutcome::Asks | RunOutcome::Cancelled);
        }
        if outcome == RunOutcome::Failed && unavailable {
            self.try_again();
        }
        Ok(())
    }
}

/// What the thread of a run has.
struct One {
    started: u64,
    session: Arc<Session>,
    keeper: Arc<Keeper>,
    register: Arc<Register>,
    tells: UnboundedSender<Told>,
}

impl One {
    fn carry_out(self, looked: Looked, by: &str, waiting: Waiting, mut calls: UnboundedReceiver<Call>) -> Ended {
        let mut notes = Notes { waiting: Some(waiting), unavailable: false };
        let mut shown = looked.plan.hash;
        let mut watch = |plan: &Plan, records: &[Record]| {
            notes.take(records, &self.register);
            if plan.hash != shown {
                shown = plan.hash;
                self.tell(Told::Planned(self.started, Arc::new(plan.clone())));
            }
            records.iter().filter_map(|r| self.news(r)).for_each(|told| self.tell(told));
        };
        let options =
            ApplyOptions { rerun: Vec::new(), watch: &mut watch, consent: &mut |_, _| true, calls: &mut calls };
        let failed = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("a thread cannot wait: {e}"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed);
        let finished = runtime
            .and_then(|runtime| runtime.block_on(self.session.carry_out(&self.keeper.book, looked, by, options)));
        let nobody = || Waiting { hastened: Vec::new(), deliveries: Vec::new() };
        let waiting = notes.waiting.take().unwrap_or_else(nobody);
        Ended { result: finished.map(|f| f.outcome), unavailable: notes.unavailable, waiting }
    }

    fn tell(&self, told: Told) {
        // Nobody listens any more when everything stops.
        let _ = self.tells.send(told);
    }

    /// What of a record concerns others.
    fn news(&self, record: &Record) -> Option<Told> {
        match record.event {
            Event::RunStarted { .. } => Some(Told::Began(self.started, record.run)),
            Event::StepFinished { .. }
            | Event::Interrupted { .. }
            | Event::Indeterminate { .. }
            | Event::GatePassed { .. }
            | Event::StandsAtGate { .. } => Some(Told::Wrote(self.started, false)),
            Event::HasCandidate { .. } | Event::Left { .. } => Some(Told::Wrote(self.started, true)),
            _ => None,
        }
    }
}

/// What is noted while a run goes on.
struct Notes {
    waiting: Option<Waiting>,
    unavailable: bool,
}

impl Notes {
    fn take(&mut self, records: &[Record], register: &Register) {
        for record in records {
            match &record.event {
                Event::RunStarted { .. } => {
                    self.waiting.take().into_iter().for_each(|waiting| waiting.told_of(record.run, register));
                }
                Event::StepFinished { outcome: Outcome::Failed { fault, .. }, .. } => {
                    self.unavailable |= *fault == Fault::Unavailable;
                }
                _ => {}
            }
        }
    }
}
