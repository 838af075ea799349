//! What is possible now: which environments are entered, and which steps start.

use super::event::Event;
use super::gate;
use super::progress::{Progress, Stage, Status};
use super::state::State;
use crate::digest::{Digest, Hasher};
use crate::plan::memory::{Has, Moment, Standing};
use crate::plan::{Effect, EnvironmentPlan, Plan, Verdict, Work};

/// The events that follow from what is possible at that moment. Taking them in and asking again comes to an end.
pub fn proceed(plan: &Plan, state: &State, progress: &Progress, now: Moment) -> Vec<Event> {
    let Some(run) = state.open.as_ref().filter(|r| !r.cancelled) else { return Vec::new() };
    let mut events = Vec::new();
    for (number, environment) in plan.environments.iter().enumerate() {
        if events.is_empty() {
            events.extend(enter(plan, state, progress, number, environment, &run.by, now));
        }
    }
    if events.is_empty() {
        start(plan, state, progress, &mut events);
    }
    events
}

/// What happens with an environment whose turn has come.
fn enter(
    plan: &Plan,
    state: &State,
    progress: &Progress,
    number: usize,
    environment: &EnvironmentPlan,
    by: &str,
    now: Moment,
) -> Vec<Event> {
    if progress.stages[number] == Stage::Entered && progress.is_complete(plan, number) {
        return vec![has_candidate(plan, environment, now)];
    }
    if !matches!(progress.stages[number], Stage::Before | Stage::AtGate)
        || state.restoring.contains_key(&environment.name)
    {
        return Vec::new();
    }
    let held = state.memory.environments.get(&environment.name).is_some_and(|p| p.hold.is_some());
    if held && !environment.is_rollback {
        return Vec::new();
    }
    let complete = environment.subplan.is_some();
    if !predecessors_have_it(plan, state, progress, environment) || !upstream_done(plan, progress, environment) {
        return Vec::new();
    }
    if let Some(event) = queued(plan, state, environment) {
        return vec![event];
    }
    if !complete {
        // What it will be is not known: its steps say so, and ask for another look.
        let waits = environment.steps.iter().any(|s| progress.steps[*s as usize] == Status::Waiting);
        return if waits && environment.gate.is_none() { vec![passed(environment, Vec::new())] } else { Vec::new() };
    }
    if environment.verdict == Verdict::Enter {
        return vec![passed(environment, Vec::new())];
    }
    let mut events = stand(state, environment, by, now);
    if events.is_empty() && gate::unmet(plan, environment, &state.memory, now).is_empty() {
        let place = state.memory.environments.get(&environment.name);
        let standing = place.and_then(|p| p.standing.as_ref());
        let approved_by = standing.map(|s| s.approvals.iter().map(|a| a.by.clone()).collect()).unwrap_or_default();
        events.push(passed(environment, approved_by));
    }
    if events.is_empty() && progress.stages[number] == Stage::Before {
        // It stands there already, from a run before.
        let place = state.memory.environments.get(&environment.name);
        events.extend(
            place
                .and_then(|p| p.standing.clone())
                .map(|standing| Event::StandsAtGate { environment: environment.name.clone(), standing }),
        );
    }
    events
}

fn passed(environment: &EnvironmentPlan, approved_by: Vec<String>) -> Event {
    Event::GatePassed {
        environment: environment.name.clone(),
        candidate: environment.candidate,
        subplan: environment.subplan.unwrap_or_default(),
        approved_by,
    }
}

/// The environment has the candidate: everything there is deployed and verified.
pub(super) fn has_candidate(plan: &Plan, environment: &EnvironmentPlan, since: Moment) -> Event {
    let steps = environment.steps.iter().map(|s| &plan.steps[*s as usize]);
    let verified = steps.filter(|s| s.effect != Effect::CompareAndSet).filter_map(|s| s.key);
    let deploys = environment.bundles.keys().filter_map(|release| {
        let id = environment.steps.iter().map(|s| &plan.steps[*s as usize]).find(|s| is_deploy_of(s, release))?;
        Some((release.clone(), id.key?))
    });
    let has = Has {
        candidate: environment.candidate,
        substance: environment.substance.unwrap_or_default(),
        bundles: environment.bundles.iter().filter_map(|(r, b)| Some((r.clone(), (*b)?))).collect(),
        deploys: deploys.collect(),
        verified: verified.collect(),
        since,
    };
    Event::HasCandidate { environment: environment.name.clone(), has }
}

