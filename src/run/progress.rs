//! How far a run is with its plan. It follows from the plan and the events, and is never written.

use super::event::{Event, Outcome};
use super::state::State;
use crate::plan::{Action, Fields, Plan, Unknown, Verdict};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// Where a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for other steps, or for its environment.
    Waiting,
    /// Nothing but a free place keeps it from starting.
    Ready,
    /// It waits for another look at the plan.
    Replan,
    /// It was started; whether its order was given out is the dispatcher's to know.
    Running,
    /// It is done, now or before.
    Done,
    /// It failed.
    Failed,
    /// It will not run, since something before it failed or may not be entered.
    Skipped,
    /// Nobody knows whether it was done.
    Indeterminate,
}

/// Where an environment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// What it waits for is not there yet.
    Before,
    /// It waits at its gate.
    AtGate,
    /// Its steps may run.
    Entered,
    /// It has the candidate.
    Has,
    /// It failed, or may not be entered.
    Out,
    /// Another run has it in hand.
    Taken,
}

/// How far a run is.
#[derive(Clone, Debug)]
pub struct Progress {
    /// The number of the run; 0 until it has begun.
    pub run: u64,
    /// How often each environment was entered, as far as this plan knows of it.
    pub entries: Vec<u64>,
    /// Where each step is.
    pub steps: Vec<Status>,
    /// Where each environment is.
    pub stages: Vec<Stage>,
    /// Steps that can start, in order.
    pub ready: VecDeque<u32>,
    /// How many steps are running.
    pub running: usize,
    /// How many programs and effects may run at once.
    pub limit: usize,
    /// How many programs more may be written down as started that wait for their turn: those that are prepared at once, and of
    /// no environment, since nothing that opens or closes meanwhile concerns them.
    pub ahead: usize,
    /// Steps whose orders are open: started, and not given out yet.
    pub open: Vec<u32>,
    /// Releases that are to be brought back and whose orders were not given out yet: environment and release.
    pub restores: Vec<(String, String)>,
    missing: Vec<u32>,
    dependents: Vec<Vec<u32>>,
    told: HashMap<u32, Fields>,
    numbers: HashMap<Arc<str>, u32>,
}

impl Progress {
    /// The beginning of a run: what the plan reuses is done.
    pub fn new(plan: &Plan, state: &State, limit: usize) -> Progress {
        let count = plan.steps.len();
        let mut progress = Progress {
            run: 0,
            entries: plan.environments.iter().map(|e| e.entries).collect(),
            steps: vec![Status::Waiting; count],
            stages: vec![Stage::Before; plan.environments.len()],
            ready: VecDeque::new(),
            running: 0,
            limit: limit.max(1),
            ahead: 0,
            open: Vec::new(),
            restores: unfinished(plan, state),
            missing: vec![0; count],
            dependents: vec![Vec::new(); count],
            told: HashMap::new(),
            numbers: plan.steps.iter().zip(0..).map(|(s, n)| (s.id.clone(), n)).collect(),
        };
        for (step, number) in plan.steps.iter().zip(0u32..) {
            if step.action == Action::Reuse {
                progress.steps[number as usize] = Status::Done;
                continue;
            }
            let open = step.needs.iter().filter(|n| !plan.steps[**n as usize].is_reused());
            for need in open {
                progress.dependents[*need as usize].push(number);
                progress.missing[number as usize] += 1;
            }
        }
        for (number, environment) in plan.environments.iter().enumerate() {
            progress.stages[number] = match environment.verdict {
                Verdict::UpToDate => Stage::Has,
                Verdict::Enter | Verdict::Gate => Stage::Before,
                Verdict::InHand { .. } => Stage::Taken,
                _ => Stage::Out,
            };
            if matches!(progress.stages[number], Stage::Out | Stage::Taken) {
                progress.skip_all(&environment.steps);
            }
        }
        for (step, number) in plan.steps.iter().zip(0u32..) {
            let waits = progress.steps[number as usize] == Status::Waiting && progress.missing[number as usize] == 0;
            if waits && step.environment.is_none() {
                progress.unlock(plan, number);
            }
        }
        progress
    }

