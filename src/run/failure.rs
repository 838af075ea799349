//! What follows from a failure in an environment: it is said, the candidate is banned there, and what was verified last is
//! brought back.

use super::event::Event;
use super::state::State;
use crate::plan::memory::{Failure, Moment};
use crate::plan::{Plan, Step, Work};
use crate::ports::Fault;

/// Whether a failure says something about the candidate. That somebody stopped it does not; and that a place cannot be reached,
/// does not let us in, or was changed by somebody meanwhile would be the same with any other: the next run goes on.
pub fn is_the_candidates(step: &Step, fault: Fault) -> bool {
    match fault {
        Fault::Cancelled => false,
        Fault::Unavailable | Fault::Denied | Fault::Moved => !matches!(step.work, Work::Deploy(_) | Work::HelmTest(_)),
        Fault::NotFound | Fault::Invalid | Fault::Limit => true,
    }
}

/// The events that follow from a step that failed for good.
pub fn of_step(plan: &Plan, state: &State, step: &Step, reason: &str, at: Moment) -> Vec<Event> {
    let Some(environment) = step.environment.and_then(|e| plan.environments.get(e as usize)) else { return Vec::new() };
    let substance = environment.substance.unwrap_or_default();
    let failure = Failure { candidate: environment.candidate, substance, reason: format!("{}: {reason}", step.id), at };
    let name = environment.name.clone();
    let mut events = vec![Event::EnvironmentFailed { environment: name.clone(), failure }];
    let place = state.memory.environments.get(&name);
    // A first deploy has nothing to go back to, and a rollback is not rolled back.
    if environment.rollback
        && !environment.is_rollback
        && let Some(has) = place.and_then(|p| p.has.as_ref()).filter(|h| h.substance != substance)
        && touched(plan, state, environment, step)
    {
        events.push(Event::RollbackStarted { environment: name, to: has.clone() });
    } else if environment.is_rollback {
        let word =
            crate::plan::memory::Hold { by: "lockgate".into(), reason: format!("the rollback failed: {reason}"), at };
        events.push(Event::HoldSet { environment: name, word });
    }
    events
}

/// Whether anything there may be other than it was: a deploy failed half way, or was done before its verification failed.
fn touched(plan: &Plan, state: &State, environment: &crate::plan::EnvironmentPlan, failed: &Step) -> bool {
    if matches!(failed.work, Work::Deploy(_)) {
        return true;
    }
    let has = state.memory.environments.get(&environment.name).and_then(|p| p.has.as_ref());
    let deployed =
        environment.steps.iter().filter_map(|s| plan.steps.get(*s as usize)).filter(|s| s.id.starts_with("deploy."));
    deployed.filter_map(|s| s.key).any(|key| has.is_none_or(|h| !h.deploys.values().any(|k| *k == key)))
}
