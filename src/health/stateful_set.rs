//! StatefulSets.

use super::fields::{condition, count, is_observed, label, text};
use super::replica_set::{UNSEEN, because, unmade, wanted};
use super::{Around, Health, pod};
use serde_json::Value;

/// How a StatefulSet is.
pub(super) fn health(set: &Value, around: &Around<'_>) -> Health {
    if !is_observed(set) {
        return Health::Progressing(UNSEEN.to_string());
    }
    let Some(numbers) = numbers(set) else { return Health::Healthy };
    if let Some(failure) = condition(set, "ReplicaFailure").filter(|c| c.is_true()) {
        return unmade(failure, false);
    }
    let revision = text(set, "/status/updateRevision");
    let is_new = |pod: &&Value| revision.is_empty() || label(pod, "controller-revision-hash") == revision;
    let pods = around.owned("Pod", text(set, "/metadata/uid")).filter(is_new);
    let current = text(set, "/status/currentRevision");
    let is_update = !current.is_empty() && !revision.is_empty() && current != revision;
    because(numbers, pod::worst(pods, &around.of_update(is_update)))
}

/// What its numbers lack, in words; nothing when they are as wanted.
fn numbers(set: &Value) -> Option<String> {
    let wanted = wanted(set);
    let (all, ready) = (count(set, "/status/replicas"), count(set, "/status/readyReplicas"));
    if ready < wanted {
        return Some(format!("{ready} of {wanted} pods are ready"));
    }
    if all > wanted {
        return Some(format!("{} pods too many are still there", all - wanted));
    }
    // Whoever says OnDelete updates the pods by hand; there is nothing to wait for.
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return None;
    }
    let new = (wanted - count(set, "/spec/updateStrategy/rollingUpdate/partition")).max(0);
    let updated = count(set, "/status/updatedReplicas");
    let is_rolled = text(set, "/status/updateRevision") == text(set, "/status/currentRevision");
    (!is_rolled && updated < new).then(|| format!("{updated} of {new} pods are new"))
}
