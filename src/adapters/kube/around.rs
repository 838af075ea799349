//! What belongs to an object: its ReplicaSets and pods, their events and their logs.

use super::client::{At, Cluster};
use super::kinds::Resource;
use crate::health;
use crate::ports::{Fault, PortError};
use kube::api::{ListParams, LogParams};
use kube::core::Request;
use serde_json::Value;
use std::time::Duration;

/// Of so many pods that are not well the events are asked for; the others will say the same.
const ASKED: usize = 5;
/// How many events of one object are read at most.
const EVENTS: u32 = 100;
/// How long reading a log that is not followed may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How much of a log is read at most when it is not followed.
const LOG: i64 = 64 << 10;

/// What belongs to an object.
#[derive(Clone, Debug, Default)]
pub struct Belongings {
    /// ReplicaSets and pods.
    pub objects: Vec<Value>,
    /// Events of the object and of pods that are not well.
    pub events: Vec<Value>,
}

impl Belongings {
    /// The same for whoever judges.
    pub fn around(&self) -> health::Around<'_> {
        health::Around::new(&self.objects, &self.events)
    }

    /// The pods.
    pub fn pods(&self) -> impl Iterator<Item = &Value> {
        self.objects.iter().filter(|o| text(o, "/kind") == "Pod")
    }
}

/// The text at a place of an object; empty where there is none.
pub(super) fn text<'a>(object: &'a Value, at: &str) -> &'a str {
    object.pointer(at).and_then(Value::as_str).unwrap_or_default()
}

/// The list at a place of an object.
pub(super) fn list<'a>(object: &'a Value, at: &str) -> &'a [Value] {
    object.pointer(at).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

impl Cluster {
    /// What belongs to an object, as far as it can have something: four small questions at the most, and one for each pod
    /// that is not well.
    pub async fn belongings(&self, at: &At, object: &Value) -> Result<Belongings, PortError> {
        let mut found = Belongings::default();
        let namespace = at.namespace.as_deref();
        let kind = at.resource.kind.as_str();
        if let Some(labels) = health::selector(object).filter(|_| has_pods(kind)) {
            if kind == "Deployment" {
                let sets = Resource::known("apps/v1", "ReplicaSet", "replicasets", true);
                found.objects = self.list(&sets, namespace, &labels).await?;
            }
            found.objects.extend(self.list(&pods(), namespace, &labels).await?);
        }
        let is_unwell = |pod: &&Value| {
            let health = health::of(pod, &health::Around::default());
            !matches!(health, health::Health::Healthy) && text(pod, "/metadata/deletionTimestamp").is_empty()
        };
        let of_pods = found.pods().filter(is_unwell).map(|pod| text(pod, "/metadata/uid"));
        let own = matches!(kind, "Pod" | "PersistentVolumeClaim").then(|| text(object, "/metadata/uid"));
        let uids: Vec<String> = of_pods.chain(own).take(ASKED).map(str::to_string).collect();
        for uid in uids {
            found.events.extend(self.events(namespace, &uid).await?);
        }
        Ok(found)
    }

    /// The events about the object with that `uid`.
    pub async fn events(&self, namespace: Option<&str>, uid: &str) -> Result<Vec<Value>, PortError> {
        let events = Resource::known("v1", "Event", "events", true);
        let path = events.path(namespace);
        let params = ListParams::default().fields(&format!("involvedObject.uid={uid}")).limit(EVENTS);
        self.count("list", &path, false);
        let request = Request::new(&path).list(&params).map_err(|e| unusable(&e))?;
        let answer = tokio::time::timeout(PATIENCE, self.client().request::<Value>(request)).await;
        // Events are words about a state that is judged without them where they may not be read.
        let Ok(Ok(mut answer)) = answer else { return Ok(Vec::new()) };
        match answer.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => Ok(items),
            _ => Ok(Vec::new()),
        }
    }

    /// The last lines of a container's log, of the one before where `previous` says so; nothing where there is none.
    pub async fn log_tail(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        lines: i64,
    ) -> Option<String> {
        let path = pods().path(Some(namespace));
        self.count("get", &format!("{path}/{pod}/log"), false);
        let params = LogParams {
            container: Some(container.to_string()),
            previous,
            tail_lines: Some(lines),
            limit_bytes: Some(LOG),
            ..LogParams::default()
        };
        let request = Request::new(&path).logs(pod, &params).ok()?;
        let answer = tokio::time::timeout(PATIENCE, self.client().request_text(request)).await;
        answer.ok()?.ok().filter(|text| !text.trim().is_empty())
    }
}

/// Pods.
pub(super) fn pods() -> Resource {
    Resource::known("v1", "Pod", "pods", true)
}

fn has_pods(kind: &str) -> bool {
    matches!(kind, "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job")
}

fn unusable(error: &kube::core::request::Error) -> PortError {
    PortError::new(Fault::Invalid, format!("events cannot be asked for: {error}"))
}
