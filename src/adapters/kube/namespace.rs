//! The namespace that is deployed to.

use super::client::{At, Cluster};
use super::fault::being_deleted;
use super::kinds::Resource;
use crate::ports::{Fault, PortError};
use serde_json::{Value, json};

/// How a namespace is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is there.
    There,
    /// It is not there, and is made.
    Unmade,
}

fn place(name: &str) -> At {
    Resource::known("v1", "Namespace", "namespaces", false).at("", name)
}

/// How the namespace is. `make` says whether it is made where it is not there.
pub(super) async fn look(cluster: &Cluster, name: &str, make: bool) -> Result<State, PortError> {
    match cluster.get(&place(name)).await {
        // Whoever may work in a namespace need not be one who may see it.
        Err(error) if error.fault == Fault::Denied => Ok(State::There),
        Err(error) => Err(error),
        Ok(Some(found)) if found.pointer("/status/phase").and_then(Value::as_str) == Some("Terminating") => {
            Err(being_deleted(&cluster.context, name))
        }
        Ok(Some(_)) => Ok(State::There),
        Ok(None) if make => Ok(State::Unmade),
        Ok(None) => {
            let message = format!("cluster `{}` has no namespace `{name}`", cluster.context);
            Err(PortError::new(Fault::NotFound, message)
                .help("make it, or let Lockgate make it: without `create-namespace=#false` it does"))
        }
    }
}

/// Makes the namespace. That somebody else has made it meanwhile is as good.
pub(super) async fn make(cluster: &Cluster, name: &str) -> Result<(), PortError> {
    let body = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
    match cluster.create(&place(name), &body).await {
        Err(refusal) if refusal.code != 409 => Err(refusal.error),
        _ => Ok(()),
    }
}