fn is_deploy_of(step: &crate::plan::Step, release: &str) -> bool {
    let id = step.id.split('@').next().unwrap_or_default();
    step.effect == Effect::CompareAndSet
        && id.strip_prefix("deploy.").and_then(|r| r.split_once('.')).is_some_and(|(_, r)| r == release)
}

/// Whether the run can only go on with another look at the plan.
pub fn wants_replan(plan: &Plan, state: &State, progress: &Progress) -> bool {
    let waits = |(number, environment): (usize, &EnvironmentPlan)| {
        environment.subplan.is_none()
            && progress.stages[number] == Stage::Before
            && predecessors_have_it(plan, state, progress, environment)
            && upstream_done(plan, progress, environment)
    };
    let cancelled = state.open.as_ref().is_none_or(|r| r.cancelled);
    !cancelled && (progress.steps.contains(&Status::Replan) || plan.environments.iter().enumerate().any(waits))
}

/// Whether every environment before has this very candidate. One of before is only for an environment where those before it
/// had it when the plan was made, whatever they have by now.
fn predecessors_have_it(plan: &Plan, state: &State, progress: &Progress, environment: &EnvironmentPlan) -> bool {
    let is_newest = plan.candidate().is_some_and(|c| c.id == environment.candidate);
    let has = |e: &u32| {
        let before = &plan.environments[*e as usize];
        match before.candidate == environment.candidate {
            true => progress.stages[*e as usize] == Stage::Has,
            false => !is_newest || remembers(state, &before.name, environment.candidate),
        }
    };
    environment.is_rollback || environment.after.iter().all(has)
}

/// Whether an environment has that candidate by what was written.
fn remembers(state: &State, environment: &str, candidate: Digest) -> bool {
    let has = state.memory.environments.get(environment).and_then(|p| p.has.as_ref());
    has.is_some_and(|h| h.candidate == candidate)
}

/// The newest stands behind the one at the gate, where the gate queues and the environments before have it.
fn queued(plan: &Plan, state: &State, environment: &EnvironmentPlan) -> Option<Event> {
    let newest = plan.candidate()?.id;
    let place = state.memory.environments.get(&environment.name)?;
    let is_known =
        environment.candidate == newest || place.queue.contains(&newest) || remembers(state, &environment.name, newest);
    let is_banned = place.banned.iter().any(|f| f.candidate == newest);
    let queues = environment.gate.as_ref().is_some_and(|g| g.queue) && !environment.is_rollback;
    let before = |e: &u32| remembers(state, &plan.environments[*e as usize].name, newest);
    let event = || Event::Queued { environment: environment.name.clone(), candidate: newest };
    (queues && !is_known && !is_banned && environment.after.iter().all(before)).then(event)
}

/// Whether the steps before the environment's own are done: builds, tasks and tests of its candidate.
fn upstream_done(plan: &Plan, progress: &Progress, environment: &EnvironmentPlan) -> bool {
    let own = |n: &&u32| plan.steps[**n as usize].environment.is_some();
    environment
        .steps
        .iter()
        .flat_map(|s| plan.steps[*s as usize].needs.iter().filter(|n| !own(n)))
        .all(|n| progress.steps[*n as usize] == Status::Done)
}

