//! The stage: the pipeline is applied on it as the engine would, with every program at its end as soon as it begins.

use super::outside::Outside;
use super::story::{Story, node_of};
use super::{Local, Refusal};
use crate::diag::any_error;
use crate::digest::Digest;
use crate::graph::Graph;
use crate::model::{GateRule, Pipeline};
use crate::plan::memory::{Memory, Moment};
use crate::plan::{Observed, Options, Plan, Step, Work, diff};
use crate::ports::sources::Head;
use crate::ports::{Fault, PortError};
use crate::run::{
    Event, Input, Order, Outcome, Progress, Record, Report, Saying, State, StepResult, Timed, Word, decide,
    open_orders, outcome, proceed, said, wants_replan,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Who starts the runs.
const AUTOMATION: &str = "lockgate";
/// When a rehearsal begins: Monday, 5 January 2026, 10:00 UTC.
const START: Moment = 1_767_607_200_000;
/// How many steps run at once. They take no time, so that it only matters that some can.
const AT_ONCE: usize = 4;
/// How often a plan may come up with new questions; see `engine::observe`.
const ROUNDS: usize = 12;
/// How many rounds of inputs a run may take: far more than the largest plan has steps, and an end for a run without one.
const TURNS: usize = 100_000;

/// A step that is to fail.
pub(super) struct Doom {
    /// The node.
    pub node: String,
    /// What of it.
    pub at: Option<String>,
}

/// A pipeline in a world that is only thought of.
pub(super) struct Stage {
    /// The pipeline as it is.
    pub graph: Graph,
    /// The same with all gates open.
    pub open: Graph,
    /// The world.
    pub outside: Outside,
    /// What happened.
    pub state: State,
    /// The time.
    pub now: Moment,
    /// What is to fail.
    pub dooms: Vec<Doom>,
    /// What happened since the last expectations.
    pub story: Story,
    file: Digest,
}

impl Stage {
    /// A stage on which nothing happened yet.
    pub fn new(pipeline: &Pipeline, file: Digest, local: &dyn Local) -> Result<Stage, PortError> {
        let outside = Outside::new(pipeline, local)?;
        let pipeline = super::prepared::playable(pipeline);
        let mut open = pipeline.clone();
        for environment in &mut open.environments {
            environment.gate = GateRule::None(environment.span);
        }
        let lower = |pipeline| crate::graph::lower(Arc::new(pipeline)).0;
        Ok(Stage {
            graph: lower(pipeline),
            open: lower(open),
            outside,
            state: State::default(),
            now: START,
            dooms: Vec::new(),
            story: Story::default(),
            file,
        })
    }

    /// The plan as it is now, all its questions answered.
    pub fn plan(&self, graph: &Graph, versions: Option<BTreeMap<String, Head>>) -> Result<Plan, Refusal> {
        let options = Options { root: PathBuf::from("/rehearsal"), file: self.file, versions, ..Options::default() };
        let mut observed = Observed::default();
        let memory: &Memory = &self.state.memory;
        let (mut plan, mut missing) = diff(graph, memory, &observed, &options);
        for _ in 0..ROUNDS {
            if missing.is_empty() {
                break;
            }
            for query in missing {
                let answer = self.outside.answer(&query);
                observed.insert(query, answer);
            }
            (plan, missing) = diff(graph, memory, &observed, &options);
        }
        if any_error(&plan.diagnostics) { Err(Refusal(plan.diagnostics)) } else { Ok(plan) }
    }

    /// Applies the pipeline as it is.
    pub fn apply(&mut self) -> Result<(), Refusal> {
        self.apply_with(&self.graph.clone())
    }

    /// Applies the pipeline with all gates open.
    pub fn apply_openly(&mut self) -> Result<(), Refusal> {
        self.apply_with(&self.open.clone())
    }

    fn apply_with(&mut self, graph: &Graph) -> Result<(), Refusal> {
        let mut plan = self.plan(graph, None)?;
        let heads = plan.heads();
        self.outside.bundles.extend(plan.bundles.clone());
        let mut progress = Progress::new(&plan, &self.state, AT_ONCE);
        let mut inputs = vec![Input::Begin {
            by: AUTOMATION.to_string(),
            heads: heads.clone(),
            rerun: Vec::new(),
            unbegun: BTreeSet::new(),
        }];
        for _ in 0..TURNS {
            for input in std::mem::take(&mut inputs) {
                let events = decide(&plan, &self.state, &progress, &Timed { at: self.now, input });
                self.absorb(graph, &plan, &mut progress, events);
            }
            loop {
                let events = proceed(&plan, &self.state, &progress, self.now);
                if events.is_empty() {
                    break;
                }
                self.absorb(graph, &plan, &mut progress, events);
            }
            let orders = open_orders(&plan, &self.state, &progress);
            progress.given_out();
            inputs.extend(orders.into_iter().filter_map(|order| self.carry_out(graph, &plan, order)));
            if let Some(outcome) = outcome(&plan, &self.state, &progress).filter(|_| inputs.is_empty()) {
                self.absorb(graph, &plan, &mut progress, vec![Event::RunFinished { outcome }]);
                return Ok(());
            }
            if inputs.is_empty() && progress.is_quiet() && wants_replan(&plan, &self.state, &progress) {
                plan = self.plan(graph, Some(heads.clone()))?;
                self.outside.bundles.extend(plan.bundles.clone());
                progress = progress.again(&plan, &self.state);
                inputs.push(Input::Replanned);
            } else if inputs.is_empty() {
                break;
            }
        }
        Err(Refusal::of(&PortError::new(Fault::Limit, "the run does not come to an end")))
    }

    /// Takes events of a run in.
    fn absorb(&mut self, graph: &Graph, plan: &Plan, progress: &mut Progress, events: Vec<Event>) {
        for event in events {
            self.story.take(graph, plan, &event);
            if let Event::StepFinished { step, outcome: Outcome::Failed { .. }, .. } = &event
                && let Some(step) = plan.step(step)
                && let Some(at) = self.dooms.iter().position(|d| d.is_of(graph, plan, step))
            {
                self.dooms.remove(at);
            }
            let event = self.write(event);
            progress.apply(plan, &self.state, &event);
        }
    }

    fn write(&mut self, event: Event) -> Event {
        // There is one run at a time.
        let run = match &event {
            Event::RunStarted { .. } => self.state.runs + 1,
            _ if self.state.open.is_empty() => 0,
            _ => self.state.runs,
        };
        let record = Record { number: self.state.number + 1, at: self.now, run, event };
        self.state.apply(&record);
        record.event
    }

    /// Somebody says something.
    pub fn say(&mut self, by: &str, groups: Option<Vec<String>>, what: Saying) {
        let word =
            Word { by: by.to_string(), groups, also: Vec::new(), reason: Some("a test says so".to_string()), what };
        for event in said(&self.state.memory, &self.state.intents, &word, self.now) {
            self.story.heard(&event);
            self.write(event);
        }
    }

    /// Carries an order out, and gives what comes of it.
    fn carry_out(&mut self, graph: &Graph, plan: &Plan, order: Order) -> Option<Input> {
        let (number, key, work) = match order {
            Order::Restore { environment, release, target, bundle, .. } => {
                self.outside.restore(&target, &release, bundle);
                return Some(Input::Restored { environment, release, failed: None });
            }
            Order::Step { number, key, work, .. } => (number, key, work),
        };
        let step = plan.steps.get(number as usize)?;
        let result = if self.dooms.iter().any(|d| d.is_of(graph, plan, step)) {
            StepResult::Failed { fault: Fault::Invalid, reason: "a test says so".to_string(), log: None }
        } else {
            StepResult::Done { outputs: self.outside.carry_out(key, &work), log: None }
        };
        Some(Input::Report(Report { step: number, result }))
    }
}

impl Doom {
    /// Whether it is of that step: of an environment a verification, if it has one and nothing else is said.
    fn is_of(&self, graph: &Graph, plan: &Plan, step: &Step) -> bool {
        if node_of(graph, plan, step) != self.node {
            return false;
        }
        let word = step.id.split('.').next().unwrap_or_default();
        match &self.at {
            Some(at) => at == word,
            None if step.environment.is_none() => true,
            None => !matches!(step.work, Work::Deploy(_)) || !is_verified(graph, &self.node),
        }
    }
}

fn is_verified(graph: &Graph, environment: &str) -> bool {
    graph.find(environment).and_then(|id| graph.environment(id)).is_some_and(|e| !e.verifies.is_empty())
}
