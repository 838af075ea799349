//! Kinds: what a cluster calls them, and whether they live in namespaces.
//!
//! Only the API versions that are met are asked for, one small request each. Asking for everything at once
//! (`apidiscovery.k8s.io`) is silently answered with something else by servers before 1.26.

use super::client::{At, Cluster};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A kind as a cluster knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `deployments`.
    pub plural: String,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

/// What is known of a cluster's kinds, by API version.
#[derive(Debug, Default)]
pub struct Kinds(Mutex<BTreeMap<String, Arc<Vec<Resource>>>>);

impl Resource {
    /// A kind that every cluster has.
    pub fn known(api_version: &str, kind: &str, plural: &str, namespaced: bool) -> Resource {
        let text = str::to_string;
        Resource { api_version: text(api_version), kind: text(kind), plural: text(plural), namespaced }
    }

    /// Something that is no object.
    pub(super) fn unnamed(path: &str) -> Resource {
        Resource::known("", "", path, false)
    }

    /// The group: `apps`; empty for the core.
    pub fn group(&self) -> &str {
        self.api_version.split_once('/').map_or("", |(group, _)| group)
    }

    /// The kind's name among rights: `deployments.apps`.
    pub fn right(&self) -> String {
        match self.group() {
            "" => self.plural.clone(),
            group => format!("{}.{group}", self.plural),
        }
    }

    /// The path of its objects in a namespace, or everywhere.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let root = root(&self.api_version);
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{}", self.plural),
            None => format!("{root}/{}", self.plural),
        }
    }

    /// An object of this kind; the namespace counts only where the kind lives in them.
    pub fn at(&self, namespace: &str, name: &str) -> At {
        let namespace = self.namespaced.then(|| namespace.to_string());
        At { resource: self.clone(), namespace, name: name.to_string() }
    }
}

fn root(api_version: &str) -> String {
    if api_version.contains('/') { format!("/apis/{api_version}") } else { format!("/api/{api_version}") }
}

impl Cluster {
    /// The kind of that API version; nothing where the cluster does not know it.
    pub async fn kind(&self, api_version: &str, kind: &str) -> Result<Option<Resource>, PortError> {
        let kinds = self.kinds_of(api_version).await?;
        Ok(kinds.iter().find(|r| r.kind == kind).cloned())
    }

    /// The kind of that API version, or words for what the cluster knows instead.
    pub async fn needed_kind(&self, api_version: &str, kind: &str) -> Result<Resource, PortError> {
        let kinds = self.kinds_of(api_version).await?;
        if let Some(found) = kinds.iter().find(|r| r.kind == kind) {
            return Ok(found.clone());
        }
        let message = format!("cluster `{}` knows no `{kind}` of `{api_version}`", self.context);
        let near = crate::diag::did_you_mean(kind, kinds.iter().map(|r| r.kind.as_str()));
        let help = match near {
            Some(near) => format!("did you mean `{near}`?"),
            None if kinds.is_empty() => {
                format!("nothing serves `{api_version}` there: install what brings it, or render another version of it")
            }
            None => format!("`{api_version}` is served there without it"),
        };
        Err(PortError::new(Fault::NotFound, message).help(help))
    }

    /// Forgets what is known of an API version, because new kinds were made.
    pub fn forget_kinds(&self, api_version: &str) {
        self.kinds.0.lock().remove(api_version);
    }

    /// All kinds of an API version; none where the cluster does not serve it.
    pub async fn kinds_of(&self, api_version: &str) -> Result<Arc<Vec<Resource>>, PortError> {
        if let Some(known) = self.kinds.0.lock().get(api_version) {
            return Ok(known.clone());
        }
        let found = self.read(&root(api_version)).await?;
        let kinds = Arc::new(found.map(|list| read(api_version, &list)).unwrap_or_default());
        if !kinds.is_empty() {
            let mut known = self.kinds.0.lock();
            known.insert(api_version.to_string(), kinds.clone());
        }
        Ok(kinds)
    }
}

/// The kinds of a resource list, without their parts such as `deployments/scale`.
fn read(api_version: &str, list: &Value) -> Vec<Resource> {
    let text = |item: &Value, name: &str| item.get(name).and_then(Value::as_str).unwrap_or_default().to_string();
    let items = list.get("resources").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let resource = |item: &Value| {
        let plural = text(item, "name");
        (!plural.is_empty() && !plural.contains('/')).then(|| Resource {
            api_version: api_version.to_string(),
            kind: text(item, "kind"),
            plural,
            namespaced: item.get("namespaced").and_then(Value::as_bool).unwrap_or(false),
        })
    };
    items.iter().filter_map(resource).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn parts_of_kinds_are_no_kinds() {
        let list = json!({"resources": [
            {"name": "deployments", "kind": "Deployment", "namespaced": true},
            {"name": "deployments/scale", "kind": "Scale", "namespaced": true},
        ]});
        let kinds = read("apps/v1", &list);
        assert_eq!(kinds, [Resource::known("apps/v1", "Deployment", "deployments", true)]);
        assert_eq!(kinds[0].path(Some("shop")), "/apis/apps/v1/namespaces/shop/deployments");
        assert_eq!(kinds[0].right(), "deployments.apps");
    }

    #[test]
    fn what_belongs_to_the_cluster_has_no_namespace() {
        let kind = Resource::known("v1", "Namespace", "namespaces", false);
        assert_eq!(kind.at("shop", "dev").namespace, None);
        assert_eq!(kind.path(Some("shop")), "/api/v1/namespaces");
    }
}
