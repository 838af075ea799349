//! What is remembered between plans: the facts that planning reads. It is a part of `run::State` and, like all of that,
//! a fold of events.

use super::Fields;
use super::beside::Taken;
use super::candidate::Candidate;
use crate::digest::Digest;
use crate::ports::sources::Head;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A moment: milliseconds since 1970, UTC.
pub type Moment = i64;

/// What is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// For each source the head that counted last.
    pub heads: BTreeMap<String, Head>,
    /// For each source who made its versions, in the order they were seen.
    pub authors: BTreeMap<String, Vec<(String, Vec<String>)>>,
    /// All candidates by id.
    pub candidates: BTreeMap<Digest, Candidate>,
    /// The candidate that was formed last.
    pub latest: Option<Digest>,
    /// When each was formed last: the number of the event.
    pub formed: BTreeMap<Digest, u64>,
    /// What succeeded, by key.
    pub results: HashMap<Digest, Fields>,
    /// For each step what it was made of when it ran last; to say what changed.
    pub steps: HashMap<Arc<str>, Made>,
    /// How often each node was made to run anew.
    pub generations: BTreeMap<String, u32>,
    /// What each environment has, had and waits for.
    pub environments: BTreeMap<String, Place>,
    /// Versions that sources are held at.
    pub pins: BTreeMap<String, Pin>,
    /// Versions that may not be used: source and version id.
    pub bans: Vec<Ban>,
    /// An edit of the pipeline file that makes gates weaker and waits for the people whom they ask.
    pub edit: Option<Edit>,
}

/// An edit of the pipeline file that makes gates weaker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The digest of the new texts.
    pub file: Digest,
    /// What it makes weaker, in words.
    pub weakens: Vec<String>,
    /// The gates that it makes weaker, as they are, with the approvals so far: of the edit, and of nothing else.
    pub gates: BTreeMap<String, Standing>,
    /// Since when it waits.
    pub since: Moment,
    /// Somebody's no.
    pub rejected: Option<Hold>,
}

/// What a step was made of when it ran last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The key under which it succeeded last.
    pub key: Digest,
    /// The first bytes of the digest of its definition.
    pub base: u64,
    /// The first bytes of the digest of each of its inputs, in their order.
    pub parts: Vec<u64>,
}

/// One environment as it is remembered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// What is deployed there, by release.
    pub deployed: BTreeMap<String, Deployed>,
    /// Keys of the verifications that succeeded for what is deployed.
    pub verified: Vec<Digest>,
    /// What it has: deployed and verified. Stays until something else is verified.
    pub has: Option<Has>,
    /// What it had before, the oldest first; at most [`HISTORY`].
    pub had: Vec<Has>,
    /// The candidate whose deploy or verification failed there last, and why.
    pub failed: Option<Failure>,
    /// What may not enter any more.
    pub banned: Vec<Failure>,
    /// Set: automation leaves it alone.
    pub hold: Option<Hold>,
    /// What stands at its gate.
    pub standing: Option<Standing>,
    /// Candidates that wait behind the one at the gate, where the gate queues.
    pub queue: Vec<Digest>,
    /// A rollback that somebody asked for and that is not done.
    pub rollback: Option<Wish>,
    /// The run that is in it.
    pub taken: Option<Taken>,
    /// How often a candidate was let in: a plan that was made before the last time is of another place.
    pub entries: u64,
}

/// How many candidates that an environment had are remembered for rollbacks.
pub const HISTORY: usize = 50;

/// A release as it is deployed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// The key of the deploy.
    pub key: Digest,
    /// The rendered objects.
    pub bundle: Digest,
    /// The candidate it was deployed for.
    pub candidate: Digest,
    /// When.
    pub at: Moment,
}

/// A candidate that an environment has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Has {
    /// The candidate.
    pub candidate: Digest,
    /// What names everything that is deployed and verified there.
    pub substance: Digest,
    /// The rendered objects, by release.
    pub bundles: BTreeMap<String, Digest>,
    /// The keys of the deploys, by release.
    pub deploys: BTreeMap<String, Digest>,
    /// The keys of the verifications.
    pub verified: Vec<Digest>,
    /// Since when.
    pub since: Moment,
}

/// A candidate that failed in an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The candidate.
    pub candidate: Digest,
    /// What names what it would have there.
    pub substance: Digest,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Moment,
}

/// Somebody's word that automation is to leave something alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Moment,
}

/// A source held at a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// The version it is held at.
    pub head: Head,
    /// Who said so, why and when.
    pub word: Hold,
}

/// A version that may not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// The source.
    pub source: String,
    /// The id of the version.
    pub version: String,
    /// Who said so, why and when.
    pub word: Hold,
}

/// A rollback that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// The candidate to go back to.
    pub candidate: Digest,
    /// Who said so, why and when.
    pub word: Hold,
}

/// A candidate that stands at a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The candidate.
    pub candidate: Digest,
    /// The hash of what would change; approvals are of this.
    pub subplan: Digest,
    /// The gate as it was when the candidate came to it.
    pub gate: super::GatePlan,
    /// What of the sub-plan is which, by name; to say what differs when it changes.
    pub contents: BTreeMap<String, String>,
    /// Since when it stands there.
    pub since: Moment,
    /// Who may not approve where nobody may approve their own change: the triggerer and the authors.
    pub people: Vec<String>,
    /// The approvals so far.
    pub approvals: Vec<Approval>,
    /// Somebody's no; final for this candidate.
    pub rejected: Option<Hold>,
}

/// Somebody's yes to one sub-plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// The groups they are of; nothing where groups are not known (a laptop), and then anyone counts for any group.
    pub groups: Option<Vec<String>>,
    /// Other names that they are known by.
    #[serde(default)]
    pub also: Vec<String>,
    /// The sub-plan.
    pub subplan: Digest,
    /// Why, if they said.
    pub reason: Option<String>,
    /// When.
    pub at: Moment,
}
