//! Claims of volumes.

use super::events::last;
use super::fields::text;
use super::{Around, Health};
use serde_json::Value;

/// What is said of a claim that is not bound yet.
const SAID: &[&str] =
    &["ProvisioningFailed", "FailedBinding", "ExternalProvisioning", "WaitForFirstConsumer", "WaitForPodScheduled"];

/// How a claim is.
pub(super) fn health(claim: &Value, around: &Around<'_>) -> Health {
    match text(claim, "/status/phase") {
        "Bound" => return Health::Healthy,
        "Lost" => return Health::Failed("the volume that it was bound to is gone".to_string()),
        _ => {}
    }
    match last(around, text(claim, "/metadata/uid"), SAID, |_| true) {
        // It is bound when a pod wants it, and that pod is waited for.
        Some(said) if said.reason.starts_with("WaitFor") => Health::Healthy,
        Some(said) => Health::Progressing(format!("not bound: {}: {}", said.reason, said.message)),
        None => Health::Progressing("no volume is bound to it yet".to_string()),
    }
}
