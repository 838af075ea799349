//! Secrets: values that are used and never shown.

use super::PortError;
use secrecy::SecretString;
use std::path::PathBuf;

/// Where a secret's value is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A variable of our environment.
    Env(String),
    /// A file; its last line end does not count.
    File(PathBuf),
    /// What a program prints; the last line end does not count.
    Command(Vec<String>),
    /// A key of a Secret object in a cluster.
    Kubernetes {
        /// The context of the kubeconfig.
        context: String,
        /// The namespace.
        namespace: String,
        /// The object.
        name: String,
        /// The key in it.
        key: String,
    },
}

/// The window to secrets.
pub trait Secrets: Send + Sync {
    /// The value. An empty one is an error: it is never what was meant.
    fn get(&self, origin: &Origin) -> Result<SecretString, PortError>;
}
