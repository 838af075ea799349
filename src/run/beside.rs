//! Whether a run may begin while others go on.

use super::state::State;
use crate::plan::Plan;

/// Whether a plan may be carried out now, beside the runs that go on. What only goes from one environment to the next may always:
/// what others have in hand is none of its plan. To build, test and push the newest candidate it has to be the only one that does:
/// of the candidates that come while one is built, only the newest is built next. So there is never more than one run for each
/// environment, and one that builds.
pub fn may_begin(plan: &Plan, state: &State) -> bool {
    let builds = plan.steps.iter().any(|s| s.environment.is_none() && !s.is_reused());
    !builds || !state.open.keys().any(|run| plan.beside.contains(run) && builds_still(state, *run))
}

/// Whether any run has not come to an environment yet, or carries out what belongs to none.
pub fn is_building(state: &State) -> bool {
    state.open.keys().any(|run| builds_still(state, *run))
}

fn builds_still(state: &State, run: u64) -> bool {
    let is_of_environment = |step: &str| step.starts_with("deploy.") || step.starts_with("verify.");
    let has_arrived = state.open.get(&run).is_some_and(|open| open.arrived);
    !has_arrived || state.intents.iter().any(|(step, i)| i.run == run && !i.indeterminate && !is_of_environment(step))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::plan::Effect;
    use crate::run::{Event, Record, RunOutcome};

    /// What these events of runs add up to.
    fn state(events: Vec<(u64, Event)>) -> State {
        let mut state = State::default();
        for (run, event) in events {
            state.apply(&Record { number: state.number + 1, at: 0, run, event });
        }
        state
    }

    fn began(run: u64, beside: &[u64]) -> (u64, Event) {
        let candidate = Digest::of(run.to_le_bytes());
        (run, Event::RunStarted { by: "lockgate".into(), candidate, plan: candidate, beside: beside.to_vec() })
    }

    fn started(run: u64, step: &str) -> (u64, Event) {
        let (key, payload, effect) = (Digest::of(step), Digest::default(), Effect::Read);
        (run, Event::StepStarted { step: step.into(), key, payload, attempt: 1, effect })
    }

    fn entered(run: u64, environment: &str) -> (u64, Event) {
        let (candidate, subplan) = (Digest::of(run.to_le_bytes()), Digest::default());
        (run, Event::GatePassed { environment: environment.into(), candidate, subplan, approved_by: Vec::new() })
    }

    #[test]
    fn a_run_builds_until_it_has_come_to_an_environment() {
        assert!(!is_building(&state(vec![])));
        assert!(is_building(&state(vec![began(1, &[])])), "it may be about to");
        let there = vec![began(1, &[]), entered(1, "dev"), started(1, "deploy.dev.app")];
        assert!(!is_building(&state(there.clone())));
        let both = [there, vec![started(1, "task.report")]].concat();
        assert!(is_building(&state(both)), "another part of it is still built");
        let over = vec![began(1, &[]), (1, Event::RunFinished { outcome: RunOutcome::Done })];
        assert!(!is_building(&state(over)));
    }

    #[test]
    fn who_is_in_an_environment_leaves_it_with_the_end_of_its_run() {
        let inside = |state: &State| state.memory.environments["dev"].taken.as_ref().map(|t| t.run);
        let mut events = vec![began(1, &[]), entered(1, "dev")];
        assert_eq!(inside(&state(events.clone())), Some(1));
        events.push(began(2, &[1]));
        assert_eq!((inside(&state(events.clone())), state(events.clone()).open.len()), (Some(1), 2), "beside it");
        let left = (2, Event::Left { environment: "dev".into(), candidate: Digest::default() });
        events.push(left);
        assert_eq!(inside(&state(events.clone())), Some(1), "nobody leaves for another");
        // The next run has nobody beside it: the two were cut off.
        events.push(began(3, &[]));
        let after = state(events);
        assert_eq!((inside(&after), after.open.keys().copied().collect::<Vec<_>>()), (None, vec![3]));
    }

    #[test]
    fn what_another_run_carries_out_is_in_hand_by_its_key_and_by_its_name() {
        let both = state(vec![began(1, &[]), started(1, "build.image"), began(2, &[1])]);
        let key = Digest::of("build.image");
        assert!(both.is_in_hand("build.image", Digest::default(), 2) && both.is_in_hand("build.other", key, 2));
        assert!(!both.is_in_hand("build.image", key, 1), "its own is not another's");
        let over = vec![began(1, &[]), started(1, "build.image"), began(2, &[])];
        assert!(!state(over).is_in_hand("build.image", key, 2), "who was cut off carries nothing out");
    }
}
