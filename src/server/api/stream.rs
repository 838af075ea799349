//! What goes on while it is read: events as they happen, logs as they grow.

use super::{blocking, keeper};
use crate::app::Keeper;
use crate::report::history;
use crate::report::layout::clean;
use crate::run::{Event, Outcome, Record};
use crate::server::fault::Refusal;
use crate::server::routes::Shared;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use std::collections::VecDeque;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// How often a log that grows is looked at.
const BEAT: Duration = Duration::from_millis(250);
/// How much of a log is sent at once.
const PIECE: u64 = 256 << 10;
/// How many events are looked through at once for the end of a step.
const RECORDS: u32 = 2000;
/// The most events that are sent to somebody who comes back.
const MISSED: u32 = 10_000;

/// Everything that happens from now on; for somebody who comes back, from where they were.
pub async fn events(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    // Listening begins before reading, so that nothing falls in between.
    let follow = keeper.follow();
    let missed = match last {
        Some(last) => {
            let asked = keeper.clone();
            blocking(move || asked.records(last, MISSED)).await??
        }
        None => Vec::new(),
    };
    let seen = missed.last().map_or_else(|| last.unwrap_or(0), |r| r.number);
    let stream = records(follow, missed, seen);
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Records as they are sent: those that were missed, then those that come.
pub fn records(
    follow: Receiver<Record>,
    missed: Vec<Record>,
    seen: u64,
) -> impl Stream<Item = Result<Sent, Infallible>> {
    unfold((follow, VecDeque::from(missed), seen), |(mut follow, mut missed, mut seen)| async move {
        loop {
            if let Some(record) = missed.pop_front() {
                return Some((Ok(sent(&record)), (follow, missed, seen)));
            }
            match follow.recv().await {
                Ok(record) if record.number > seen => {
                    seen = record.number;
                    return Some((Ok(sent(&record)), (follow, missed, seen)));
                }
                Ok(_) => {}
                // They were too slow; they come back with the number of the last they have.
                Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
            }
        }
    })
}

fn sent(record: &Record) -> Sent {
    Sent::default().id(record.number.to_string()).event("record").data(history::json(record).trim_end())
}

/// Which log is asked for.
#[derive(Debug, Deserialize)]
pub struct LogQuery {
    /// The step.
    step: String,
    /// The run; the last one of the step unless said.
    run: Option<u64>,
    /// Goes on until the step has ended.
    #[serde(default)]
    follow: bool,
}

/// What a step printed.
pub async fn log(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Response, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let (asked, step, run) = (keeper.clone(), query.step.clone(), query.run);
    let found = blocking(move || find(&asked, &step, run)).await??;
    let missing = || Refusal::new(StatusCode::NOT_FOUND, format!("no step `{}` has run", query.step));
    let at = found.ok_or_else(missing)?;
    let follow = query.follow && at.is_running;
    let tail = Tail { keeper, step: query.step, path: at.path, from: 0, follow };
    let body = Body::from_stream(unfold(tail, |mut tail| async move {
        let piece = tail.next().await?;
        Some((Ok::<_, Infallible>(piece), tail))
    }));
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

/// The log of a step.
pub struct At {
    /// Where it is.
    pub path: PathBuf,
    /// Whether the step is still running.
    pub is_running: bool,
}

/// The log of a step: of the one that runs, or of its last end.
pub fn find(keeper: &Keeper, step: &str, run: Option<u64>) -> Result<Option<At>, crate::ports::PortError> {
    let session = keeper.session();
    let running = keeper.state(|s| s.intents.get(step).map(|i| (i.run, i.attempt)));
    if let Some((now, attempt)) = running.filter(|(now, _)| run.is_none_or(|r| r == *now)) {
        return Ok(Some(At { path: session.log_of(now, step, attempt), is_running: true }));
    }
    // The newest first, in pieces: a log that is asked for is one of the last as a rule.
    let mut upto = keeper.state(|s| s.number);
    loop {
        let records = keeper.records_upto(upto, RECORDS)?;
        let Some(oldest) = records.last() else { return Ok(None) };
        upto = oldest.number - 1;
        for record in records.iter().filter(|r| run.is_none_or(|n| n == r.run)) {
            let Event::StepFinished { step: of, outcome, .. } = &record.event else { continue };
            let (Outcome::Succeeded { log, .. } | Outcome::Failed { log, .. }) = outcome;
            if let Some(log) = log.as_ref().filter(|_| **of == *step) {
                return Ok(Some(At { path: session.logs().join(&log.path), is_running: false }));
            }
        }
    }
}

/// A log that is read while it grows.
struct Tail {
    keeper: Arc<Keeper>,
    step: String,
    path: PathBuf,
    from: u64,
    follow: bool,
}

impl Tail {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Whether it runs is asked before reading, so that the last lines are not missed.
            let runs = self.keeper.state(|s| s.intents.contains_key(self.step.as_str()));
            let (path, from) = (self.path.clone(), self.from);
            let bytes = blocking(move || read(&path, from)).await.ok()?.ok()?;
            if !bytes.is_empty() {
                self.from += bytes.len() as u64;
                return Some(inert(&bytes));
            }
            if !self.follow || !runs {
                return None;
            }
            tokio::time::sleep(BEAT).await;
        }
    }
}

/// A piece of a file, of whole lines as long as there are some.
fn read(path: &std::path::Path, from: u64) -> std::io::Result<Vec<u8>> {
    use std::io::{Read, Seek, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(PIECE).read_to_end(&mut bytes)?;
    if let Some(end) = memchr::memrchr(b'\n', &bytes) {
        bytes.truncate(end + 1);
    }
    Ok(bytes)
}

/// Text that does nothing to a terminal.
fn inert(bytes: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(bytes);
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |l| (l, "\n"));
        out.push_str(&clean(line));
        out.push_str(end);
    }
    Bytes::from(out)
}
