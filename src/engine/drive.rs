//! The loop. Inputs come in, events are decided and written, and only then are orders given out. It does the same with an
//! empty journal and with an old one: there is no recovery, only going on.
//!
//! What came in while a commit was under way is decided together and written in one transaction: that is what makes a
//! thousand small steps cheap.

use super::dispatch::{Surroundings, dispatch};
use super::observe::{bundle_of, observe};
use super::{Book, World};
use crate::graph::Graph;
use crate::plan::memory::{Memory, Moment};
use crate::plan::{Observed, Options, Plan, Work};
use crate::ports::shelf;
use crate::ports::shell::Ticket;
use crate::ports::{Fault, PortError};
use crate::run::{
    Event, Input, Progress, Record, RunOutcome, Status, Timed, decide, open_orders, outcome, proceed, wants_replan,
};
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How many inputs are decided together at most, so that the first of them does not wait for too many others.
const BATCH: usize = 512;

/// A run of a plan, from its first input to its end.
pub struct Driver<'a> {
    /// The neighbours.
    pub world: &'a World,
    /// The graph of the plan.
    pub graph: &'a Arc<Graph>,
    /// The journal and its state.
    pub book: &'a mut Book,
    /// What was seen for the plan.
    pub observed: &'a mut Observed,
    /// What the plan was made under.
    pub options: Options,
    /// How many steps may run at once.
    pub limit: usize,
    /// Who wants it.
    pub by: String,
    /// Told of every event that was written, with the plan.
    pub watch: &'a mut dyn FnMut(&Plan, &[Record]),
    /// Asked before a completed plan goes on: the plan before and the new one. No ends the run.
    pub consent: &'a mut dyn FnMut(&Plan, &Plan) -> bool,
    /// Told to stop: the first time no new work begins, the second time running programs are stopped.
    pub stop: &'a mut UnboundedReceiver<()>,
}

/// How a run ended, with the plan as it was at its end.
pub struct Finish {
    /// How.
    pub outcome: RunOutcome,
    /// The plan, completed where it was.
    pub plan: Plan,
    /// How far it came.
    pub progress: Progress,
}

