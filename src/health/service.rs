//! Services and Ingresses: an address from outside.

use super::Health;
use super::fields::{list, text};
use serde_json::Value;

/// How a Service is. Only one of type LoadBalancer gets something that it has to wait for.
pub(super) fn health(service: &Value) -> Health {
    if text(service, "/spec/type") == "LoadBalancer" {
        return address(service, "its load balancer has no address yet");
    }
    Health::Healthy
}

/// How an Ingress is.
pub(super) fn ingress(ingress: &Value) -> Health {
    address(ingress, "no controller has given it an address yet")
}

fn address(object: &Value, without: &str) -> Health {
    match list(object, "/status/loadBalancer/ingress") {
        [] => Health::Progressing(without.to_string()),
        _ => Health::Healthy,
    }
}
