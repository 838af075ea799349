//! Whether carrying a plan out would do anything by now, told by the same code that does it.

use super::event::{Event, Record};
use super::input::{Input, Timed};
use super::progress::Progress;
use super::state::State;
use super::{decide, proceed, wants_replan};
use crate::plan::Plan;
use crate::plan::memory::Moment;
use std::collections::BTreeSet;

/// Whether a run of that plan would write anything but that it began and ended: a new candidate, a step that starts, a gate
/// that is open. A gate at which the candidate stands already, and which is closed, is nothing to run for.
pub fn wants(plan: &Plan, state: &State, by: &str, now: Moment) -> bool {
    let mut after = state.clone();
    let mut progress = Progress::new(plan, state, 1);
    // What runs that were cut off left open is brought to an end.
    if !progress.restores.is_empty() || state.open.keys().any(|run| !plan.beside.contains(run)) {
        return true;
    }
    let begin = Input::Begin { by: by.to_string(), heads: plan.heads(), rerun: Vec::new(), unbegun: BTreeSet::new() };
    let mut events = decide(plan, state, &progress, &Timed { at: now, input: begin });
    if events.is_empty() {
        return false;
    }
    loop {
        if events.iter().any(|e| counts(e, state)) {
            return true;
        }
        for event in events {
            let record = Record { number: after.number + 1, at: now, run: state.runs + 1, event };
            after.apply(&record);
            progress.apply(plan, &after, &record.event);
        }
        events = proceed(plan, &after, &progress, now);
        if events.is_empty() {
            return wants_replan(plan, &after, &progress);
        }
    }
}

/// Whether an event says more than the state does.
fn counts(event: &Event, state: &State) -> bool {
    match event {
        Event::RunStarted { .. } => false,
        Event::Indeterminate { step, .. } => !state.intents.get(step).is_some_and(|i| i.indeterminate),
        Event::StandsAtGate { environment, standing } => {
            let place = state.memory.environments.get(environment);
            place.and_then(|p| p.standing.as_ref()) != Some(standing)
        }
        _ => true,
    }
}
