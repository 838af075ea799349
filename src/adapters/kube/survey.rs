//! Looking around before anything is changed: what is there, whose it is, and what applying would make of it.

use super::adopt;
use super::client::{Applying, At, Cluster, MANAGER};
use super::compare::{clean, is_applied};
use super::fault::Refusal;
use super::inventory::{Entry, Inventory};
use super::owner::{self, Home, Owner};
use super::releases::Release;
use super::wanted::Wanted;
use crate::ports::{Fault, PortError};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many requests are under way at once.
pub const AT_ONCE: usize = 8;

/// What is kept when it is no longer rendered, because with it goes what somebody may still need.
const HOLDS_DATA: [&str; 4] = ["Namespace", "PersistentVolumeClaim", "PersistentVolume", "CustomResourceDefinition"];

/// A wanted object and what is there.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// What is wanted.
    pub wanted: Wanted,
    /// Where; nothing while its kind is only about to be defined.
    pub at: Option<At>,
    /// What is there.
    pub live: Option<Value>,
}

/// What would become of an object.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It is as it is wanted.
    Stays,
    /// It is there in another form: as it would be.
    Changes(Value),
    /// It is not there.
    Comes,
    /// It is left alone, with the reason.
    Left(String),
}

/// What is there and no longer wanted.
#[derive(Clone, Debug)]
pub enum Obsolete {
    /// It goes: where, what it is called, and as it is.
    Goes(At, String, Value),
    /// It is kept: what it is called, and why.
    Kept(String, String),
}

impl Surveyed {
    /// The entry of the object in the inventory.
    pub fn entry(&self) -> Entry {
        let namespace = self.at.as_ref().map_or(self.wanted.namespace.clone(), |at| at.namespace.clone());
        let Wanted { id, api_version, kind, name, .. } = self.wanted.clone();
        Entry { id, api_version, kind, namespace, name }
    }
}

/// Finds all wanted objects.
pub async fn survey(cluster: &Cluster, home: &Home, wanted: Vec<Wanted>) -> Result<Vec<Surveyed>, PortError> {
    let versions: BTreeSet<String> = wanted.iter().map(|w| w.api_version.clone()).collect();
    stream::iter(versions)
        .map(|version| async move { cluster.kinds_of(&version).await.map(|_| ()) })
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let coming = defined(&wanted);
    let mut places = Vec::with_capacity(wanted.len());
    for mut wanted in wanted {
        let at = match cluster.needed_kind(&wanted.api_version, &wanted.kind).await {
            Ok(resource) => Some(resource.at(wanted.namespace.as_deref().unwrap_or(&home.namespace), &wanted.name)),
            Err(_) if coming.contains(&(wanted.api_version.clone(), wanted.kind.clone())) => None,
            Err(error) if error.fault == Fault::NotFound => {
                let message = format!("{}: {}", wanted.id, error.message);
                return Err(PortError { message, ..error });
            }
            Err(error) => return Err(error),
        };
        if at.as_ref().is_some_and(|at| at.namespace.is_none()) {
            unplace(&mut wanted);
        }
        places.push((wanted, at));
    }
    let find = |(wanted, at): (Wanted, Option<At>)| async move {
        let live = match &at {
            Some(at) => cluster.get(at).await?,
            None => None,
        };
        Ok(Surveyed { wanted, at, live })
    };
    stream::iter(places).map(find).buffered(AT_ONCE).try_collect().await
}

/// The kinds that are defined by the objects themselves.
fn defined(wanted: &[Wanted]) -> BTreeSet<(String, String)> {
    let mut kinds = BTreeSet::new();
    for definition in wanted.iter().filter(|w| w.kind == "CustomResourceDefinition") {
        let text = |path: &str| definition.body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let versions = definition.body.pointer("/spec/versions").and_then(Value::as_array);
        let names = versions.into_iter().flatten().filter_map(|v| v.get("name")?.as_str());
        for version in names.chain(Some(text("/spec/version")).filter(|v| !v.is_empty())) {
            kinds.insert((format!("{}/{version}", text("/spec/group")), text("/spec/names/kind").to_string()));
        }
    }
    kinds
}

/// What belongs to the whole cluster has no namespace, whatever a template says.
fn unplace(wanted: &mut Wanted) {
    if let Some(metadata) = wanted.body.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.remove("namespace");
    }
}

/// What applying would make of an object. `ready` says whether its namespace is there, so that the cluster can be asked.
pub async fn fate(cluster: &Cluster, home: &Home, adopt: bool, ready: bool, one: &Surveyed) -> Result<Fate, PortError> {
    let Some(live) = &one.live else {
        if ready && let Some(at) = &one.at {
            cluster.apply(at, &one.wanted.body, Applying { force: false, rehearse: true }).await?;
        }
        return Ok(Fate::Comes);
    };
    let ours = owner::owner(live, home) == Owner::Us;
    if one.wanted.shared && !ours {
        return Ok(Fate::Left("it is there already, and definitions of `crds/` are shared".to_string()));
    }
    if one.wanted.kind != "Namespace" {
        owner::may_touch(live, home, adopt, &one.wanted.id)?;
    }
    let Some(at) = one.at.as_ref().filter(|_| !is_applied(&one.wanted, live)) else { return Ok(Fate::Stays) };
    let (would, _) = apply(cluster, home, at, &one.wanted.body, Some(live), adopt, true).await?;
    Ok(if same(live, &would) { Fate::Stays } else { Fate::Changes(would) })
}

