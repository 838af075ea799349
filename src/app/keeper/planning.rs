//! What is to be done now: a plan beside the runs that go on, and whether it is run.

use super::Hastened;
use super::due::Due;
use super::work::{Hasten, NOBODY, Work};
use crate::adapters::sqlite::register::Register;
use crate::app::{Failure, Looked};
use crate::diag::codes;
use crate::plan::beside::Beside;
use crate::plan::memory::Moment;
use crate::plan::{Plan, Verdict};
use crate::ports::{Fault, PortError};
use crate::run::{RunOutcome, gate};
use std::sync::Arc;

/// How long somebody who hastens waits for a source that does not answer.
const PATIENCE: i64 = 60_000;

/// How often in a row it is looked again because a file moved meanwhile: somebody who writes all the time is told of it.
const SLIPS: u32 = 5;

/// Who waits for what comes of a plan.
pub(super) struct Waiting {
    pub hastened: Vec<Hasten>,
    pub deliveries: Vec<i64>,
}

impl Waiting {
    /// Tells all of them that a run is what came of it.
    pub fn told_of(self, run: u64, register: &Register) {
        for one in self.hastened {
            let _ = one.answer.send(Ok(Hastened::Run(run)));
        }
        if let Err(error) = register.settle(&self.deliveries, &format!("run {run}")) {
            tracing::error!("{error}");
        }
    }

    fn rerun(&self) -> Vec<String> {
        self.hastened.iter().flat_map(|h| h.rerun.clone()).collect()
    }
}

