//! How an object of a cluster is, and why, in words that people understand. Pure: the object, what belongs to it and its
//! events come in as the API server tells them; nothing is asked, waited for or timed here.
//!
//! One file a kind; what has none is judged by the conventions of kstatus (`other`).

mod autoscaler;
mod claim;
mod container;
mod daemon_set;
mod deployment;
mod events;
mod fields;
mod job;
mod other;
mod pod;
mod probe;
mod registration;
mod replica_set;
mod service;
mod stateful_set;

pub use fields::{id, pointed_to, selector};

use serde_json::Value;

/// How an object is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is as it was asked for, and works.
    Healthy,
    /// It is on its way, or may be: what it waits for.
    Progressing(String),
    /// It cannot succeed any more: why not.
    Failed(String),
    /// Somebody said that it is not to go on: who or what.
    Suspended(String),
}

impl Health {
    /// Whether nothing is waited for.
    pub fn is_settled(&self) -> bool {
        !matches!(self, Health::Progressing(_))
    }

    /// What there is to say; nothing when it is healthy.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Health::Healthy => None,
            Health::Progressing(why) | Health::Failed(why) | Health::Suspended(why) => Some(why),
        }
    }

    /// The same with words before the reason.
    fn of(self, what: &str) -> Health {
        let with = |why: String| format!("{what}: {why}");
        match self {
            Health::Healthy => Health::Healthy,
            Health::Progressing(why) => Health::Progressing(with(why)),
            Health::Failed(why) => Health::Failed(with(why)),
            Health::Suspended(why) => Health::Suspended(with(why)),
        }
    }
}

impl std::fmt::Display for Health {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Health::Healthy => f.write_str("healthy"),
            Health::Progressing(why) | Health::Failed(why) | Health::Suspended(why) => f.write_str(why),
        }
    }
}

/// What is known around an object: whatever may belong to it, and events. More than belongs to it does no harm.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// ReplicaSets and pods.
    pub objects: &'a [Value],
    /// Events, of whatever they are.
    pub events: &'a [Value],
    /// After so many restarts a crash loop is taken for one that will not end.
    crashes: i64,
}

/// On a first deploy programs crash until what they need is there: after so many restarts, some 100 seconds, they have had
/// their chance.
const CRASHES: i64 = 4;
/// What the version before needed is there, so that a new one has it as well; some 20 seconds.
const CRASHES_OF_UPDATE: i64 = 2;

impl Default for Around<'_> {
    fn default() -> Self {
        Around::new(&[], &[])
    }
}

impl<'a> Around<'a> {
    /// With these objects and events.
    pub fn new(objects: &'a [Value], events: &'a [Value]) -> Around<'a> {
        Around { objects, events, crashes: CRASHES }
    }

    /// The same, where pods of the version before work or have worked.
    fn of_update(self, is_update: bool) -> Around<'a> {
        if is_update { Around { crashes: CRASHES_OF_UPDATE, ..self } } else { self }
    }

    /// The objects of that kind that the one with that `uid` owns.
    fn owned(&self, kind: &'a str, uid: &'a str) -> impl Iterator<Item = &'a Value> {
        self.objects.iter().filter(move |o| fields::text(o, "/kind") == kind && fields::is_owned(o, uid))
    }
}

/// How an object is.
pub fn of(object: &Value, around: &Around<'_>) -> Health {
    if !fields::text(object, "/metadata/deletionTimestamp").is_empty() {
        return Health::Progressing("it is being deleted".to_string());
    }
    let group = fields::text(object, "/apiVersion").rsplit_once('/').map_or("", |(group, _)| group);
    match (group, fields::text(object, "/kind")) {
        ("apps", "Deployment") => deployment::health(object, around),
        ("apps", "StatefulSet") => stateful_set::health(object, around),
        ("apps", "DaemonSet") => daemon_set::health(object, around),
        ("apps", "ReplicaSet") => replica_set::health(object, around),
        ("", "ReplicationController") => replica_set::health(object, around),
        ("batch", "Job") => job::health(object, around),
        ("", "Pod") => pod::health(object, around),
        ("", "Service") => service::health(object),
        ("", "PersistentVolumeClaim") => claim::health(object, around),
        ("autoscaling", "HorizontalPodAutoscaler") => autoscaler::health(object),
        ("networking.k8s.io" | "extensions", "Ingress") => service::ingress(object),
        ("apiregistration.k8s.io", "APIService") => registration::service(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => registration::definition(object),
        _ => other::health(object),
    }
}

/// Whether a deploy waits for an object of that kind. An Ingress may stay without an address for ever, and an autoscaler
/// without metrics still leaves its pods at work: what they say is told and not waited for, as Helm has it.
pub fn is_awaited(kind: &str) -> bool {
    !matches!(kind, "Ingress" | "HorizontalPodAutoscaler")
}

#[cfg(test)]
mod tests;
