//! The thread behind a keeper: looks at what is due, plans, runs, and listens meanwhile.
//!
//! There is one run at a time, and while it goes on sources are looked at, hints are taken in and people are listened to all the
//! same. Whatever came of that is looked at when the run has ended; at a gate a run ends and does not wait.

use super::due::Due;
use super::edit::{self, Verdict as Judged};
use super::watch::{self, Changed};
use super::{Ask, Hastened, Keeper, Keeping};
use crate::app::{ApplyOptions, Call, Failure, Looked, Session};
use crate::digest::Digest;
use crate::model::SourceKind;
use crate::plan::memory::Moment;
use crate::plan::{Plan, Verdict};
use crate::ports::sources::Head;
use crate::ports::{Fault, PortError};
use crate::run::{Event, Outcome, RunOutcome, gate};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Who starts the runs that nobody asked for.
pub(super) const NOBODY: &str = "lockgate";

/// The longest sleep: after a step of the clock, moments are looked at anew.
const NAP: i64 = 30_000;

/// What comes within this time is one change: editors write in several steps, and so do pushes.
const PAUSE: i64 = 100;

/// How long somebody who hastens waits for a source that does not answer.
const PATIENCE: i64 = 60_000;

/// Keeps the pipeline going until it is told to stop. An error is the end of it.
pub(super) fn work(keeper: Arc<Keeper>, keeping: Keeping, asked: UnboundedReceiver<Ask>) -> Result<(), PortError> {
    let failed = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("a thread cannot wait: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
    runtime.block_on(Work::new(keeper, keeping, asked)?.go())
}

/// Somebody who wants it done now.
struct Hasten {
    by: String,
    rerun: Vec<String>,
    answer: oneshot::Sender<Result<Hastened, Failure>>,
}

struct Work {
    keeper: Arc<Keeper>,
    keeping: Keeping,
    asked: UnboundedReceiver<Ask>,
    /// Ends of looks at sources.
    looked: UnboundedReceiver<(String, Result<Head, PortError>)>,
    looks: UnboundedSender<(String, Result<Head, PortError>)>,
    /// Files that may have changed.
    changed: UnboundedReceiver<Changed>,
    changes: UnboundedSender<Changed>,
    watcher: Option<notify::RecommendedWatcher>,
    /// Files that have changed, and when they are looked at: once they have come to rest.
    touched: Vec<Changed>,
    touched_at: Option<Moment>,
    dues: BTreeMap<String, Due>,
    /// A plan is to be made.
    dirty: bool,
    /// Something from outside is why: what was tried before may be tried again.
    stirred: bool,
    /// The last run failed: without something from outside nothing is run again.
    quiet: bool,
    /// Plans that were run since something came from outside; none is run twice.
    tried: BTreeSet<Digest>,
    hastened: Vec<Hasten>,
    /// Deliveries that moved a source, until it is known what comes of that.
    moved: Vec<i64>,
    /// When time alone may open a gate.
    gate: Option<Moment>,
    /// When to try again what failed because something could not be reached, and how often that was.
    retry: Option<Moment>,
    failures: u32,
    /// Where a run that goes on can be called.
    calls: Option<UnboundedSender<Call>>,
    stopping: bool,
}

impl Work {
    fn new(keeper: Arc<Keeper>, keeping: Keeping, asked: UnboundedReceiver<Ask>) -> Result<Work, PortError> {
        let ((looks, looked), (changes, changed)) = (unbounded_channel(), unbounded_channel());
        let quiet = keeper.state(|s| s.open.is_none() && matches!(s.last, Some(RunOutcome::Failed | RunOutcome::Asks)));
        let mut work = Work {
            keeper,
            keeping,
            asked,
            looked,
            looks,
            changed,
            changes,
            watcher: None,
            touched: Vec::new(),
            touched_at: None,
            dues: BTreeMap::new(),
            dirty: true,
            stirred: false,
            quiet,
            tried: BTreeSet::new(),
            hastened: Vec::new(),
            moved: Vec::new(),
            gate: None,
            retry: None,
            failures: 0,
            calls: None,
            stopping: false,
        };
        work.take_sources()?;
        work.watch_files();
        for delivery in work.keeping.register.open_deliveries(&work.keeper.name)? {
            work.hint(&delivery.source, Some(delivery.id));
        }
        Ok(work)
    }

    fn now(&self) -> Moment {
        self.keeper.session().now()
    }

    /// The sources as the file has them now.
    fn take_sources(&mut self) -> Result<(), PortError> {
        let (session, now) = (self.keeper.session(), self.now());
        let heads = self.keeper.state(|s| s.memory.heads.clone());
        let mut before = std::mem::take(&mut self.dues);
        for source in &session.graph.pipeline().sources {
            let name = &source.name.value;
            let last = self.keeping.register.instant(&self.keeper.name, name)?;
            let mut due = Due::new(source, last, now);
            due.head = heads.get(name).cloned();
            if let Some(before) = before.remove(name) {
                due.inherit(before);
            }
            // What is on this machine may have changed while nobody watched; what nobody has ever seen has to be seen once.
            if due.head.is_none() || source.kind.local_path().is_some() {
                due.hint(now, None);
            }
            self.dues.insert(name.clone(), due);
        }
        let lost: Vec<i64> = before.into_values().flat_map(|d| [d.waiting, d.looked_for].concat()).collect();
        self.settle(&lost, "no run: the source is not in the pipeline any more");
        self.keeper.change(|view| view.sources.clear());
        let names: Vec<String> = self.dues.keys().cloned().collect();
        names.iter().for_each(|name| self.show(name));
        Ok(())
    }

    fn watch_files(&mut self) {
        // Let go of the one before first: there are only so many watches.
        self.watcher = None;
        match watch::watch(&self.keeper.session(), self.changes.clone()) {
            Ok(watcher) => self.watcher = Some(watcher),
            Err(e) => tracing::warn!(pipeline = %self.keeper.name, "files cannot be watched: {e}"),
        }
    }

    async fn go(mut self) -> Result<(), PortError> {
        self.start_looks();
        while !self.stopping {
            if self.dirty && self.can_plan() {
                self.plan().await?;
            } else {
                self.event().await;
            }
        }
        Ok(())
    }

    /// Takes in the next thing that happens.
    async fn event(&mut self) {
        let wait = u64::try_from(self.wake().clamp(0, NAP)).unwrap_or(0);
        tokio::select! {
            biased;
            Some(ask) = self.asked.recv() => self.take(ask),
            Some((source, result)) = self.looked.recv() => self.end_look(&source, result),
            Some(changed) = self.changed.recv() => {
                self.touched_at.get_or_insert(self.keeper.session().now() + PAUSE);
                if !self.touched.contains(&changed) {
                    self.touched.push(changed);
                }
            }
            () = tokio::time::sleep(Duration::from_millis(wait)) => {}
        }
        self.pass_time();
        self.start_looks();
    }

    /// Does something that takes long, and listens meanwhile. Nothing when we are to stop before it has come to its end.
    async fn meanwhile<T>(&mut self, long: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(long);
        let mut last = None;
        loop {
            let end = async {
                match last {
                    Some(end) => tokio::time::sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                done = &mut long => return Some(done),
                () = end => return None,
                () = self.event() => {}
            }
            if self.stopping && last.is_none() {
                // What runs may come to its end; what only looks may not.
                let grace = if self.calls.is_some() { self.keeping.grace } else { Duration::ZERO };
                last = Some(tokio::time::Instant::now() + grace);
            }
        }
    }

    /// In how many milliseconds something is due.
    fn wake(&self) -> i64 {
        let now = self.now();
        let dues = self.dues.values().filter_map(Due::next);
        let next = dues.chain(self.gate).chain(self.retry).chain(self.touched_at).min();
        next.map_or(NAP, |next| next - now)
    }

    fn take(&mut self, ask: Ask) {
        match ask {
            Ask::Hint { source, delivery } => self.hint(&source, delivery),
            Ask::Hasten { by, rerun, answer } => {
                let now = self.now();
                self.dues.values_mut().for_each(|d| d.hint(now, None));
                self.hastened.push(Hasten { by, rerun, answer });
                self.stir();
            }
            Ask::Said => {
                if self.keeper.agreed(self.now()).is_some() {
                    self.reload();
                }
                if let Some(calls) = &self.calls {
                    let _ = calls.send(Call::Look);
                }
                self.stir();
            }
            Ask::Stop => {
                self.stopping = true;
                if let Some(calls) = &self.calls {
                    let _ = calls.send(Call::Stop);
                }
            }
        }
    }

    fn stir(&mut self) {
        self.dirty = true;
        self.stirred = true;
    }

    /// A hint is of everything that lies in the same repository: one push moves all of it.
    fn hint(&mut self, source: &str, delivery: Option<i64>) {
        let (session, now) = (self.keeper.session(), self.now());
        let sources = &session.graph.pipeline().sources;
        let url = |name: &str| {
            let source = sources.iter().find(|s| s.name.value == name)?;
            if let SourceKind::Git { url, .. } = &source.kind { Some(url.value.clone()) } else { None }
        };
        let at = url(source);
        for (name, due) in &mut self.dues {
            if name == source {
                due.hint(now, delivery);
            } else if at.is_some() && url(name) == at {
                due.hint(now, None);
            }
        }
        if !self.dues.contains_key(source) {
            self.settle(&delivery.into_iter().collect::<Vec<_>>(), "no run: there is no such source");
        }
    }

    fn changed(&mut self, changed: Changed) {
        match changed {
            Changed::Source(name) => {
                let now = self.now();
                self.dues.get_mut(&name).into_iter().for_each(|d| d.hint(now, None));
            }
            Changed::File => self.reload(),
        }
    }

    /// Reads the pipeline file anew. A faulty one does not count, and the one before goes on.
    fn reload(&mut self) {
        let before = self.keeper.session();
        let session = match Session::open(&self.keeping.settings) {
            Ok(session) => session,
            Err(failure) => return self.keeper.change(|view| view.file_fault = Some(failure)),
        };
        self.keeper.change(|view| view.file_fault = None);
        if session.loaded.digest == before.loaded.digest {
            // What waited was taken back.
            return self.report(self.keeper.settle_edit(session.loaded.digest, session.now()));
        }
        let name = &session.graph.pipeline().name.value;
        if *name != self.keeper.name {
            let message = format!("the pipeline is named {name} now, and is kept as {}", self.keeper.name);
            let fault = PortError::new(Fault::Invalid, message).help("start the server again to keep the new one");
            return self.keeper.change(|view| view.file_fault = Some(Failure::of(&fault, "the pipeline file")));
        }
        let now = session.now();
        if let Judged::Waits(waits) = edit::judge(&before, &session, now)
            && self.keeper.agreed(now) != Some(session.loaded.digest)
        {
            return self.report(self.keeper.propose(waits, now));
        }
        self.report(edit::keep(&session));
        self.report(self.keeper.settle_edit(session.loaded.digest, now));
        let number = self.keeper.state(|s| s.number);
        self.report(crate::app::telling::begin(&crate::app::telling::Voice::of(&session), number));
        *self.keeper.session.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(session);
        let taken = self.take_sources();
        self.report(taken);
        self.watch_files();
        self.stir();
    }

    /// Tells of what could not be written.
    fn report(&self, result: Result<(), PortError>) {
        if let Err(error) = result {
            tracing::error!(pipeline = %self.keeper.name, "{error}");
        }
    }

    /// What time alone brings about.
    fn pass_time(&mut self) {
        let now = self.now();
        if self.touched_at.is_some_and(|t| t <= now) {
            self.touched_at = None;
            std::mem::take(&mut self.touched).into_iter().for_each(|c| self.changed(c));
        }
        if self.gate.is_some_and(|g| g <= now) {
            self.gate = None;
            self.stir();
        }
        if self.retry.is_some_and(|r| r <= now) {
            self.retry = None;
            self.stir();
        }
    }

    /// Begins the looks that are due, each on a thread of its own: one that hangs keeps nobody else.
    fn start_looks(&mut self) {
        if self.stopping {
            return;
        }
        let (session, now) = (self.keeper.session(), self.now());
        let due: Vec<_> = self.dues.iter_mut().filter_map(|(name, d)| Some((name.clone(), d.is_due(now)?))).collect();
        for (name, look) in due {
            if let Some(instant) = look.instant
                && let Err(error) = self.keeping.register.set_instant(&self.keeper.name, &name, instant)
            {
                tracing::error!(pipeline = %self.keeper.name, "{error}");
                continue;
            }
            let last = self.keeper.state(|s| s.memory.heads.get(&name).map(|h| (name.clone(), h.clone())));
            let last: BTreeMap<String, Head> = last.into_iter().collect();
            self.dues.get_mut(&name).into_iter().for_each(|d| d.begin(now));
            let (session, looks, source) = (session.clone(), self.looks.clone(), name.clone());
            self.keeping.runtime.spawn_blocking(move || {
                let ask = std::panic::AssertUnwindSafe(|| session.head(&source, &last));
                let result = std::panic::catch_unwind(ask)
                    .unwrap_or_else(|_| Err(PortError::new(Fault::Invalid, "looking at it is a fault of Lockgate")));
                let _ = looks.send((source, result));
            });
            self.show(&name);
        }
    }

    fn end_look(&mut self, source: &str, result: Result<Head, PortError>) {
        let now = self.now();
        let Some(due) = self.dues.get_mut(source) else { return };
        let fault = result.as_ref().err().map(ToString::to_string);
        let moved = due.end(now, result.map_err(|e| e.to_string()));
        let deliveries = std::mem::take(&mut due.looked_for);
        let at = due.head.as_ref().map(|h| crate::report::words::version(&h.version)).unwrap_or_default();
        match fault {
            Some(fault) => {
                let reason = format!("no run: {source} could not be looked at, and is looked at again later: {fault}");
                self.settle(&deliveries, &reason);
            }
            None if moved => {
                self.moved.extend(deliveries);
                self.stir();
            }
            None => self.settle(&deliveries, &format!("no run: nothing new, {source} is at {at}")),
        }
        self.show(source);
    }

    /// Writes down what came of deliveries.
    fn settle(&self, deliveries: &[i64], outcome: &str) {
        if deliveries.is_empty() {
            return;
        }
        if let Err(error) = self.keeping.register.settle(deliveries, outcome) {
            tracing::error!(pipeline = %self.keeper.name, "{error}");
        }
    }

    /// Shows what is known of a source.
    fn show(&self, source: &str) {
        let Some(due) = self.dues.get(source) else { return };
        let shown = due.view(self.now());
        self.keeper.change(|view| {
            view.sources.insert(source.to_string(), shown);
        });
    }

    /// Whether there is enough to plan with: each source was seen once or failed to be; whoever hastens wants all of them
    /// looked at now.
    fn can_plan(&self) -> bool {
        let now = self.now();
        let waits = |due: &Due| {
            let awaited = due.head.is_none() || !self.hastened.is_empty();
            awaited && due.looking.is_some_and(|since| now - since < PATIENCE)
        };
        !self.dues.values().any(waits)
    }

    /// Plans, and runs if there is something to do.
    async fn plan(&mut self) -> Result<(), PortError> {
        self.dirty = false;
        if std::mem::take(&mut self.stirred) {
            self.tried.clear();
            self.quiet = false;
        }
        let hastened = std::mem::take(&mut self.hastened);
        let deliveries = std::mem::take(&mut self.moved);
        let session = self.keeper.session();
        let memory = self.keeper.memory();
        let mut heads = memory.heads.clone();
        heads.extend(self.dues.iter().filter_map(|(name, d)| Some((name.clone(), d.head.clone()?))));
        heads.retain(|name, _| self.dues.contains_key(name));
        let rerun: Vec<String> = hastened.iter().flat_map(|h| h.rerun.clone()).collect();
        let (looker, nodes) = (session.clone(), rerun.clone());
        let look = self.keeping.runtime.spawn_blocking(move || looker.look_at(&memory, &heads, &nodes));
        let Some(looked) = self.meanwhile(look).await else { return Ok(()) };
        let looked =
            looked.map_err(|e| PortError::new(Fault::Invalid, format!("planning is a fault of Lockgate: {e}")))?;
        let looked = match looked {
            Ok(looked) => looked,
            Err(failure) => {
                self.cannot_plan(failure, hastened, &deliveries);
                return Ok(());
            }
        };
        self.failures = 0;
        self.show_plan(&looked.plan);
        let by = hastened.first().map_or(NOBODY, |h| h.by.as_str()).to_string();
        let now = session.now();
        let wants = !rerun.is_empty() || self.keeper.state(|s| crate::run::wants(&looked.plan, s, &by, now));
        let may = !rerun.is_empty() || !self.quiet && !self.tried.contains(&looked.plan.hash);
        if wants && may && !self.stopping {
            return self.run(session, looked, by, hastened, deliveries).await;
        }
        let reason = self.idle(&looked.plan);
        self.settle(&deliveries, &format!("no run: {reason}"));
        for one in hastened {
            let _ = one.answer.send(Ok(Hastened::Nothing(reason.clone())));
        }
        Ok(())
    }

    fn cannot_plan(&mut self, failure: Failure, hastened: Vec<Hasten>, deliveries: &[i64]) {
        let first = failure.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
        self.settle(deliveries, &format!("no run: it cannot be planned: {first}"));
        self.try_again();
        for one in hastened {
            let _ = one.answer.send(Err(failure.clone()));
        }
        self.keeper.change(|view| {
            view.fault = Some(failure);
            view.ready = true;
        });
    }

    /// Tries again in a while: after a minute, two, four, at most an hour.
    fn try_again(&mut self) {
        let pause = 60_000i64.saturating_mul(1 << self.failures.min(6)).min(3_600_000);
        self.failures += 1;
        self.retry = Some(self.now() + pause);
    }

    /// Shows a plan, and reckons when time alone may open a gate of it.
    fn show_plan(&mut self, plan: &Plan) {
        let now = self.now();
        let gated = plan.environments.iter().filter(|e| e.verdict == Verdict::Gate);
        let moments = self.keeper.state(|s| {
            gated
                .flat_map(|e| gate::unmet(plan, e, &s.memory, now))
                .filter_map(|u| u.earliest)
                .filter(|m| *m > now)
                .min()
        });
        self.gate = moments;
        self.keeper.change(|view| {
            view.plan = Some(Arc::new(plan.clone()));
            view.planned = Some(now);
            view.fault = None;
            view.next = moments;
            view.ready = true;
        });
    }

    /// Why nothing is run.
    fn idle(&self, plan: &Plan) -> String {
        if self.stopping {
            return "the server stops".to_string();
        }
        if self.quiet {
            return "the last run failed, and nothing has changed since".to_string();
        }
        let waits: Vec<&str> =
            plan.environments.iter().filter(|e| e.verdict == Verdict::Gate).map(|e| e.name.as_str()).collect();
        match waits.as_slice() {
            [] => "there is nothing to do".to_string(),
            names => format!("it waits at the gate of {}", names.join(" and ")),
        }
    }

    /// Runs a plan to its end.
    async fn run(
        &mut self,
        session: Arc<Session>,
        looked: Looked,
        by: String,
        hastened: Vec<Hasten>,
        deliveries: Vec<i64>,
    ) -> Result<(), PortError> {
        self.tried.insert(looked.plan.hash);
        let (sender, mut calls) = unbounded_channel();
        self.calls = Some(sender);
        self.keeper.change(|view| view.running = true);
        let notes = RefCell::new(Notes { hastened, deliveries, ..Notes::default() });
        let keeper = self.keeper.clone();
        let register = self.keeping.register.clone();
        let mut shown = looked.plan.hash;
        let mut watch = |plan: &Plan, records: &[crate::run::Record]| {
            notes.borrow_mut().take(records, &register);
            if plan.hash != shown {
                shown = plan.hash;
                keeper.change(|view| view.plan = Some(Arc::new(plan.clone())));
            }
        };
        let options =
            ApplyOptions { rerun: Vec::new(), watch: &mut watch, consent: &mut |_, _| true, calls: &mut calls };
        let book = self.keeper.book.clone();
        let finished = self.meanwhile(session.carry_out(&book, looked, &by, options)).await;
        self.calls = None;
        self.keeper.change(|view| view.running = false);
        let notes = notes.into_inner();
        for one in notes.hastened {
            let _ = one.answer.send(Ok(Hastened::Nothing("there is nothing to do".to_string())));
        }
        self.settle(&notes.deliveries, "no run: there is nothing to do");
        self.dirty = true;
        let outcome = match finished {
            // What runs is handed on: it stands in the journal, and the next server goes on with it.
            None => return Ok(()),
            Some(Ok(finish)) => finish.outcome,
            Some(Err(error)) => {
                tracing::warn!(pipeline = %self.keeper.name, "the run ended: {error}");
                // Where the journal takes nothing more, nothing goes on.
                let now = session.now();
                self.keeper.book.lock().say(now, vec![Event::RunFinished { outcome: RunOutcome::Failed }])?;
                self.keeper.change(|view| view.fault = Some(Failure::of(&error, "the run")));
                RunOutcome::Failed
            }
        };
        tracing::info!(pipeline = %self.keeper.name, run = notes.number, by = %by, outcome = ?outcome, "run ended");
        self.quiet = matches!(outcome, RunOutcome::Failed | RunOutcome::Asks);
        if outcome == RunOutcome::Failed && notes.unavailable {
            self.try_again();
        }
        Ok(())
    }
}

/// What is noted while a run goes on.
#[derive(Default)]
struct Notes {
    number: u64,
    hastened: Vec<Hasten>,
    deliveries: Vec<i64>,
    /// Something failed because it could not be reached; later may be better.
    unavailable: bool,
}

impl Notes {
    fn take(&mut self, records: &[crate::run::Record], register: &crate::adapters::sqlite::register::Register) {
        for record in records {
            match &record.event {
                Event::RunStarted { .. } => {
                    self.number = record.run;
                    for one in self.hastened.drain(..) {
                        let _ = one.answer.send(Ok(Hastened::Run(record.run)));
                    }
                    let deliveries = std::mem::take(&mut self.deliveries);
                    if let Err(error) = register.settle(&deliveries, &format!("run {}", record.run)) {
                        tracing::error!("{error}");
                    }
                }
                Event::StepFinished { outcome: Outcome::Failed { fault, .. }, .. } => {
                    self.unavailable |= *fault == Fault::Unavailable;
                }
                _ => {}
            }
        }
    }
}
