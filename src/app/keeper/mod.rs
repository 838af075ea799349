//! A pipeline that is kept going: looked at when something says so, run when there is something to do, spoken to meanwhile.
//!
//! A [`Keeper`] is what doors see of it: it may be asked and told things from any thread. Behind it works one thread (`work`)
//! that looks, plans and starts runs, each a thread of its own; what people say does not wait for them, since the book is shared.
//! A fault of one pipeline is its own: what ends that thread is written on its door, and the others go on.

mod cancel;
mod due;
mod edit;
mod file;
mod looks;
mod planning;
mod runs;
mod watch;
mod work;

pub use edit::{Before, Counted, Proposed, Rewritten};

use super::telling::{self, Teller, Telling, Wake};
use super::upkeep::prune::{self, Keep, Pruned};
use super::watching::Watching;
use super::{Failure, Looked, Session, Settings};
use crate::adapters::sqlite::Sqlite;
use crate::adapters::sqlite::register::Register;
use crate::engine::{Book, SharedBook, book};
use crate::plan::Plan;
use crate::plan::beside::Beside;
use crate::plan::memory::{Edit, Moment};
use crate::ports::PortError;
use crate::ports::sources::Head;
use crate::run::{Event, Record, State, Word};
use parking_lot::{Mutex, RwLock};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{broadcast, oneshot};

/// How many records somebody who follows them may be behind before some are left out.
const FOLLOWED: usize = 4096;

/// How many records in which a text stands are read at once.
const PIECE: u32 = 2000;

/// How long those who are told may keep a server that stops.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// A pipeline that is kept going. Cheap to share.
pub struct Keeper {
    /// The name of the pipeline.
    pub name: String,
    /// The folder of its state.
    pub folder: PathBuf,
    book: SharedBook,
    shown: Mutex<Arc<State>>,
    session: RwLock<Arc<Session>>,
    view: RwLock<View>,
    asks: UnboundedSender<Ask>,
    /// Those who follow what is written. Room for them is made when the first one comes: most pipelines have none.
    followers: Arc<OnceLock<broadcast::Sender<Record>>>,
}

/// What is known of a kept pipeline besides its state.
#[derive(Clone, Debug, Default)]
pub struct View {
    /// The plan that was made last.
    pub plan: Option<Arc<Plan>>,
    /// When it was made.
    pub planned: Option<Moment>,
    /// Why it could not be planned, the last time that was tried.
    pub fault: Option<Failure>,
    /// Why the newest pipeline file is not the one that counts: it is faulty, and the one before goes on.
    pub file_fault: Option<Failure>,
    /// The sources.
    pub sources: BTreeMap<String, SourceView>,
    /// The next moment at which time alone may open a gate.
    pub next: Option<Moment>,
    /// Whether runs are going.
    pub running: bool,
    /// Why nothing goes on any more: the pipeline is in quarantine until the server starts again.
    pub stopped: Option<String>,
    /// Whether the first look is done.
    pub ready: bool,
}

/// What is known of a source of a kept pipeline.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceView {
    /// The newest version that was seen.
    pub head: Option<Head>,
    /// When it was looked at last.
    pub looked: Option<Moment>,
    /// When it will be looked at next, by poll or schedule.
    pub next: Option<Moment>,
    /// Why it could not be looked at, the last time that was tried.
    pub fault: Option<String>,
    /// Since when a look has been going on.
    pub looking: Option<Moment>,
    /// How often it was looked at since the server started, and how often in vain.
    pub looks: [u64; 2],
}

/// What is asked of the thread behind a keeper.
pub(super) enum Ask {
    /// Look at a source now; with the number of the delivery that said so.
    Hint { source: String, delivery: Option<i64> },
    /// Look at everything now and do what is to be done.
    Hasten { by: String, rerun: Vec<String>, answer: oneshot::Sender<Result<Hastened, Failure>> },
    /// Somebody said something, and it is written.
    Said,
    /// The run is to stop, and that is written; asked again, its running programs are stopped, too.
    Cancel { run: u64, again: bool },
    /// Nothing new begins, and what runs comes to its end.
    Stop,
}

