//! The logs of pods that end: told whole when they have, so that they are there when the pod is gone.

use super::around::{list, text};
use super::client::Cluster;
use serde_json::Value;

/// How many lines of each container are kept.
const LINES: i64 = 2_000;

/// What was told of the pods of a hook.
#[derive(Default)]
pub(super) struct Told {
    /// How it is, in words.
    pub state: String,
    last: Option<String>,
}

impl Told {
    /// Tells the logs of all containers of these pods.
    pub async fn tell(&mut self, cluster: &Cluster, pods: &[&Value], say: &(dyn Fn(&str) + Sync)) {
        for pod in pods {
            let (name, namespace) = (text(pod, "/metadata/name"), text(pod, "/metadata/namespace"));
            let all = list(pod, "/spec/initContainers").iter().chain(list(pod, "/spec/containers"));
            for container in all.map(|c| text(c, "/name")) {
                let Some(log) = cluster.log_tail(namespace, name, container, false, LINES).await else { continue };
                say(&format!("  log of pod {name}, container {container}:"));
                log.lines().for_each(|line| say(&format!("  | {line}")));
                let last = log.lines().rev().map(str::trim).find(|line| !line.is_empty());
                self.last = last.map(|line| line.chars().take(200).collect()).or(self.last.take());
            }
        }
    }

    /// The last line that was told.
    pub fn last_line(&self) -> Option<&str> {
        self.last.as_deref()
    }
}
