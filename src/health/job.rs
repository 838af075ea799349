//! Jobs.

use super::fields::{condition, count, is, text};
use super::{Around, Health, pod};
use serde_json::Value;

/// How a Job is: healthy when it is complete.
pub(super) fn health(job: &Value, around: &Around<'_>) -> Health {
    if condition(job, "Complete").is_some_and(|c| c.is_true()) {
        return Health::Healthy;
    }
    let uid = text(job, "/metadata/uid");
    if let Some(failed) = condition(job, "Failed").filter(|c| c.is_true()) {
        let pods = around.owned("Pod", uid).filter(|p| text(p, "/status/phase") == "Failed");
        let how = pod::worst(pods, around).and_then(|h| h.reason().map(str::to_string));
        return Health::Failed(match how {
            Some(how) => format!("{}; {how}", failed.words()),
            None => failed.words(),
        });
    }
    if is(job, "/spec/suspend") {
        return Health::Suspended("it is suspended: `spec.suspend` is true".to_string());
    }
    // A pod that failed is the Job's to try again; one that cannot even start is not.
    let open = around.owned("Pod", uid).filter(|p| text(p, "/status/phase") != "Failed");
    let numbers = match (count(job, "/status/active"), count(job, "/status/failed")) {
        (0, 0) => "no pod of it runs yet".to_string(),
        (_, 0) => "it runs".to_string(),
        (_, failed) => format!("it runs, and {failed} pod{} of it failed", if failed == 1 { "" } else { "s" }),
    };
    match pod::worst(open, around) {
        Some(Health::Failed(why)) => Health::Failed(why),
        Some(Health::Progressing(why)) if !why.ends_with("not ready yet") => {
            Health::Progressing(format!("{numbers}; {why}"))
        }
        _ => Health::Progressing(numbers),
    }
}
