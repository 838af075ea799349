//! Containers: why one does not run.

use super::events::last;
use super::fields::{count, list, number, text};
use super::{Around, Health, probe};
use serde_json::Value;

/// A container that could not be made for so many times will not be.
const CONFIG_TRIES: i64 = 3;

/// What a registry says when asking again is of no use.
const FINAL: &[&str] = &[
    "manifest unknown",
    "not found",
    "name unknown",
    "unauthorized",
    "denied",
    "authentication required",
    "no basic auth credentials",
    "no matching manifest",
    "invalid reference",
    "does not exist",
    "unsupported",
];

/// What a container runtime says when starting again is of no use.
const UNSTARTABLE: &[&str] =
    &["executable file not found", "no such file or directory", "permission denied", "exec format"];

/// How a container is, by its status; `Healthy` when it runs and is ready, or has done its part.
pub(super) fn health(pod: &Value, status: &Value, around: &Around<'_>) -> Health {
    let waiting = text(status, "/state/waiting/reason");
    match waiting {
        "ImagePullBackOff" | "ErrImagePull" | "RegistryUnavailable" | "ImageInspectError" => pull(pod, status, around),
        "InvalidImageName" | "ErrImageNeverPull" => Health::Failed(message(waiting, status, "/state/waiting/message")),
        "CreateContainerConfigError" | "CreateContainerError" | "RunContainerError" => unmade(pod, status, around),
        "CrashLoopBackOff" => crash_loop(pod, status, around),
        // Still being made; what holds it up is said about the pod.
        _ if status.pointer("/state/waiting").is_some() => Health::Progressing(String::new()),
        _ => running(pod, status, around),
    }
}

fn running(pod: &Value, status: &Value, around: &Around<'_>) -> Health {
    if status.pointer("/state/terminated").is_some() {
        return match number(status, "/state/terminated/exitCode") {
            Some(0) => Health::Healthy,
            _ => Health::Progressing(ended(pod, status, "/state/terminated")),
        };
    }
    if status.get("ready").and_then(Value::as_bool) == Some(true) {
        return Health::Healthy;
    }
    let uid = text(pod, "/metadata/uid");
    let kinds: &[&str] = if status.get("started").and_then(Value::as_bool) == Some(false) {
        &["Startup", "Liveness"]
    } else {
        &["Readiness", "Liveness"]
    };
    let restarts = count(status, "/restartCount");
    let mut words = Vec::new();
    words.extend(probe::failing(around, uid, kinds));
    if restarts > 0 {
        words.push(format!("{}, {}", ended(pod, status, "/lastState/terminated"), restarted(restarts)));
    }
    if words.is_empty() {
        words.push("runs and is not ready yet".to_string());
    }
    Health::Progressing(words.join("; "))
}

/// An image that could not be pulled.
fn pull(pod: &Value, status: &Value, around: &Around<'_>) -> Health {
    let image = text(status, "/image");
    let uid = text(pod, "/metadata/uid");
    let about_pulling = |m: &str| m.contains("pull") && (image.is_empty() || m.contains(image));
    let said = last(around, uid, &["Failed"], about_pulling).map(|w| w.message);
    let waiting = text(status, "/state/waiting/message");
    let told = said.unwrap_or(waiting);
    let why = why_not_pulled(told);
    let words = match why.as_str() {
        "" => format!("ImagePullBackOff: {image} cannot be pulled"),
        why => format!("ImagePullBackOff: {image}: {why}"),
    };
    let lower = told.to_ascii_lowercase();
    // A first failure is tried again by the kubelet, so it is here.
    let is_second = text(status, "/state/waiting/reason") == "ImagePullBackOff";
    if is_second && FINAL.iter().any(|f| lower.contains(f)) {
        Health::Failed(words)
    } else {
        Health::Progressing(words)
    }
}

