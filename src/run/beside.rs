//! Whether a run may begin while others go on.

use super::state::State;
use crate::plan::Plan;

/// Whether a plan may be carried out now, beside the runs that go on. What only goes from one environment to the next may always:
/// what others have in hand is none of its plan. To build, test and push the newest candidate it has to be the only one that does:
/// of the candidates that come while one is built, only the newest is built next. So there is never more than one run for each
/// environment, and one that builds.
pub fn may_begin(plan: &Plan, state: &State) -> bool {
    let builds = plan.steps.iter().any(|s| s.environment.is_none() && !s.is_reused());
    let others = || state.open.iter().filter(|(run, _)| plan.beside.contains(run));
    !builds || others().all(|(run, open)| open.arrived && !still_builds(state, *run))
}

/// Whether a run carries out what belongs to no environment.
fn still_builds(state: &State, run: u64) -> bool {
    let is_of_environment = |step: &str| step.starts_with("deploy.") || step.starts_with("verify.");
    state.intents.iter().any(|(step, i)| i.run == run && !i.indeterminate && !is_of_environment(step))
}

/// Whether any run has not come to an environment yet, or carries out what belongs to none.
pub fn is_building(state: &State) -> bool {
    state.open.iter().any(|(run, open)| !open.arrived || still_builds(state, *run))
}
