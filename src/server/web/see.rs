//! Pages, each with what is read for it.

use super::super::fault::Refusal;
use super::super::pages::{self, assets, candidate, fault, headers, history as past, log as logged};
use super::super::routes::Shared;
use super::super::site::Person;
use super::{answer, blocking, guarded, keeper, logs, look, viewer};
use crate::app::Keeper;
use crate::ide::Analysis;
use crate::plan::changes;
use crate::ports::PortError;
use crate::report::{history as told, steps};
use crate::run::{Event, Record};
use axum::Extension;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many events of one run are read.
const RUN: u64 = 20_000;
/// How many events are looked through for those of a name, for one page.
const SEARCHED: u64 = 20_000;
/// How many are read to see which run a place in the journal is of.
const FEW: u32 = 8;
/// How many of them at once.
const PIECE: u32 = 2000;

type Asker = Extension<Person>;

/// The first page: the board, or where there are several pipelines, a line for each.
pub async fn index(State(site): State<Shared>, Extension(person): Asker) -> Result<Response, Refusal> {
    let only = match site.keepers().as_slice() {
        [only] if site.faulty().is_empty() => Some(only.clone()),
        _ => None,
    };
    let page = blocking(move || match only {
        Some(keeper) => Ok(look(&site, &keeper, Some(&person), pages::board::html)?),
        None => {
            let keepers = site.keepers();
            let (mut rows, print) = (Vec::new(), super::live::print(&keepers));
            for keeper in keepers.iter() {
                rows.push(look(&site, keeper, Some(&person), pages::index::row)?);
            }
            rows.extend(site.faulty().iter().map(|faulty| pages::index::faulty(&faulty.path, &faulty.failure)));
            Ok(pages::index::html(&viewer(&site, Some(&person)), &rows, &print))
        }
    });
    Ok(answer(StatusCode::OK, page.await?))
}

/// Answers with a page of a pipeline; where there is none, with the page that says so.
async fn of(
    site: Shared,
    person: Person,
    pipeline: String,
    make: impl FnOnce(&Shared, &Arc<Keeper>, &Person) -> Result<Option<Markup>, Refusal> + Send + 'static,
) -> Result<Response, Refusal> {
    let asked = (site.clone(), person.clone());
    let page = blocking(move || make(&asked.0, &keeper(&asked.0, &pipeline)?, &asked.1)).await;
    match page {
        Ok(Some(page)) => Ok(answer(StatusCode::OK, page)),
        Ok(None) => Ok(answer(StatusCode::NOT_FOUND, fault::absent(&viewer(&site, Some(&person))))),
        Err(refusal) => Err(refusal),
    }
}

/// The board of a pipeline.
pub async fn board(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path(pipeline): Path<String>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, |site, keeper, who| Ok(Some(look(site, keeper, Some(who), pages::board::html)?))).await
}

/// The last candidates.
pub async fn candidates(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path(pipeline): Path<String>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, |site, keeper, who| Ok(Some(look(site, keeper, Some(who), candidate::all)?))).await
}

/// A candidate.
pub async fn candidate(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path((pipeline, named)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, move |site, keeper, who| {
        let Some(id) = look(site, keeper, Some(who), |look| candidate::find(look, &named))? else { return Ok(None) };
        let went = went(keeper, id)?;
        Ok(Some(look(site, keeper, Some(who), |look| candidate::html(look, id, &went))?))
    })
    .await
}

/// What a candidate changed where it came, from the objects that are kept.
fn went(keeper: &Keeper, id: crate::digest::Digest) -> Result<candidate::Went, Refusal> {
    let pairs: Vec<_> = keeper.state(|state| {
        let pair = |(name, place): (&String, &crate::plan::memory::Place)| {
            let all: Vec<_> = place.had.iter().chain(&place.has).collect();
            let at = all.iter().position(|h| h.candidate == id)?;
            let before = at.checked_sub(1).and_then(|b| all.get(b)).map(|h| h.bundles.clone());
            Some((name.clone(), before.unwrap_or_default(), all.get(at)?.bundles.clone()))
        };
        state.memory.environments.iter().filter_map(pair).collect()
    });
    let session = keeper.session();
    let mut went = BTreeMap::new();
    for (name, before, after) in pairs {
        let mut all = Vec::new();
        for (release, bundle) in after {
            let old = before.get(&release).copied();
            if old == Some(bundle) {
                continue;
            }
            let Some(new) = session.bundle(bundle)? else { continue };
            let old = old.map(|b| session.bundle(b)).transpose()?.flatten();
            all.extend(changes::between(&release, old.as_deref(), &new));
        }
        went.insert(name, all);
    }
    Ok(went)
}

