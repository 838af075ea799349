//! Inputs: everything that can come in from outside, with its time.

use super::event::Log;
use crate::digest::Digest;
use crate::plan::Fields;
use crate::plan::memory::Moment;
use crate::ports::Fault;
use crate::ports::sources::Head;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Something that comes in.
#[allow(clippy::large_enum_variant, reason = "inputs come one at a time and are not kept")]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "input")]
pub enum Input {
    /// A plan is to be carried out.
    Begin {
        /// Who wants it.
        by: String,
        /// The heads that were seen for it.
        heads: BTreeMap<String, Head>,
        /// Nodes that are to run anew.
        rerun: Vec<String>,
        /// Steps that were written down as started before a crash, and whose programs certainly never began.
        #[serde(default)]
        unbegun: BTreeSet<Arc<str>>,
    },
    /// What was unknown is known: the run goes on with a new plan.
    Replanned,
    /// A step's carrying-out came to its end.
    Report(Report),
    /// Something of a rollback came to its end.
    Restored {
        /// The environment.
        environment: String,
        /// The release.
        release: String,
        /// Why it failed, if it did.
        failed: Option<String>,
    },
    /// Somebody asks the run to stop.
    Cancel {
        /// Who.
        by: String,
    },
    /// Nothing but time has passed.
    Tick,
    /// Somebody says something.
    Said(Word),
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The step, by number in the plan.
    pub step: u32,
    /// How it went.
    pub result: StepResult,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum StepResult {
    /// It is done.
    Done {
        /// What it told.
        outputs: Fields,
        /// Its log.
        log: Option<Log>,
    },
    /// It failed.
    Failed {
        /// What kind of failure.
        fault: Fault,
        /// Why, in words.
        reason: String,
        /// Its log.
        log: Option<Log>,
    },
    /// After a crash, it is certain that nothing of it was done.
    NotDone,
    /// After a crash, nobody can tell whether it was done.
    Unknown,
}

/// What somebody says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// Who.
    pub by: String,
    /// The groups they are of, where that is known.
    pub groups: Option<Vec<String>>,
    /// Other names that they are known by, as the author of a commit for one.
    #[serde(default)]
    pub also: Vec<String>,
    /// Why, if they said.
    pub reason: Option<String>,
    /// What.
    pub what: Saying,
}

/// What can be said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "say")]
pub enum Saying {
    /// Yes, to what stands at a gate.
    Approve {
        /// The environment.
        environment: String,
        /// The sub-plan that was looked at; must be what stands there.
        subplan: Option<Digest>,
    },
    /// Yes, to an edit of the pipeline file that makes gates weaker.
    ApproveEdit {
        /// The digest of the new texts; must be what waits.
        file: Digest,
    },
    /// No, to such an edit.
    RejectEdit {
        /// The digest of the new texts; must be what waits.
        file: Digest,
    },
    /// Take a yes back: one's own, or that of somebody who is not of its group any more.
    Withdraw {
        /// The environment.
        environment: String,
        /// Whose yes.
        by: String,
    },
    /// No.
    Reject {
        /// The environment.
        environment: String,
    },
    /// Leave an environment alone.
    Hold {
        /// The environment.
        environment: String,
    },
    /// Go on with an environment.
    Release {
        /// The environment.
        environment: String,
    },
    /// Keep a source at a version.
    Pin {
        /// The source.
        source: String,
        /// The version.
        head: Head,
    },
    /// Let a source move again.
    Unpin {
        /// The source.
        source: String,
    },
    /// Never use a version.
    Ban {
        /// The source.
        source: String,
        /// The id of the version.
        version: String,
    },
    /// Use a version again.
    Unban {
        /// The source.
        source: String,
        /// The id of the version.
        version: String,
    },
    /// Bring an older candidate back.
    Rollback {
        /// The environment.
        environment: String,
        /// The candidate; the one before what it has, unless said.
        candidate: Option<Digest>,
    },
    /// What became of an indeterminate step.
    Resolve {
        /// The step.
        step: String,
        /// Whether it counts as done; otherwise it runs again.
        done: bool,
    },
}

/// An input with its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timed {
    /// When it came in.
    pub at: Moment,
    /// What.
    pub input: Input,
}