/// What came of hastening.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hastened {
    /// That run has begun.
    Run(u64),
    /// There is nothing to do now, for that reason.
    Nothing(String),
}

/// How a pipeline is kept.
pub struct Keeping {
    /// The pipeline and its state.
    pub settings: Settings,
    /// What the server remembers.
    pub register: Arc<Register>,
    /// Where blocking calls are made.
    pub runtime: tokio::runtime::Handle,
    /// How long what runs may take to its end when everything stops.
    pub grace: Duration,
    /// How those are told whom the pipeline names.
    pub telling: Telling,
    /// What watches files, for all pipelines.
    pub watching: Watching,
}

/// The thread behind a keeper.
pub struct Behind(std::thread::JoinHandle<()>);

impl Behind {
    /// Waits until it has come to its end.
    pub fn join(self) {
        // One that panicked has written it on its door.
        let _ = self.0.join();
    }

    /// Whether it has come to its end.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

/// A pipeline that is open, and that nothing is done for yet. Nobody else may write to its state as long as this is there.
pub struct Opened {
    keeper: Arc<Keeper>,
    keeping: Keeping,
    asked: UnboundedReceiver<Ask>,
    /// The last event of before it was opened.
    before: u64,
}

impl Opened {
    /// The pipeline.
    pub fn keeper(&self) -> &Keeper {
        &self.keeper
    }

    /// Starts keeping it.
    pub fn start(self) -> Result<(Arc<Keeper>, Behind), Failure> {
        let Opened { keeper, keeping, asked, before } = self;
        let teller = keeper.tell(keeping.telling.clone(), before).map_err(|e| Failure::of(&e, "the outbox"))?;
        let behind = spawn(keeper.clone(), keeping, asked, teller)?;
        Ok((keeper, behind))
    }
}

impl Keeper {
    /// Opens a pipeline to be kept.
    pub fn open(keeping: Keeping) -> Result<Opened, Failure> {
        let Counts { session, waits, fault } = open(&keeping.settings)?;
        let session = Arc::new(session);
        let book = session.write()?;
        let before = book.state.number;
        let (asks, asked) = unbounded_channel();
        let keeper = Arc::new(Keeper {
            name: session.graph.pipeline().name.value.to_string(),
            folder: session.folder.clone(),
            book: SharedBook::new(book),
            shown: Mutex::default(),
            session: RwLock::new(session),
            view: RwLock::new(View { file_fault: fault, ..View::default() }),
            asks,
            followers: Arc::default(),
        });
        let (now, failed) = (keeper.session().now(), |e: PortError| Failure::of(&e, "the state"));
        match waits {
            Some(edit) => keeper.propose(edit, now).map_err(failed)?,
            None => keeper.settle_edit(keeper.session().loaded.digest, now).map_err(failed)?,
        }
        Ok(Opened { keeper, keeping, asked, before })
    }

    /// Begins to tell of every record: those who follow, and those whom the pipeline names.
    fn tell(self: &Arc<Keeper>, telling: Telling, before: u64) -> Result<Teller, PortError> {
        let (keeper, followers) = (self.clone(), self.followers.clone());
        let teller = Teller::start(telling, self.book.clone(), before, move || keeper.session().voice())?;
        let wake: Wake = teller.wake();
        #[cfg(feature = "otel")]
        let traces = super::traces::Traces::of_environment(&self.name, &self.folder);
        self.book.lock().watch(Box::new(move |records| {
            if let Some(followers) = followers.get() {
                // They may have gone.
                records.iter().for_each(|record| drop(followers.send(record.clone())));
            }
            wake.look();
            #[cfg(feature = "otel")]
            traces.iter().for_each(|traces| traces.take(records));
        }));
        Ok(teller)
    }

    /// Lets old things go. Calls block, and nobody waits for them.
    pub fn prune(&self, keep: &Keep) -> Result<Pruned, PortError> {
        prune::prune(&self.folder, &self.book, keep, self.session().now(), false)
    }