/// A gate.
pub async fn gate(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path((pipeline, environment)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, move |site, keeper, who| {
        Ok(look(site, keeper, Some(who), |look| pages::gate::html(look, &environment, None))?)
    })
    .await
}

/// The last runs.
pub async fn runs(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path(pipeline): Path<String>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, |site, keeper, who| Ok(Some(look(site, keeper, Some(who), pages::run::all)?))).await
}

/// A run.
pub async fn run(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path((pipeline, number)): Path<(String, String)>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, move |site, keeper, who| {
        let Some(number) = number.parse::<u64>().ok().filter(|n| *n > 0) else { return Ok(None) };
        let records = records_of(site, keeper, number)?;
        if records.is_empty() {
            return Ok(None);
        }
        Ok(Some(look(site, keeper, Some(who), |look| pages::run::html(look, number, &records))?))
    })
    .await
}

/// The events of a run: where they are is known of the last runs, and found by halving for older ones. Those of runs that went on
/// beside it lie between them.
pub(super) fn records_of(site: &Shared, keeper: &Keeper, run: u64) -> Result<Vec<Record>, PortError> {
    let (last, runs) = keeper.state(|s| (s.number, s.runs));
    if run > runs {
        return Ok(Vec::new());
    }
    let known = site.seen.of(keeper)?.run(run).map(|r| r.events);
    let first = match known {
        Some((first, _)) => first,
        None => first_of(keeper, run, last)?,
    };
    let mut records = Vec::new();
    let mut after = first.saturating_sub(1);
    // Most runs have some dozens of events.
    let mut most = 64;
    while records.len() < RUN as usize {
        let piece = keeper.records(after, most)?;
        most = (most * 4).min(PIECE);
        let Some(newest) = piece.last().map(|r| r.number) else { break };
        let end = piece.iter().position(|r| is_end_of(r, run));
        // Its own end is its last event; another's beginning is none of it.
        let piece = piece.into_iter().take(end.map_or(usize::MAX, |at| at + 1));
        records.extend(piece.filter(|r| r.run == run));
        after = newest;
        if end.is_some() {
            break;
        }
    }
    Ok(records)
}

/// Whether a run has come to its end by an event: its own, or the beginning of another one that does not go on beside it.
fn is_end_of(record: &Record, run: u64) -> bool {
    match &record.event {
        Event::RunFinished { .. } => record.run == run,
        Event::RunStarted { beside, .. } => record.run > run && !beside.contains(&run),
        _ => false,
    }
}

/// The number of the event with which a run began.
fn first_of(keeper: &Keeper, run: u64, last: u64) -> Result<u64, PortError> {
    let (mut low, mut high) = (1, last);
    while low < high {
        let middle = low + (high - low) / 2;
        // Between runs people say things; the next run tells where that is.
        let mut after = middle - 1;
        let found = loop {
            let piece = keeper.records(after, FEW)?;
            match piece.iter().find(|r| r.run > 0) {
                Some(record) => break Some(record.run),
                None => match piece.last() {
                    Some(record) if record.number < high => after = record.number,
                    _ => break None,
                },
            }
        };
        match found {
            Some(at) if at < run => low = middle + 1,
            _ => high = middle,
        }
    }
    // An older run that went on beside it may have hidden its beginning: that is not far before.
    let mut upto = low;
    loop {
        let piece = keeper.records_upto(upto, PIECE)?;
        let started = |r: &&Record| matches!(r.event, Event::RunStarted { .. });
        match piece.iter().find(|r| started(r) && r.run <= run) {
            Some(record) if record.run == run => return Ok(record.number),
            Some(_) => break,
            None => {}
        }
        let Some(oldest) = piece.last() else { break };
        upto = oldest.number - 1;
    }
    Ok(low)
}

/// Which part of a log is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Piece {
    from: Option<usize>,
    q: Option<String>,
}

