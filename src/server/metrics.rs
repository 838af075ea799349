//! `/metrics`: what happened and how everything is, for Prometheus. A fold of the journals, read on from where the last answer left
//! off, and the state as it is.

use super::api::blocking;
use super::fault::Refusal;
use super::routes::Shared;
use super::site::Site;
use crate::app::Keeper;
use crate::plan::memory::Moment;
use crate::ports::PortError;
use crate::report::measures::delivery::{DAY, DAYS, MOST_DAYS};
use crate::report::measures::{Measures, Summary, seconds};
use crate::report::metrics::{Page, float};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// How many events are read at once.
const PIECE: u32 = 5000;
/// Of how many environments, sources and receivers of a pipeline is told: more would be too many to keep for whoever asks.
const MOST: usize = 200;

/// What happened, of each pipeline.
#[derive(Debug, Default)]
pub struct Measured {
    all: Mutex<HashMap<String, Arc<Mutex<Kept>>>>,
}

/// What happened up to an event.
#[derive(Debug)]
struct Kept {
    measures: Measures,
    last: u64,
    is_old: bool,
}

impl Measured {
    /// Counts what happens in these pipelines from now on. What was before is read for how delivery goes, when it is asked for.
    pub fn begin(&self, keepers: &[Arc<Keeper>]) {
        keepers.iter().for_each(|keeper| drop(self.kept(keeper)));
    }

    /// What is known of a pipeline; of one that came later, from when it is asked for first.
    fn kept(&self, keeper: &Keeper) -> Arc<Mutex<Kept>> {
        let new = || {
            let number = keeper.state(|s| s.number);
            Arc::new(Mutex::new(Kept { measures: Measures::new(number), last: 0, is_old: true }))
        };
        self.all.lock().entry(keeper.name.clone()).or_insert_with(new).clone()
    }

    /// Reads something of what happened in a pipeline up to now. Blocks.
    pub fn of<T>(&self, keeper: &Keeper, now: Moment, read: impl FnOnce(&Measures) -> T) -> Result<T, PortError> {
        let kept = self.kept(keeper);
        let mut kept = kept.lock();
        let end = keeper.state(|s| s.number);
        if std::mem::take(&mut kept.is_old) {
            kept.last = first_since(keeper, end, now - Moment::from(MOST_DAYS) * DAY)?;
        }
        while kept.last < end {
            let records = keeper.records(kept.last, PIECE)?;
            let Some(newest) = records.last() else { break };
            kept.last = newest.number;
            records.iter().for_each(|r| kept.measures.take(r));
        }
        Ok(read(&kept.measures))
    }

    /// How delivery to the environments of a pipeline goes. Blocks.
    pub fn delivery(&self, keeper: &Keeper, now: Moment, days: u32) -> Result<Vec<Summary>, PortError> {
        self.of(keeper, now, |m| m.delivery.summaries(now, days))
    }
}

/// The number behind which everything since a moment stands.
fn first_since(keeper: &Keeper, end: u64, since: Moment) -> Result<u64, PortError> {
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low + (high - low) / 2;
        match keeper.records(middle, 1)?.first() {
            // What was cut off the journal is older than anything that is asked for.
            Some(record) if record.at < since => low = record.number.max(middle + 1),
            _ => high = middle,
        }
    }
    Ok(low)
}

/// `GET /metrics`.
pub async fn metrics(State(site): State<Shared>) -> Result<Response, Refusal> {
    let text = blocking(move || page(&site)).await??;
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}

fn page(site: &Site) -> Result<String, PortError> {
    let mut page = Page::default();
    let now = site.now();
    page.add("lockgate_build_info", &[env!("CARGO_PKG_VERSION")], 1.0);
    process(&mut page);
    for (outcome, count) in site.webhooks.read() {
        page.add("lockgate_webhooks_total", &[outcome], float(count));
    }
    for keeper in site.keepers().iter() {
        of_pipeline(&mut page, keeper, now);
        for untold in keeper.untold()?.iter().take(MOST) {
            let labels = [keeper.name.as_str(), untold.receiver.as_str()];
            page.add("lockgate_notices_waiting", &labels, f64::from(untold.waiting));
            page.add("lockgate_notices_given_up", &labels, f64::from(untold.given_up));
        }
        site.measured.of(keeper, now, |measures| {
            page.add_measures(&keeper.name, measures);
            let summaries = measures.delivery.summaries(now, DAYS);
            summaries.iter().take(MOST).for_each(|s| page.add_delivery(&keeper.name, s));
        })?;
    }
    Ok(page.text())
}

