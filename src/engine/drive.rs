//! The loop. Inputs come in, events are decided and written, and only then are orders given out. It does the same with an
//! empty journal and with an old one: there is no recovery, only going on.
//!
//! What came in while a commit was under way is decided together and written in one transaction: that is what makes a
//! thousand small steps cheap.

use super::dispatch::{Surroundings, dispatch, run_mark, ticket};
use super::observe::observe;
use super::pace::Pace;
use super::{Book, SharedBook, World};
use crate::graph::Graph;
use crate::plan::memory::{Memory, Moment};
use crate::plan::{Observed, Options, Plan, Work};
use crate::ports::shelf;
use crate::ports::shell::Begun;
use crate::ports::{Fault, PortError};
use crate::run::{
    Event, Input, Intent, Progress, Record, RunOutcome, State, Status, Timed, decide, open_orders, outcome, proceed,
    wants_replan,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// How many inputs are decided together at most, so that the first of them does not wait for too many others.
const BATCH: usize = 512;

/// A run of a plan, from its first input to its end.
pub struct Driver<'a> {
    /// The neighbours.
    pub world: &'a World,
    /// The graph of the plan.
    pub graph: &'a Arc<Graph>,
    /// The journal and its state. Others may write to it meanwhile, and then say [`Call::Look`].
    pub book: &'a SharedBook,
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
    /// What is called to the run from outside.
    pub calls: &'a mut UnboundedReceiver<Call>,
}

/// What is called to a run from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Stop: the first time no new work begins, the second time running programs are stopped.
    Stop,
    /// Somebody has written something; what is possible may be more than before.
    Look,
}

/// What holds the steps of a run.
#[derive(Default)]
struct Reins {
    /// Set when running steps are to stop.
    halt: Arc<AtomicBool>,
    /// How long programs take.
    pace: Arc<Pace>,
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
    pub async fn run(self, plan: Plan) -> Result<Finish, PortError> {
        let world = self.world;
        let mut number = None;
        let finish = self.go(plan, &mut number).await;
        if let (Err(_), Some(run)) = (&finish, number) {
            // Where nothing can be written any more, what has not begun does not.
            world.shell.recall(run);
        }
        finish
    }

    /// Does it; says the number of the run as soon as it has one.
    async fn go(mut self, mut plan: Plan, run: &mut Option<u64>) -> Result<Finish, PortError> {
        let (sender, mut inputs) = unbounded_channel();
        keep_bundles(self.world, &plan)?;
        // Of the facts, carrying out needs the heads alone; all of them are too many to copy.
        let heads = self.book.lock().state.memory.heads.clone();
        let memory = Arc::new(Memory { heads, ..Memory::default() });
        keep_sources(self.world, self.graph, &memory, &plan)?;
        let begin = Input::Begin {
            by: self.by.clone(),
            heads: plan.heads(),
            // From here on the generation is in the journal.
            rerun: std::mem::take(&mut self.options.rerun),
            unbegun: unbegun(self.world, &self.book.lock().state),
        };
        let mut progress = Progress::new(&plan, &self.book.lock().state, self.limit);
        let mut batch = vec![begin];
        let reins = Reins::default();
        loop {
            let outcome = self.step(&plan, &mut progress, batch, &memory, &reins, &sender);
            *run = Some(progress.run);
            if let Some(outcome) = outcome? {
                return self.finish(plan, progress, outcome);
            }
            if progress.is_quiet() && wants_replan(&plan, &self.book.lock().state, &progress) {
                let next = self.replan(&plan, progress.run)?;
                if !(self.consent)(&plan, &next) {
                    return self.finish(plan, progress, RunOutcome::Asks);
                }
                keep_bundles(self.world, &next)?;
                progress = progress.again(&next, &self.book.lock().state);
                plan = next;
                batch = vec![Input::Replanned];
                continue;
            }
            batch = self.wait(&progress, &reins.halt, &mut inputs).await;
        }
    }

    /// Decides what follows from the inputs, takes it in, writes it, and gives out the orders that it opens. How the run
    /// has ended, if it has.
    fn step(
        &mut self,
        plan: &Plan,
        progress: &mut Progress,
        inputs: Vec<Input>,
        memory: &Arc<Memory>,
        reins: &Reins,
        sender: &UnboundedSender<Input>,
    ) -> Result<Option<RunOutcome>, PortError> {
        let now = self.world.clock.now();
        progress.ahead = reins.pace.ahead(self.limit);
        let mut book = self.book.lock();
        let mut records = Vec::new();
        for input in inputs {
            let events = decide(plan, &book.state, progress, &Timed { at: now, input });
            absorb(&mut book, plan, progress, events, now, &mut records);
        }
        loop {
            let events = proceed(plan, &book.state, progress, now);
            if events.is_empty() {
                break;
            }
            absorb(&mut book, plan, progress, events, now, &mut records);
        }
        book.write(&records)?;
        forget_containers(self.world, plan, progress, &records);
        (self.watch)(plan, &records);
        let orders = open_orders(plan, &book.state, progress);
        if !orders.is_empty() {
            progress.given_out();
            let (world, graph, state) = (self.world, self.graph, &book.state);
            let (run, inputs, Reins { halt: stop, pace }) = (progress.run, sender, reins);
            let around = Surroundings { world, graph, plan, state, run, memory, inputs, stop, pace, now };
            orders.into_iter().for_each(|order| dispatch(&around, order));
        }
        if book.state.open.get(&progress.run).is_some_and(|open| open.cancelled) {
            self.world.shell.recall(progress.run);
        }
        Ok(outcome(plan, &book.state, progress))
    }

