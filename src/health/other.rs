//! Everything else, by the conventions that kstatus describes: a generation that was observed, and the conditions `Ready`,
//! `Reconciling` and `Stalled`. What has none of them is healthy by being there.

use super::Health;
use super::fields::{condition, is_observed, number, text};
use serde_json::Value;

/// How an object is.
pub(super) fn health(object: &Value) -> Health {
    if let Some(stalled) = condition(object, "Stalled").filter(|c| c.is_true()) {
        return Health::Failed(stalled.words());
    }
    if number(object, "/status/observedGeneration").is_some() && !is_observed(object) {
        return Health::Progressing(super::replica_set::UNSEEN.to_string());
    }
    if let Some(busy) = condition(object, "Reconciling").filter(|c| c.is_true()) {
        return Health::Progressing(busy.words());
    }
    if let Some(no) = condition(object, "Ready").filter(|c| !c.is_true()) {
        return Health::Progressing(no.words());
    }
    match (text(object, "/kind"), text(object, "/status/phase")) {
        ("Namespace", "Terminating") => Health::Progressing("it is being deleted".to_string()),
        _ => Health::Healthy,
    }
}
