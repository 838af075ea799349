//! What is possible now: which environments are entered, and which steps start.

use super::event::Event;
use super::gate;
use super::progress::{Progress, Stage, Status};
use super::state::State;
use crate::digest::{Digest, Hasher};
use crate::plan::memory::{Has, Moment, Place, Standing};
use crate::plan::work::Exec;
use crate::plan::{Effect, EnvironmentPlan, Plan, Step, Verdict, Work, beside, targets};

/// The events that follow from what is possible at that moment. Taking them in and asking again comes to an end.
pub fn proceed(plan: &Plan, state: &State, progress: &Progress, now: Moment) -> Vec<Event> {
    let Some(run) = state.open.get(&progress.run).filter(|r| !r.cancelled) else { return Vec::new() };
    let mut events = leave(plan, state, progress);
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
    if progress.stages[number] == Stage::Taken {
        return queued(plan, state, environment).into_iter().collect();
    }
    if !is_its_turn(plan, state, progress, number, environment) {
        return Vec::new();
    }
    if let Some(by) = newer_there(state, environment) {
        let (environment, candidate) = (environment.name.clone(), environment.candidate);
        return vec![Event::Superseded { environment, candidate, by }];
    }
    if is_of_before(state, progress, number, environment) {
        return Vec::new();
    }
    if let Some(event) = queued(plan, state, environment) {
        return vec![event];
    }
    let complete = environment.subplan.is_some();
    if !complete {
        // What it will be is not known: its steps say so, and ask for another look.
        let waits = environment.steps.iter().any(|s| progress.steps[*s as usize] == Status::Waiting);
        return if waits && environment.gate.is_none() { vec![passed(environment, Vec::new())] } else { Vec::new() };
    }
    if environment.verdict == Verdict::Enter {
        return vec![passed(environment, Vec::new())];
    }
    if let Some(place) = state.memory.environments.get(&environment.name)
        && keeps_its_place(plan, state, place, environment)
    {
        let waits = environment.gate.as_ref().is_some_and(|g| g.queue) && !place.queue.contains(&environment.candidate);
        let queued = || Event::Queued { environment: environment.name.clone(), candidate: environment.candidate };
        return waits.then(queued).into_iter().collect();
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

/// Whether an environment may be entered as far as others are concerned: nobody is in it or holds it, and what it waits for is
/// there.
fn is_its_turn(plan: &Plan, state: &State, progress: &Progress, number: usize, environment: &EnvironmentPlan) -> bool {
    let place = state.memory.environments.get(&environment.name);
    let is_free = place.is_none_or(|p| {
        (p.hold.is_none() || environment.is_rollback) && p.taken.as_ref().is_none_or(|t| t.run == progress.run)
    });
    is_free
        && matches!(progress.stages[number], Stage::Before | Stage::AtGate)
        && !state.restoring.contains_key(&environment.name)
        && predecessors_have_it(plan, state, progress, environment)
        && upstream_done(plan, progress, environment)
}

/// The newer candidate that is there, on its way in, or at the gate, where it was while this one was on its way.
fn newer_there(state: &State, environment: &EnvironmentPlan) -> Option<Digest> {
    if environment.is_rollback {
        return None;
    }
    let memory = &state.memory;
    let standing = memory.environments.get(&environment.name)?.standing.as_ref().map(|s| s.candidate);
    let at_gate = || standing.filter(|s| beside::is_newer(memory, None, *s, environment.candidate));
    beside::overtaken(memory, None, &environment.name, environment.candidate).or_else(at_gate)
}

/// Whether another run has been there since this plan was made: what it says of the place is not so any more.
fn is_of_before(state: &State, progress: &Progress, number: usize, environment: &EnvironmentPlan) -> bool {
    let entries = state.memory.environments.get(&environment.name).map_or(0, |p| p.entries);
    progress.entries.get(number).is_some_and(|known| *known != entries)
}

/// Whether another candidate stands at the gate and is not to be replaced: it got its approvals while this one was on its way,
/// or the gate queues. One that would come later than what is there by now never enters, and keeps no place.
fn keeps_its_place(plan: &Plan, state: &State, place: &Place, environment: &EnvironmentPlan) -> bool {
    let (Some(standing), Some(gate)) = (&place.standing, &environment.gate) else { return false };
    let file = plan.candidate().map(|c| c.file);
    let is_other = standing.candidate != environment.candidate && Some(standing.subplan) != environment.subplan;
    let is_known = state.memory.candidates.get(&standing.candidate).is_some_and(|c| Some(c.file) == file);
    let is_late = beside::overtaken(&state.memory, None, &environment.name, standing.candidate).is_some();
    is_other && is_known && !is_late && !environment.is_rollback && targets::standing(place, gate).is_some()
}

/// Whether it is an environment's turn, and another candidate keeps the place at its gate.
pub(super) fn waits_behind(
    plan: &Plan,
    state: &State,
    progress: &Progress,
    number: usize,
    environment: &EnvironmentPlan,
) -> bool {
    let place = state.memory.environments.get(&environment.name);
    place.is_some_and(|p| keeps_its_place(plan, state, p, environment))
        && is_its_turn(plan, state, progress, number, environment)
}

/// The environments that this run is in and has failed in, or may not go on in, once nothing of it is under way there. Said only
/// while the run goes on elsewhere: with its end it has left all of them.
fn leave(plan: &Plan, state: &State, progress: &Progress) -> Vec<Event> {
    if progress.running == 0 {
        return Vec::new();
    }
    let left = |(number, environment): (usize, &EnvironmentPlan)| {
        let place = state.memory.environments.get(&environment.name)?;
        let taken = place.taken.as_ref().filter(|t| t.run == progress.run)?;
        let mut steps = environment.steps.iter().map(|s| progress.steps[*s as usize]);
        let is_over = progress.stages[number] != Stage::Entered
            || steps.clone().any(|s| matches!(s, Status::Failed | Status::Skipped | Status::Indeterminate));
        let is_still = steps.all(|s| s != Status::Running) && !state.restoring.contains_key(&environment.name);
        let (environment, candidate) = (environment.name.clone(), taken.candidate);
        (is_over && is_still).then_some(Event::Left { environment, candidate })
    };
    plan.environments.iter().enumerate().filter_map(left).collect()
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
        let is_unknown = environment.subplan.is_none()
            && progress.stages[number] == Stage::Before
            && predecessors_have_it(plan, state, progress, environment)
            && upstream_done(plan, progress, environment);
        is_unknown
            || is_of_before(state, progress, number, environment)
                && is_its_turn(plan, state, progress, number, environment)
                && newer_there(state, environment).is_none()
    };
    let cancelled = state.open.get(&progress.run).is_none_or(|r| r.cancelled);
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
    let mut running = progress.running;
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
        // What has succeeded by now is not done again: the key was not known, or another run was there first.
        let is_own = step.environment.is_some() && step.key.is_some();
        if !is_own && !step.recipe.anew && state.memory.results.contains_key(&key) {
            if state.memory.steps.get(&step.id).is_some_and(|made| made.key == key) {
                as_before.push(step.id.clone());
                continue;
            }
            events.push(Event::StepReused { step: step.id.clone(), key, made: step.recipe.made(&told) });
            continue;
        }
        if state.is_in_hand(&step.id, key, progress.run) {
            continue;
        }
        if state.intents.get(&step.id).is_some_and(|i| i.indeterminate && i.key == key) {
            events.push(Event::Indeterminate { step: step.id.clone(), key });
            continue;
        }
        let ahead = if may_wait(step) { progress.ahead } else { 0 };
        if running >= progress.limit + ahead {
            break;
        }
        running += 1;
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

/// Whether a step may be written down as started before there is a place for it.
fn may_wait(step: &Step) -> bool {
    let is_here = |exec: &Exec| exec.image.is_none() && exec.is_light();
    step.environment.is_none() && matches!(&step.work, Work::Exec(exec) if is_here(exec))
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
