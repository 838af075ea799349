//! State: a fold of events, and nothing else.

use super::event::{Event, Outcome, Record, RunOutcome};
use crate::digest::Digest;
use crate::plan::Effect;
use crate::plan::beside::{Beside, Taken};
use crate::plan::memory::{HISTORY, Has, Memory, Moment, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known because it happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// The number of the last event taken in.
    pub number: u64,
    /// How many runs there were.
    pub runs: u64,
    /// The runs that are not finished, by number.
    pub open: BTreeMap<u64, OpenRun>,
    /// How the last run that came to its end ended.
    pub last: Option<RunOutcome>,
    /// The facts that planning reads.
    pub memory: Memory,
    /// Steps that were started and have not come to an end.
    pub intents: BTreeMap<Arc<str>, Intent>,
    /// Rollbacks that are on their way: by environment, what is brought back and the releases that are still missing.
    pub restoring: BTreeMap<String, Restoring>,
}

/// A run that is not finished.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenRun {
    /// Who started it.
    pub by: String,
    /// When.
    pub since: Moment,
    /// Whether somebody asked it to stop.
    pub cancelled: bool,
    /// The candidate it is for.
    pub candidate: Digest,
    /// Whether it has come to an environment: what comes before that is what newer candidates wait for.
    pub arrived: bool,
}

/// A step that was started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// Its key.
    pub key: Digest,
    /// The digest of what exactly is done.
    pub payload: Digest,
    /// The attempt, from 1.
    pub attempt: u32,
    /// What kind of effect it has.
    pub effect: Effect,
    /// Nobody knows whether it was done, and somebody must say.
    pub indeterminate: bool,
    /// The run that started it.
    pub run: u64,
}

/// A rollback on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// What is brought back.
    pub to: Has,
    /// Releases that are not back yet.
    pub missing: Vec<String>,
    /// The run that does it.
    pub run: u64,
}

impl State {
    /// Takes an event in.
    pub fn apply(&mut self, record: &Record) {
        self.number = record.number;
        let (at, run) = (record.at, record.run);
        match &record.event {
            Event::RunStarted { by, candidate, beside, .. } => self.run_started(record, by, *candidate, beside),
            Event::PlanCompleted { .. } | Event::Refused { .. } => {}
            Event::RunFinished { outcome } => {
                self.open.remove(&run);
                self.last = Some(*outcome);
                self.leave(|taken| taken.run == run);
            }
            Event::CancelAsked { .. } => {
                if let Some(run) = self.open.get_mut(&run) {
                    run.cancelled = true;
                }
            }
            Event::StepStarted { step, key, payload, attempt, effect } => {
                let (key, payload, attempt, effect) = (*key, *payload, *attempt, *effect);
                self.intents.insert(step.clone(), Intent { key, payload, attempt, effect, indeterminate: false, run });
            }
            Event::GatePassed { environment, candidate, .. } => {
                self.arrived(run);
                let place = self.place(environment);
                place.entries += 1;
                place.taken = Some(Taken { run, candidate: *candidate, since: at });
            }
            Event::StepFinished { step, key, outcome } => self.step_finished(step, *key, outcome),
            Event::Interrupted { step, .. } => {
                self.intents.remove(step);
            }
            Event::AttemptFailed { .. } | Event::StepsReused { .. } => {}
            Event::StepReused { step, made, .. } => {
                self.memory.steps.insert(step.clone(), made.clone());
            }
            Event::Indeterminate { step, .. } => {
                if let Some(intent) = self.intents.get_mut(step) {
                    intent.indeterminate = true;
                }
            }
            Event::Resolved { step, key, done, .. } => {
                self.intents.remove(step);
                if *done {
                    self.memory.results.insert(*key, Default::default());
                }
            }
            Event::RollbackStarted { environment, to } => {
                let missing = to.bundles.keys().cloned().collect();
                self.restoring.insert(environment.clone(), Restoring { to: to.clone(), missing, run });
            }
            Event::RolledBack { environment } => {
                if let Some(back) = self.restoring.remove(environment) {
                    let place = self.place(environment);
                    place.verified = back.to.verified;
                    place.rollback.take_if(|wish| wish.candidate == back.to.candidate);
                }
            }
            Event::RollbackFailed { environment, .. } => {
                self.restoring.remove(environment);
            }
            Event::Left { environment, .. } => {
                self.place(environment).taken.take_if(|t| t.run == run);
            }
            Event::StandsAtGate { environment, standing } => {
                self.arrived(run);
                self.place(environment).standing = Some(standing.clone());
            }
            event => self.remember(event, record),
        }
    }