/// A log.
pub async fn log(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path((pipeline, run, step)): Path<(String, String, String)>,
    Query(piece): Query<Piece>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, move |site, keeper, who| {
        let Ok(run) = run.parse::<u64>() else { return Ok(None) };
        let records = records_of(site, keeper, run)?;
        let lines = steps::lines(&records, None);
        let Some(line) = lines.iter().find(|l| *l.id == *step) else { return Ok(None) };
        let path = place(keeper, run, line);
        let query = piece.q.as_deref().map(str::trim).filter(|q| !q.is_empty() && q.len() <= logged::QUERY);
        let part = match query {
            Some(query) => logs::search(&path, query),
            None => logs::part(&path, piece.from),
        };
        let failed = |e: std::io::Error| {
            Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, format!("the log cannot be read: {}", e.kind()))
        };
        let part = part.map_err(failed)?;
        Ok(Some(look(site, keeper, Some(who), |look| logged::html(look, run, line, &part))?))
    })
    .await
}

/// Where the log of a step is: where it was closed, or where it is written.
pub(super) fn place(keeper: &Keeper, run: u64, step: &steps::StepLine) -> std::path::PathBuf {
    let session = keeper.session();
    match &step.log {
        Some(log) => session.logs().join(&log.path),
        None => session.log_of(run, &step.id, step.attempt),
    }
}

/// Which part of the history is asked for.
#[derive(Debug, Default, Deserialize)]
pub struct Back {
    before: Option<u64>,
    about: Option<String>,
}

/// The history.
pub async fn history(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path(pipeline): Path<String>,
    Query(back): Query<Back>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, move |site, keeper, who| {
        let part = part(keeper, &back)?;
        Ok(Some(look(site, keeper, Some(who), |look| past::html(look, &part))?))
    })
    .await
}

fn part(keeper: &Keeper, back: &Back) -> Result<past::Part, PortError> {
    let last = keeper.state(|s| s.number);
    let about = back.about.clone().filter(|a| !a.is_empty() && a.len() <= 100);
    let start = back.before.unwrap_or(last + 1).min(last + 1);
    let mut upto = start.saturating_sub(1);
    let mut records: Vec<Record> = Vec::new();
    if let Some(name) = about.as_deref().filter(|a| told::stands_in(a)) {
        let floor = start.saturating_sub(SEARCHED);
        // One more than a page tells whether there are more.
        records = keeper.newest_with(floor..start, name, past::PAGE + 1, |r| told::is_about(r, name))?;
        let is_cut = records.len() > past::PAGE;
        records.truncate(past::PAGE);
        let upto = if is_cut { records.last().map_or(floor, |r| r.number) } else { floor };
        let older = (upto > 1).then_some(upto);
        return Ok(past::Part { records, about, older, is_first: back.before.is_none() });
    }
    let (piece, floor) = match about {
        Some(_) => (PIECE, start.saturating_sub(SEARCHED)),
        None => (past::PAGE as u32, 0),
    };
    while upto > floor && records.len() < past::PAGE {
        let found = keeper.records_upto(upto, piece)?;
        // What was before was cut off.
        upto = found.last().map_or(0, |oldest| oldest.number - 1);
        records.extend(found.into_iter().filter(|r| about.as_ref().is_none_or(|a| told::is_about(r, a))));
    }
    if records.len() > past::PAGE {
        records.truncate(past::PAGE);
        upto = records.last().map_or(upto, |r| r.number - 1);
    }
    let older = (upto > 0).then_some(upto + 1);
    Ok(past::Part { records, about, older, is_first: back.before.is_none() })
}

/// The pipeline file.
pub async fn file(
    State(site): State<Shared>,
    Extension(person): Asker,
    Path(pipeline): Path<String>,
) -> Result<Response, Refusal> {
    of(site, person, pipeline, |site, keeper, who| {
        let loaded = &keeper.session().loaded;
        let (root, sources) = (loaded.root.clone(), loaded.sources.clone());
        let analysis = Analysis::new(root, sources, loaded.document.clone(), loaded.diagnostics.clone());
        Ok(Some(look(site, keeper, Some(who), |look| pages::file::html(look, &analysis))?))
    })
    .await
}

/// The stylesheet and its like, for as long as a browser likes.
pub async fn asset(Path(name): Path<String>) -> Response {
    let Some(asset) = assets::find(&format!("/assets/{name}")) else { return Refusal::absent().into_response() };
    let kind = HeaderValue::from_static(asset.kind);
    let mut response = ([(header::CONTENT_TYPE, kind)], asset.body).into_response();
    guarded(&mut response, headers::ASSET);
    response
}
