//! Carrying out: the one place through which every order goes.

use super::pace::Pace;
use super::programs::{self, Job};
use super::{World, builders, deploys, images, observe};
use crate::graph::Graph;
use crate::model::Builder;
use crate::plan::memory::{Memory, Moment};
use crate::plan::work::{BuildWork, HttpWork, Work};
use crate::plan::{Fields, Plan};
use crate::ports::shell::{Mark, RunMark, Ticket};
use crate::ports::web::Ask;
use crate::ports::{Fault, PortError};
use crate::run::{Input, Order, Report, State, StepResult, may_start};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedSender;

/// What carrying out needs besides the order.
pub(super) struct Surroundings<'a> {
    pub world: &'a World,
    pub graph: &'a Arc<Graph>,
    pub plan: &'a Plan,
    pub state: &'a State,
    /// The run.
    pub run: u64,
    /// The facts that threads may hold on to: the heads.
    pub memory: &'a Arc<Memory>,
    /// Where the end of an order is reported.
    pub inputs: &'a UnboundedSender<Input>,
    /// Set when running steps are to stop.
    pub stop: &'a Arc<AtomicBool>,
    /// How long programs take.
    pub pace: &'a Arc<Pace>,
    pub now: Moment,
}

/// The handle of a step that runs: no two runs share one.
pub(super) fn ticket(run: u64, number: u32) -> Ticket {
    Ticket(run << 32 | u64::from(number))
}

/// A run that goes on, so that it is no other's.
pub(super) fn run_mark(state: &State, run: u64) -> RunMark {
    RunMark { number: run, since: state.open.get(&run).map_or(0, |open| open.since) }
}

/// Carries an order out, or reports why it may not be. Returns at once.
pub(super) fn dispatch(around: &Surroundings<'_>, order: Order) {
    let inputs = around.inputs.clone();
    match order {
        Order::Restore { environment, release, target, bundle, candidate } => {
            let timeout = deploys::timeout_of(around.plan, &environment);
            let surroundings =
                around.of_deploy(&environment, &release, &format!("rollback.{environment}.{release}"), 1);
            std::thread::spawn(move || {
                let failed = deploys::restore(&surroundings, &target, bundle, candidate, timeout).err();
                let _ = inputs.send(Input::Restored { environment, release, failed });
            });
        }
        Order::Step { number, key, attempt, work } => {
            let report = move |result| {
                let _ = inputs.send(Input::Report(Report { step: number, result }));
            };
            // The gate, the hold and the cancel are looked at here once more, behind whatever was decided.
            if !may_start(around.plan, around.state, around.run, number, around.now) {
                return report(StepResult::NotDone);
            }
            match work {
                Work::Exec(exec) => {
                    let step = &around.plan.steps[number as usize];
                    let log = around.world.workshop.log(around.run, &step.id, attempt);
                    let (ticket, name) = (ticket(around.run, number), step.id.to_string());
                    let environment = step.environment.and_then(|e| around.plan.environments.get(e as usize));
                    let environment = environment.map(|e| e.name.clone());
                    let mark = Mark { run: run_mark(around.state, around.run), step: step.id.clone(), attempt };
                    let pace = around.pace.clone();
                    let job = Job { ticket, name, exec, log, key, attempt, environment, mark, pace };
                    program(around, job, Box::new(report));
                }
                Work::Deploy(work) => {
                    let id = &around.plan.steps[number as usize].id;
                    let surroundings = around.of_deploy(&work.environment, &work.release, id, attempt);
                    std::thread::spawn(move || report(deploys::deploy(&surroundings, &work, key)));
                }
                Work::HelmTest(work) => {
                    let id = &around.plan.steps[number as usize].id;
                    let surroundings = around.of_deploy(&work.environment, "", id, attempt);
                    std::thread::spawn(move || report(deploys::test(&surroundings, &work, key)));
                }
                Work::Build(work) if work.builder == Builder::Docker => {
                    let step = &around.plan.steps[number as usize];
                    let log = around.world.workshop.log(around.run, &step.id, attempt);
                    let (ticket, name) = (ticket(around.run, number), step.id.to_string());
                    let job = builders::Job { ticket, name, key, work, log };
                    let (world, graph, memory) = (around.world.clone(), around.graph.clone(), around.memory.clone());
                    std::thread::spawn(move || report(builders::build(&world, &graph, &memory, &job)));
                }
                work => other(around, number, work, Box::new(report)),
            }
        }
    }
}