    /// A run begins. Those that do not go on beside it were cut off: it takes over what they left.
    fn run_started(&mut self, record: &Record, by: &str, candidate: Digest, beside: &[u64]) {
        let goes_on = |run: &u64| beside.contains(run);
        self.runs = record.run;
        self.open.retain(|run, _| goes_on(run));
        self.leave(|taken| !goes_on(&taken.run));
        self.restoring.values_mut().filter(|back| !goes_on(&back.run)).for_each(|back| back.run = record.run);
        let run = OpenRun { by: by.to_string(), since: record.at, cancelled: false, candidate, arrived: false };
        self.open.insert(record.run, run);
    }

    fn arrived(&mut self, run: u64) {
        self.open.get_mut(&run).into_iter().for_each(|run| run.arrived = true);
    }

    /// Nobody is in these environments any more.
    fn leave(&mut self, which: impl Fn(&Taken) -> bool) {
        for place in self.memory.environments.values_mut() {
            place.taken.take_if(|taken| which(taken));
        }
    }

    /// Whether a run is carrying that step, or that key, out right now, other than this one.
    pub fn is_in_hand(&self, step: &str, key: Digest, run: u64) -> bool {
        // With one run there is nobody else, and a run may have many steps.
        let moves = |i: &Intent| i.run != run && !i.indeterminate && self.open.contains_key(&i.run);
        self.open.len() > 1 && self.intents.iter().any(|(id, i)| moves(i) && (&**id == step || i.key == key))
    }

    fn step_finished(&mut self, step: &Arc<str>, key: Digest, outcome: &Outcome) {
        self.intents.remove(step);
        if let Outcome::Succeeded { outputs, made, .. } = outcome {
            self.memory.results.insert(key, outputs.clone());
            self.memory.steps.insert(step.clone(), made.clone());
        }
    }

    fn place(&mut self, environment: &str) -> &mut Place {
        self.memory.environments.entry(environment.to_string()).or_default()
    }

    /// What concerns sources, candidates and environments.
    fn remember(&mut self, event: &Event, record: &Record) {
        match event {
            Event::HeadSeen { source, head } => {
                let people = crate::plan::people_of(&head.about);
                let seen = self.memory.authors.entry(source.clone()).or_default();
                if seen.last().is_none_or(|(id, _)| *id != head.version.id) {
                    seen.push((head.version.id.clone(), people));
                }
                self.memory.heads.insert(source.clone(), head.clone());
            }
            Event::CandidateFormed { candidate } => {
                self.memory.latest = Some(candidate.id);
                self.memory.formed.insert(candidate.id, record.number);
                self.memory.candidates.insert(candidate.id, candidate.clone());
            }
            Event::RerunAsked { node, generation } => {
                self.memory.generations.insert(node.clone(), *generation);
                if let Some(place) = self.memory.environments.get_mut(node) {
                    place.banned.clear();
                }
            }
            Event::DeployedThere { environment, release, deployed } => {
                if let Some(back) = self.restoring.get_mut(environment) {
                    back.missing.retain(|r| r != release);
                }
                let place = self.place(environment);
                place.deployed.insert(release.clone(), deployed.clone());
                place.verified.clear();
            }
            Event::RemovedThere { environment, release } => {
                let place = self.place(environment);
                place.deployed.remove(release);
                place.verified.clear();
            }
            Event::VerifiedThere { environment, key } => self.place(environment).verified.push(*key),
            Event::HasCandidate { environment, has } => self.has(environment, has, record.run),
            Event::EnvironmentFailed { environment, failure } => {
                let place = self.place(environment);
                place.failed = Some(failure.clone());
                place.banned.retain(|f| f.candidate != failure.candidate);
                place.banned.push(failure.clone());
                // What failed gives its place at the gate up, with its approvals.
                place.standing.take_if(|s| s.candidate == failure.candidate);
                place.queue.retain(|c| *c != failure.candidate);
                // What somebody wants back is another one, and still wanted.
                place.rollback.take_if(|wish| wish.candidate == failure.candidate);
            }
            event => self.said(event),
        }
    }

    fn has(&mut self, environment: &str, has: &Has, run: u64) {
        let place = self.place(environment);
        place.taken.take_if(|t| t.run == run);
        if let Some(before) = place.has.replace(has.clone())
            && before.substance != has.substance
        {
            place.had.retain(|h| h.candidate != before.candidate);
            place.had.push(before);
            let surplus = place.had.len().saturating_sub(HISTORY);
            place.had.drain(..surplus);
        }
        place.failed = None;
        place.standing = None;
        // A run that was inside when somebody wanted another one back does not fulfil that.
        place.rollback.take_if(|wish| wish.candidate == has.candidate);
        place.queue.retain(|c| *c != has.candidate);
    }

