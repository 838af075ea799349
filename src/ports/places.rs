//! Places that are deployed to: folders, branches of git repositories, and namespaces of clusters.

use super::bundle::Bundle;
use super::sources::Credentials;
use super::{Fault, PortError};
use crate::digest::Digest;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// A place that is deployed to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Target {
    /// A folder of this machine.
    Folder {
        /// The absolute path.
        path: PathBuf,
        /// The namespace that is rendered for.
        namespace: String,
    },
    /// A folder of a branch of a git repository.
    Branch {
        /// The URL, or the absolute path of a repository of this machine.
        repository: String,
        /// The branch.
        branch: String,
        /// The folder in it, without `.` and without `/` at its ends; empty for the root.
        folder: String,
        /// The namespace that is rendered for.
        namespace: String,
        /// The secret with which it is pushed to.
        credentials: Option<String>,
        /// Whether rendered Secrets may stand there as they are.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        plain_secrets: bool,
        /// Who the commits are by: `Name <address>`; Lockgate unless said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        author: Option<String>,
    },
    /// A namespace of a cluster.
    Cluster {
        /// The context of the kubeconfig.
        context: String,
        /// The namespace.
        namespace: String,
        /// Whether the namespace is made.
        create_namespace: bool,
        /// The secret with which images are pulled.
        pull_secret: Option<String>,
        /// Whether objects and fields that others made are taken over.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        adopt: bool,
    },
}

impl Target {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        match self {
            Target::Folder { namespace, .. } | Target::Branch { namespace, .. } | Target::Cluster { namespace, .. } => {
                namespace
            }
        }
    }

    /// Whether the place itself tells what a deploy would change there; a folder of this machine takes what it is given.
    pub fn rehearses(&self) -> bool {
        !matches!(self, Target::Folder { .. })
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Folder { path, .. } => write!(f, "folder {}", path.display()),
            Target::Branch { repository, branch, folder, .. } => {
                write!(f, "branch {branch} of {repository}")?;
                if folder.is_empty() { Ok(()) } else { write!(f, ", folder {folder}") }
            }
            Target::Cluster { context, namespace, .. } => write!(f, "cluster {context}/{namespace}"),
        }
    }
}

/// What is where a release is deployed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The digest of the bundle that the place says it has; nothing when it has none of ours.
    pub bundle: Option<Digest>,
    /// Objects that are not as they were deployed, with words for how.
    pub drift: Vec<(String, String)>,
}

/// What a deploy would do, told by the place itself: with what it fills in and what it refuses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rehearsal {
    /// The digest of the bundle that the place says it has; nothing when it has none of ours.
    pub bundle: Option<Digest>,
    /// The objects in the order in which they are deployed; what goes stands last.
    pub objects: Vec<Rehearsed>,
}

/// What would become of an object. What nobody wants to compare is left out of both sides, and what a secret holds is
/// replaced by marks that differ where it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Rehearsed {
    /// The object: `Deployment/web`.
    pub object: String,
    /// As it is; nothing where it is not there.
    pub before: Option<Value>,
    /// As it would be; nothing where it would go.
    pub after: Option<Value>,
}

impl Rehearsed {
    /// What names the object as it is: it changes when somebody changes the object.
    pub fn stamp(&self) -> Option<Digest> {
        self.before.as_ref().map(|value| Digest::of(value.to_string()))
    }
}

/// What a place that fills nothing in and refuses nothing would tell of going from one bundle to another.
pub fn plainly(before: Option<&Bundle>, after: &Bundle) -> Vec<Rehearsed> {
    let body = |object: &super::bundle::Object| Some(object.body.clone());
    let of = |object: &super::bundle::Object| Rehearsed {
        object: object.id(),
        before: before.and_then(|b| b.get(&object.id())).and_then(body),
        after: body(object),
    };
    let gone = before.into_iter().flat_map(|b| &b.objects).filter(|o| after.get(&o.id()).is_none());
    let gone = gone.map(|object| Rehearsed { object: object.id(), before: body(object), after: None });
    after.objects.iter().map(of).chain(gone).collect()
}

/// A deploy.
#[derive(Clone, Debug)]
pub struct Deployment<'a> {
    /// The place.
    pub target: &'a Target,
    /// Who deploys, for places that keep a history.
    pub told: Told<'a>,
    /// The rendered objects; none where the release is to go.
    pub bundle: &'a Bundle,
    /// What was deployed there last, where that is known.
    pub before: Option<&'a Bundle>,
    /// What names the bundle.
    pub digest: Digest,
    /// What names the deploy: with another one, what runs at a deploy runs again, even if the bundle is the same.
    pub key: Digest,
    /// The candidate's id.
    pub candidate: Digest,
    /// The candidate's short name.
    pub candidate_name: &'a str,
    /// How long it may take.
    pub timeout: Duration,
    /// With what the place is to fetch images, where it is told.
    pub pull: Option<&'a Pull>,
    /// Where its log goes; nowhere without one.
    pub log: Option<&'a Path>,
    /// Set by somebody who wants it to stop.
    pub stop: &'a AtomicBool,
}

