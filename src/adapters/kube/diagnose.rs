//! What there is to see of pods that fail, written where whoever looks for the reason will look: states, events, last
//! lines of logs.

use super::around::{Belongings, list, text};
use super::client::{At, Cluster};
use crate::health::{self, Health};
use serde_json::Value;

/// Of so many pods all is told; the others fail alike.
const TOLD: usize = 2;
/// How many lines of a log.
const LINES: i64 = 40;
/// How many events.
const EVENTS: usize = 10;

/// Says what there is to see of the pods of an object that are not well, and gives the last line that one of them printed.
pub async fn diagnose(
    cluster: &Cluster,
    at: &At,
    object: &Value,
    all: &Belongings,
    say: &(dyn Fn(&str) + Sync),
) -> Option<String> {
    let is_itself = at.resource.kind == "Pod";
    let pods: Vec<&Value> = if is_itself { vec![object] } else { all.pods().collect() };
    let mut unwell: Vec<(&Value, Health)> = pods
        .into_iter()
        .map(|pod| (pod, health::of(pod, &all.around())))
        .filter(|(_, h)| *h != Health::Healthy)
        .collect();
    // Those that failed first.
    unwell.sort_by_key(|(_, health)| !matches!(health, Health::Failed(_)));
    let mut last_words = None;
    for (pod, health) in unwell.into_iter().take(TOLD) {
        let name = text(pod, "/metadata/name");
        say(&format!("pod {name}: {health}"));
        for event in events(pod, all) {
            say(&format!("  {event}"));
        }
        for status in statuses(pod) {
            let container = text(status, "/name");
            for previous in [true, false] {
                let ran = |at: &str| status.pointer(at).is_some();
                let has = if previous {
                    ran("/lastState/terminated")
                } else {
                    ran("/state/running") || ran("/state/terminated")
                };
                if !has {
                    continue;
                }
                let namespace = text(pod, "/metadata/namespace");
                let Some(log) = cluster.log_tail(namespace, name, container, previous, LINES).await else { continue };
                let which = if previous { " before its last restart" } else { "" };
                say(&format!("  log of container {container}{which}, the last lines:"));
                log.lines().for_each(|line| say(&format!("  | {line}")));
                last_words = log.lines().rev().map(str::trim).find(|line| !line.is_empty()).map(shorter).or(last_words);
            }
        }
    }
    last_words
}

/// The containers that are not well, those that run before the others first.
fn statuses(pod: &Value) -> impl Iterator<Item = &Value> {
    let all = list(pod, "/status/initContainerStatuses").iter().chain(list(pod, "/status/containerStatuses"));
    all.filter(|status| {
        let is_done = status.pointer("/state/terminated/exitCode").and_then(Value::as_i64) == Some(0);
        !is_done && status.get("ready").and_then(Value::as_bool) != Some(true)
    })
}

fn events(pod: &Value, all: &Belongings) -> Vec<String> {
    let uid = text(pod, "/metadata/uid");
    let mut events: Vec<&Value> = all.events.iter().filter(|e| health::pointed_to(e) == uid && is_telling(e)).collect();
    events.sort_by_key(|event| text(event, "/lastTimestamp").to_string());
    let skip = events.len().saturating_sub(EVENTS);
    events.into_iter().skip(skip).map(words).collect()
}

/// Warnings, but for those that clusters give about every pod.
fn is_telling(event: &Value) -> bool {
    text(event, "/type") == "Warning" && !matches!(text(event, "/reason"), "MissingClusterDNS" | "DNSConfigForming")
}

fn words(event: &Value) -> String {
    let times =
        event.get("count").and_then(Value::as_i64).filter(|n| *n > 1).map_or(String::new(), |n| format!(" {n}×"));
    format!("event {}{times}: {}", text(event, "/reason"), text(event, "/message").trim())
}

fn shorter(line: &str) -> String {
    const MOST: usize = 200;
    match line.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default()),
        None => line.to_string(),
    }
}