/// What is left of what the kubelet says about pulling, without the wrappings of each layer of software.
fn why_not_pulled(message: &str) -> String {
    if message.starts_with("Back-off pulling image") {
        return String::new();
    }
    let mut rest = message;
    let desc = "desc = ";
    if let Some(at) = rest.find(desc) {
        rest = rest.get(at + desc.len()..).unwrap_or_default();
    }
    for wrapping in ["Failed to pull image ", "failed to pull and unpack image ", "failed to resolve reference "] {
        if let Some(inner) = rest.strip_prefix(wrapping)
            && let Some((_, inner)) = inner.split_once(": ")
        {
            rest = inner;
        }
    }
    rest = rest.strip_prefix("Error response from daemon: ").unwrap_or(rest);
    // Docker says the last word twice.
    let mut parts: Vec<&str> = rest.split(": ").collect();
    parts.dedup();
    parts.join(": ")
}

/// A container that could not be made: a ConfigMap or Secret that is not there, a program that cannot be started.
fn unmade(pod: &Value, status: &Value, around: &Around<'_>) -> Health {
    let reason = text(status, "/state/waiting/reason");
    let uid = text(pod, "/metadata/uid");
    let told = text(status, "/state/waiting/message");
    let words = message(reason, status, "/state/waiting/message");
    let tries = last(around, uid, &["Failed"], |m| !told.is_empty() && m.contains(told)).map_or(0, |w| w.times);
    let will_not = reason == "RunContainerError" && UNSTARTABLE.iter().any(|w| told.contains(w));
    if tries.max(count(status, "/restartCount")) >= CONFIG_TRIES || will_not {
        Health::Failed(words)
    } else {
        Health::Progressing(words)
    }
}

fn crash_loop(pod: &Value, status: &Value, around: &Around<'_>) -> Health {
    let restarts = count(status, "/restartCount");
    let mut words =
        format!("CrashLoopBackOff: {}, {}", ended(pod, status, "/lastState/terminated"), restarted(restarts));
    if let Some(probe) = probe::failing(around, text(pod, "/metadata/uid"), &["Liveness", "Startup"]) {
        words = format!("{words}; {probe}");
    }
    let told = text(status, "/lastState/terminated/message");
    let is_unstartable = restarts > 0
        && matches!(text(status, "/lastState/terminated/reason"), "ContainerCannotRun" | "StartError")
        && UNSTARTABLE.iter().any(|w| told.contains(w));
    if restarts >= around.crashes || is_unstartable { Health::Failed(words) } else { Health::Progressing(words) }
}

/// How it ended: `exit code 1`, `OOMKilled (limit 64Mi)`, `killed by signal 9`, with its last words if it left some.
pub(super) fn ended(pod: &Value, status: &Value, at: &str) -> String {
    let end = status.pointer(at).unwrap_or(&Value::Null);
    let code = count(end, "/exitCode");
    let told = text(end, "/message").trim();
    let words = match text(end, "/reason") {
        "OOMKilled" => match memory_limit(pod, text(status, "/name")) {
            "" => "OOMKilled".to_string(),
            limit => format!("OOMKilled (limit {limit})"),
        },
        "ContainerCannotRun" | "StartError" => "it cannot be started".to_string(),
        _ if count(end, "/signal") > 0 => format!("killed by signal {}", count(end, "/signal")),
        _ if code > 128 && code < 160 => format!("exit code {code} (signal {})", code - 128),
        _ => format!("exit code {code}"),
    };
    let last_line = told.lines().last().unwrap_or_default();
    if last_line.is_empty() { words } else { format!("{words}: {}", last_line.chars().take(300).collect::<String>()) }
}

fn restarted(times: i64) -> String {
    match times {
        0 => "not restarted yet".to_string(),
        1 => "restarted once".to_string(),
        n => format!("restarted {n} times"),
    }
}

fn memory_limit<'a>(pod: &'a Value, container: &str) -> &'a str {
    let all = list(pod, "/spec/containers").iter().chain(list(pod, "/spec/initContainers"));
    all.filter(|c| text(c, "/name") == container)
        .map(|c| text(c, "/resources/limits/memory"))
        .next()
        .unwrap_or_default()
}

fn message(reason: &str, status: &Value, at: &str) -> String {
    match text(status, at) {
        "" => reason.to_string(),
        told => format!("{reason}: {told}"),
    }
}
