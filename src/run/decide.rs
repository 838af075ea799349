//! From an input to events. Deciding twice is deciding once: what has happened already does not happen again.

use super::event::{Event, Outcome, RunOutcome};
use super::input::{Input, Report, StepResult, Timed};
use super::proceed::{has_candidate, payload, waits_behind, wants_replan};
use super::progress::{Progress, Stage, Status};
use super::state::State;
use super::{failure, people};
use crate::model::OnUnknown;
use crate::plan::memory::{Deployed, Hold, Moment};
use crate::plan::{Candidate, Plan, Step, Verdict, Work};
use crate::ports::sources::Head;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The events that follow from an input.
pub fn decide(plan: &Plan, state: &State, progress: &Progress, input: &Timed) -> Vec<Event> {
    match &input.input {
        Input::Begin { by, heads, rerun, unbegun } => begin(plan, state, by, heads, rerun, unbegun),
        Input::Replanned => {
            let completed = Event::PlanCompleted { plan: plan.hash };
            std::iter::once(completed).chain(has_already(plan, state)).collect()
        }
        Input::Report(report) => reported(plan, state, progress, report, input.at),
        Input::Restored { environment, release, failed } => {
            restored(state, environment, release, failed.as_deref(), input.at)
        }
        Input::Cancel { by } => match state.open.get(&progress.run) {
            Some(run) if !run.cancelled => vec![Event::CancelAsked { by: by.clone() }],
            _ => Vec::new(),
        },
        Input::Tick => Vec::new(),
        Input::Said(word) => people::said(&state.memory, &state.intents, word, input.at),
    }
}

/// The beginning of a run: what was seen, the candidate, what a crash left open, and environments that have it already.
fn begin(
    plan: &Plan,
    state: &State,
    by: &str,
    heads: &BTreeMap<String, Head>,
    rerun: &[String],
    unbegun: &BTreeSet<Arc<str>>,
) -> Vec<Event> {
    let Some(candidate) = plan.candidate() else { return Vec::new() };
    let beside = plan.beside.iter().copied().filter(|run| state.open.contains_key(run)).collect();
    let mut events = vec![Event::RunStarted { by: by.to_string(), candidate: candidate.id, plan: plan.hash, beside }];
    for node in rerun {
        let generation = state.memory.generations.get(node).copied().unwrap_or(0) + 1;
        events.push(Event::RerunAsked { node: node.clone(), generation });
    }
    for (source, head) in heads {
        if state.memory.heads.get(source).is_none_or(|h| h.version != head.version) {
            events.push(Event::HeadSeen { source: source.clone(), head: head.clone() });
        }
    }
    if state.memory.latest != Some(candidate.id) {
        events.push(Event::CandidateFormed { candidate: Candidate::clone(candidate) });
    }
    events.extend(interrupted(plan, state, unbegun));
    events.extend(has_already(plan, state));
    events
}

/// Steps that were started and whose end nobody wrote. Of those that certainly never began, nobody needs to be asked.
fn interrupted(plan: &Plan, state: &State, unbegun: &BTreeSet<Arc<str>>) -> Vec<Event> {
    let mut events = Vec::new();
    for (id, intent) in state.intents.iter().filter(|(_, i)| !plan.beside.contains(&i.run)) {
        let step = plan.step(id).filter(|s| s.key.is_none_or(|k| k == intent.key) && !s.is_reused());
        let (step_id, key) = (id.clone(), intent.key);
        events.push(match step.and_then(on_unknown).filter(|_| !unbegun.contains(id)) {
            Some(OnUnknown::Ask) => Event::Indeterminate { step: step_id, key },
            Some(OnUnknown::Fail) => {
                let reason = "nobody knows whether it ran, and the file says that this counts as failed".to_string();
                let outcome = Outcome::Failed { fault: crate::ports::Fault::Cancelled, reason, log: None };
                Event::StepFinished { step: step_id, key, outcome }
            }
            _ => Event::Interrupted { step: step_id, key },
        });
    }
    events
}

/// What the file says of a program of which nobody knows whether it ran. Tests and verifications only look, so they
/// look again; a container is asked by its key how it ended.
fn on_unknown(step: &Step) -> Option<OnUnknown> {
    match &step.work {
        Work::Exec(exec) if step.id.starts_with("task.") && exec.image.is_none() => Some(exec.on_unknown),
        _ => None,
    }
}

/// Environments whose deploys and verifications for this candidate are those that are there: they have it at once, and
/// have had its substance since they got that.
fn has_already(plan: &Plan, state: &State) -> Vec<Event> {
    let mut events = Vec::new();
    for environment in plan.environments.iter().filter(|e| e.verdict == Verdict::UpToDate) {
        let place = state.memory.environments.get(&environment.name);
        // Another run has been there since.
        if place.is_some_and(|p| p.entries != environment.entries) {
            continue;
        }
        let has = place.and_then(|p| p.has.as_ref());
        // Whoever stands at its gate stands there for nothing: what the environment has is what is wanted.
        if let Some(standing) = place.and_then(|p| p.standing.as_ref()).filter(|s| s.candidate != environment.candidate)
        {
            let (environment, by) = (environment.name.clone(), environment.candidate);
            events.push(Event::Superseded { environment, candidate: standing.candidate, by });
        }
        if has.is_none_or(|h| h.candidate != environment.candidate)
            && let Some(since) = has.filter(|h| Some(h.substance) == environment.substance).map(|h| h.since)
        {
            events.push(has_candidate(plan, environment, since));
        }
    }
    events
}

