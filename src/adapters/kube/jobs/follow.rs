//! A Job from its beginning, or from where it is found, to its end.

use super::files;
use super::spec::{self, Order, STEP, TELLS};
use super::{Ended, PATIENCE};
use crate::adapters::kube::around::{list, pods, text};
use crate::adapters::kube::client::{At, Cluster};
use crate::adapters::shell::log::Log;
use crate::health::{self, Health};
use crate::ports::shell::Status;
use crate::ports::{Fault, PortError};
use futures_util::AsyncReadExt as _;
use kube::api::LogParams;
use kube::core::Request;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often it is looked how a Job is.
const BEAT: Duration = Duration::from_millis(500);
/// How long whoever asks to stop waits at most.
const STOP: Duration = Duration::from_millis(200);
/// For so long it is looked for the pod of a Job, or for one that has gone.
const POD: Duration = Duration::from_secs(30);
/// For so much longer than a program may take it is waited for its end to be told.
const LATE: Duration = Duration::from_secs(60);

/// A Job that is followed.
struct Followed<'a> {
    cluster: &'a Cluster,
    order: &'a Order<'a>,
    at: At,
    stop: &'a AtomicBool,
    log: &'a mut Log,
    begin: Instant,
    /// When it has gone on for too long.
    until: Instant,
    /// How much of the pod's log was taken.
    taken: usize,
    /// What was said of it last while it was not running.
    said: String,
    /// What was made for it by now.
    made: Vec<At>,
}

/// Runs a Job to its end, or follows the one that runs already.
pub(super) async fn run(
    cluster: &Cluster,
    order: &Order<'_>,
    stop: &AtomicBool,
    log: &mut Log,
) -> Result<Ended, PortError> {
    let begin = Instant::now();
    let most = order.program.timeout.map_or(Duration::from_secs(7 * 24 * 3600), |timeout| timeout + LATE);
    let at = spec::jobs().at(order.namespace, order.name);
    let until = begin + most + PATIENCE;
    let mut followed =
        Followed { cluster, order, at, stop, log, begin, until, taken: 0, said: String::new(), made: Vec::new() };
    let result = followed.run().await;
    match &result {
        // Nothing is left running of what nobody waits for.
        Ok(Ended { status: Status::Cancelled | Status::TimedOut, .. }) | Err(_) => followed.remove().await,
        Ok(_) => {}
    }
    result
}