impl Work<'_> {
    /// Whether there is enough to plan with: each source was seen once or failed to be; whoever hastens wants all of them
    /// looked at now; and runs that were started have begun, so that it is known what they have in hand.
    pub(super) fn can_plan(&self) -> bool {
        let now = self.now();
        let waits = |due: &Due| {
            let awaited = due.head.is_none() || !self.hastened.is_empty();
            awaited && due.looking.is_some_and(|since| now - since < PATIENCE)
        };
        !self.dues.values().any(waits) && self.runs.values().all(|going| going.run.is_some())
    }

    /// Plans, and runs if there is something to do.
    pub(super) async fn plan(&mut self) -> Result<(), PortError> {
        self.dirty = false;
        self.blocked = false;
        if std::mem::take(&mut self.stirred) {
            self.tried.clear();
            self.quiet = false;
        }
        let waiting = self.waiting();
        let session = self.keeper.session();
        let (memory, beside) = self.keeper.state(|s| (s.memory.clone(), s.beside(0)));
        let beside: Beside = beside.into_iter().filter(|(run, _)| self.is_going(*run)).collect();
        let mut heads = memory.heads.clone();
        heads.extend(self.dues.iter().filter_map(|(name, d)| Some((name.clone(), d.head.clone()?))));
        heads.retain(|name, _| self.dues.contains_key(name));
        let (looker, nodes, others) = (session.clone(), waiting.rerun(), beside.clone());
        let look = self.keeping.runtime.spawn_blocking(move || looker.look_at(&memory, &heads, &nodes, &others));
        let Some(looked) = self.meanwhile(look).await else { return Ok(()) };
        let looked =
            looked.map_err(|e| PortError::new(Fault::Invalid, format!("planning is a fault of Lockgate: {e}")))?;
        match looked {
            Ok(looked) => self.judge(looked, waiting, &beside),
            Err(failure) => {
                self.cannot_plan(failure, waiting);
                Ok(())
            }
        }
    }

    /// Those who wait now. A node is not made to run anew while runs go on that may carry it out.
    fn waiting(&mut self) -> Waiting {
        let all = std::mem::take(&mut self.hastened);
        let must_wait = |one: &Hasten| !one.rerun.is_empty() && !self.runs.is_empty();
        let (later, now): (Vec<_>, Vec<_>) = all.into_iter().partition(must_wait);
        self.blocked |= !later.is_empty();
        self.hastened = later;
        Waiting { hastened: now, deliveries: std::mem::take(&mut self.moved) }
    }

    /// Runs a plan if there is something to do that is not in hand already.
    fn judge(&mut self, looked: Looked, waiting: Waiting, beside: &Beside) -> Result<(), PortError> {
        (self.failures, self.slips) = (0, 0);
        let plan = &looked.plan;
        let newest = plan.candidate().map(|c| c.id);
        let carrier = beside.iter().rev().find(|(run, c)| Some(**c) == newest && self.is_going(**run)).map(|(r, _)| *r);
        self.show_plan(plan, carrier.is_none());
        self.beside = plan.environments.iter().any(|e| matches!(e.verdict, Verdict::InHand { .. }));
        let by = waiting.hastened.first().map_or(NOBODY, |h| h.by.as_str()).to_string();
        let (now, is_asked) = (self.now(), !waiting.rerun().is_empty());
        let (wants, free) =
            self.keeper.state(|s| (is_asked || crate::run::wants(plan, s, &by, now), crate::run::may_begin(plan, s)));
        let may = is_asked || !self.quiet && !self.tried.contains(&plan.hash);
        if wants && may && free && !self.stopping {
            return self.start(looked, by, waiting);
        }
        if let Some(run) = carrier {
            waiting.told_of(run, &self.keeping.register);
        } else if wants && may && !self.stopping {
            // The newest waits until nobody builds any more, and then whatever is the newest by then is built.
            self.blocked = true;
            self.hastened.extend(waiting.hastened);
            self.moved.extend(waiting.deliveries);
        } else {
            let reason = self.idle(plan);
            self.settle(&waiting.deliveries, &format!("no run: {reason}"));
            for one in waiting.hastened {
                let _ = one.answer.send(Ok(Hastened::Nothing(reason.clone())));
            }
        }
        Ok(())
    }

    fn cannot_plan(&mut self, failure: Failure, waiting: Waiting) {
        let moved = failure.diagnostics.iter().any(|d| d.is_error() && d.code.id == codes::MOVED.id);
        if moved && self.slips < SLIPS {
            // A file is not as it was when it was looked at: it is looked at again.
            self.slips += 1;
            let now = self.now();
            self.dues.values_mut().for_each(|d| d.hint(now, None));
            self.hastened.extend(waiting.hastened);
            self.moved.extend(waiting.deliveries);
            self.dirty = true;
            return;
        }
        let first = failure.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
        tracing::warn!(pipeline = %self.keeper.name, "it cannot be planned: {first}");
        self.settle(&waiting.deliveries, &format!("no run: it cannot be planned: {first}"));
        self.try_again();
        for one in waiting.hastened {
            let _ = one.answer.send(Err(failure.clone()));
        }
        self.keeper.change(|view| {
            view.fault = Some(failure);
            view.ready = true;
        });
    }

    /// Tries again in a while: after a minute, two, four, at most an hour.
    pub(super) fn try_again(&mut self) {
        let pause = 60_000i64.saturating_mul(1 << self.failures.min(6)).min(3_600_000);
        self.failures += 1;
        self.retry = Some(self.now() + pause);
    }

    /// Shows a plan, and reckons when time alone may open a gate. Where a run brings the newest candidate along, its own plan says
    /// more, and stays.
    fn show_plan(&mut self, plan: &Plan, shown: bool) {
        let now = self.now();
        let before = self.keeper.view().plan.filter(|_| !shown);
        self.gate = [self.opening(plan, now), before.and_then(|p| self.opening(&p, now))].into_iter().flatten().min();
        self.keeper.change(|view| {
            if shown {
                view.plan = Some(Arc::new(plan.clone()));
            }
            view.planned = Some(now);
            view.fault = None;
            view.next = self.gate;
            view.ready = true;
        });
    }

    /// The next moment at which time alone may open a gate of a plan.
    fn opening(&self, plan: &Plan, now: Moment) -> Option<Moment> {
        let gated = plan.environments.iter().filter(|e| e.verdict == Verdict::Gate);
        self.keeper.state(|s| {
            let unmet = gated.flat_map(|e| gate::unmet(plan, e, &s.memory, now));
            unmet.filter_map(|u| u.earliest).filter(|m| *m > now).min()
        })
    }

    /// Why nothing is run.
    fn idle(&self, plan: &Plan) -> String {
        if self.stopping {
            return "the server stops".to_string();
        }
        if self.quiet {
            let was = match self.keeper.state(|s| s.last) {
                Some(RunOutcome::Cancelled) => "was stopped",
                _ => "failed",
            };
            return format!("the last run {was}, and nothing has changed since");
        }
        let waits: Vec<&str> =
            plan.environments.iter().filter(|e| e.verdict == Verdict::Gate).map(|e| e.name.as_str()).collect();
        match waits.as_slice() {
            [] => "there is nothing to do".to_string(),
            names => format!("it waits at the gate of {}", names.join(" and ")),
        }
    }
}