    /// The number of a step.
    pub fn number(&self, step: &str) -> Option<u32> {
        self.numbers.get(step).copied()
    }

    /// Takes an event in that the state has taken in already.
    pub fn apply(&mut self, plan: &Plan, state: &State, event: &Event) {
        match event {
            Event::StepStarted { step, .. } => {
                if let Some(number) = self.number(step) {
                    // Another attempt of a step that runs is still one that runs.
                    if std::mem::replace(&mut self.steps[number as usize], Status::Running) != Status::Running {
                        self.running += 1;
                    }
                    self.open.push(number);
                    self.tidy();
                }
            }
            Event::StepFinished { step, outcome, .. } => {
                if let Some(number) = self.number(step) {
                    self.stop(number);
                    match outcome {
                        Outcome::Succeeded { outputs, .. } => self.done(plan, number, outputs.clone()),
                        Outcome::Failed { .. } => {
                            self.failed(plan, number);
                            self.sweep();
                        }
                    }
                }
            }
            Event::StepReused { step, key, .. } => {
                if let Some(number) = self.number(step) {
                    self.done(plan, number, state.memory.results.get(key).cloned().unwrap_or_default());
                    self.tidy();
                }
            }
            Event::StepsReused { steps } => {
                let memory = &state.memory;
                for step in steps {
                    let told = memory.steps.get(step).and_then(|made| memory.results.get(&made.key));
                    if let Some(number) = self.number(step) {
                        self.done(plan, number, told.cloned().unwrap_or_default());
                    }
                }
                self.tidy();
            }
            Event::Indeterminate { step, .. } => {
                if let Some(number) = self.number(step) {
                    self.stop(number);
                    self.steps[number as usize] = Status::Indeterminate;
                    self.skip_dependents(plan, number);
                    self.sweep();
                }
            }
            Event::Interrupted { step, .. } => {
                if let Some(number) = self.number(step).filter(|n| self.steps[*n as usize] == Status::Running) {
                    self.refused(plan, number);
                }
            }
            Event::RollbackStarted { environment, to } => {
                let missing = to.bundles.keys().map(|r| (environment.clone(), r.clone()));
                self.restores.extend(missing);
            }
            Event::RunStarted { .. } => self.run = state.runs,
            Event::GatePassed { environment, .. } => {
                let number = plan.environments.iter().position(|e| e.name == *environment);
                number.and_then(|n| self.entries.get_mut(n)).into_iter().for_each(|entries| *entries += 1);
                self.set_stage(plan, environment, Stage::Entered);
            }
            Event::Superseded { environment, candidate, .. }
                if plan.environment(environment).is_some_and(|e| e.candidate == *candidate) =>
            {
                self.set_stage(plan, environment, Stage::Out);
            }
            Event::StandsAtGate { environment, .. } => self.set_stage(plan, environment, Stage::AtGate),
            Event::HasCandidate { environment, .. } => self.set_stage(plan, environment, Stage::Has),
            Event::EnvironmentFailed { environment, .. } => self.set_stage(plan, environment, Stage::Out),
            _ => {}
        }
    }

    /// Lets the steps of an environment run that wait for nothing else.
    pub fn enter(&mut self, plan: &Plan, environment: usize) {
        self.stages[environment] = Stage::Entered;
        for &number in &plan.environments[environment].steps {
            if self.steps[number as usize] == Status::Waiting && self.missing[number as usize] == 0 {
                self.unlock(plan, number);
            }
        }
    }

    /// The same run with another plan: how far that is.
    pub fn again(&self, plan: &Plan, state: &State) -> Progress {
        Progress { run: self.run, restores: Vec::new(), ahead: self.ahead, ..Progress::new(plan, state, self.limit) }
    }

    /// What a step told, in this run or before.
    pub fn told(&self, plan: &Plan, unknown: &Unknown) -> Option<String> {
        let number = self.number(&unknown.step)?;
        let here = self.told.get(&number).and_then(|f| f.get(&unknown.field));
        here.or_else(|| plan.steps[number as usize].outputs.get(&unknown.field)).cloned()
    }

    /// Whether all steps of an environment are done.
    pub fn is_complete(&self, plan: &Plan, environment: usize) -> bool {
        plan.environments[environment].steps.iter().all(|s| self.steps[*s as usize] == Status::Done)
    }

