//! Sources: what is watched, and the exact versions seen there.

use super::{PortError, files::Files};
use crate::digest::Digest;
pub use crate::model::source::Newest;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Where a source is and which of its versions count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Origin {
    /// A branch of a git repository.
    Git {
        /// A URL (`https:`, `ssh:`, `file:`, `user@host:path`) or an absolute path.
        url: String,
        /// The branch.
        branch: String,
    },
    /// A folder of this machine; ignores like git does.
    Folder {
        /// The absolute path.
        path: PathBuf,
    },
    /// An image in a registry or in an OCI layout folder.
    Image {
        /// The repository with its registry, or the absolute path of the layout.
        repository: String,
        /// Whether `repository` is a path of an OCI layout.
        layout: bool,
        /// The tag, a glob over tags, or a version range.
        tag: String,
        /// By what the newest of several tags is found.
        newest: Newest,
        /// Whether the registry is spoken with unencrypted.
        plain: bool,
    },
    /// A chart: in a Helm repository, in an OCI registry, or a folder or archive of this machine.
    Chart {
        /// The chart's name, or the absolute path of a folder or `.tgz`.
        name: String,
        /// The URL of the repository (`https:` or `oci:`); nothing for a path.
        repository: Option<String>,
        /// The range of versions that count, as Masterminds/semver writes it.
        version: Option<String>,
    },
    /// Whatever is sent to us under this name.
    Webhook {
        /// The name of the source.
        name: String,
    },
}

/// One exact state of a source.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Version {
    /// What names the state for ever: a commit (40 hexadecimal digits), a digest (`sha256:…`).
    pub id: String,
    /// The tag or chart version under which it was found; for people, and for `{base.tag}`. Not part of identity
    /// but where the name itself is deployed.
    pub name: Option<String>,
    /// What of the state counts: with path filters, the digest of the files that pass; otherwise that of the id.
    pub content: Digest,
}

/// What is known of a version besides: who made it, when, and why.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct About {
    /// The author's name and address as `Name <address>`.
    pub author: Option<String>,
    /// The committer's.
    pub committer: Option<String>,
    /// The first line of the message.
    pub subject: Option<String>,
    /// When it was made, in seconds since 1970.
    pub time: Option<i64>,
    /// Everyone who authored or committed something between the version asked about as `since` and this one.
    pub people: Vec<String>,
    /// Something the user should hear: the branch was rewritten, the baseline is new.
    pub note: Option<String>,
}

/// The head of a source: its newest version, and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Head {
    /// The version.
    pub version: Version,
    /// What is known of it.
    pub about: About,
}

/// A question for the head of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadQuery {
    /// Where to look.
    pub origin: Origin,
    /// Globs that select the files that count; empty: all.
    pub paths: Vec<String>,
    /// Globs of files that do not count.
    pub ignore: Vec<String>,
    /// The version that counted last. When the files that count are the same in the head, the answer is this version
    /// again; when it is no ancestor of the head, the answer's `note` says that the branch was rewritten.
    pub last: Option<Version>,
    /// Names of the secrets' values to use, already resolved: user name and password or token.
    pub credentials: Option<Credentials>,
}

/// A user name and a password or token.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name; may be empty for tokens.
    pub username: String,
    /// The password or token.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, …)", self.username)
    }
}

/// The window to all sources. Calls block; the engine makes them on threads of their own.
pub trait Sources: Send + Sync {
    /// The newest version that counts. A remote is asked for its heads first, and for nothing else when none moved.
    fn head(&self, query: &HeadQuery) -> Result<Head, PortError>;

    /// The files of one exact version. [`Fault::Moved`](super::Fault::Moved) when a folder is no longer as it was,
    /// [`Fault::NotFound`](super::Fault::NotFound) when a commit disappeared.
    fn open(&self, query: &HeadQuery, version: &Version) -> Result<Arc<dyn Files>, PortError>;

    /// Takes in what was sent under the name of a source of the kind webhook: it is the head from then on, and survives a loss
    /// of power when this returns.
    fn receive(&self, name: &str, files: &dyn Files) -> Result<Version, PortError> {
        let _ = files;
        Err(PortError::new(super::Fault::Unavailable, format!("nothing here takes in what is sent to `{name}`")))
    }

    /// Sees to it that a version can be had again, where what it is of moves on: a folder, a chart beside the file.
    fn keep(&self, query: &HeadQuery, version: &Version) -> Result<(), PortError> {
        let _ = (query, version);
        Ok(())
    }
}

/// Heads by the names of their sources.
pub type Heads = BTreeMap<String, Head>;
