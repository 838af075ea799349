//! The thread behind a keeper: looks at what is due, plans, starts runs, and listens.
//!
//! A run is a thread of its own (`runs`), so that a newer candidate is built and brought on its way while an older one is still
//! rolled out: what of a plan may be done beside the runs that go on is decided by `plan` and `run`. At a gate a run ends and does
//! not wait; nor does it wait for another to come out of an environment. When a run has come to its end, or out of an environment,
//! it is planned again.

use super::due::Due;
use super::looks::Looked;
use super::runs::{Going, Told};
use super::watch::Changed;
use super::{Ask, Hastened, Keeper, Keeping};
use crate::app::telling::Teller;
use crate::app::watching::Watch;
use crate::app::{Call, Failure};
use crate::digest::Digest;
use crate::plan::memory::Moment;
use crate::ports::{Fault, PortError};
use crate::run::RunOutcome;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::oneshot;

/// Who starts the runs that nobody asked for.
pub(super) const NOBODY: &str = "lockgate";

/// The longest sleep: after a step of the clock, moments are looked at anew, and so is the pipeline file.
const NAP: i64 = 30_000;

/// What comes within this time is one change: editors write in several steps, and so do pushes.
const PAUSE: i64 = 100;

/// Keeps the pipeline going until it is told to stop. An error is the end of it.
pub(super) fn work(
    keeper: Arc<Keeper>,
    keeping: Keeping,
    asked: UnboundedReceiver<Ask>,
    teller: &Teller,
) -> Result<(), PortError> {
    let failed = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("a thread cannot wait: {e}"));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().map_err(failed)?;
    runtime.block_on(Work::new(keeper, keeping, asked, teller)?.go())
}

/// Somebody who wants it done now.
pub(super) struct Hasten {
    pub by: String,
    pub rerun: Vec<String>,
    pub answer: oneshot::Sender<Result<Hastened, Failure>>,
}

pub(super) struct Work<'t> {
    pub keeper: Arc<Keeper>,
    pub keeping: Keeping,
    pub teller: &'t Teller,
    asked: UnboundedReceiver<Ask>,
    /// Ends of looks at sources.
    looked: UnboundedReceiver<Looked>,
    pub looks: UnboundedSender<Looked>,
    /// Files that may have changed.
    changed: UnboundedReceiver<Changed>,
    pub changes: UnboundedSender<Changed>,
    pub watcher: Option<Watch>,
    /// Files that have changed, and when they are looked at: once they have come to rest.
    touched: Vec<Changed>,
    touched_at: Option<Moment>,
    /// When the pipeline file is read again, whether anything told of it or not.
    reread_at: Moment,
    pub dues: BTreeMap<String, Due>,
    /// A plan is to be made.
    pub dirty: bool,
    /// Something from outside is why: what was tried before may be tried again.
    pub stirred: bool,
    /// The last run of the newest candidate failed: without something from outside nothing is run again.
    pub quiet: bool,
    /// Plans that were run since something came from outside; none is run twice.
    pub tried: BTreeSet<Digest>,
    pub hastened: Vec<Hasten>,
    /// Deliveries that moved a source, until it is known what comes of that.
    pub moved: Vec<i64>,
    /// When time alone may open a gate.
    pub gate: Option<Moment>,
    /// When to try again what failed because something could not be reached, and how often that was.
    pub retry: Option<Moment>,
    pub failures: u32,
    /// How often in a row a file moved between being looked at and being planned with.
    pub slips: u32,
    /// The runs that go on, by when they were started.
    pub runs: BTreeMap<u64, Going>,
    pub started: u64,
    /// What runs tell.
    told: UnboundedReceiver<Told>,
    pub tells: UnboundedSender<Told>,
    /// The last plan has something to run that waits for the runs that go on.
    pub blocked: bool,
    /// What other runs have in hand is a part of the last plan: when they let go of it, it is planned again.
    pub beside: bool,
    /// Why nothing can go on any more.
    pub broken: Option<PortError>,
    pub stopping: bool,
}

