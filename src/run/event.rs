//! Events: what happened. They are the only truth; once written they never change.

use crate::digest::Digest;
use crate::plan::memory::{Approval, Ban, Deployed, Edit, Failure, Has, Hold, Made, Moment, Pin, Standing, Wish};
use crate::plan::{Candidate, Effect, Fields};
use crate::ports::Fault;
use crate::ports::sources::Head;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the events' form. A reader refuses what is newer.
pub const VERSION: u32 = 1;

/// An event as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its number in the journal, from 1, without gaps.
    pub number: u64,
    /// When it was decided, in milliseconds since 1970.
    pub at: Moment,
    /// The run it belongs to; 0 outside of runs.
    pub run: u64,
    /// What happened.
    pub event: Event,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "event")]
pub enum Event {
    /// A run began.
    RunStarted {
        /// Who started it.
        by: String,
        /// The candidate it is for.
        candidate: Digest,
        /// The hash of the plan.
        plan: Digest,
        /// The runs that go on beside it, by number; all others that did not come to their end were cut off.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        beside: Vec<u64>,
    },
    /// The plan of the run was completed: what was unknown is known.
    PlanCompleted {
        /// The hash of the new plan.
        plan: Digest,
    },
    /// A run came to its end.
    RunFinished {
        /// How.
        outcome: RunOutcome,
    },
    /// Somebody asked the run to stop.
    CancelAsked {
        /// Who.
        by: String,
    },
    /// A source was seen at a version that counts.
    HeadSeen {
        /// The source.
        source: String,
        /// What was seen.
        head: Head,
    },
    /// A candidate was formed.
    CandidateFormed {
        /// The candidate.
        candidate: Candidate,
    },
    /// Nodes are made to run anew.
    RerunAsked {
        /// The node.
        node: String,
        /// Its generation from now on.
        generation: u32,
    },
    /// A step is about to be carried out: written before anything of it happens.
    StepStarted {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
        /// The digest of what exactly is done.
        payload: Digest,
        /// The attempt, from 1.
        attempt: u32,
        /// What kind of effect it has.
        effect: Effect,
    },
    /// A step came to its end.
    StepFinished {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
        /// How.
        outcome: Outcome,
    },
    /// An attempt failed, and the step is tried again.
    AttemptFailed {
        /// The step.
        step: Arc<str>,
        /// The attempt, from 1.
        attempt: u32,
        /// Why, in words.
        reason: String,
    },
    /// A step was cut off by a crash before it came to an end, or taken back before it began; it is looked at anew.
    Interrupted {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
    },
    /// The key of a step became known, and it has succeeded before.
    StepReused {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
        /// What it was made of.
        made: Made,
    },
    /// The keys of steps became known, and they are those of their last success: one row for as many as come up together, since
    /// it says nothing that was not written before.
    StepsReused {
        /// The steps.
        steps: Vec<Arc<str>>,
    },
    /// It is not known whether a program ran; somebody must say.
    Indeterminate {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
    },
    /// Somebody said what became of an indeterminate step.
    Resolved {
        /// The step.
        step: Arc<str>,
        /// Its key.
        key: Digest,
        /// Who.
        by: String,
        /// Whether it counts as done.
        done: bool,
    },
    /// A release is deployed.
    DeployedThere {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
        /// What.
        deployed: Deployed,
    },
    /// A release is gone.
    RemovedThere {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
    },
    /// A verification succeeded for what is deployed.
    VerifiedThere {
        /// The environment.
        environment: String,
        /// The key of the verification.
        key: Digest,
    },
    /// An environment has a candidate: deployed and verified.
    HasCandidate {
        /// The environment.
        environment: String,
        /// What it has.
        has: Has,
    },
    /// A deploy or verification failed.
    EnvironmentFailed {
        /// The environment.
        environment: String,
        /// What failed, and why.
        failure: Failure,
    },
    /// What an environment had before is being brought back.
    RollbackStarted {
        /// The environment.
        environment: String,
        /// What is brought back.
        to: Has,
    },
    /// It is back.
    RolledBack {
        /// The environment.
        environment: String,
    },
    /// It could not be brought back: the environment is held.
    RollbackFailed {
        /// The environment.
        environment: String,
        /// Why.
        reason: String,
    },
    /// A candidate stands at a gate.
    StandsAtGate {
        /// The environment.
        environment: String,
        /// What stands there.
        standing: Standing,
    },
    /// A newer candidate took the place of one at a gate, or of one that was to enter.
    Superseded {
        /// The environment.
        environment: String,
        /// The older candidate.
        candidate: Digest,
        /// The newer one.
        by: Digest,
    },
    /// A newer candidate stands behind those at a gate that queues.
    Queued {
        /// The environment.
        environment: String,
        /// The newer candidate.
        candidate: Digest,
    },
    /// Approvals do not count any more, since what they were of is not what would be done.
    ApprovalsVoid {
        /// The environment.
        environment: String,
        /// Whose.
        people: Vec<String>,
        /// What differs.
        differs: Vec<String>,
    },
    /// Somebody said yes.
    Approved {
        /// The environment.
        environment: String,
        /// Their approval.
        approval: Approval,
    },
    /// An edit of the pipeline file makes gates weaker, and waits for the people whom they ask.
    EditProposed {
        /// The edit.
        edit: Edit,
    },
    /// Somebody said yes to it.
    EditApproved {
        /// The digest of the new texts.
        file: Digest,
        /// The environments for whose gates that counts.
        environments: Vec<String>,
        /// Their approval.
        approval: Approval,
    },
    /// Somebody said no to it.
    EditRejected {
        /// The digest of the new texts.
        file: Digest,
        /// Who, why and when.
        word: Hold,
    },
    /// It does not wait any more.
    EditSettled {
        /// The digest of the new texts.
        file: Digest,
        /// Whether it counts now; otherwise another one has taken its place.
        accepted: bool,
    },
    /// Somebody's yes does not count any more: they took it back, or are not of its group any more.
    Withdrawn {
        /// The environment.
        environment: String,
        /// Whose.
        by: String,
        /// Who says so, why and when.
        word: Hold,
    },
    /// Somebody said no.
    Rejected {
        /// The environment.
        environment: String,
        /// The candidate.
        candidate: Digest,
        /// Who, why and when.
        word: Hold,
    },
    /// A gate let a candidate through.
    GatePassed {
        /// The environment.
        environment: String,
        /// The candidate.
        candidate: Digest,
        /// The sub-plan.
        subplan: Digest,
        /// Whose approvals counted.
        approved_by: Vec<String>,
    },
    /// A run is not in an environment any more, and its candidate is not there: another run may enter.
    Left {
        /// The environment.
        environment: String,
        /// The candidate.
        candidate: Digest,
    },
    /// Somebody asked for something that they may not have, or that makes no sense.
    Refused {
        /// What was asked.
        call: String,
        /// Who asked.
        by: String,
        /// Why not.
        reason: String,
    },
    /// An environment is held.
    HoldSet {
        /// The environment.
        environment: String,
        /// Who, why and when.
        word: Hold,
    },
    /// An environment is released.
    HoldReleased {
        /// The environment.
        environment: String,
        /// Who, why and when.
        word: Hold,
    },
    /// A source is held at a version.
    PinSet {
        /// The source.
        source: String,
        /// At what, by whom.
        pin: Pin,
    },
    /// A source moves again.
    PinReleased {
        /// The source.
        source: String,
        /// Who, why and when.
        word: Hold,
    },
    /// A version may not be used.
    BanSet {
        /// What, by whom.
        ban: Ban,
    },
    /// A version may be used again.
    BanReleased {
        /// The source.
        source: String,
        /// The id of the version.
        version: String,
        /// Who, why and when.
        word: Hold,
    },
    /// Somebody wants an older candidate back.
    RollbackAsked {
        /// The environment.
        environment: String,
        /// Which, and by whom.
        wish: Wish,
    },
}

/// How a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RunOutcome {
    /// Everything is done.
    Done,
    /// Something waits at a gate.
    Waiting,
    /// Something failed.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// A step is indeterminate, or a completed difference wants a yes.
    Asks,
}

/// How a step came to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Outcome {
    /// It is done.
    Succeeded {
        /// What it told.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: Fields,
        /// What it was made of.
        made: Made,
        /// Its log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<Log>,
    },
    /// It is not.
    Failed {
        /// What kind of failure.
        fault: Fault,
        /// Why, in words.
        reason: String,
        /// Its log.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        log: Option<Log>,
    },
}

/// A step's log as it was closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Log {
    /// The path below the folder of logs.
    pub path: String,
    /// Its length in bytes.
    pub length: u64,
    /// Its digest.
    pub digest: Digest,
}
