//! Desired against observed: what would happen, and why. Pure: no clock, no IO.
//!
//! [`diff()`] takes a checked pipeline, what is remembered ([`Memory`]) and what was seen ([`Observed`]), and gives a
//! [`Plan`] and the questions that it could not answer. Asking those and calling it again until nothing is missing is
//! `engine::observe`; a dry run stops there.

pub mod beside;
pub mod candidate;
pub mod changes;
pub mod compare;
pub mod diff;
mod drawn;
mod kept;
pub mod memory;
pub mod observed;
pub mod quorum;
pub mod text;
mod unread;
pub mod work;

mod builds;
mod environments;
mod programs;
mod recipe;
mod reference;
mod releases;
pub mod render;
pub(crate) mod targets;
mod verifies;

pub use crate::ports::bundle::{Bundle, Object};
pub use candidate::Candidate;
pub use changes::{Change, FieldChange, ObjectChange};
pub use diff::{Options, diff};
pub use environments::{people_of, target_plan};
pub use memory::{Memory, Moment};
pub use observed::{Answer, Observed, Query};
pub use recipe::{PartInput, Recipe};
pub use reference::source_fields;
pub use targets::gate_plan;
pub use text::{Piece, Text, Unknown};
pub use work::{Dir, Effect, Work};

use crate::digest::{Digest, Hasher};
use crate::graph::NodeId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a step told: its outputs by name.
pub type Fields = BTreeMap<String, String>;

/// The version of a plan's JSON. It grows when a reader of the old form could be misled.
pub const VERSION: u32 = 1;

/// What would happen, and why.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The version of this form.
    pub version: u32,
    /// The name of the pipeline.
    pub pipeline: String,
    /// The candidates it is about; the first is the newest.
    pub candidates: Vec<Candidate>,
    /// What is known of the versions of the newest candidate, for people.
    pub sources: Vec<SourceLine>,
    /// All steps, each after those it needs.
    pub steps: Vec<Step>,
    /// The environments in order.
    pub environments: Vec<EnvironmentPlan>,
    /// The runs beside which it is carried out: they go on meanwhile.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub beside: BTreeSet<u64>,
    /// Diagnostics of values and charts, as they came up; errors stop the plan.
    #[serde(skip)]
    pub diagnostics: Vec<crate::diag::Diagnostic>,
    /// The rendered objects that are deployed, by digest; not shown.
    #[serde(skip)]
    pub bundles: BTreeMap<Digest, Arc<Bundle>>,
    /// What was rendered, by environment and release; unknowns are marked in it. Not shown.
    #[serde(skip)]
    pub rendered: BTreeMap<(String, String), RenderedRelease>,
    /// What names everything above that matters.
    pub hash: Digest,
}

/// A release as it was rendered for an environment.
#[derive(Clone, Debug)]
pub struct RenderedRelease {
    /// The objects.
    pub bundle: Arc<Bundle>,
    /// What it was rendered of; nothing for what was brought back as it was.
    pub request: Option<Arc<render::Request>>,
}

/// A source in a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourceLine {
    /// The name.
    pub name: String,
    /// The kind.
    pub kind: &'static str,
    /// The version.
    pub version: crate::ports::sources::Version,
    /// The version before, where it moved.
    pub before: Option<crate::ports::sources::Version>,
    /// What is known of it.
    pub about: crate::ports::sources::About,
}

/// What becomes of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It has succeeded with this key: its result is used again.
    Reuse,
    /// It runs.
    Run,
    /// It runs if what it waits for comes out different from what it was made of.
    Maybe,
}

/// One thing that is done, or was.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What names it in this pipeline: `build.image`, `deploy.dev.mi`.
    pub id: Arc<str>,
    /// The node of the graph.
    #[serde(skip)]
    pub node: NodeId,
    /// The number of the environment it belongs to.
    pub environment: Option<u32>,
    /// The steps that must have succeeded before.
    pub needs: Vec<u32>,
    /// What becomes of it.
    pub action: Action,
    /// Its key; nothing while an input is unknown.
    pub key: Option<Digest>,
    /// How the key is made.
    #[serde(skip)]
    pub recipe: Recipe,
    /// Why, for people; empty where it is used again.
    pub reasons: Vec<String>,
    /// What kind of effect it has.
    pub effect: Effect,
    /// Whether what is done is only known after another look, once what it needs is done.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub replan: bool,
    /// What is done; nothing where it is used again.
    pub work: Work,
    /// What it told, where it is used again, and what is known before it runs.
    pub outputs: Fields,
}

