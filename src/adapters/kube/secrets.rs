//! Secrets of clusters, beside those of this machine.
//!
//! What is in the object is never told, not even which other keys it has: only the key that was asked for is named.

use super::Clusters;
use super::kinds::Resource;
use crate::adapters::secrets::{LocalSecrets, value};
use crate::ports::secrets::{Origin, Secrets};
use crate::ports::{Fault, PortError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use serde_json::Value;
use std::sync::Arc;

/// Secrets of this machine and of clusters.
pub struct AllSecrets {
    local: LocalSecrets,
    clusters: Arc<Clusters>,
}

impl AllSecrets {
    /// Those of this machine, and those of these clusters.
    pub fn new(clusters: Arc<Clusters>) -> AllSecrets {
        AllSecrets { local: LocalSecrets, clusters }
    }
}

impl Secrets for AllSecrets {
    fn get(&self, origin: &Origin) -> Result<SecretString, PortError> {
        let Origin::Kubernetes { context, namespace, name, key } = origin else { return self.local.get(origin) };
        let cluster = self.clusters.cluster(context)?;
        let at = Resource::known("v1", "Secret", "secrets", true).at(namespace, name);
        let there = self.clusters.wait(cluster.get(&at))?;
        let what = format!("Secret `{name}` in namespace `{namespace}` of cluster `{context}`");
        let missing = |message: String| PortError::new(Fault::NotFound, message);
        let object = there.ok_or_else(|| missing(format!("there is no {what}")))?;
        let data = object.get("data").and_then(|data| data.get(key)).and_then(Value::as_str);
        let data = data.ok_or_else(|| missing(format!("the {what} has no key `{key}`")))?;
        let of = format!("key `{key}` of the {what}");
        // The error would carry the bytes, so it is dropped.
        let bytes = STANDARD.decode(data).map_err(|_| PortError::new(Fault::Invalid, format!("{of} is no base64")))?;
        value(bytes, &of)
    }
}