    /// Those who could not be told lately. Calls block.
    pub fn untold(&self) -> Result<Vec<telling::Untold>, PortError> {
        telling::untold(&self.folder, self.session().now())
    }

    /// The pipeline as it is now.
    pub fn session(&self) -> Arc<Session> {
        self.session.read().clone()
    }

    /// What is known besides the state.
    pub fn view(&self) -> View {
        self.view.read().clone()
    }

    /// Reads something of what is known besides the state.
    pub fn see<T>(&self, read: impl FnOnce(&View) -> T) -> T {
        read(&self.view.read())
    }

    /// Reads something of the state. It stands still meanwhile, so it has to be little.
    pub fn state<T>(&self, read: impl FnOnce(&State) -> T) -> T {
        read(&self.book.lock().state)
    }

    /// The state as it is, for whoever looks at much of it: all but what only planning reads. Nobody waits for them meanwhile.
    pub fn snapshot(&self) -> Arc<State> {
        let book = self.book.lock();
        let mut shown = self.shown.lock();
        if shown.number != book.state.number {
            *shown = Arc::new(book.state.shown());
        }
        shown.clone()
    }

    /// At most that many of the records behind a number. Calls block.
    pub fn records(&self, after: u64, most: u32) -> Result<Vec<Record>, PortError> {
        Sqlite::open_for_reading(&self.folder)?.some(after, most)?.iter().map(book::record).collect()
    }

    /// At most that many of the records up to a number, the newest first; none where all of them were cut off. Calls block.
    pub fn records_upto(&self, upto: u64, most: u32) -> Result<Vec<Record>, PortError> {
        let rows = Sqlite::open_for_reading(&self.folder)?.some(upto.saturating_sub(u64::from(most)), most)?;
        // Of a journal that was cut, rows come from behind the cut.
        rows.iter().rev().filter(|row| row.number <= upto).map(book::record).collect()
    }

    /// At most that many of the records that are wanted, of those with these numbers in which a text stands as it is, the newest
    /// first. Calls block, for as long as looking through them takes.
    pub fn newest_with(
        &self,
        numbers: Range<u64>,
        text: &str,
        most: usize,
        wanted: impl Fn(&Record) -> bool,
    ) -> Result<Vec<Record>, PortError> {
        let (Range { start, mut end }, mut found) = (numbers, Vec::new());
        let journal = Sqlite::open_for_reading(&self.folder)?;
        while found.len() < most {
            let rows = journal.with(end, start, text, PIECE)?;
            let Some(oldest) = rows.last().map(|row| row.number) else { break };
            end = oldest;
            for row in &rows {
                found.extend(Some(book::record(row)?).filter(|record| wanted(record)));
            }
            if rows.len() < PIECE as usize {
                break;
            }
        }
        found.truncate(most);
        Ok(found)
    }

    /// All records that are written from now on.
    pub fn follow(&self) -> broadcast::Receiver<Record> {
        self.followers.get_or_init(|| broadcast::channel(FOLLOWED).0).subscribe()
    }

    /// Says something. What follows is on the disk when this returns, a refusal, too. Calls block, for as long as a commit takes.
    pub fn say(&self, word: &Word) -> Result<Vec<Record>, PortError> {
        let now = self.session().now();
        let records = {
            let mut book = self.book.lock();
            let events = crate::run::said(&book.state.memory, &book.state.intents, word, now);
            self.write(&mut book, now, 0, events)?
        };
        let _ = self.asks.send(Ask::Said);
        Ok(records)
    }

    /// Writes events of a run, or of none. What was taken in and could not be written is known to nobody else: nothing may follow
    /// from it.
    fn write(&self, book: &mut Book, now: Moment, run: u64, events: Vec<Event>) -> Result<Vec<Record>, PortError> {
        book.say(now, run, events).inspect_err(|error| self.lost(error))
    }

    /// The state takes nothing more.
    fn lost(&self, error: &PortError) {
        tracing::error!(pipeline = %self.name, "the state is lost: {error}");
        self.change(|view| {
            view.stopped.get_or_insert_with(|| error.to_string());
        });
    }