impl Step {
    /// Whether it is done already.
    pub fn is_reused(&self) -> bool {
        self.action == Action::Reuse
    }
}

/// What happens with an environment.
#[derive(Clone, Debug, Serialize)]
pub struct EnvironmentPlan {
    /// Its name.
    pub name: String,
    /// The node of the graph.
    #[serde(skip)]
    pub node: NodeId,
    /// The place.
    pub target: work::TargetPlan,
    /// The candidate that is for it: its id.
    pub candidate: Digest,
    /// What happens.
    pub verdict: Verdict,
    /// Why, for people.
    pub reasons: Vec<String>,
    /// Environments that must have the candidate before, by number.
    pub after: Vec<u32>,
    /// Its gate.
    pub gate: Option<GatePlan>,
    /// What names everything that would be there: keys of deploys and verifications; nothing while unknown.
    pub substance: Option<Digest>,
    /// The hash that an approval is given to; nothing while unknown.
    pub subplan: Option<Digest>,
    /// What of the sub-plan is which, for people.
    pub contents: BTreeMap<String, String>,
    /// The difference, object by object.
    pub changes: Vec<Change>,
    /// What is there and is not as it was left: how, by object.
    pub drift: BTreeMap<String, String>,
    /// What names the objects that were looked at one by one, as they are.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub stamps: BTreeMap<String, Digest>,
    /// Its steps, by number.
    pub steps: Vec<u32>,
    /// The rendered objects by release; nothing while unknown.
    pub bundles: BTreeMap<String, Option<Digest>>,
    /// Whether a failed deploy is rolled back.
    pub rollback: bool,
    /// Whether this is a rollback that somebody asked for.
    pub is_rollback: bool,
    /// The people who made what is new there.
    pub people: Vec<String>,
    /// How often a candidate had been let in when it was looked at.
    #[serde(skip)]
    pub entries: u64,
}

/// What happens with an environment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Verdict {
    /// It has the candidate.
    UpToDate,
    /// It gets the candidate as soon as what it waits for is there.
    Enter,
    /// It gets the candidate once its gate is open.
    Gate,
    /// It cannot be told what would happen: the place cannot be asked, or would refuse it.
    Unplanned {
        /// Why.
        reason: String,
    },
    /// Another run has it in hand: it is in there, or brings the candidate along.
    InHand {
        /// The number of the run.
        run: u64,
    },
    /// A newer candidate is there already, or on its way in.
    Overtaken {
        /// The newer one.
        by: Digest,
    },
    /// Somebody holds it.
    Held {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
    /// The candidate failed there.
    Banned {
        /// Why it failed.
        reason: String,
    },
    /// Somebody said no.
    Rejected {
        /// Who.
        by: String,
        /// Why.
        reason: String,
    },
}

/// A gate as the plan knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatePlan {
    /// The approvals that are needed.
    pub approvals: Vec<Quorum>,
    /// The windows: hours and time zone.
    pub windows: Vec<(String, Option<String>)>,
    /// How long the candidate must have been verified before, in milliseconds.
    pub soak: Option<i64>,
    /// How long an approval counts, in milliseconds.
    pub expires: Option<i64>,
    /// Whether older candidates keep their place.
    pub queue: bool,
    /// Whether a rollback needs no approval.
    pub free_rollback: bool,
}

/// So many people of that group.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quorum {
    /// How many.
    pub count: u32,
    /// Of which group; anyone where there is none.
    pub from: Option<String>,
    /// Whether someone may approve their own change.
    pub self_allowed: bool,
}