    /// What people said.
    fn said(&mut self, event: &Event) {
        match event {
            Event::Superseded { environment, candidate, .. } => {
                self.place(environment).standing.take_if(|s| s.candidate == *candidate);
            }
            Event::Queued { environment, candidate } => {
                let queue = &mut self.place(environment).queue;
                queue.retain(|c| c != candidate);
                queue.push(*candidate);
            }
            Event::ApprovalsVoid { environment, .. } => {
                if let Some(standing) = &mut self.place(environment).standing {
                    standing.approvals.clear();
                }
            }
            Event::Approved { environment, approval } => {
                if let Some(standing) = &mut self.place(environment).standing {
                    standing.approvals.retain(|a| a.by != approval.by);
                    standing.approvals.push(approval.clone());
                }
            }
            Event::EditProposed { edit } => self.memory.edit = Some(edit.clone()),
            Event::EditApproved { environments, approval, .. } => {
                let gates = self.memory.edit.iter_mut().flat_map(|e| &mut e.gates);
                for (_, standing) in gates.filter(|(name, _)| environments.contains(name)) {
                    standing.approvals.retain(|a| a.by != approval.by);
                    standing.approvals.push(approval.clone());
                }
            }
            Event::EditRejected { word, .. } => {
                if let Some(edit) = &mut self.memory.edit {
                    edit.rejected = Some(word.clone());
                }
            }
            Event::EditSettled { .. } => self.memory.edit = None,
            Event::Withdrawn { environment, by, .. } => {
                if let Some(standing) = &mut self.place(environment).standing {
                    standing.approvals.retain(|a| a.by != *by);
                }
            }
            Event::Rejected { environment, candidate, word } => {
                let standing = self.place(environment).standing.as_mut();
                if let Some(standing) = standing.filter(|s| s.candidate == *candidate) {
                    standing.rejected = Some(word.clone());
                }
                let place = self.place(environment);
                place.queue.retain(|c| c != candidate);
                // Nobody goes back to what was refused.
                place.rollback.take_if(|wish| wish.candidate == *candidate);
            }
            Event::HoldSet { environment, word } => self.place(environment).hold = Some(word.clone()),
            Event::HoldReleased { environment, .. } => {
                let place = self.place(environment);
                place.hold = None;
                // A rollback that has not begun is not wanted any more either.
                let inside = place.taken.as_ref().map(|taken| taken.candidate);
                place.rollback.take_if(|wish| Some(wish.candidate) != inside);
            }
            Event::PinSet { source, pin } => {
                self.memory.pins.insert(source.clone(), pin.clone());
            }
            Event::PinReleased { source, .. } => {
                self.memory.pins.remove(source);
            }
            Event::BanSet { ban } => self.memory.bans.push(ban.clone()),
            Event::BanReleased { source, version, .. } => {
                self.memory.bans.retain(|b| b.source != *source || b.version != *version);
            }
            Event::RollbackAsked { environment, wish } => {
                let place = self.place(environment);
                place.hold = Some(wish.word.clone());
                place.rollback = Some(wish.clone());
            }
            _ => {}
        }
    }

    /// What people look at, to have and to hold: all but what only planning reads, which is most of it.
    pub fn shown(&self) -> State {
        let memory = Memory {
            heads: self.memory.heads.clone(),
            candidates: self.memory.candidates.clone(),
            latest: self.memory.latest,
            environments: self.memory.environments.clone(),
            pins: self.memory.pins.clone(),
            bans: self.memory.bans.clone(),
            edit: self.memory.edit.clone(),
            ..Memory::default()
        };
        State {
            number: self.number,
            runs: self.runs,
            open: self.open.clone(),
            last: self.last,
            memory,
            intents: self.intents.clone(),
            restoring: self.restoring.clone(),
        }
    }

    /// The runs that go on besides one, each with its candidate.
    pub fn beside(&self, run: u64) -> Beside {
        self.open.iter().filter(|(number, _)| **number != run).map(|(number, run)| (*number, run.candidate)).collect()
    }

    /// How the last run ended, from its last event.
    pub fn outcome_of(record: &Record) -> Option<RunOutcome> {
        if let Event::RunFinished { outcome } = record.event { Some(outcome) } else { None }
    }
}
