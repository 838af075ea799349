//! State: a fold of events, and nothing else.

use super::event::{Event, Outcome, Record, RunOutcome};
use crate::digest::Digest;
use crate::plan::Effect;
use crate::plan::memory::{HISTORY, Has, Memory, Moment, Place};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is known because it happened.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// The number of the last event taken in.
    pub number: u64,
    /// How many runs there were.
    pub runs: u64,
    /// The run that is not finished, if there is one.
    pub open: Option<OpenRun>,
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
}

/// A rollback on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restoring {
    /// What is brought back.
    pub to: Has,
    /// Releases that are not back yet.
    pub missing: Vec<String>,
}

impl State {
    /// Takes an event in.
    pub fn apply(&mut self, record: &Record) {
        self.number = record.number;
        let at = record.at;
        match &record.event {
            Event::RunStarted { by, .. } => {
                self.runs = record.run;
                self.open = Some(OpenRun { by: by.clone(), since: at, cancelled: false });
            }
            Event::PlanCompleted { .. } | Event::Refused { .. } | Event::GatePassed { .. } => {}
            Event::RunFinished { outcome } => {
                self.open = None;
                self.last = Some(*outcome);
            }
            Event::CancelAsked { .. } => {
                if let Some(run) = &mut self.open {
                    run.cancelled = true;
                }
            }
            Event::StepStarted { step, key, payload, attempt, effect } => {
                let (key, payload, attempt, effect) = (*key, *payload, *attempt, *effect);
                self.intents.insert(step.clone(), Intent { key, payload, attempt, effect, indeterminate: false });
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
                self.restoring.insert(environment.clone(), Restoring { to: to.clone(), missing });
            }
            Event::RolledBack { environment } => {
                if let Some(back) = self.restoring.remove(environment) {
                    self.place(environment).verified = back.to.verified;
                }
            }
            Event::RollbackFailed { environment, .. } => {
                self.restoring.remove(environment);
            }
            event => self.remember(event, at),
        }
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
    fn remember(&mut self, event: &Event, at: Moment) {
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
            Event::HasCandidate { environment, has } => self.has(environment, has),
            Event::EnvironmentFailed { environment, failure } => {
                let place = self.place(environment);
                place.failed = Some(failure.clone());
                place.banned.retain(|f| f.candidate != failure.candidate);
                place.banned.push(failure.clone());
                // What failed gives its place at the gate up, with its approvals.
                place.standing.take_if(|s| s.candidate == failure.candidate);
                place.queue.retain(|c| *c != failure.candidate);
                place.rollback = None;
            }
            event => self.said(event, at),
        }
    }

    fn has(&mut self, environment: &str, has: &Has) {
        let place = self.place(environment);
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
        place.rollback = None;
        place.queue.retain(|c| *c != has.candidate);
    }

    /// What people said.
    fn said(&mut self, event: &Event, _at: Moment) {
        match event {
            Event::StandsAtGate { environment, standing } => self.place(environment).standing = Some(standing.clone()),
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
                self.place(environment).queue.retain(|c| c != candidate);
            }
            Event::HoldSet { environment, word } => self.place(environment).hold = Some(word.clone()),
            Event::HoldReleased { environment, .. } => self.place(environment).hold = None,
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

    /// How the last run ended, from its last event.
    pub fn outcome_of(record: &Record) -> Option<RunOutcome> {
        if let Event::RunFinished { outcome } = record.event { Some(outcome) } else { None }
    }
}
