//! What a step does, as data: nothing in it is looked up any more, but for unknowns and secrets.

use super::Text;
use super::observed::ImageQuery;
use crate::digest::Digest;
use crate::model::OnUnknown;
pub use crate::ports::places::Target as TargetPlan;
use crate::ports::sources::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What kind of effect a step has; decides what happens after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Changes nothing: done again.
    Read,
    /// Its result is named by its content: asked for, then done again.
    ContentAddressed,
    /// Changes something from one known state to another: asked for, done again only if it is not done.
    CompareAndSet,
    /// A program of somebody's: never silently done again.
    Opaque,
}

/// What a step does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "do")]
pub enum Work {
    /// Nothing.
    #[default]
    None,
    /// Runs a program.
    Exec(Exec),
    /// Makes an image and keeps it in the store.
    Build(BuildWork),
    /// Sends an image from the store to where it is wanted.
    Push(PushWork),
    /// Brings an environment to rendered objects.
    Deploy(DeployWork),
    /// Asks a URL until it answers as wanted.
    Http(HttpWork),
    /// Runs the tests that charts bring, where they were deployed.
    HelmTest(HelmTestWork),
}

/// A program that is run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The program and its arguments.
    pub argv: Vec<Text>,
    /// Where it runs.
    pub dir: Dir,
    /// Variables of its environment, besides those that every program gets.
    pub env: Vec<(String, Text)>,
    /// The files and lines that it tells.
    pub outputs: Vec<Told>,
    /// How long it may take, in milliseconds.
    pub timeout: u64,
    /// How often it is tried again.
    pub retries: u32,
    /// What happens when it is unknown whether it ran.
    pub on_unknown: OnUnknown,
    /// The container image to run in; a process of this machine without one.
    pub image: Option<Text>,
    /// What an image that we made was made on top of, as its Dockerfile says it: layers may have to come from there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bases: Vec<(String, Digest)>,
    /// The cluster to run in as a Job.
    pub cluster: Option<String>,
    /// The namespace of that cluster; nothing: the one of its context.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Arc<str>>,
    /// The secret of the pipeline with which its image is pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_secret: Option<Arc<str>>,
}

impl Exec {
    /// Whether preparing is so little that it need not be done on a thread of its own: no files are written, and no secret is
    /// asked for, which may be far away.
    pub fn is_light(&self) -> bool {
        let mut texts = self.argv.iter().chain(self.env.iter().map(|(_, text)| text));
        matches!(self.dir, Dir::Place { .. } | Dir::Empty) && texts.all(|text| text.secrets().next().is_none())
    }
}

/// Where a program runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "in")]
pub enum Dir {
    /// In a folder of this machine.
    Place {
        /// The absolute path.
        path: PathBuf,
    },
    /// In the files of a version, written to a folder of its own.
    Files {
        /// The source.
        source: String,
        /// The version.
        version: Version,
        /// The folder in the source that counts; empty: all.
        only: String,
        /// The folder in which the program starts, relative to the root.
        start: String,
    },
    /// In an empty folder.
    Empty,
}

/// An output of a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The field.
    pub name: String,
    /// The file, relative to the working folder; a line without one.
    pub path: Option<String>,
}

/// Making an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuildWork {
    /// The source of the context.
    pub source: String,
    /// Its version.
    pub version: Version,
    /// The folder of the context in the source.
    pub folder: String,
    /// The Dockerfile's path in the context, if it is not `Dockerfile`.
    pub dockerfile: Option<String>,
    /// The stage.
    pub target: Option<String>,
    /// The platform.
    pub platform: String,
    /// Build arguments.
    pub args: BTreeMap<String, Text>,
    /// Labels.
    pub labels: BTreeMap<String, Text>,
    /// Base images as the Dockerfile names them, with their digests.
    pub bases: Vec<(String, Digest)>,
    /// What makes it.
    pub builder: crate::model::Builder,
    /// Secrets that instructions may mount: the id by which they ask, and the name of the secret.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<(String, String)>,
    /// Whether an engine may use nothing of what it did before.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub fresh: bool,
    /// How long an engine may take, in milliseconds.
    #[serde(default)]
    pub timeout: u64,
    /// The digest that it will have, where that can be told.
    pub digest: Option<Digest>,
}

impl BuildWork {
    /// The question for the image, if all its arguments are known.
    pub fn query(&self) -> Option<ImageQuery> {
        let known = |texts: &BTreeMap<String, Text>| -> Option<BTreeMap<String, String>> {
            texts.iter().map(|(k, t)| Some((k.clone(), t.as_known()?))).collect()
        };
        Some(ImageQuery {
            source: self.source.clone(),
            version: self.version.clone(),
            folder: self.folder.clone(),
            dockerfile: self.dockerfile.clone(),
            target: self.target.clone(),
            platform: self.platform.clone(),
            engine: self.builder == crate::model::Builder::Docker,
            args: known(&self.args)?,
            labels: known(&self.labels)?,
        })
    }
}

/// Sending an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushWork {
    /// The image's digest.
    pub digest: Text,
    /// The repository, or the absolute path of an OCI layout.
    pub repository: String,
    /// Whether it is a layout.
    pub layout: bool,
    /// The tag.
    pub tag: Text,
    /// What happens where the tag names another image.
    pub taken: Taken,
    /// Base images as the Dockerfile names them, with their digests: where layers that are not in the store come from.
    pub bases: Vec<(String, Digest)>,
}

/// What happens where the tag of a push names another image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Taken {
    /// It moves: the file gave the image a tag that stays the same.
    Move,
    /// It stays, and so does what runs under it: the image gets a tag of its own, as [`own_tag`] makes it.
    Stay,
    /// It was free when the plan was made, and others go by it: nothing is pushed.
    Refuse,
}

/// The tag of an image whose tag names another one.
pub fn own_tag(tag: &str, digest: Digest) -> String {
    let short: String = digest.hex().chars().take(12).collect();
    // A registry takes 128 characters.
    let room: String = tag.chars().take(128 - 13).collect();
    format!("{room}-{short}")
}

/// Bringing an environment to rendered objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployWork {
    /// The environment.
    pub environment: String,
    /// The release.
    pub release: String,
    /// The name of the release there.
    pub name: String,
    /// The place.
    pub target: TargetPlan,
    /// The rendered objects; nothing while unknown.
    pub bundle: Option<Digest>,
    /// The candidate.
    pub candidate: Digest,
    /// How long it may take, in milliseconds.
    pub timeout: u64,
}

/// Asking a URL.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpWork {
    /// The URL.
    pub url: Text,
    /// The status that is success.
    pub status: u16,
    /// What must stand in the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<Text>,
    /// How long it is tried, in milliseconds.
    pub timeout: u64,
}

/// Running the tests that charts bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HelmTestWork {
    /// The environment.
    pub environment: String,
    /// The place.
    pub target: TargetPlan,
    /// What is tested, one after the other.
    pub releases: Vec<Tested>,
    /// How long it may take, in milliseconds.
    pub timeout: u64,
}

/// A release whose tests are run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// The release.
    pub release: String,
    /// The rendered objects, the tests among them; nothing while unknown.
    pub bundle: Option<Digest>,
}

/// A time in milliseconds.
pub(super) fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// The path without `.` and `..` in it, as far as the text alone tells.
pub fn clean(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
