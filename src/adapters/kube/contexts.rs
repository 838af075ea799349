//! Contexts: from a name in the kubeconfig to a client.

use super::client::Cluster;
use super::fault::chain;
use crate::ports::{Fault, PortError};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use std::time::Duration;

/// The context of whoever runs in a pod and means the cluster around it.
const INSIDE: &str = "in-cluster";
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(5);

/// Connects to the cluster of a context. Nothing is asked yet.
pub(super) async fn open(context: &str) -> Result<Cluster, PortError> {
    let (mut config, user) = config(context).await?;
    config.connect_timeout = Some(CONNECT);
    // What is worth another try is decided where it is known what it is for.
    config.default_retry = false;
    let server = config.cluster_url.to_string();
    let unusable = |e: kube::Error| {
        let message = format!("the kubeconfig's context `{context}` cannot be used: {}", chain(&e));
        PortError::new(Fault::Invalid, message).help("see that its certificates and credentials can be read")
    };
    let client = kube::Client::try_from(config).map_err(unusable)?;
    Ok(Cluster::new(context, &user, server.trim_end_matches('/'), client))
}

async fn config(context: &str) -> Result<(Config, String), PortError> {
    let kubeconfig = match Kubeconfig::read() {
        Ok(kubeconfig) => kubeconfig,
        Err(_) if context == INSIDE => return inside(),
        Err(error) => {
            let message = format!("there is no kubeconfig to find context `{context}` in: {}", chain(&error));
            let help = "KUBECONFIG names the file; without it, it is ~/.kube/config";
            return Err(PortError::new(Fault::NotFound, message).help(help));
        }
    };
    let Some(found) = kubeconfig.contexts.iter().find(|c| c.name == context) else {
        if context == INSIDE {
            return inside();
        }
        return Err(missing(context, kubeconfig.contexts.iter().map(|c| c.name.as_str()).collect()));
    };
    let user = found.context.as_ref().and_then(|c| c.user.clone()).unwrap_or_default();
    let options = KubeConfigOptions { context: Some(context.to_string()), ..KubeConfigOptions::default() };
    let unusable = |e: kube::config::KubeconfigError| {
        PortError::new(Fault::Invalid, format!("the kubeconfig's context `{context}` cannot be used: {}", chain(&e)))
    };
    Ok((Config::from_custom_kubeconfig(kubeconfig, &options).await.map_err(unusable)?, user))
}

fn inside() -> Result<(Config, String), PortError> {
    let outside = |e: kube::config::InClusterError| {
        let message = format!("there is no cluster around this process that `{INSIDE}` could mean: {}", chain(&e));
        PortError::new(Fault::NotFound, message).help("name a context of the kubeconfig")
    };
    Ok((Config::incluster().map_err(outside)?, "the pod's service account".to_string()))
}

fn missing(context: &str, known: Vec<&str>) -> PortError {
    let error = PortError::new(Fault::NotFound, format!("the kubeconfig has no context `{context}`"));
    match crate::diag::did_you_mean(context, known.iter().copied()) {
        Some(near) => error.help(format!("did you mean `{near}`?")),
        None if known.is_empty() => error.help("it has none at all; KUBECONFIG names the file"),
        None => error.help(format!("it has: {}", known.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_context_comes_with_what_is_there() {
        let help = |known: &[&str]| missing("stagin", known.to_vec()).help.expect("a help");
        assert_eq!(help(&["staging", "prod"]), "did you mean `staging`?");
        assert_eq!(help(&["a", "zzz"]), "it has: a, zzz");
        assert!(help(&[]).contains("none at all"));
    }
}