/// Whether nothing would be written but our marks at most.
fn same(live: &Value, would: &Value) -> bool {
    let mark = |object: &Value| owner::annotation(object, owner::APPLIED).map(str::to_string);
    clean(live.clone()) == clean(would.clone()) && mark(live) == mark(would)
}

/// Applies an object. Fields of ours that somebody changed are taken back, and so is what is adopted; another who applies is
/// never overruled. Gives the object as it is then, and whose fields were taken.
pub async fn apply(
    cluster: &Cluster,
    home: &Home,
    at: &At,
    body: &Value,
    live: Option<&Value>,
    adopt: bool,
    rehearse: bool,
) -> Result<(Value, Vec<(String, String)>), Refusal> {
    match cluster.apply(at, body, Applying { force: false, rehearse }).await {
        Ok(value) => Ok((value, Vec::new())),
        Err(refusal) => {
            let holders = refusal.holders();
            let ours = live.is_some_and(|live| owner::owner(live, home) == Owner::Us);
            let plain = |(who, _): &(String, String)| who == MANAGER || live.is_some_and(|live| !applies(live, who));
            if holders.is_empty() || !(adopt || ours && holders.iter().all(plain)) {
                return Err(refusal);
            }
            let value = cluster.apply(at, body, Applying { force: true, rehearse }).await?;
            Ok((value, holders))
        }
    }
}

/// Whether that manager applies the object as we do, with a will of its own.
fn applies(live: &Value, manager: &str) -> bool {
    let entries = live.pointer("/metadata/managedFields").and_then(Value::as_array);
    entries.into_iter().flatten().any(|entry| {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        text("manager") == Some(manager) && text("operation") == Some("Apply")
    })
}

/// What is in the inventory and not wanted any more.
pub async fn obsolete(
    cluster: &Cluster,
    home: &Home,
    inventory: &Inventory,
    wanted: &[Surveyed],
) -> Result<Vec<Obsolete>, PortError> {
    let entries: BTreeSet<Entry> = wanted.iter().map(Surveyed::entry).collect();
    // The same object may be known by another version of its kind by now.
    let uids: BTreeSet<&str> = wanted.iter().filter_map(|s| uid(s.live.as_ref()?)).collect();
    let rest: Vec<&Entry> = inventory.objects.iter().filter(|e| !entries.contains(e)).collect();
    let find = |entry: &Entry| {
        let entry = entry.clone();
        async move {
            // A kind that the cluster no longer knows has no objects any more.
            let Some(resource) = cluster.kind(&entry.api_version, &entry.kind).await? else { return Ok(None) };
            let at = resource.at(entry.namespace.as_deref().unwrap_or(&home.namespace), &entry.name);
            Ok::<_, PortError>(cluster.get(&at).await?.map(|live| (entry, at, live)))
        }
    };
    let found: Vec<_> = stream::iter(rest).map(find).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
    let judge = |(entry, at, live): (Entry, At, Value)| {
        if uid(&live).is_some_and(|uid| uids.contains(uid)) || owner::owner(&live, home) != Owner::Us {
            return None;
        }
        Some(match kept(&entry, &live) {
            Some(why) => Obsolete::Kept(entry.id, why.to_string()),
            None => Obsolete::Goes(at, entry.id, live),
        })
    };
    Ok(found.into_iter().flatten().filter_map(judge).collect())
}

/// What Helm's last record of the release has and is not wanted any more, where the release is being taken over from Helm:
/// once a deploy of ours has come to its end, there is nothing of Helm's left.
pub async fn left_by_helm(
    cluster: &Cluster,
    home: &Home,
    before: Option<&Inventory>,
    wanted: &[Surveyed],
) -> Result<Vec<Obsolete>, PortError> {
    if before.is_some_and(|before| before.bundle.is_some()) {
        return Ok(Vec::new());
    }
    let release = Release::read(cluster, &home.namespace, &home.release, &|_| {}).await?;
    let Some(record) = release.helms() else { return Ok(Vec::new()) };
    let rendered: Vec<At> = wanted.iter().filter_map(|one| one.at.clone()).collect();
    let left = adopt::leftovers(cluster, record, &rendered).await?;
    Ok(left.into_iter().map(|(at, live)| Obsolete::Goes(at.clone(), at.shown(), live)).collect())
}

/// Why an object is kept although nobody renders it any more.
fn kept(entry: &Entry, live: &Value) -> Option<&'static str> {
    if owner::annotation(live, "helm.sh/resource-policy") == Some("keep") {
        return Some("its `helm.sh/resource-policy` says so");
    }
    HOLDS_DATA.contains(&entry.kind.as_str()).then_some("what it holds would go with it")
}

/// What names an object for ever.
pub fn uid(object: &Value) -> Option<&str> {
    object.pointer("/metadata/uid")?.as_str()
}