impl Followed<'_> {
    async fn run(&mut self) -> Result<Ended, PortError> {
        if self.is_stopped() {
            return Ok(self.cancelled());
        }
        let job = match self.start().await {
            Ok(job) => job,
            Err(error) if error.fault == Fault::Cancelled => return Ok(self.cancelled()),
            Err(error) => return Err(error),
        };
        let uid = text(&job, "/metadata/uid").to_string();
        let mut pod_seen: Option<String> = None;
        let mut missed: Option<Instant> = None;
        loop {
            if self.is_stopped() {
                return Ok(self.cancelled());
            }
            if Instant::now() > self.until {
                return Ok(Ended { status: Status::TimedOut, fault: None });
            }
            let found =
                match self.cluster.list(&pods(), Some(self.order.namespace), &format!("controller-uid={uid}")).await {
                    Ok(found) => found,
                    Err(error) => {
                        self.excused(error)?;
                        self.pause(BEAT * 4).await;
                        continue;
                    }
                };
            let pod = match &pod_seen {
                Some(seen) => found.iter().find(|pod| text(pod, "/metadata/uid") == seen),
                None => found.first(),
            };
            let Some(pod) = pod else {
                if let Some(ended) = self.without_pod(pod_seen.is_some(), &mut missed).await? {
                    return Ok(ended);
                }
                self.pause(BEAT).await;
                continue;
            };
            missed = None;
            pod_seen.get_or_insert_with(|| text(pod, "/metadata/uid").to_string());
            if let Some(ended) = self.look(pod).await? {
                return Ok(ended);
            }
            self.pause(BEAT).await;
        }
    }

    /// Makes the Job and what it needs, or finds it.
    async fn start(&mut self) -> Result<Value, PortError> {
        if let Some(job) = self.find().await? {
            return Ok(job);
        }
        let at = self.at.clone();
        let container = self.order.container;
        let files = files::read(&container.root, container.ignore)?;
        let belongings: Vec<(At, Value)> = self
            .order
            .belongings(&files)
            .into_iter()
            .map(|(kind, body)| (kind.at(self.order.namespace, text(&body, "/metadata/name")), body))
            .collect();
        for (at, body) in &belongings {
            self.made.push(at.clone());
            self.patiently(async |cluster| made(cluster, at, body).await).await?;
        }
        let body = self.order.job(&files);
        let job = self.patiently(async |cluster| made(cluster, &at, &body).await).await?;
        let owner = spec::owned_by(&job);
        for (at, _) in &belongings {
            self.patiently(async |cluster| Ok(cluster.merge(at, &owner).await?)).await?;
        }
        Ok(job)
    }

    /// The Job of this attempt, or of a later one that a life before this has come to. Those of earlier attempts go.
    async fn find(&mut self) -> Result<Option<Value>, PortError> {
        let (namespace, labels) = (self.order.namespace, spec::labelled(self.order.container.key));
        let found = self.patiently(async |cluster| cluster.list(&spec::jobs(), Some(namespace), &labels).await).await?;
        let mut latest: Option<(u32, Value)> = None;
        for job in found {
            let (name, attempt) = (text(&job, "/metadata/name"), spec::attempt(text(&job, "/metadata/name")));
            if attempt < self.order.container.attempt {
                let before = spec::jobs().at(namespace, name);
                self.patiently(async |cluster| cluster.delete(&before, None).await).await?;
            } else if text(&job, "/metadata/deletionTimestamp").is_empty()
                && latest.as_ref().is_none_or(|(other, _)| *other < attempt)
            {
                latest = Some((attempt, job));
            }
        }
        let Some((_, job)) = latest else { return Ok(None) };
        self.at = spec::jobs().at(namespace, text(&job, "/metadata/name"));
        Ok(Some(job))
    }

    /// What it means that there is no pod.
    async fn without_pod(&mut self, was_there: bool, missed: &mut Option<Instant>) -> Result<Option<Ended>, PortError> {
        let since = *missed.get_or_insert_with(Instant::now);
        let job = match self.cluster.get(&self.at).await {
            Ok(Some(job)) => job,
            Ok(None) => {
                let message = format!("its Job {} is gone: somebody deleted it", self.order.name);
                return Ok(Some(lost(message)));
            }
            Err(error) => {
                self.excused(error)?;
                return Ok(None);
            }
        };
        if let Health::Failed(why) = health::of(&job, &health::Around::default()) {
            if why.starts_with("DeadlineExceeded") {
                return Ok(Some(Ended { status: Status::TimedOut, fault: None }));
            }
            return Ok(Some(lost(format!("its Job {} failed: {why}", self.order.name))));
        }
        if was_there {
            // Another pod would be another run.
            return Ok(Some(lost(format!(
                "the pod of its Job {} is gone: somebody or something deleted it",
                self.order.name
            ))));
        }
        if since.elapsed() > POD {
            let events = self.cluster.events(Some(self.order.namespace), text(&job, "/metadata/uid")).await?;
            if let Some(why) = events.iter().rev().find(|e| text(e, "/type") == "Warning").map(|e| text(e, "/message"))
            {
                self.remove().await;
                return Err(PortError::new(Fault::Invalid, format!("the cluster makes no pod for its Job: {why}")));
            }
        }
        Ok(None)
    }

    /// How far the pod is; how it ended, if it has.
    async fn look(&mut self, pod: &Value) -> Result<Option<Ended>, PortError> {
        if text(pod, "/status/reason") == "DeadlineExceeded" {
            self.read_log(pod, false).await;
            return Ok(Some(Ended { status: Status::TimedOut, fault: None }));
        }
        let step = list(pod, "/status/containerStatuses").iter().find(|s| text(s, "/name") == STEP);
        if let Some(end) = step.and_then(|s| s.pointer("/state/terminated")) {
            self.read_log(pod, false).await;
            return Ok(Some(self.ended(pod, end)));
        }
        if step.is_some_and(|s| s.pointer("/state/running").is_some()) {
            self.read_log(pod, true).await;
            return Ok(None);
        }
        let uid = text(pod, "/metadata/uid");
        let events = self.cluster.events(Some(self.order.namespace), uid).await.unwrap_or_default();
        match health::of(pod, &health::Around::new(&[], &events)) {
            Health::Failed(why) => {
                self.read_files_log(pod).await;
                let message = format!("its pod cannot run: {why}");
                let error = PortError::new(Fault::Invalid, message);
                Err(if why.contains("init container files") {
                    error.help("its files are copied in with `cp`, which its image has to have")
                } else {
                    error
                })
            }
            health => {
                self.say(health.reason().unwrap_or_default());
                Ok(None)
            }
        }
    }

    fn ended(&mut self, pod: &Value, end: &Value) -> Ended {
        let code = end.get("exitCode").and_then(Value::as_i64).and_then(|code| i32::try_from(code).ok()).unwrap_or(-1);
        let mut fault = None;
        match text(end, "/reason") {
            "OOMKilled" => {
                let why = health::of(pod, &health::Around::default()).reason().unwrap_or("OOMKilled").to_string();
                fault = Some(PortError::new(Fault::Limit, format!("it was stopped: {why}")));
            }
            "ContainerCannotRun" | "StartError" => {
                fault =
                    Some(PortError::new(Fault::Invalid, format!("it cannot be started: {}", text(end, "/message"))));
            }
            _ => fault = self.told(text(end, "/message")).err().or(fault),
        }
        Ended { status: Status::Code(code), fault }
    }

    /// Hands over what the program told.
    fn told(&self, message: &str) -> Result<(), PortError> {
        let Some(path) = &self.order.container.told else { return Ok(()) };
        if message.len() >= TELLS {
            let message = format!("it told {TELLS} bytes or more, and of a Job no more can be heard");
            return Err(PortError::new(Fault::Limit, message));
        }
        std::fs::write(path, message)
            .map_err(|e| PortError::new(Fault::Unavailable, format!("`{}` cannot be written: {e}", path.display())))
    }

    /// Takes what the pod has printed, and as long as it is followed what it prints. Broken off, it goes on where it was.
    async fn read_log(&mut self, pod: &Value, follow: bool) {
        self.stream(pod, STEP, follow).await;
    }

    /// What copying the files in has printed.
    async fn read_files_log(&mut self, pod: &Value) {
        self.stream(pod, "files", false).await;
    }

    async fn stream(&mut self, pod: &Value, container: &str, follow: bool) {
        let path = pods().path(Some(self.order.namespace));
        let name = text(pod, "/metadata/name");
        let params = LogParams { container: Some(container.to_string()), follow, ..LogParams::default() };
        let Ok(request) = Request::new(&path).logs(name, &params) else { return };
        self.cluster.count("get", &format!("{path}/{name}/log"), false);
        let Ok(stream) = self.cluster.client().request_stream(request).await else { return };
        let mut stream = std::pin::pin!(stream);
        let mut skip = self.taken;
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = tokio::time::timeout(STOP, stream.read(&mut buffer)).await;
            match read {
                Err(_) if self.is_stopped() || Instant::now() > self.until => return,
                Err(_) => {}
                Ok(Ok(0) | Err(_)) => return,
                Ok(Ok(count)) => {
                    let fresh = buffer.get(skip.min(count)..count).unwrap_or_default();
                    skip -= skip.min(count);
                    self.taken += fresh.len();
                    self.log.take(fresh);
                }
            }
        }
    }

    /// Says once what it waits for. It is part of the log: whoever looks there wants to know.
    fn say(&mut self, why: &str) {
        if !why.is_empty() && self.said != why && self.begin.elapsed() > Duration::from_secs(5) {
            self.said = why.to_string();
            self.log.take(format!("[waiting for its pod: {why}]\n").as_bytes());
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn cancelled(&self) -> Ended {
        Ended { status: Status::Cancelled, fault: None }
    }

    /// Deletes the Job and what was made for it, as far as the cluster can be reached.
    async fn remove(&self) {
        if let Err(error) = self.cluster.delete(&self.at, None).await {
            tracing::warn!(%error, job = self.order.name, "a Job that nobody waits for could not be deleted");
        }
        // What has not become the Job's own yet.
        for at in &self.made {
            drop(self.cluster.delete(at, None).await);
        }
    }

    /// A cluster that is away is waited for; anything else is an end.
    fn excused(&mut self, error: PortError) -> Result<(), PortError> {
        if error.fault == Fault::Unavailable && Instant::now() < self.until {
            self.say(&error.message);
            return Ok(());
        }
        Err(error)
    }

    async fn patiently<T>(&mut self, ask: impl AsyncFn(&Cluster) -> Result<T, PortError>) -> Result<T, PortError> {
        loop {
            match ask(self.cluster).await {
                Err(error) => self.excused(error)?,
                done => return done,
            }
            if self.is_stopped() {
                return Err(PortError::new(Fault::Cancelled, "it was stopped"));
            }
            self.pause(BEAT * 4).await;
        }
    }

    async fn pause(&self, length: Duration) {
        let until = Instant::now() + length;
        while Instant::now() < until && !self.is_stopped() {
            tokio::time::sleep(STOP.min(until.saturating_duration_since(Instant::now()))).await;
        }
    }
}

/// Makes an object; one that is there already is what an earlier life has made.
async fn made(cluster: &Cluster, at: &At, body: &Value) -> Result<Value, PortError> {
    match cluster.create(at, body).await {
        Ok(object) => Ok(object),
        Err(refusal) if refusal.code == 409 && refusal.reason == "AlreadyExists" => match cluster.get(at).await? {
            Some(there) => Ok(there),
            None => Err(PortError::new(Fault::Unavailable, format!("{} went while it was looked at", at.shown()))),
        },
        Err(refusal) => Err(refusal.error),
    }
}

fn lost(message: String) -> Ended {
    Ended { status: Status::Code(-1), fault: Some(PortError::new(Fault::Unavailable, message)) }
}