impl Driver<'_> {
    /// Carries the plan out until everything is done, or waits, or failed.
    pub async fn run(mut self, plan: Plan) -> Result<Finish, PortError> {
        let (sender, mut inputs) = unbounded_channel();
        let mut plan = plan;
        keep_bundles(self.world, &plan)?;
        keep_sources(self.world, self.graph, &self.book.state.memory, &plan)?;
        let begin = Input::Begin { by: self.by.clone(), heads: plan.heads(), rerun: self.options.rerun.clone() };
        // From here on the generation is in the journal.
        self.options.rerun.clear();
        let mut progress = Progress::new(&plan, &self.book.state, self.limit);
        // Of the facts, carrying out needs the heads alone; all of them are too many to copy.
        let memory = Arc::new(Memory { heads: self.book.state.memory.heads.clone(), ..Memory::default() });
        let mut batch = vec![begin];
        loop {
            let now = self.world.clock.now();
            self.take(&plan, &mut progress, batch, now)?;
            self.give_out(&plan, &mut progress, &memory, &sender, now);
            if let Some(outcome) = outcome(&plan, &self.book.state, &progress) {
                return self.finish(plan, progress, outcome);
            }
            if progress.is_quiet() && wants_replan(&plan, &self.book.state, &progress) {
                let next = self.replan(&plan)?;
                if !(self.consent)(&plan, &next) {
                    return self.finish(plan, progress, RunOutcome::Asks);
                }
                keep_bundles(self.world, &next)?;
                progress = Progress::new(&next, &self.book.state, self.limit);
                plan = next;
                batch = vec![Input::Replanned];
                continue;
            }
            batch = self.wait(&progress, &mut inputs).await;
        }
    }

    /// Decides what follows from the inputs, takes it in, and writes it.
    fn take(&mut self, plan: &Plan, progress: &mut Progress, inputs: Vec<Input>, now: Moment) -> Result<(), PortError> {
        let mut records = Vec::new();
        for input in inputs {
            let events = decide(plan, &self.book.state, progress, &Timed { at: now, input });
            self.absorb(plan, progress, events, now, &mut records);
        }
        loop {
            let events = proceed(plan, &self.book.state, progress, now);
            if events.is_empty() {
                break;
            }
            self.absorb(plan, progress, events, now, &mut records);
        }
        self.book.write(&records)?;
        forget_containers(self.world, plan, progress, &records);
        (self.watch)(plan, &records);
        Ok(())
    }

    fn absorb(
        &mut self,
        plan: &Plan,
        progress: &mut Progress,
        events: Vec<crate::run::Event>,
        now: Moment,
        records: &mut Vec<Record>,
    ) {
        let first = records.len();
        self.book.take(now, events, records);
        for record in records.iter().skip(first) {
            progress.apply(plan, &self.book.state, &record.event);
        }
    }

    fn give_out(
        &self,
        plan: &Plan,
        progress: &mut Progress,
        memory: &Arc<Memory>,
        inputs: &UnboundedSender<Input>,
        now: Moment,
    ) {
        let orders = open_orders(plan, &self.book.state, progress);
        if orders.is_empty() {
            return;
        }
        progress.given_out();
        let around =
            Surroundings { world: self.world, graph: self.graph, plan, state: &self.book.state, memory, inputs, now };
        for order in orders {
            dispatch(&around, order);
        }
    }

    /// The next inputs: the first that comes, and whatever has come by then.
    async fn wait(&mut self, progress: &Progress, inputs: &mut UnboundedReceiver<Input>) -> Vec<Input> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            Some(()) = self.stop.recv() => {
                if self.book.state.open.as_ref().is_some_and(|r| r.cancelled) {
                    stop_programs(self.world, progress);
                }
                batch.push(Input::Cancel { by: self.by.clone() });
            }
            Some(input) = inputs.recv() => batch.push(input),
        }
        while batch.len() < BATCH
            && let Ok(input) = inputs.try_recv()
        {
            batch.push(input);
        }
        batch
    }

    /// The plan again, of the same versions, now that more is known.
    fn replan(&mut self, before: &Plan) -> Result<Plan, PortError> {
        self.observed.forget_places();
        let options = Options { versions: Some(before.heads()), ..self.options.clone() };
        let next = observe(self.world, self.graph, &self.book.state.memory, self.observed, &options);
        match next.diagnostics.iter().find(|d| d.is_error()) {
            Some(fault) => {
                Err(PortError::new(Fault::Invalid, format!("the plan cannot be completed: {}", fault.message)))
            }
            None => Ok(next),
        }
    }

    fn finish(self, plan: Plan, progress: Progress, outcome: RunOutcome) -> Result<Finish, PortError> {
        let now = self.world.clock.now();
        let records = self.book.say(now, vec![crate::run::Event::RunFinished { outcome }])?;
        (self.watch)(&plan, &records);
        self.book.keep()?;
        Ok(Finish { outcome, plan, progress })
    }
}

fn stop_programs(world: &World, progress: &Progress) {
    for (number, status) in (0u64..).zip(&progress.steps) {
        if *status == Status::Running {
            world.shell.cancel(Ticket(number));
            world.containers.iter().for_each(|containers| containers.cancel(Ticket(number)));
            world.builder.iter().for_each(|builder| builder.cancel(Ticket(number)));
        }
    }
}

/// What a step came to is written: nobody will ask its container again.
fn forget_containers(world: &World, plan: &Plan, progress: &Progress, records: &[Record]) {
    let Some(containers) = &world.containers else { return };
    let in_container = |step: &str| {
        let step = progress.number(step).and_then(|number| plan.steps.get(number as usize));
        matches!(step.map(|step| &step.work), Some(Work::Exec(exec)) if exec.image.is_some())
    };
    for record in records {
        if let Event::StepFinished { step, key, .. } = &record.event
            && in_container(step)
        {
            containers.forget(super::programs::container_key(world, step, *key));
        }
    }
}

/// Folders move on: the versions of a candidate that goes to an environment are kept, since it may wait at a gate, and since
/// somebody may want it back.
fn keep_sources(world: &World, graph: &Graph, memory: &Memory, plan: &Plan) -> Result<(), PortError> {
    if plan.is_empty() || plan.environments.is_empty() {
        return Ok(());
    }
    for source in &plan.sources {
        world.sources.keep(&super::head_query(world, graph, memory, &source.name)?, &source.version)?;
    }
    Ok(())
}

/// What is deployed is kept before anything happens, so that it can be brought back.
fn keep_bundles(world: &World, plan: &Plan) -> Result<(), PortError> {
    for (digest, bundle) in &plan.bundles {
        if bundle_of(world, *digest)?.is_none() {
            let failed = |e| PortError::new(Fault::Invalid, format!("rendered objects cannot be encoded: {e}"));
            world.shelf.put(shelf::Kind::Bundle, &digest.hex(), &serde_json::to_vec(&**bundle).map_err(failed)?)?;
        }
    }
    Ok(())
}