/// How a pipeline is now.
fn of_pipeline(page: &mut Page, keeper: &Keeper, now: Moment) {
    let name = keeper.name.as_str();
    keeper.see(|view| {
        page.add_if("lockgate_pipeline_up", &[name], view.stopped.is_none());
        page.add_if("lockgate_pipeline_ready", &[name], view.ready);
        page.add_if("lockgate_pipeline_plannable", &[name], view.fault.is_none());
        for (source, view) in view.sources.iter().take(MOST) {
            let [looks, failures] = view.looks;
            page.add("lockgate_looks_total", &[name, source, "ok"], float(looks - failures.min(looks)));
            page.add("lockgate_looks_total", &[name, source, "failed"], float(failures));
            page.add_if("lockgate_source_failing", &[name, source], view.fault.is_some());
            if let Some(looked) = view.looked {
                page.add("lockgate_source_last_look_timestamp_seconds", &[name, source], seconds(looked));
            }
        }
    });
    let environments = crate::app::names::environments(&keeper.session());
    let state = keeper.snapshot();
    page.add("lockgate_runs_running", &[name], float(state.open.len() as u64));
    page.add("lockgate_journal_events", &[name], float(state.number));
    let indeterminate = state.intents.values().filter(|i| i.indeterminate).count() as u64;
    page.add("lockgate_steps_indeterminate", &[name], float(indeterminate));
    for environment in environments.iter().take(MOST) {
        let (labels, place) = ([name, environment.as_str()], state.memory.environments.get(environment));
        let standing = place.and_then(|p| p.standing.as_ref()).filter(|s| s.rejected.is_none());
        let has = place.and_then(|p| p.has.as_ref()).map(|h| h.candidate);
        page.add_if("lockgate_gate_waiting", &labels, standing.is_some());
        let waits = standing.map_or(0, |s| (now - s.since).max(0));
        page.add("lockgate_gate_waiting_seconds", &labels, seconds(waits));
        page.add_if("lockgate_environment_current", &labels, has.is_some() && has == state.memory.latest);
        page.add_if("lockgate_environment_failed", &labels, place.is_some_and(|p| p.failed.is_some()));
        page.add_if("lockgate_environment_held", &labels, place.is_some_and(|p| p.hold.is_some()));
    }
}

/// What the operating system says of this process, as far as it does.
fn process(page: &mut Page) {
    let Ok(text) = std::fs::read_to_string("/proc/self/stat") else { return };
    // The name of the program, in brackets, may hold anything.
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3).and_then(|f| f.parse::<f64>().ok());
    let tick = rustix::param::clock_ticks_per_second().max(1);
    let (tick, size) = (float(tick), float(rustix::param::page_size() as u64));
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        page.add("process_cpu_seconds_total", &[], (user + system) / tick);
    }
    if let Some(pages) = field(24) {
        page.add("process_resident_memory_bytes", &[], pages * size);
    }
    let booted = std::fs::read_to_string("/proc/stat").ok();
    let booted =
        booted.as_deref().and_then(|t| t.lines().find_map(|l| l.strip_prefix("btime ")?.trim().parse::<f64>().ok()));
    if let (Some(booted), Some(began)) = (booted, field(22)) {
        page.add("process_start_time_seconds", &[], booted + began / tick);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        page.add("process_open_fds", &[], float(open.count() as u64));
    }
}

/// Webhooks that came in, counted.
#[derive(Debug, Default)]
pub struct Webhooks {
    new: std::sync::atomic::AtomicU64,
    known: std::sync::atomic::AtomicU64,
    refused: std::sync::atomic::AtomicU64,
}

impl Webhooks {
    /// One was new.
    pub fn new_one(&self) {
        self.new.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// One was known.
    pub fn known_one(&self) {
        self.known.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    /// One proved nothing.
    pub fn refused_one(&self) {
        self.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }

    fn read(&self) -> [(&'static str, u64); 3] {
        let read = |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::Relaxed);
        [("new", read(&self.new)), ("known", read(&self.known)), ("refused", read(&self.refused))]
    }
}