impl Work<'_> {
    fn new(
        keeper: Arc<Keeper>,
        keeping: Keeping,
        asked: UnboundedReceiver<Ask>,
        teller: &Teller,
    ) -> Result<Work<'_>, PortError> {
        let ((looks, looked), (changes, changed)) = (unbounded_channel(), unbounded_channel());
        let (tells, told) = unbounded_channel();
        let quiet =
            keeper.state(|s| s.open.is_empty() && matches!(s.last, Some(RunOutcome::Failed | RunOutcome::Asks)));
        let mut work = Work {
            keeper,
            keeping,
            teller,
            asked,
            looked,
            looks,
            changed,
            changes,
            watcher: None,
            touched: Vec::new(),
            touched_at: None,
            reread_at: 0,
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
            slips: 0,
            runs: BTreeMap::new(),
            started: 0,
            told,
            tells,
            blocked: false,
            beside: false,
            broken: None,
            stopping: false,
        };
        work.take_sources()?;
        work.watch_files();
        for delivery in work.keeping.register.open_deliveries(&work.keeper.name)? {
            work.hint(&delivery.source, Some(delivery.id));
        }
        Ok(work)
    }

    pub(super) fn now(&self) -> Moment {
        self.keeper.session().now()
    }

    async fn go(mut self) -> Result<(), PortError> {
        // The last yes to an edit may have been written just before the end of the server before.
        if self.keeper.agreed(self.now()).is_some() {
            self.reload();
        }
        self.start_looks();
        while !self.stopping && self.broken.is_none() {
            if self.dirty && self.can_plan() {
                self.plan().await?;
            } else {
                self.event().await;
            }
        }
        // What runs may come to its end. What does not is handed on: it stands in the journal, and the next server goes on with it.
        let end = tokio::time::Instant::now() + self.keeping.grace;
        while self.broken.is_none() && !self.runs.is_empty() && tokio::time::Instant::now() < end {
            let _ = tokio::time::timeout_at(end, self.event()).await;
        }
        self.broken.map_or(Ok(()), Err)
    }

    /// Takes in the next thing that happens.
    async fn event(&mut self) {
        let wait = u64::try_from(self.wake().clamp(0, NAP)).unwrap_or(0);
        tokio::select! {
            biased;
            Some(ask) = self.asked.recv() => self.take(ask),
            Some(told) = self.told.recv() => self.hear(told),
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

    /// Does something that takes long, and listens meanwhile. Nothing when everything stops before it has come to its end: it
    /// only looks.
    pub(super) async fn meanwhile<T>(&mut self, long: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(long);
        while !self.stopping && self.broken.is_none() {
            tokio::select! {
                biased;
                done = &mut long => return Some(done),
                () = self.event() => {}
            }
        }
        None
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
                self.call(Call::Look);
                self.stir();
            }
            Ask::Cancel { run, again } => self.call_to(run, if again { Call::Stop } else { Call::Look }),
            Ask::Stop => {
                self.stopping = true;
                self.call(Call::Stop);
            }
        }
    }

    pub(super) fn stir(&mut self) {
        self.dirty = true;
        self.stirred = true;
    }

    /// Tells of what could not be written.
    pub(super) fn report(&self, result: Result<(), PortError>) {
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
        // Not every file system tells what others do to it.
        if self.reread_at <= now {
            let is_first = std::mem::replace(&mut self.reread_at, now + NAP) == 0;
            if !is_first && !self.keeper.session().loaded.is_current() {
                self.reload();
            }
        }
        if self.gate.is_some_and(|g| g <= now) {
            self.gate = None;
            self.call(Call::Look);
            self.stir();
        }
        if self.retry.is_some_and(|r| r <= now) {
            self.retry = None;
            self.stir();
        }
    }
}
