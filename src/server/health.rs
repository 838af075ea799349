//! Whether the process lives, and whether it does its work.

use super::routes::Shared;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

/// It answers, so it lives.
pub async fn alive() -> &'static str {
    "ok\n"
}

/// Whether all pipelines are looked after: each was looked at once, none is in quarantine, their states are there,
/// and the server does not stop.
pub async fn ready(State(site): State<Shared>) -> (StatusCode, Json<Value>) {
    let mut waits = Vec::new();
    let mut stopped = Vec::new();
    for keeper in site.keepers().iter() {
        let (is_ready, why) = keeper.see(|view| (view.ready, view.stopped.is_some()));
        if why || !keeper.has_state() {
            stopped.push(keeper.name.clone());
        } else if !is_ready {
            waits.push(keeper.name.clone());
        }
    }
    let faulty = site.faulty().len();
    let is_ready = waits.is_empty() && stopped.is_empty() && faulty == 0 && !site.is_stopping();
    let status = if is_ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    // Names of pipelines are for those who have logged in.
    let body = json!({"ready": is_ready, "stopping": site.is_stopping(), "waiting": waits.len(), "quarantined": stopped.len(), "faulty": faulty});
    (status, Json(body))
}
