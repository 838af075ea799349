//! Pods.

use super::events::last;
use super::fields::{condition, list, text};
use super::{Around, Health, container};
use serde_json::Value;

/// What keeps a pod from starting before any container of it can say so.
const BEFORE: &[&str] = &[
    "FailedMount",
    "FailedAttachVolume",
    "FailedCreatePodSandBox",
    "FailedMapVolume",
    "NetworkNotReady",
    "FailedBinding",
];

/// How a pod is.
pub(super) fn health(pod: &Value, around: &Around<'_>) -> Health {
    match text(pod, "/status/phase") {
        "Succeeded" => return Health::Healthy,
        "Failed" => return Health::Failed(failed(pod)),
        _ => {}
    }
    let mut waits = None;
    for (what, status) in statuses(pod) {
        match container::health(pod, status, around) {
            Health::Healthy => {}
            Health::Progressing(why) if why.is_empty() => {}
            Health::Progressing(why) => waits = waits.or(Some(Health::Progressing(why).of_container(pod, &what))),
            settled => return settled.of_container(pod, &what),
        }
    }
    if let Some(waits) = waits {
        return waits;
    }
    if condition(pod, "Ready").is_some_and(|c| c.is_true()) {
        return Health::Healthy;
    }
    Health::Progressing(held_up(pod, around))
}

impl Health {
    /// Says which container, where there is more than one.
    fn of_container(self, pod: &Value, what: &str) -> Health {
        let several = list(pod, "/spec/containers").len() + list(pod, "/spec/initContainers").len() > 1;
        if several { self.of(what) } else { self }
    }
}

/// The containers' states in the order in which they start, with what to call them.
fn statuses(pod: &Value) -> impl Iterator<Item = (String, &Value)> {
    let named = |what: &'static str| move |s: &'_ Value| format!("{what} {}", text(s, "/name"));
    let (init, main) = (named("init container"), named("container"));
    let inits = list(pod, "/status/initContainerStatuses").iter().map(move |s| (init(s), s));
    inits.chain(list(pod, "/status/containerStatuses").iter().map(move |s| (main(s), s)))
}

/// Why a pod has failed: what was said of it, or how its containers ended.
fn failed(pod: &Value) -> String {
    let ends = statuses(pod)
        .filter(|(_, s)| s.pointer("/state/terminated/exitCode").and_then(Value::as_i64).is_some_and(|code| code != 0));
    let ends: Vec<String> = ends
        .map(|(what, s)| {
            let how = Health::Failed(container::ended(pod, s, "/state/terminated")).of_container(pod, &what);
            how.to_string()
        })
        .collect();
    let said = match (text(pod, "/status/reason"), text(pod, "/status/message")) {
        ("", "") => None,
        ("", message) => Some(message.to_string()),
        (reason, "") => Some(reason.to_string()),
        (reason, message) => Some(format!("{reason}: {message}")),
    };
    let words: Vec<String> = said.into_iter().chain(ends).collect();
    if words.is_empty() { "it has failed".to_string() } else { words.join("; ") }
}

/// What a pod waits for whose containers say nothing.
fn held_up(pod: &Value, around: &Around<'_>) -> String {
    if let Some(scheduled) = condition(pod, "PodScheduled").filter(|c| c.is_false()) {
        let words = scheduled.words();
        return words.strip_prefix("Unschedulable: ").map_or(words.clone(), |why| format!("unschedulable: {why}"));
    }
    if let Some(warning) = last(around, text(pod, "/metadata/uid"), BEFORE, |_| true) {
        return format!("{}: {}", warning.reason, warning.message);
    }
    let gates = list(pod, "/spec/readinessGates").iter().map(|g| text(g, "/conditionType"));
    if let Some(gate) = gates.into_iter().find(|gate| !condition(pod, gate).is_some_and(|c| c.is_true())) {
        return format!("waits for its readiness gate {gate}");
    }
    match text(pod, "/status/phase") {
        "Running" => "runs and is not ready yet".to_string(),
        _ if text(pod, "/spec/nodeName").is_empty() => "waits for a node".to_string(),
        _ => "its containers are being made".to_string(),
    }
}

/// The worst of several pods, with the pod's name; nothing when all are well.
pub(super) fn worst<'a>(pods: impl Iterator<Item = &'a Value>, around: &Around<'_>) -> Option<Health> {
    let mut worst = None;
    for pod in pods.filter(|p| text(p, "/metadata/deletionTimestamp").is_empty()) {
        let health = health(pod, around).of(&format!("pod {}", text(pod, "/metadata/name")));
        match health {
            Health::Healthy => {}
            Health::Failed(_) => return Some(health),
            other => worst = worst.or(Some(other)),
        }
    }
    worst
}