impl Surroundings<'_> {
    /// What a deploy to an environment needs, with its log under the name of a step.
    fn of_deploy(&self, environment: &str, release: &str, step: &str, attempt: u32) -> deploys::Around {
        deploys::Around {
            world: self.world.clone(),
            graph: self.graph.clone(),
            stop: self.stop.clone(),
            environment: environment.to_string(),
            run: self.run,
            log: self.world.workshop.log(self.run, step, attempt),
            before: deploys::deployed(self.state, environment, release),
        }
    }
}

fn program(around: &Surroundings<'_>, job: Job, report: Box<dyn FnOnce(StepResult) + Send>) {
    if job.exec.is_light() {
        programs::start(around.world, around.graph, around.memory, job, report);
        return;
    }
    let (world, graph, memory) = (around.world.clone(), around.graph.clone(), around.memory.clone());
    std::thread::spawn(move || programs::start(&world, &graph, &memory, job, report));
}

/// Builds, pushes and asks, each on a thread of its own; there are never more than the limit of the run.
fn other(around: &Surroundings<'_>, number: u32, work: Work, report: Box<dyn FnOnce(StepResult) + Send>) {
    let (world, graph, memory) = (around.world.clone(), around.graph.clone(), around.memory.clone());
    let ticket = ticket(around.run, number);
    std::thread::spawn(move || {
        let done = match &work {
            Work::Build(build) => made(&world, &graph, &memory, build),
            Work::Push(push) => images::push(&world, &graph, push).map(|_| Fields::new()),
            Work::Http(http) => asked(&world, ticket, http),
            Work::None | Work::Exec(_) | Work::Deploy(_) | Work::HelmTest(_) => Ok(Fields::new()),
        };
        report(match done {
            Ok(outputs) => StepResult::Done { outputs, log: None },
            Err(error) => programs::failed(&error),
        });
    });
}

/// Asks a URL until it answers as wanted.
fn asked(world: &World, ticket: Ticket, work: &HttpWork) -> Result<Fields, PortError> {
    let unknown = || PortError::new(Fault::Invalid, "the URL to ask is not known");
    let nobody = || {
        PortError::new(Fault::Unavailable, "this Lockgate was built without the feature `registry`, which asks URLs")
    };
    let contains = work.contains.as_ref().map(|text| text.as_known().ok_or_else(unknown)).transpose()?;
    let ask = Ask {
        url: work.url.as_known().ok_or_else(unknown)?,
        status: work.status,
        contains,
        timeout: Duration::from_millis(work.timeout),
        redact: Vec::new(),
    };
    world.web.as_deref().ok_or_else(nobody)?.ask(ticket, &ask).map(|_| Fields::new())
}

fn made(world: &World, graph: &Graph, memory: &Memory, work: &BuildWork) -> Result<Fields, PortError> {
    let unknown = || PortError::new(Fault::Invalid, "an argument of the build is not known");
    let query = work.query().ok_or_else(unknown)?;
    let files = observe::open(world, graph, memory, &work.source, &work.version)?;
    let digest = images::build(world, graph, &*files, &query)?;
    if let Some(planned) = work.digest.filter(|d| *d != digest) {
        let message = format!("the image came out as {digest}, and {planned} was planned");
        return Err(PortError::new(Fault::Moved, message));
    }
    Ok(Fields::from([("digest".to_string(), digest.to_string())]))
}