impl Plan {
    /// Whether there is nothing to do, now or at a gate.
    pub fn is_empty(&self) -> bool {
        let reachable = self.reachable();
        let waits = |(e, reachable): (&EnvironmentPlan, &bool)| {
            *reachable && matches!(e.verdict, Verdict::Enter | Verdict::Gate)
        };
        self.steps.iter().all(|s| s.is_reused() || self.is_barred(s))
            && !self.environments.iter().zip(&reachable).any(waits)
    }

    /// The releases of environments in which something would be done, as they are rendered there.
    fn changed(&self) -> impl Iterator<Item = (&str, &RenderedRelease)> {
        let moves = |name: &str| {
            self.environments.iter().any(|e| {
                let runs = |at: &u32| self.steps.get(*at as usize).is_some_and(|s| s.action != Action::Reuse);
                e.name == name && (!e.changes.is_empty() || e.steps.iter().any(runs))
            })
        };
        let moved = self.rendered.iter().filter(move |((environment, _), _)| moves(environment));
        moved.map(|((_, release), rendered)| (release.as_str(), rendered))
    }

    /// For each environment whether its candidate can come to it without somebody's word about another environment: none
    /// before it is held, or has refused that candidate.
    fn reachable(&self) -> Vec<bool> {
        let mut reachable: Vec<bool> = Vec::with_capacity(self.environments.len());
        for environment in &self.environments {
            let open = |e: &u32| {
                let before = self.environments.get(*e as usize);
                before.is_none_or(|b| b.candidate != environment.candidate)
                    || reachable.get(*e as usize).copied().unwrap_or(true)
                        && before
                            .is_some_and(|b| matches!(b.verdict, Verdict::UpToDate | Verdict::Enter | Verdict::Gate))
            };
            let all = environment.after.iter().all(open);
            reachable.push(all);
        }
        reachable
    }

    /// Whether a step belongs to an environment that may not be entered.
    fn is_barred(&self, step: &Step) -> bool {
        let environment = step.environment.and_then(|e| self.environments.get(e as usize));
        let reachable = step.environment.and_then(|e| self.reachable().get(e as usize).copied()).unwrap_or(true);
        environment.is_some_and(|e| !matches!(e.verdict, Verdict::Enter | Verdict::Gate)) || !reachable
    }

    /// The exact version of each source of the newest candidate, with what is known of it.
    pub fn heads(&self) -> BTreeMap<String, crate::ports::sources::Head> {
        let head = |s: &SourceLine| crate::ports::sources::Head { version: s.version.clone(), about: s.about.clone() };
        self.sources.iter().map(|s| (s.name.clone(), head(s))).collect()
    }

    /// The step of that id.
    pub fn step(&self, id: &str) -> Option<&Step> {
        self.steps.iter().find(|s| &*s.id == id)
    }

    /// The environments of which it cannot be told what would happen.
    pub fn unplanned(&self) -> impl Iterator<Item = &EnvironmentPlan> {
        self.environments.iter().filter(|e| matches!(e.verdict, Verdict::Unplanned { .. }))
    }

    /// The environment of that name.
    pub fn environment(&self, name: &str) -> Option<&EnvironmentPlan> {
        self.environments.iter().find(|e| e.name == name)
    }

    /// The newest candidate.
    pub fn candidate(&self) -> Option<&Candidate> {
        self.candidates.first()
    }

    fn seal(&mut self) {
        let mut hasher = Hasher::new("plan");
        hasher.field(&self.pipeline);
        for candidate in &self.candidates {
            hasher.digest(candidate.id);
        }
        for step in &self.steps {
            hasher.field(step.id.as_bytes()).field([step.action as u8]).digest(step.key.unwrap_or_default());
        }
        for environment in &self.environments {
            hasher.field(&environment.name).digest(environment.subplan.unwrap_or_default());
            if let Verdict::InHand { run } = &environment.verdict {
                hasher.field("in hand").field(run.to_le_bytes());
            }
            for (object, how) in &environment.drift {
                hasher.field(object).field(how);
            }
        }
        self.hash = hasher.finish();
    }
}