fn reported(plan: &Plan, state: &State, progress: &Progress, report: &Report, at: Moment) -> Vec<Event> {
    let Some(step) = plan.steps.get(report.step as usize) else { return Vec::new() };
    if progress.steps.get(report.step as usize) != Some(&Status::Running) {
        return Vec::new();
    }
    let Some(intent) = state.intents.get(&step.id) else { return Vec::new() };
    let key = intent.key;
    match &report.result {
        StepResult::Done { outputs, log } => {
            let made = step.recipe.made(&|u| progress.told(plan, u));
            let made = crate::plan::memory::Made { key, ..made };
            let outcome = Outcome::Succeeded { outputs: outputs.clone(), made, log: log.clone() };
            let mut events = vec![Event::StepFinished { step: step.id.clone(), key, outcome }];
            events.extend(consequence(plan, step, key, at));
            events
        }
        StepResult::Failed { reason, .. }
            if tries_again(step, intent.attempt) && !is_cancelled(state, progress.run) =>
        {
            vec![
                Event::AttemptFailed { step: step.id.clone(), attempt: intent.attempt, reason: reason.clone() },
                Event::StepStarted {
                    step: step.id.clone(),
                    key,
                    payload: payload(plan, progress, report.step),
                    attempt: intent.attempt + 1,
                    effect: step.effect,
                },
            ]
        }
        StepResult::Failed { fault, reason, log } => {
            let outcome = Outcome::Failed { fault: *fault, reason: reason.clone(), log: log.clone() };
            let mut events = vec![Event::StepFinished { step: step.id.clone(), key, outcome }];
            if failure::is_the_candidates(step, *fault) {
                events.extend(failure::of_step(plan, state, step, reason, at));
            }
            events
        }
        StepResult::NotDone => vec![Event::Interrupted { step: step.id.clone(), key }],
        StepResult::Unknown => vec![Event::Indeterminate { step: step.id.clone(), key }],
    }
}

fn tries_again(step: &Step, attempt: u32) -> bool {
    matches!(&step.work, Work::Exec(exec) if attempt <= exec.retries)
}

fn is_cancelled(state: &State, run: u64) -> bool {
    state.open.get(&run).is_none_or(|r| r.cancelled)
}

/// What a step's success means for its environment.
fn consequence(plan: &Plan, step: &Step, key: crate::digest::Digest, at: Moment) -> Option<Event> {
    let environment = plan.environments.get(step.environment? as usize)?;
    Some(match &step.work {
        Work::Deploy(work) => {
            let bundle = work.bundle?;
            let (environment, release) = (environment.name.clone(), work.release.clone());
            if plan.bundles.get(&bundle).is_some_and(|b| b.is_empty()) {
                return Some(Event::RemovedThere { environment, release });
            }
            Event::DeployedThere {
                environment,
                release,
                deployed: Deployed { key, bundle, candidate: work.candidate, at },
            }
        }
        _ => Event::VerifiedThere { environment: environment.name.clone(), key },
    })
}

/// A release of a rollback is back, or is not.
fn restored(state: &State, environment: &str, release: &str, failed: Option<&str>, at: Moment) -> Vec<Event> {
    let Some(back) = state.restoring.get(environment).filter(|b| b.missing.iter().any(|r| r == release)) else {
        return Vec::new();
    };
    let environment = environment.to_string();
    if let Some(reason) = failed {
        let reason = format!("the rollback of {release} failed: {reason}");
        let word = Hold { by: "lockgate".into(), reason: reason.clone(), at };
        return vec![
            Event::RollbackFailed { environment: environment.clone(), reason },
            Event::HoldSet { environment, word },
        ];
    }
    let deployed = Deployed {
        key: back.to.deploys.get(release).copied().unwrap_or_default(),
        bundle: back.to.bundles.get(release).copied().unwrap_or_default(),
        candidate: back.to.candidate,
        at,
    };
    let is_last = back.missing.len() == 1;
    let mut events =
        vec![Event::DeployedThere { environment: environment.clone(), release: release.to_string(), deployed }];
    if is_last {
        events.push(Event::RolledBack { environment });
    }
    events
}

/// Whether anything waits at a gate, or for another run to come out of an environment.
fn waits(plan: &Plan, state: &State, progress: &Progress) -> bool {
    let is_behind = |(number, environment): (usize, &crate::plan::EnvironmentPlan)| {
        let stage = progress.stages[number];
        let place = state.memory.environments.get(&environment.name);
        let is_taken = place.and_then(|p| p.taken.as_ref()).is_some_and(|t| t.run != progress.run);
        stage == Stage::AtGate
            || is_taken && matches!(stage, Stage::Before | Stage::Taken)
            || waits_behind(plan, state, progress, number, environment)
    };
    plan.environments.iter().enumerate().any(is_behind)
}

/// How the run has come to its end, if it has: nothing runs, and nothing can start.
pub fn outcome(plan: &Plan, state: &State, progress: &Progress) -> Option<RunOutcome> {
    if is_cancelled(state, progress.run) {
        // What could start does not, and what runs comes to its end.
        let is_still = progress.running == 0 && progress.open.is_empty() && progress.restores.is_empty();
        return is_still.then_some(RunOutcome::Cancelled);
    }
    if !progress.is_quiet() || state.restoring.values().any(|back| back.run == progress.run) {
        return None;
    }
    if wants_replan(plan, state, progress) {
        return None;
    }
    let any = |wanted: Status| progress.steps.contains(&wanted);
    Some(if any(Status::Failed) || plan.unplanned().next().is_some() {
        RunOutcome::Failed
    } else if any(Status::Indeterminate) {
        RunOutcome::Asks
    } else if waits(plan, state, progress) {
        RunOutcome::Waiting
    } else {
        RunOutcome::Done
    })
}