    /// Whether the folder of the state is still there.
    pub fn has_state(&self) -> bool {
        Sqlite::is_at(&self.folder)
    }

    /// Hints that a source may have moved.
    pub fn hint(&self, source: &str, delivery: Option<i64>) {
        let _ = self.asks.send(Ask::Hint { source: source.to_string(), delivery });
    }

    /// Looks at everything now, and does what is to be done. The answer comes when a run has begun, or when there is none.
    pub fn hasten(&self, by: &str, rerun: Vec<String>) -> oneshot::Receiver<Result<Hastened, Failure>> {
        let (answer, answered) = oneshot::channel();
        let _ = self.asks.send(Ask::Hasten { by: by.to_string(), rerun, answer });
        answered
    }

    /// Plans, with every source asked for its newest version. Changes nothing. Calls block, for as long as looking takes.
    pub fn plan(&self, rerun: &[String]) -> Result<Looked, Failure> {
        let (memory, beside) = self.state(|s| (s.memory.clone(), s.beside(0)));
        let beside = if self.see(|v| v.running) { beside } else { Beside::new() };
        self.session().look_at(&memory, &BTreeMap::new(), rerun, &beside)
    }

    /// Has nothing new begin. What runs comes to its end, or is handed on.
    pub fn stop(&self) {
        let _ = self.asks.send(Ask::Stop);
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write());
    }
}

/// A pipeline as it counts.
struct Counts {
    session: Session,
    /// What is on the disk, where that waits for people.
    waits: Option<Edit>,
    /// Why what is on the disk does not count.
    fault: Option<Failure>,
}

/// The pipeline that counts: what is on the disk, unless that makes a gate weaker than what counted, or is faulty.
fn open(settings: &Settings) -> Result<Counts, Failure> {
    let session = match Session::open(settings) {
        Ok(session) => session,
        Err(fault) => {
            let before = edit::before(settings).and_then(|counting| counting.session(settings).ok());
            return match before {
                Some(session) => Ok(Counts { session, waits: None, fault: Some(fault) }),
                None => Err(fault),
            };
        }
    };
    let (session, waits) = weigh(session, settings)?;
    Ok(Counts { session, waits, fault: None })
}

fn weigh(new: Session, settings: &Settings) -> Result<(Session, Option<Edit>), Failure> {
    let old = match edit::counting(&new.folder) {
        Some(old) if old.is(&new) => return Ok((new, None)),
        // What counted may be of an older language; then there is nothing to compare with.
        old => old.and_then(|old| old.session(settings).ok()),
    };
    if let Some(old) = old
        && let edit::Verdict::Waits(waits) = edit::judge(&old, &new, new.now())
    {
        return Ok((old, Some(waits)));
    }
    edit::keep(&new).map_err(|e| Failure::of(&e, "the state"))?;
    Ok((new, None))
}

fn spawn(
    keeper: Arc<Keeper>,
    keeping: Keeping,
    asked: UnboundedReceiver<Ask>,
    teller: Teller,
) -> Result<Behind, Failure> {
    let failed = |e: std::io::Error| {
        let what = PortError::new(crate::ports::Fault::Unavailable, format!("a thread cannot be made: {e}"));
        Failure::of(&what, &format!("pipeline {}", keeper.name))
    };
    let name = keeper.name.chars().take(15).collect();
    let kept = keeper.clone();
    let work = move || {
        let work = std::panic::AssertUnwindSafe(|| work::work(kept.clone(), keeping, asked, &teller));
        let ended = std::panic::catch_unwind(work);
        let why = match ended {
            Ok(Ok(())) => return teller.stop(LAST_WORDS),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => format!("a fault of Lockgate: {}", said_by(&*panic)),
        };
        tracing::error!(pipeline = %kept.name, "stopped: {why}");
        kept.change(|view| {
            view.running = false;
            view.stopped = Some(why);
        });
    };
    std::thread::Builder::new().name(name).spawn(work).map(Behind).map_err(failed)
}

/// What a panic said.
fn said_by(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_string()
}
