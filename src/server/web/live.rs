//! That something happened: a page is told, and asks for itself again. And the lines of logs, as they come.

use super::super::fault::Refusal;
use super::super::pages::log::lines as html;
use super::super::routes::Shared;
use super::logs::{Tail, short};
use super::see::{place, records_of};
use super::{blocking, keeper};
use crate::app::Keeper;
use crate::digest::Digest;
use crate::report::steps;
use axum::extract::{Path, Query, State};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use serde::Deserialize;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How soon after a change a page is told, and so how often at most.
const BEAT: Duration = Duration::from_millis(400);

type Sent = Result<Event, Infallible>;

/// Of all pipelines.
pub async fn index(State(site): State<Shared>, Query(before): Query<Before>) -> impl IntoResponse {
    let keepers = site.keepers().to_vec();
    stream(site, keepers, before.seen)
}

/// Of one pipeline.
pub async fn pipeline(
    State(site): State<Shared>,
    Path(pipeline): Path<String>,
    Query(before): Query<Before>,
) -> Result<impl IntoResponse, Refusal> {
    let keepers = vec![keeper(&site, &pipeline)?];
    Ok(stream(site, keepers, before.seen))
}

/// What a page has seen.
#[derive(Debug, Default, Deserialize)]
pub struct Before {
    #[serde(default)]
    seen: String,
}

fn stream(site: Shared, keepers: Vec<Arc<Keeper>>, seen: String) -> Sse<impl Stream<Item = Sent>> {
    let changes = unfold((site, keepers, seen), |(site, keepers, seen)| async move {
        loop {
            tokio::time::sleep(BEAT).await;
            if site.is_stopping() {
                return None;
            }
            let now = print(&keepers);
            if now != seen {
                return Some((Ok(Event::default().event("change").data("-")), (site, keepers, now)));
            }
        }
    });
    Sse::new(changes).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)))
}

/// What differs when a page would: cheap to make, and nothing that moves by itself.
pub(super) fn print(keepers: &[Arc<Keeper>]) -> String {
    let of = |k: &Arc<Keeper>| {
        let number = k.state(|s| s.number);
        k.see(|v| {
            let sources: Vec<_> = v.sources.values().map(|s| (s.looked, s.next, s.fault.is_some())).collect();
            (number, v.planned, v.fault.is_some(), v.stopped.is_some(), sources)
        })
    };
    // How many there are differs when a file was mended.
    let all: Vec<_> = keepers.iter().map(of).collect();
    Digest::of(format!("{all:?}")).short()
}

/// Behind which line a page is.
#[derive(Debug, Default, Deserialize)]
pub struct After {
    #[serde(default)]
    after: usize,
}

struct Follow {
    site: Shared,
    keeper: Arc<Keeper>,
    run: u64,
    step: String,
    path: PathBuf,
    tail: Tail,
    is_over: bool,
}

/// The lines of a log as they come, until its step has ended.
pub async fn log(
    State(site): State<Shared>,
    Path((pipeline, run, step)): Path<(String, u64, String)>,
    Query(after): Query<After>,
) -> Result<impl IntoResponse, Refusal> {
    let keeper = keeper(&site, &pipeline)?;
    let asked = site.clone();
    let follow = blocking(move || {
        let lines = steps::lines(&records_of(&asked, &keeper, run)?, None);
        let line = lines.into_iter().find(|l| *l.id == *step).ok_or_else(Refusal::absent)?;
        let path = place(&keeper, run, &line);
        let tail = Tail::behind(&path, after.after).map_err(|_| Refusal::absent())?;
        Ok(Follow { site: asked, keeper, run, step, path, tail, is_over: false })
    });
    let stream = unfold(follow.await?, |follow| async move { next(follow).await });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

async fn next(mut follow: Follow) -> Option<(Sent, Follow)> {
    if follow.is_over {
        return None;
    }
    loop {
        // Whether it runs is asked before reading, so that the last lines are not missed.
        let runs = follow.keeper.state(|s| s.intents.get(follow.step.as_str()).is_some_and(|i| i.run == follow.run));
        let read = blocking(move || {
            let more = follow.tail.more(&follow.path, !runs);
            Ok((follow, more))
        });
        let (back, more) = read.await.ok()?;
        follow = back;
        match more {
            Ok(mut lines) if !lines.is_empty() => {
                short(&mut lines);
                return Some((Ok(Event::default().event("lines").data(html(&lines).into_string())), follow));
            }
            Ok(_) if runs && !follow.site.is_stopping() => tokio::time::sleep(BEAT).await,
            _ => {
                follow.is_over = true;
                return Some((Ok(Event::default().event("end").data("-")), follow));
            }
        }
    }
}
