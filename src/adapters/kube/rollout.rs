//! Waiting until what was applied works, or cannot any more.
//!
//! Each object that is not settled is watched, so that a change is seen at once; what a watch does not tell (a pod that
//! cannot pull leaves its Deployment as it is) is asked for now and then, less often the longer it takes. A server that
//! does not answer is no failure of what is waited for: it is said once, and asked again until the time is over.

use super::around::{Belongings, text};
use super::client::{At, Cluster};
use super::diagnose::diagnose;
use crate::health::{self, Health};
use crate::ports::{Fault, PortError};
use futures_util::StreamExt as _;
use kube::api::WatchParams;
use kube::core::{Request, WatchEvent};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;

/// So many objects are watched; changes of others are seen when it is looked at all of them.
const WATCHED: usize = 20;
/// How long the server keeps a watch open at most, in seconds; it is opened again then.
const WATCH: u32 = 290;
/// How long whoever asks to stop waits at most.
const STOP: Duration = Duration::from_millis(200);
/// For so long after a server was away, a refusal may be that it does not know its rights yet.
const SETTLING: Duration = Duration::from_secs(20);

/// How long is waited, who may end it, and who is told.
#[derive(Clone, Copy)]
pub struct Within<'a> {
    /// When it has taken too long.
    pub deadline: Instant,
    /// Whether somebody wants it to stop.
    pub stop: &'a (dyn Fn() -> bool + Sync),
    /// Takes a line about how far it is.
    pub say: &'a (dyn Fn(&str) + Sync),
}

/// An object that is waited for.
struct Open<'a> {
    at: &'a At,
    /// What was said of it last.
    said: String,
    /// The object and what belongs to it, as they were seen last.
    seen: Value,
    with: Belongings,
}

/// A server that does not answer.
#[derive(Default)]
struct Away {
    since: Option<Instant>,
    back: Option<Instant>,
}

/// Waits until all of the objects are as they should be.
///
/// # Errors
/// Which one cannot succeed any more and why; which ones are not ready when the time is over; that it was stopped.
pub async fn wait(cluster: &Cluster, objects: &[At], within: Within<'_>) -> Result<(), PortError> {
    let begin = Instant::now();
    let awaited = objects.iter().filter(|at| health::is_awaited(&at.resource.kind));
    let mut open: Vec<Open<'_>> =
        awaited.map(|at| Open { at, said: String::new(), seen: Value::Null, with: Belongings::default() }).collect();
    let (changed, mut changes) = channel(1);
    let mut watches = JoinSet::new();
    let mut away = Away::default();
    let mut round = 0u32;
    while !open.is_empty() {
        // A first look finds most objects as they should be; why the others are not is asked from the second on.
        match look(cluster, &mut open, round > 0, within).await {
            Ok(()) => away.is_back(cluster, within),
            Err(error) if away.excuses(&error) => away.is_gone(cluster, &error, within),
            Err(error) => return Err(error),
        }
        if round == 0 {
            for open in open.iter().take(WATCHED) {
                watches.spawn(watch(cluster.client(), open.at.clone(), changed.clone()));
            }
        }
        round = round.saturating_add(1);
        if open.is_empty() {
            break;
        }
        if Instant::now() >= within.deadline {
            return Err(late(cluster, &open, begin, within).await);
        }
        pause(&mut changes, patience(begin), within).await?;
    }
    told_only(cluster, objects, within).await;
    Ok(())
}

/// Looks at all that are open, and closes those that are settled.
async fn look(cluster: &Cluster, open: &mut Vec<Open<'_>>, closely: bool, within: Within<'_>) -> Result<(), PortError> {
    let mut at = 0;
    while let Some(one) = open.get_mut(at) {
        let health = one.look(cluster, closely).await?;
        let id = one.at.shown();
        match health {
            Health::Healthy => {
                if !one.said.is_empty() {
                    (within.say)(&format!("{id}: healthy"));
                }
                open.remove(at);
            }
            Health::Suspended(why) => {
                (within.say)(&format!("{id}: not waited for: {why}"));
                open.remove(at);
            }
            Health::Progressing(why) => {
                if without_counts(&one.said) != without_counts(&why) {
                    (within.say)(&format!("{id}: {why}"));
                }
                one.said = why;
                at += 1;
            }
            Health::Failed(why) => {
                (within.say)(&format!("{id}: {why}"));
                let last_words = diagnose(cluster, one.at, &one.seen, &one.with, within.say).await;
                return Err(PortError::new(
                    Fault::Invalid,
                    format!("{id} cannot succeed: {}", with_last(why, last_words)),
                ));
            }
        }
    }
    Ok(())
}

impl Open<'_> {
    async fn look(&mut self, cluster: &Cluster, closely: bool) -> Result<Health, PortError> {
        let Some(object) = cluster.get(self.at).await? else {
            return Ok(Health::Failed("it is gone: somebody deleted it".to_string()));
        };
        self.seen = object;
        let health = health::of(&self.seen, &health::Around::default());
        if !closely || !matches!(health, Health::Progressing(_) | Health::Failed(_)) {
            return Ok(health);
        }
        self.with = cluster.belongings(self.at, &self.seen).await?;
        Ok(health::of(&self.seen, &self.with.around()))
    }
}

