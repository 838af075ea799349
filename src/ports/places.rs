//! Places that are deployed to: folders and namespaces of clusters.

use super::PortError;
use super::bundle::Bundle;
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

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
    },
}

impl Target {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        match self {
            Target::Folder { namespace, .. } | Target::Cluster { namespace, .. } => namespace,
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Target::Folder { path, .. } => write!(f, "folder {}", path.display()),
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

/// A deploy.
#[derive(Clone, Debug)]
pub struct Deployment<'a> {
    /// The place.
    pub target: &'a Target,
    /// The rendered objects; none where the release is to go.
    pub bundle: &'a Bundle,
    /// What names the bundle.
    pub digest: Digest,
    /// The candidate's id.
    pub candidate: Digest,
    /// The candidate's short name.
    pub candidate_name: &'a str,
}

/// The window to places of one kind. Calls block.
pub trait Places: Send + Sync {
    /// What is there. `bundle` is what was deployed last, where that is still known.
    fn look(&self, target: &Target, release: &str, bundle: Option<&Bundle>) -> Result<Seen, PortError>;

    /// Brings the place to the bundle. Where it has it already, no byte changes.
    fn deploy(&self, deployment: &Deployment<'_>) -> Result<(), PortError>;
}
