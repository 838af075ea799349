//! Deployments.

use super::fields::{annotation, condition, count, is, is_observed, text};
use super::replica_set::{UNSEEN, because, unmade, wanted};
use super::{Around, Health, pod};
use serde_json::Value;

const REVISION: &str = "deployment.kubernetes.io/revision";

/// How a Deployment is.
pub(super) fn health(deployment: &Value, around: &Around<'_>) -> Health {
    if is(deployment, "/spec/paused") {
        return Health::Suspended("it is paused: `spec.paused` is true".to_string());
    }
    if !is_observed(deployment) {
        return Health::Progressing(UNSEEN.to_string());
    }
    let Some(numbers) = numbers(deployment) else { return Health::Healthy };
    let sets: Vec<&Value> = around.owned("ReplicaSet", text(deployment, "/metadata/uid")).collect();
    let new = newest(deployment, &sets);
    let is_update = revision(deployment) > 1;
    let around = &around.of_update(is_update);
    let pods = new.and_then(|set| pod::worst(around.owned("Pod", text(set, "/metadata/uid")), around));
    if let Some(late) = condition(deployment, "Progressing").filter(|c| c.reason() == "ProgressDeadlineExceeded") {
        let why = pods
            .as_ref()
            .and_then(Health::reason)
            .map_or(numbers, |why| format!("{numbers}; {why}", numbers = late.words()));
        let why =
            if why.starts_with("ProgressDeadlineExceeded") { why } else { format!("ProgressDeadlineExceeded: {why}") };
        return Health::Failed(why);
    }
    if let Some(failure) = condition(deployment, "ReplicaFailure").filter(|c| c.is_true()) {
        let is_old =
            |set: &&&Value| new.is_none_or(|new| !std::ptr::eq(**set, new)) && count(set, "/status/replicas") > 0;
        return unmade(failure, sets.iter().any(|set| is_old(&set)));
    }
    because(numbers, pods)
}

/// What its numbers lack, in words; nothing when they are as wanted.
fn numbers(deployment: &Value) -> Option<String> {
    let wanted = wanted(deployment);
    let updated = count(deployment, "/status/updatedReplicas");
    let all = count(deployment, "/status/replicas");
    let available = count(deployment, "/status/availableReplicas");
    if updated < wanted {
        Some(format!("{updated} of {wanted} pods are new"))
    } else if all > updated {
        let old = all - updated;
        Some(format!("{old} old pod{} still there", if old == 1 { " is" } else { "s are" }))
    } else if available < updated {
        Some(format!("{available} of {updated} pods are available"))
    } else {
        None
    }
}

/// How often its pods were replaced by others, from 1; 0 where nobody counts yet.
fn revision(object: &Value) -> u64 {
    annotation(object, REVISION).parse().unwrap_or(0)
}

/// The ReplicaSet of what is asked for now.
fn newest<'a>(deployment: &Value, sets: &[&'a Value]) -> Option<&'a Value> {
    let wanted = revision(deployment);
    let exact = sets.iter().copied().find(|set| wanted > 0 && revision(set) == wanted);
    exact.or_else(|| sets.iter().copied().max_by_key(|set| revision(set)))
}
