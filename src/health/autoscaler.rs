//! Autoscalers of pods.

use super::Health;
use super::fields::{annotation, condition_in, list};
use serde_json::Value;

/// How an autoscaler is. It says what hinders it; its pods are at work all the same.
pub(super) fn health(autoscaler: &Value) -> Health {
    // In `autoscaling/v1` the conditions are an annotation.
    let annotated: Vec<Value> =
        serde_json::from_str(annotation(autoscaler, "autoscaling.alpha.kubernetes.io/conditions")).unwrap_or_default();
    let listed = list(autoscaler, "/status/conditions");
    let conditions = if listed.is_empty() { annotated.as_slice() } else { listed };
    for kind in ["AbleToScale", "ScalingActive"] {
        if let Some(no) = condition_in(conditions, kind).filter(|c| c.is_false()) {
            // Scaled to zero by hand, which is what somebody wanted.
            if no.reason() == "ScalingDisabled" {
                return Health::Suspended(no.words());
            }
            return Health::Progressing(no.words());
        }
    }
    Health::Healthy
}
