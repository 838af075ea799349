//! What events say.

use super::Around;
use super::fields::{count, text};
use serde_json::Value;

/// A warning that was given, how often, and its message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Warning<'a> {
    pub reason: &'a str,
    pub message: &'a str,
    pub times: i64,
}

/// The last event about the object with that `uid` that has one of those reasons and pleases.
pub(super) fn last<'a>(
    around: &Around<'a>,
    uid: &str,
    reasons: &[&str],
    pleases: impl Fn(&str) -> bool,
) -> Option<Warning<'a>> {
    let fits = |event: &&Value| {
        super::pointed_to(event) == uid && reasons.contains(&text(event, "/reason")) && pleases(text(event, "/message"))
    };
    let event = around.events.iter().filter(fits).max_by_key(|event| time(event))?;
    let times = count(event, "/count").max(count(event, "/series/count")).max(1);
    Some(Warning { reason: text(event, "/reason"), message: text(event, "/message"), times })
}

/// When it happened last, as a text that sorts.
fn time(event: &Value) -> &str {
    ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/firstTimestamp"]
        .iter()
        .map(|at| text(event, at))
        .find(|time| !time.is_empty())
        .unwrap_or_default()
}