/// What has to be written so that the candidate stands at the gate: who is superseded, which approvals stay.
fn stand(state: &State, environment: &EnvironmentPlan, by: &str, now: Moment) -> Vec<Event> {
    let (Some(subplan), Some(gate)) = (environment.subplan, environment.gate.clone()) else { return Vec::new() };
    let name = environment.name.clone();
    let before = state.memory.environments.get(&name).and_then(|p| p.standing.as_ref());
    if before.is_some_and(|s| s.subplan == subplan && s.candidate == environment.candidate) {
        return Vec::new();
    }
    let mut events = Vec::new();
    let mut people = environment.people.clone();
    people.push(by.to_string());
    let mut standing = Standing {
        candidate: environment.candidate,
        subplan,
        gate,
        contents: environment.contents.clone(),
        since: now,
        people,
        approvals: Vec::new(),
        rejected: None,
    };
    if let Some(before) = before {
        if before.candidate != environment.candidate {
            events.push(Event::Superseded {
                environment: name.clone(),
                candidate: before.candidate,
                by: environment.candidate,
            });
        }
        if before.subplan == subplan {
            standing.approvals.clone_from(&before.approvals);
            standing.people.extend(before.people.iter().cloned());
        } else if !before.approvals.is_empty() {
            let people = before.approvals.iter().map(|a| a.by.clone()).collect();
            events.push(Event::ApprovalsVoid {
                environment: name.clone(),
                people,
                differs: differs(before, environment),
            });
        }
    }
    standing.people.sort_unstable();
    standing.people.dedup();
    events.push(Event::StandsAtGate { environment: name, standing });
    events
}

/// What of a sub-plan is not as it was approved.
fn differs(before: &Standing, environment: &EnvironmentPlan) -> Vec<String> {
    let mut differs = Vec::new();
    for (key, value) in &environment.contents {
        match before.contents.get(key) {
            Some(old) if old == value => {}
            Some(old) => differs.push(format!("{key}: {old} → {value}")),
            None => differs.push(format!("{key}: new, {value}")),
        }
    }
    differs.extend(
        before.contents.keys().filter(|k| !environment.contents.contains_key(*k)).map(|k| format!("{k}: gone")),
    );
    differs
}

/// Starts what can start, as far as there is room.
fn start(plan: &Plan, state: &State, progress: &Progress, events: &mut Vec<Event>) {
    let mut room = progress.limit.saturating_sub(progress.running);
    let mut as_before = Vec::new();
    for &number in progress.ready.iter().filter(|n| progress.steps[**n as usize] == Status::Ready) {
        let step = &plan.steps[number as usize];
        let told = |u: &crate::plan::Unknown| progress.told(plan, u);
        let Some(key) = step.key.or_else(|| step.recipe.key(&told)) else { continue };
        // One deploy in flight for each place.
        if let Work::Deploy(work) = &step.work
            && state.restoring.contains_key(&work.environment)
        {
            continue;
        }
        if step.key.is_none() && !step.recipe.anew && state.memory.results.contains_key(&key) {
            if state.memory.steps.get(&step.id).is_some_and(|made| made.key == key) {
                as_before.push(step.id.clone());
                continue;
            }
            events.push(Event::StepReused { step: step.id.clone(), key, made: step.recipe.made(&told) });
            continue;
        }
        if room == 0 {
            break;
        }
        room -= 1;
        events.push(Event::StepStarted {
            step: step.id.clone(),
            key,
            payload: payload(plan, progress, number),
            attempt: 1,
            effect: step.effect,
        });
    }
    if !as_before.is_empty() {
        events.push(Event::StepsReused { steps: as_before });
    }
}

/// The digest of what exactly is done by a step, with what was unknown filled in. Secrets count by name; the candidate does
/// not count, since the same thing may be done for several.
pub fn payload(plan: &Plan, progress: &Progress, number: u32) -> Digest {
    let step = &plan.steps[number as usize];
    let mut hasher = Hasher::new("payload");
    let learnt = |text: &crate::plan::Text| text.learn(&|u| progress.told(plan, u)).to_string();
    match &step.work {
        Work::Exec(exec) => {
            exec.argv.iter().for_each(|t| {
                hasher.field(learnt(t));
            });
            for (name, text) in exec.env.iter().filter(|(name, _)| name != "LOCKGATE_CANDIDATE") {
                hasher.field(name).field(learnt(text));
            }
        }
        Work::Push(push) => {
            hasher.field(&push.repository).field(learnt(&push.digest)).field(learnt(&push.tag));
        }
        Work::Deploy(deploy) => {
            hasher.field(serde_json::to_vec(&deploy.target).unwrap_or_default()).field(&deploy.name);
            hasher.digest(deploy.bundle.unwrap_or_default());
        }
        work => {
            hasher.field(serde_json::to_vec(work).unwrap_or_default());
        }
    }
    hasher.finish()
}
