//! What charts may ask of a cluster: its version, what it serves, and its objects.

use super::client::Cluster;
use super::survey::AT_ONCE;
use crate::ports::PortError;
use crate::ports::places::{Facts, Sought};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What a cluster is and serves. Each group version is asked for its kinds only where `kinds` says so.
pub(super) async fn facts(cluster: &Cluster, kinds: bool) -> Result<Facts, PortError> {
    let (version, core, groups) =
        tokio::try_join!(cluster.read("/version"), cluster.read("/api"), cluster.read("/apis"))?;
    let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).unwrap_or_default().to_string();
    let list = |value: &Option<Value>, name: &str| {
        value.as_ref().and_then(|v| v.get(name)).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let core = list(&core, "versions");
    let mut served: BTreeSet<String> = core.iter().filter_map(Value::as_str).map(str::to_string).collect();
    for group in list(&groups, "groups") {
        let versions = list(&Some(group), "versions");
        served.extend(versions.iter().map(|version| text(version, "/groupVersion")));
    }
    if kinds {
        let of = |version: String| async move {
            let kinds = cluster.kinds_of(&version).await?;
            Ok::<_, PortError>(kinds.iter().map(|kind| format!("{version}/{}", kind.kind)).collect::<Vec<_>>())
        };
        let all: Vec<Vec<String>> =
            stream::iter(served.clone()).map(of).buffer_unordered(AT_ONCE).try_collect().await?;
        served.extend(all.into_iter().flatten());
    }
    let version = version.map(|v| text(&v, "/gitVersion")).unwrap_or_default();
    Ok(Facts { version, api_versions: served.into_iter().collect() })
}

/// What a chart looks up. A kind that the cluster does not know has no objects.
pub(super) async fn find(cluster: &Cluster, sought: &Sought) -> Result<Option<Value>, PortError> {
    let Some(resource) = cluster.kind(&sought.api_version, &sought.kind).await? else { return Ok(None) };
    if !sought.name.is_empty() {
        return cluster.get(&resource.at(&sought.namespace, &sought.name)).await;
    }
    let namespace = Some(sought.namespace.as_str()).filter(|n| !n.is_empty());
    let items = cluster.list(&resource, namespace, "").await?;
    Ok(Some(json!({"apiVersion": sought.api_version, "kind": format!("{}List", sought.kind), "items": items})))
}