/// The words without how often something happened: that it happened again is no news.
fn without_counts(why: &str) -> String {
    why.split(' ').filter(|word| !word.trim_end_matches([':', ';', ',']).ends_with('×')).collect::<Vec<_>>().join(" ")
}

fn with_last(why: String, last_words: Option<String>) -> String {
    match last_words {
        Some(words) if !why.contains(&words) => format!("{why}; it last said: {words}"),
        _ => why,
    }
}

/// What is not ready when the time is over.
async fn late(cluster: &Cluster, open: &[Open<'_>], begin: Instant, within: Within<'_>) -> PortError {
    let mut words = Vec::new();
    for one in open {
        let last_words = diagnose(cluster, one.at, &one.seen, &one.with, within.say).await;
        let said = if one.said.is_empty() { "it was never seen".to_string() } else { one.said.clone() };
        words.push(format!("{} is not healthy: {}", one.at.shown(), with_last(said, last_words)));
    }
    let took = crate::model::duration::format(Duration::from_secs(begin.elapsed().as_secs().max(1)));
    PortError::new(Fault::Limit, format!("after {took} {}", words.join("; ")))
        .help("give it more time with `timeout` at the environment, or see in the log what it waits for")
}

/// What is told of objects that are not waited for.
async fn told_only(cluster: &Cluster, objects: &[At], within: Within<'_>) {
    for at in objects.iter().filter(|at| !health::is_awaited(&at.resource.kind)) {
        if let Ok(Some(object)) = cluster.get(at).await
            && let Some(why) = health::of(&object, &health::Around::default()).reason()
        {
            (within.say)(&format!("{}: not waited for: {why}", at.shown()));
        }
    }
}

impl Away {
    /// Whether an error may pass by itself.
    fn excuses(&self, error: &PortError) -> bool {
        let just_back = self.since.is_some() || self.back.is_some_and(|back| back.elapsed() < SETTLING);
        error.fault == Fault::Unavailable || (error.fault == Fault::Denied && just_back)
    }

    fn is_gone(&mut self, cluster: &Cluster, error: &PortError, within: Within<'_>) {
        if self.since.is_none() {
            self.since = Some(Instant::now());
            (within.say)(&format!(
                "cluster `{}` does not answer, and is asked again until the time is over: {error}",
                cluster.context
            ));
        }
    }

    fn is_back(&mut self, cluster: &Cluster, within: Within<'_>) {
        if let Some(since) = self.since.take() {
            self.back = Some(Instant::now());
            let seconds = since.elapsed().as_secs();
            (within.say)(&format!("cluster `{}` answers again, after {seconds} s", cluster.context));
        }
    }
}

/// How long it may take until it is looked again without a change being told.
fn patience(begin: Instant) -> Duration {
    Duration::from_millis(match begin.elapsed().as_secs() {
        0..=30 => 1_000,
        31..=120 => 2_000,
        _ => 5_000,
    })
}

/// Waits for a change, or for some time.
pub(super) async fn pause(changes: &mut Receiver<()>, most: Duration, within: Within<'_>) -> Result<(), PortError> {
    let until = (Instant::now() + most).min(within.deadline);
    loop {
        if (within.stop)() {
            return Err(PortError::new(
                Fault::Cancelled,
                "it was stopped while it was waiting; what was applied stays",
            ));
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        if let Ok(Some(())) = tokio::time::timeout(left.min(STOP), changes.recv()).await {
            return Ok(());
        }
    }
}

/// Tells of changes of an object, as long as somebody listens.
pub(super) async fn watch(client: kube::Client, at: At, changed: Sender<()>) {
    let path = at.resource.path(at.namespace.as_deref());
    let mut version = "0".to_string();
    while !changed.is_closed() {
        let params = WatchParams::default().fields(&format!("metadata.name={}", at.name)).timeout(WATCH);
        let Ok(request) = Request::new(&path).watch(&params, &version) else { return };
        if let Ok(events) = client.request_events::<Value>(request).await {
            let mut events = std::pin::pin!(events);
            while let Some(Ok(event)) = events.next().await {
                let (WatchEvent::Added(object) | WatchEvent::Modified(object) | WatchEvent::Deleted(object)) = event
                else {
                    version = "0".to_string();
                    break;
                };
                version = text(&object, "/metadata/resourceVersion").to_string();
                // One that is waiting to be heard is enough.
                if let Err(tokio::sync::mpsc::error::TrySendError::Closed(())) = changed.try_send(()) {
                    return;
                }
            }
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn that_it_happened_again_is_no_news() {
        assert_eq!(
            without_counts("readiness probe failed 12×: HTTP 503"),
            without_counts("readiness probe failed 2×: HTTP 503")
        );
        assert_ne!(without_counts("0 of 1 pods are new"), without_counts("1 of 1 pods are new"));
    }
}
