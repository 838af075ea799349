//! What failing probes say, shorter.

use super::Around;
use super::events::last;

/// Which probe fails, how often, and how: `readiness probe failed 12×: HTTP 503`.
pub(super) fn failing(around: &Around<'_>, uid: &str, kinds: &[&str]) -> Option<String> {
    let of_kind = |message: &str| kinds.iter().any(|kind| message.starts_with(kind));
    let warning = last(around, uid, &["Unhealthy", "ProbeWarning"], of_kind)?;
    let kind = kinds.iter().find(|kind| warning.message.starts_with(**kind))?;
    let how = how(warning.message.split_once(": ").map_or("", |(_, how)| how));
    let times = if warning.times > 1 { format!(" {}×", warning.times) } else { String::new() };
    Some(match how.as_str() {
        "" => format!("{} probe failed{times}", kind.to_ascii_lowercase()),
        how => format!("{} probe failed{times}: {how}", kind.to_ascii_lowercase()),
    })
}

/// The end of what the kubelet says is what tells.
fn how(message: &str) -> String {
    let message = message.trim();
    if let Some(status) = message.strip_prefix("HTTP probe failed with statuscode: ") {
        return format!("HTTP {status}");
    }
    if message.contains("connection refused") {
        return "connection refused".to_string();
    }
    if message.contains("deadline exceeded") || message.contains("Client.Timeout") || message.contains("timed out") {
        return "no answer in time".to_string();
    }
    // What a program printed may be long: its first line says most.
    message.lines().next().unwrap_or_default().chars().take(200).collect()
}