    /// Whether nothing runs and nothing can start.
    pub fn is_quiet(&self) -> bool {
        self.running == 0 && self.ready.is_empty() && self.open.is_empty() && self.restores.is_empty()
    }

    fn set_stage(&mut self, plan: &Plan, name: &str, stage: Stage) {
        let Some(number) = plan.environments.iter().position(|e| e.name == name) else { return };
        if stage == Stage::Entered {
            self.enter(plan, number);
        } else {
            self.stages[number] = stage;
        }
        if stage == Stage::Out {
            self.skip_all(&plan.environments[number].steps);
        }
    }

    /// A step was started and may not be carried out: its gate closed, or somebody holds its environment.
    fn refused(&mut self, plan: &Plan, number: u32) {
        self.stop(number);
        self.steps[number as usize] = Status::Skipped;
        self.skip_dependents(plan, number);
        if let Some(environment) = plan.steps[number as usize].environment {
            self.stages[environment as usize] = Stage::AtGate;
        }
    }

    /// Drops what is not ready any more from the front of the queue.
    fn tidy(&mut self) {
        while self.ready.front().is_some_and(|n| self.steps[*n as usize] != Status::Ready) {
            self.ready.pop_front();
        }
    }

    fn stop(&mut self, number: u32) {
        if self.steps[number as usize] == Status::Running {
            self.running = self.running.saturating_sub(1);
        }
        self.open.retain(|n| *n != number);
    }

    fn done(&mut self, plan: &Plan, number: u32, outputs: Fields) {
        self.steps[number as usize] = Status::Done;
        if !outputs.is_empty() {
            self.told.insert(number, outputs);
        }
        for dependent in std::mem::take(&mut self.dependents[number as usize]) {
            let missing = &mut self.missing[dependent as usize];
            *missing = missing.saturating_sub(1);
            if *missing == 0 && self.may_run(plan, dependent) {
                self.unlock(plan, dependent);
            }
        }
    }

    fn may_run(&self, plan: &Plan, number: u32) -> bool {
        let stage = plan.steps[number as usize].environment.map(|e| self.stages[e as usize]);
        self.steps[number as usize] == Status::Waiting && stage.is_none_or(|s| s == Stage::Entered)
    }

    fn unlock(&mut self, plan: &Plan, number: u32) {
        if plan.steps[number as usize].replan {
            self.steps[number as usize] = Status::Replan;
        } else {
            self.steps[number as usize] = Status::Ready;
            self.ready.push_back(number);
        }
    }

    fn failed(&mut self, plan: &Plan, number: u32) {
        self.steps[number as usize] = Status::Failed;
        self.skip_dependents(plan, number);
    }

    fn skip_dependents(&mut self, plan: &Plan, number: u32) {
        let mut open = vec![number];
        while let Some(at) = open.pop() {
            for dependent in std::mem::take(&mut self.dependents[at as usize]) {
                if self.steps[dependent as usize] == Status::Waiting {
                    self.steps[dependent as usize] = Status::Skipped;
                    if let Some(environment) = plan.steps[dependent as usize].environment
                        && self.stages[environment as usize] != Stage::Entered
                    {
                        self.stages[environment as usize] = Stage::Out;
                    }
                    open.push(dependent);
                }
            }
        }
    }

    fn skip_all(&mut self, steps: &[u32]) {
        for &step in steps {
            let status = &mut self.steps[step as usize];
            if matches!(status, Status::Waiting | Status::Ready | Status::Replan) {
                *status = Status::Skipped;
            }
        }
        self.sweep();
    }

    /// Drops everything from the queue that is not ready any more.
    fn sweep(&mut self) {
        let statuses = &self.steps;
        self.ready.retain(|n| statuses[*n as usize] == Status::Ready);
    }
}

/// Releases of rollbacks that a crash cut off.
fn unfinished(plan: &Plan, state: &State) -> Vec<(String, String)> {
    let releases = state.restoring.iter().filter(|(_, back)| !plan.beside.contains(&back.run));
    releases
        .flat_map(|(environment, back)| back.missing.iter().map(move |r| (environment.clone(), r.clone())))
        .collect()
}