    /// The next inputs: the first that comes, and whatever has come by then.
    async fn wait(
        &mut self,
        progress: &Progress,
        halt: &AtomicBool,
        inputs: &mut UnboundedReceiver<Input>,
    ) -> Vec<Input> {
        let mut batch = Vec::new();
        tokio::select! {
            biased;
            Some(call) = self.calls.recv() => match call {
                Call::Stop => {
                    if self.book.lock().state.open.get(&progress.run).is_some_and(|r| r.cancelled) {
                        halt.store(true, Ordering::Relaxed);
                        stop_programs(self.world, progress);
                    }
                    batch.push(Input::Cancel { by: self.by.clone() });
                }
                Call::Look => batch.push(Input::Tick),
            },
            Some(input) = inputs.recv() => batch.push(input),
        }
        if let Some(time) = Pace::gather(progress.running.saturating_sub(inputs.len()), self.limit) {
            std::thread::sleep(time);
        }
        while batch.len() < BATCH
            && let Ok(input) = inputs.try_recv()
        {
            batch.push(input);
        }
        batch
    }

    /// The plan again, of the same versions, now that more is known. Looking may take long, and nobody waits for the book
    /// meanwhile.
    fn replan(&mut self, before: &Plan, run: u64) -> Result<Plan, PortError> {
        self.observed.forget_places();
        let (memory, beside) = {
            let state = &self.book.lock().state;
            (state.memory.clone(), state.beside(run))
        };
        let options = Options { versions: Some(before.heads()), beside, goes_on: true, ..self.options.clone() };
        let next = observe(self.world, self.graph, &memory, self.observed, &options);
        match next.diagnostics.iter().find(|d| d.is_error()) {
            Some(fault) => {
                Err(PortError::new(Fault::Invalid, format!("the plan cannot be completed: {}", fault.message)))
            }
            None => Ok(next),
        }
    }

    fn finish(self, plan: Plan, progress: Progress, outcome: RunOutcome) -> Result<Finish, PortError> {
        let now = self.world.clock.now();
        let mut book = self.book.lock();
        let records = book.say(now, progress.run, vec![Event::RunFinished { outcome }])?;
        (self.watch)(&plan, &records);
        book.keep()?;
        if book.state.open.is_empty() {
            self.world.shell.all_over();
        }
        Ok(Finish { outcome, plan, progress })
    }
}

/// Takes events in, in the state and in what follows from it.
fn absorb(
    book: &mut Book,
    plan: &Plan,
    progress: &mut Progress,
    events: Vec<Event>,
    now: Moment,
    records: &mut Vec<Record>,
) {
    let first = records.len();
    book.take(now, progress.run, events, records);
    for record in records.iter().skip(first) {
        progress.apply(plan, &book.state, &record.event);
    }
}

fn stop_programs(world: &World, progress: &Progress) {
    for (number, status) in (0u32..).zip(&progress.steps) {
        if *status == Status::Running {
            let ticket = ticket(progress.run, number);
            world.shell.cancel(ticket);
            world.web.iter().for_each(|web| web.cancel(ticket));
            world.containers.iter().chain(&world.jobs).for_each(|containers| containers.cancel(ticket));
            world.builder.iter().for_each(|builder| builder.cancel(ticket));
        }
    }
}

/// Steps that a process before this one has written down as started, and whose programs certainly never began.
fn unbegun(world: &World, state: &State) -> BTreeSet<Arc<str>> {
    let mut known: BTreeMap<u64, Option<Begun>> = BTreeMap::new();
    let mut never = |step: &Arc<str>, intent: &Intent| {
        // Of a run that is over nobody knows any more.
        let run = intent.run;
        state.open.contains_key(&run)
            && known
                .entry(run)
                .or_insert_with(|| world.shell.begun(run_mark(state, run)))
                .as_ref()
                .is_some_and(|begun| !begun.contains(&(step.clone(), intent.attempt)))
    };
    state.intents.iter().filter(|(step, intent)| never(step, intent)).map(|(step, _)| step.clone()).collect()
}

/// What a step came to is written: nobody will ask its container again.
fn forget_containers(world: &World, plan: &Plan, progress: &Progress, records: &[Record]) {
    let run_by = |step: &str| match &plan.steps.get(progress.number(step)? as usize)?.work {
        Work::Exec(exec) if exec.image.is_some() => super::programs::shell_of(world, exec).ok(),
        _ => None,
    };
    for record in records {
        if let Event::StepFinished { step, key, .. } = &record.event
            && let Some(shell) = run_by(step)
        {
            shell.forget(super::programs::container_key(world, step, *key));
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
        // Also where it is there: it is used again, and nobody takes it away for being old.
        let failed = |e| PortError::new(Fault::Invalid, format!("rendered objects cannot be encoded: {e}"));
        world.shelf.put(shelf::Kind::Bundle, &digest.hex(), &serde_json::to_vec(&**bundle).map_err(failed)?)?;
    }
    Ok(())
}
