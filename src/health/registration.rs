//! What extends the API: definitions of resources, and servers behind the API server.

use super::Health;
use super::fields::condition;
use serde_json::Value;

/// How a definition of a resource is: healthy when objects of it can be made.
pub(super) fn definition(definition: &Value) -> Health {
    if let Some(no) = condition(definition, "NamesAccepted").filter(|c| c.is_false()) {
        return Health::Failed(format!("its names are taken: {}", no.words()));
    }
    if let Some(no) = condition(definition, "NonStructuralSchema").filter(|c| c.is_true()) {
        return Health::Failed(no.words());
    }
    match condition(definition, "Established") {
        Some(yes) if yes.is_true() => Health::Healthy,
        Some(no) => Health::Progressing(format!("not established: {}", no.words())),
        None => Health::Progressing("not established yet".to_string()),
    }
}

/// How a server behind the API server is.
pub(super) fn service(service: &Value) -> Health {
    match condition(service, "Available") {
        Some(yes) if yes.is_true() => Health::Healthy,
        Some(no) => Health::Progressing(format!("not available: {}", no.words())),
        None => Health::Progressing("not available yet".to_string()),
    }
}
