//! Carrying out: the one place through which every order goes.

use super::programs::{self, Job};
use super::{World, images, observe};
use crate::graph::Graph;
use crate::plan::memory::{Memory, Moment};
use crate::plan::work::{BuildWork, DeployWork, Work};
use crate::plan::{Fields, Plan};
use crate::ports::places::{Deployment, Target};
use crate::ports::shell::Ticket;
use crate::ports::{Fault, PortError};
use crate::run::{Input, Order, Report, State, StepResult, gate};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc::UnboundedSender;

/// What carrying out needs besides the order.
pub(super) struct Surroundings<'a> {
    pub world: &'a World,
    pub graph: &'a Arc<Graph>,
    pub plan: &'a Plan,
    pub state: &'a State,
    /// The facts that threads may hold on to: the heads.
    pub memory: &'a Arc<Memory>,
    /// Where the end of an order is reported.
    pub inputs: &'a UnboundedSender<Input>,
    pub now: Moment,
}

/// Carries an order out, or reports why it may not be. Returns at once.
pub(super) fn dispatch(around: &Surroundings<'_>, order: Order) {
    let inputs = around.inputs.clone();
    match order {
        Order::Restore { environment, release, target, bundle, candidate } => {
            let world = around.world.clone();
            std::thread::spawn(move || {
                let failed = bring_back(&world, &target, bundle, candidate).err().map(|e| e.to_string());
                let _ = inputs.send(Input::Restored { environment, release, failed });
            });
        }
        Order::Step { number, key, attempt, work } => {
            let report = move |result| {
                let _ = inputs.send(Input::Report(Report { step: number, result }));
            };
            if !may_start(around, number) {
                return report(StepResult::NotDone);
            }
            match work {
                Work::Exec(exec) => {
                    let step = &around.plan.steps[number as usize];
                    let log = around.world.workshop.log(around.state.runs, &step.id, attempt);
                    let (ticket, name) = (Ticket(u64::from(number)), step.id.to_string());
                    let environment = step.environment.and_then(|e| around.plan.environments.get(e as usize));
                    let environment = environment.map(|e| e.name.clone());
                    let job = Job { ticket, name, exec, log, key, attempt, environment };
                    program(around, job, Box::new(report));
                }
                work => other(around, work, Box::new(report)),
            }
        }
    }
}

/// The gate, the hold and the cancel are looked at here once more, behind whatever was decided.
fn may_start(around: &Surroundings<'_>, number: u32) -> bool {
    let running = around.state.open.as_ref().is_some_and(|r| !r.cancelled);
    let step = &around.plan.steps[number as usize];
    let Some(environment) = step.environment.and_then(|e| around.plan.environments.get(e as usize)) else {
        return running;
    };
    let memory = &around.state.memory;
    let held = memory.environments.get(&environment.name).is_some_and(|p| p.hold.is_some()) && !environment.is_rollback;
    // A window is for starting to deploy: verifying what was deployed in time may come after it.
    let is_deploy = matches!(step.work, Work::Deploy(_));
    running && !held && (!is_deploy || gate::unmet(around.plan, environment, memory, around.now).is_empty())
}

fn program(around: &Surroundings<'_>, job: Job, report: Box<dyn FnOnce(StepResult) + Send>) {
    if programs::is_light(&job.exec) {
        programs::start(around.world, around.graph, around.memory, job, report);
        return;
    }
    let (world, graph, memory) = (around.world.clone(), around.graph.clone(), around.memory.clone());
    std::thread::spawn(move || programs::start(&world, &graph, &memory, job, report));
}

/// Builds, pushes and deploys, each on a thread of its own; there are never more than the limit of the run.
fn other(around: &Surroundings<'_>, work: Work, report: Box<dyn FnOnce(StepResult) + Send>) {
    let (world, graph, memory) = (around.world.clone(), around.graph.clone(), around.memory.clone());
    let name = around.plan.candidates.iter().map(|c| (c.id, c.name())).collect::<BTreeMap<_, _>>();
    std::thread::spawn(move || {
        let done = match &work {
            Work::Build(build) => made(&world, &graph, &memory, build),
            Work::Push(push) => images::push(&world, &graph, push).map(|_| Fields::new()),
            Work::Deploy(deploy) => deployed(&world, deploy, name.get(&deploy.candidate).map_or("", String::as_str)),
            Work::Http(_) => Err(PortError::new(Fault::Unavailable, "nothing here can ask a URL yet")),
            Work::None | Work::Exec(_) => Ok(Fields::new()),
        };
        report(match done {
            Ok(outputs) => StepResult::Done { outputs, log: None },
            Err(error) => StepResult::Failed { fault: error.fault, reason: error.to_string(), log: None },
        });
    });
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

fn deployed(world: &World, work: &DeployWork, candidate_name: &str) -> Result<Fields, PortError> {
    let unknown = || PortError::new(Fault::Invalid, "what is to be deployed is not known");
    let digest = work.bundle.ok_or_else(unknown)?;
    let gone = || PortError::new(Fault::NotFound, format!("the rendered objects {digest} are not kept"));
    let bundle = observe::bundle_of(world, digest)?.ok_or_else(gone)?;
    let deployment =
        Deployment { target: &work.target, bundle: &bundle, digest, candidate: work.candidate, candidate_name };
    observe::places(world, &work.target)?.deploy(&deployment)?;
    Ok(Fields::new())
}

fn bring_back(
    world: &World,
    target: &Target,
    digest: crate::digest::Digest,
    candidate: crate::digest::Digest,
) -> Result<(), PortError> {
    let gone = || PortError::new(Fault::NotFound, format!("the rendered objects {digest} are not kept any more"));
    let bundle = observe::bundle_of(world, digest)?.ok_or_else(gone)?;
    let candidate_name = crate::plan::candidate::name_of(candidate);
    let deployment = Deployment { target, bundle: &bundle, digest, candidate, candidate_name: &candidate_name };
    observe::places(world, target)?.deploy(&deployment)
}