/// What a place that keeps a history is told of a deploy.
#[derive(Clone, Copy, Debug, Default)]
pub struct Told<'a> {
    /// The pipeline.
    pub pipeline: &'a str,
    /// The environment.
    pub environment: &'a str,
    /// The number of the run; nothing outside of one.
    pub run: Option<u64>,
}

/// Running the tests that charts bring.
#[derive(Clone, Debug)]
pub struct Testing<'a> {
    /// The place.
    pub target: &'a Target,
    /// What is deployed there and tested, in this order.
    pub bundles: &'a [Arc<Bundle>],
    /// What names this run of the tests: the same after a crash, another for the next one.
    pub key: Digest,
    /// How long they may take together.
    pub timeout: Duration,
    /// With what the place fetches images, where it was told.
    pub pull: Option<&'a Pull>,
    /// Where the log goes; nowhere without one.
    pub log: Option<&'a Path>,
    /// Set by somebody who wants it to stop.
    pub stop: &'a AtomicBool,
}

/// Nobody stops what looks here.
pub static GO_ON: AtomicBool = AtomicBool::new(false);

impl<'a> Deployment<'a> {
    /// A deploy of a bundle for no candidate in particular, with ten minutes of time and without a log.
    pub fn of(target: &'a Target, bundle: &'a Bundle) -> Deployment<'a> {
        let digest = bundle.digest();
        Deployment {
            target,
            told: Told::default(),
            bundle,
            before: None,
            digest,
            key: digest,
            candidate: Digest::default(),
            candidate_name: "",
            timeout: Duration::from_secs(600),
            pull: None,
            log: None,
            stop: &GO_ON,
        }
    }
}

/// What charts may ask of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The version of Kubernetes: `v1.33.2`.
    pub version: String,
    /// What it serves: `apps/v1`, and where kinds were asked for `apps/v1/Deployment`; in order.
    pub api_versions: Vec<String>,
}

/// An object, or all of a kind, that a chart looks up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sought {
    /// `v1`.
    pub api_version: String,
    /// `Secret`.
    pub kind: String,
    /// The namespace; empty for all, and for objects without one.
    pub namespace: String,
    /// The name; empty for all.
    pub name: String,
}

/// With what images are fetched.
#[derive(Clone, Debug)]
pub struct Pull {
    /// The name of the pipeline's secret.
    pub name: String,
    /// Its value: the JSON of a Docker configuration, or `user:password`.
    pub value: SecretString,
    /// The registries that `user:password` is for.
    pub registries: Vec<String>,
}

/// How a deploy ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Whether it is done, or why not.
    pub result: Result<(), PortError>,
    /// The length and the digest of its log, where it has written one.
    pub log: Option<(u64, Digest)>,
}

impl From<Result<(), PortError>> for Ended {
    fn from(result: Result<(), PortError>) -> Ended {
        Ended { result, log: None }
    }
}

/// The window to places of one kind. Calls block.
pub trait Places: Send + Sync {
    /// What is there. `bundle` is what was deployed last, where that is still known.
    fn look(&self, target: &Target, release: &str, bundle: Option<&Bundle>) -> Result<Seen, PortError>;

    /// What deploying the bundle would change. Changes nothing. Texts in it that stand for what is not known yet are
    /// `unknowns`; where they make the place refuse an object, that object is compared as far as it is known.
    /// Places that fill nothing in and refuse nothing need not: there the plan compares bundles.
    fn rehearse(&self, target: &Target, bundle: &Bundle, unknowns: &[String]) -> Result<Rehearsal, PortError> {
        let _ = (bundle, unknowns);
        Err(PortError::new(Fault::Invalid, format!("{target} takes what it is given, and does not rehearse")))
    }

    /// What charts may ask of it; with the kinds of each API version where `kinds` says so. Nothing where there is no
    /// cluster that could be asked.
    fn facts(&self, target: &Target, kinds: bool) -> Result<Option<Facts>, PortError> {
        let _ = (target, kinds);
        Ok(None)
    }

    /// The objects that a chart looks up: one object, a list with its items, or nothing where nothing is there.
    fn find(&self, target: &Target, sought: &Sought) -> Result<Option<Value>, PortError> {
        let _ = (target, sought);
        Ok(None)
    }

    /// Brings the place to the bundle. Where it has it already, nothing is written.
    fn deploy(&self, deployment: &Deployment<'_>) -> Ended;

    /// Runs the tests that charts bring, one after the other, and ends with the first that fails. One that was begun with
    /// the same key is taken over.
    fn test(&self, testing: &Testing<'_>) -> Ended {
        let message = format!("{} is no cluster, in which tests of a chart could run", testing.target);
        Err(PortError::new(Fault::Invalid, message)).into()
    }
}

/// The window to places that let in only who shows the right credentials.
pub trait Guarded: Send + Sync {
    /// The same places for whoever has these; nothing is asked yet.
    fn shown(&self, credentials: Option<Credentials>) -> Arc<dyn Places>;
}
