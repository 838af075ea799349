//! Orders: what is to be done now, read off what is written.

use super::gate;
use super::progress::Progress;
use super::state::State;
use crate::digest::Digest;
use crate::plan::memory::Moment;
use crate::plan::work::TargetPlan;
use crate::plan::{Plan, Work};

/// Something that is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// A step of the plan.
    Step {
        /// Its number.
        number: u32,
        /// Its key.
        key: Digest,
        /// The attempt, from 1.
        attempt: u32,
        /// What is done, with what was unknown filled in.
        work: Work,
    },
    /// A release of a rollback.
    Restore {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
        /// The place.
        target: TargetPlan,
        /// The objects.
        bundle: Digest,
        /// The candidate.
        candidate: Digest,
    },
}

/// The orders that are open: started, and not given out. Whoever takes them says so with [`Progress::given_out`].
pub fn open_orders(plan: &Plan, state: &State, progress: &Progress) -> Vec<Order> {
    let step = |number: &u32| {
        let step = plan.steps.get(*number as usize)?;
        let intent = state.intents.get(&step.id)?;
        Some(Order::Step {
            number: *number,
            key: intent.key,
            attempt: intent.attempt,
            work: learnt(plan, progress, &step.work),
        })
    };
    let restore = |(environment, release): &(String, String)| {
        let to = &state.restoring.get(environment)?.to;
        Some(Order::Restore {
            environment: environment.clone(),
            release: release.clone(),
            target: plan.environment(environment)?.target.clone(),
            bundle: *to.bundles.get(release)?,
            candidate: to.candidate,
        })
    };
    progress.open.iter().filter_map(step).chain(progress.restores.iter().filter_map(restore)).collect()
}

/// Whether an order may be given out at that moment: the run is not to stop, nobody holds the environment, no other run is in it,
/// and its gate is open. Asked right before, whatever was decided.
pub fn may_start(plan: &Plan, state: &State, run: u64, number: u32, now: Moment) -> bool {
    let is_running = state.open.get(&run).is_some_and(|r| !r.cancelled);
    let step = &plan.steps[number as usize];
    let Some(environment) = step.environment.and_then(|e| plan.environments.get(e as usize)) else {
        return is_running;
    };
    let place = state.memory.environments.get(&environment.name);
    let is_held = place.is_some_and(|p| p.hold.is_some()) && !environment.is_rollback;
    let is_inside = place.and_then(|p| p.taken.as_ref()).is_some_and(|t| t.run == run);
    // A window is for starting to deploy: verifying what was deployed in time may come after it.
    let is_deploy = matches!(step.work, Work::Deploy(_));
    let is_open = || !is_deploy || gate::unmet(plan, environment, &state.memory, now).is_empty();
    is_running && !is_held && is_inside && is_open()
}

impl Progress {
    /// All open orders were given out.
    pub fn given_out(&mut self) {
        self.open.clear();
        self.restores.clear();
    }
}

fn learnt(plan: &Plan, progress: &Progress, work: &Work) -> Work {
    let learn = |text: &crate::plan::Text| text.learn(&|u| progress.told(plan, u));
    match work {
        Work::Exec(exec) => {
            let mut exec = exec.clone();
            exec.argv.iter_mut().chain(exec.env.iter_mut().map(|(_, t)| t)).for_each(|t| *t = learn(t));
            exec.image = exec.image.as_ref().map(learn);
            Work::Exec(exec)
        }
        Work::Push(push) => {
            let mut push = push.clone();
            push.digest = learn(&push.digest);
            push.tag = learn(&push.tag);
            Work::Push(push)
        }
        Work::Http(http) => {
            let mut http = http.clone();
            http.url = learn(&http.url);
            http.contains = http.contains.as_ref().map(learn);
            Work::Http(http)
        }
        other => other.clone(),
    }
}
