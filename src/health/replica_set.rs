//! ReplicaSets, and what all workloads with pods have in common.

use super::fields::{Condition, condition, count, is_observed, number, text};
use super::{Around, Health, pod};
use serde_json::Value;

/// What a workload says whose controller has not looked at it yet.
pub(super) const UNSEEN: &str = "its controller has not looked at it yet";

/// How many pods are wanted; 1 when nothing is said.
pub(super) fn wanted(object: &Value) -> i64 {
    number(object, "/spec/replicas").unwrap_or(1)
}

/// How a workload is that is not where it should be: what its pods say goes before what its numbers say.
pub(super) fn because(numbers: String, pods: Option<Health>) -> Health {
    match pods {
        Some(Health::Failed(why)) => Health::Failed(why),
        Some(Health::Progressing(why) | Health::Suspended(why)) => Health::Progressing(format!("{numbers}; {why}")),
        Some(Health::Healthy) | None => Health::Progressing(numbers),
    }
}

/// Why no pods can be made. Without an older pod whose going would make room it stays so.
pub(super) fn unmade(condition: Condition<'_>, may_get_room: bool) -> Health {
    let words = condition.words();
    let words = words.strip_prefix("FailedCreate: ").unwrap_or(&words);
    if words.contains("exceeded quota") {
        let words = format!("quota exceeded: {words}");
        return if may_get_room { Health::Progressing(words) } else { Health::Failed(words) };
    }
    Health::Progressing(format!("pods cannot be made: {words}"))
}

/// How a ReplicaSet is.
pub(super) fn health(set: &Value, around: &Around<'_>) -> Health {
    if !is_observed(set) {
        return Health::Progressing(UNSEEN.to_string());
    }
    let (wanted, available) = (wanted(set), count(set, "/status/availableReplicas"));
    if count(set, "/status/replicas") == wanted && available >= wanted {
        return Health::Healthy;
    }
    if let Some(failure) = condition(set, "ReplicaFailure").filter(|c| c.is_true()) {
        return unmade(failure, false);
    }
    because(
        format!("{available} of {wanted} pods are available"),
        pod::worst(around.owned("Pod", text(set, "/metadata/uid")), around),
    )
}
