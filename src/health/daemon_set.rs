//! DaemonSets.

use super::fields::{annotation, count, is_observed, label, text};
use super::replica_set::{UNSEEN, because};
use super::{Around, Health, pod};
use serde_json::Value;

/// How a DaemonSet is.
pub(super) fn health(set: &Value, around: &Around<'_>) -> Health {
    if !is_observed(set) {
        return Health::Progressing(UNSEEN.to_string());
    }
    let Some(numbers) = numbers(set) else { return Health::Healthy };
    let template = annotation(set, "deprecated.daemonset.template.generation");
    let is_new = |pod: &&Value| template.is_empty() || label(pod, "pod-template-generation") == template;
    let pods = around.owned("Pod", text(set, "/metadata/uid")).filter(is_new);
    let is_update = template.parse::<u64>().is_ok_and(|generation| generation > 1);
    because(numbers, pod::worst(pods, &around.of_update(is_update)))
}

/// What its numbers lack, in words; nothing when they are as wanted.
fn numbers(set: &Value) -> Option<String> {
    let wanted = count(set, "/status/desiredNumberScheduled");
    let updated = count(set, "/status/updatedNumberScheduled");
    let available = count(set, "/status/numberAvailable");
    if text(set, "/spec/updateStrategy/type") != "OnDelete" && updated < wanted {
        return Some(format!("{updated} of {wanted} nodes have the new pod"));
    }
    (available < wanted).then(|| format!("on {available} of {wanted} nodes it is available"))
}
