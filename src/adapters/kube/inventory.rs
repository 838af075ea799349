//! The inventory of a release: what of it is in the cluster, and what was deployed last. Kept in the cluster itself, as the
//! ConfigMap `lockgate.RELEASE` of the namespace, so that it can be asked after a crash and from another machine.
//!
//! Before a deploy changes anything it says so here, with everything that it may make; so whatever is cut off, nothing is
//! lost sight of.

use super::client::{Applying, At, Cluster};
use super::kinds::Resource;
use super::owner::{Home, RELEASE};
use crate::digest::Digest;
use crate::ports::places::Deployment;
use crate::ports::{Fault, PortError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The version of the inventory.
const VERSION: u32 = 1;

/// What a cluster has of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Inventory {
    /// The version of this form.
    pub version: u32,
    /// The release's name.
    pub release: String,
    /// The chart's name and version.
    pub chart: String,
    /// The bundle that was deployed to its end last; nothing where none was.
    pub bundle: Option<Digest>,
    /// The key of the deploy.
    pub key: Digest,
    /// The candidate's id.
    pub candidate: Digest,
    /// The candidate's short name.
    pub candidate_name: String,
    /// A deploy that has begun and not come to its end: its bundle.
    pub unfinished: Option<Digest>,
    /// Everything that is there, or may be.
    pub objects: Vec<Entry>,
}

/// An object that is there, or may be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// What the plan calls it.
    pub id: String,
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// Its namespace; nothing for what belongs to the whole cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Inventory {
    /// The inventory of a deploy that is to come to its end.
    pub(super) fn of(deployment: &Deployment<'_>, objects: Vec<Entry>) -> Inventory {
        Inventory {
            version: VERSION,
            release: deployment.bundle.release.clone(),
            chart: deployment.bundle.chart.clone(),
            bundle: Some(deployment.digest),
            key: deployment.key,
            candidate: deployment.candidate,
            candidate_name: deployment.candidate_name.to_string(),
            unfinished: None,
            objects,
        }
    }
}

fn place(home: &Home) -> At {
    Resource::known("v1", "ConfigMap", "configmaps", true).at(&home.namespace, &format!("lockgate.{}", home.release))
}

/// The inventory of a release; nothing where there is none.
pub(super) async fn read(cluster: &Cluster, home: &Home) -> Result<Option<Inventory>, PortError> {
    let Some(map) = cluster.get(&place(home)).await? else { return Ok(None) };
    let name = format!("ConfigMap/lockgate.{} in namespace {}", home.release, home.namespace);
    let damaged = |why: String| {
        PortError::new(Fault::Invalid, format!("{name} is not as Lockgate wrote it: {why}"))
            .help("it says which objects are Lockgate's; bring it back, or delete it and deploy with `adopt=#true`")
    };
    let text = map.pointer("/data/inventory").and_then(Value::as_str).ok_or_else(|| damaged("it is empty".into()))?;
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let Version { version } = serde_json::from_str(text).map_err(|e| damaged(e.to_string()))?;
    if version > VERSION {
        let message = format!("{name} has version {version}, and this Lockgate knows up to {VERSION}");
        return Err(PortError::new(Fault::Invalid, message).help("a newer Lockgate has deployed there; use that one"));
    }
    serde_json::from_str(text).map(Some).map_err(|e| damaged(e.to_string()))
}

/// Writes the inventory of a release.
pub(super) async fn write(cluster: &Cluster, home: &Home, inventory: &Inventory) -> Result<(), PortError> {
    let at = place(home);
    let text = serde_json::to_string(inventory).unwrap_or_default();
    let body = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": at.name, "labels": {(RELEASE): home.release}},
        "data": {"inventory": text},
    });
    cluster.apply(&at, &body, Applying { force: true, rehearse: false }).await?;
    Ok(())
}

/// Drops the inventory of a release that is gone.
pub(super) async fn drop(cluster: &Cluster, home: &Home) -> Result<(), PortError> {
    cluster.delete(&place(home), None).await.map(|_| ())
}
