//! Telling people and programs of what happens, as the `notify` nodes of a pipeline say.
//!
//! What is to be sent follows from the journal: a thread of its own, where anybody is told, reads what was written, puts notices
//! into the outbox, and sends them, again and again where that fails. A run never waits for it. Whoever begins to be told hears
//! of what happens from then on, and nothing of before.

mod parcel;
mod work;

use crate::adapters::sqlite::outbox::{Notice, Outbox};
use crate::engine::{SharedBook, World};
use crate::graph::Graph;
use crate::model::Notify;
use crate::ports::notices::Notices;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

/// How long a command waits at its end for those who are told.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// For how long it is shown that somebody could not be told, in milliseconds.
const SHOWN: i64 = 7 * 24 * 3_600_000;

/// How it is told.
#[derive(Clone)]
pub struct Telling {
    /// Under which URL the server is reached, for links.
    pub url: Option<String>,
    /// Who sends.
    pub sender: Arc<dyn Notices>,
}

/// A pipeline as it is told of: who is told, and where their secrets are.
#[derive(Clone)]
pub struct Voice {
    pub(super) graph: Arc<Graph>,
    pub(super) world: World,
    pub(super) folder: PathBuf,
}

/// What the thread is told.
enum Word {
    /// Something was written.
    Look,
    /// A notice was sent, or was not.
    Sent { receiver: String, notice: Box<Notice>, result: Result<(), PortError> },
    /// No more than what is to be sent for the first time is, until that moment.
    Stop(Instant),
}

/// Who tells: on a thread of its own, which is made when there is somebody to tell. It ends when it is told to.
pub struct Teller {
    wake: Wake,
    stage: Mutex<Stage>,
}

/// How far a teller is.
enum Stage {
    /// There was nobody to tell so far.
    Idle(Box<work::Work>),
    Tells(std::thread::JoinHandle<()>),
    /// Its thread could not be made.
    Lost,
}

/// Wakes a teller; cheap to keep.
#[derive(Clone)]
pub struct Wake {
    words: Sender<Word>,
    /// Whether anybody listens.
    tells: Arc<AtomicBool>,
}

impl Wake {
    /// Something was written.
    pub fn look(&self) {
        if self.tells.load(Ordering::Relaxed) {
            // Whoever has ended does not want to know.
            let _ = self.words.send(Word::Look);
        }
    }
}

impl Teller {
    /// Begins to tell of what is written behind that number. `voice` gives the pipeline as it is at the time.
    pub fn start(
        telling: Telling,
        book: SharedBook,
        before: u64,
        voice: impl Fn() -> Voice + Send + 'static,
    ) -> Result<Teller, PortError> {
        begin(&voice(), before)?;
        let (words, asked) = channel();
        let work = work::Work::new(telling, book, Box::new(voice), words.clone(), asked);
        let wake = Wake { words, tells: Arc::default() };
        let teller = Teller { wake, stage: Mutex::new(Stage::Idle(Box::new(work))) };
        teller.renew()?;
        Ok(teller)
    }

    /// Looks whether there is somebody to tell by now: the pipeline may be another one.
    pub fn renew(&self) -> Result<(), PortError> {
        let mut stage = self.stage.lock();
        *stage = match std::mem::replace(&mut *stage, Stage::Lost) {
            Stage::Idle(work) if work.has_somebody() => {
                let failed = |e| PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}"));
                // Whatever is written from here on wakes it, and it reads all that was written before.
                self.wake.tells.store(true, Ordering::Relaxed);
                let thread = std::thread::Builder::new().name("notices".to_string());
                Stage::Tells(thread.spawn(move || work.go()).map_err(failed)?)
            }
            stage => stage,
        };
        Ok(())
    }

    /// What wakes it.
    pub fn wake(&self) -> Wake {
        self.wake.clone()
    }

    /// Waits until everything was sent or failed to be, for at most so long. What was not is in the outbox.
    pub fn stop(&self, patience: Duration) {
        let Stage::Tells(thread) = &*self.stage.lock() else { return };
        let until = Instant::now() + patience;
        let _ = self.wake.words.send(Word::Stop(until));
        // One that waits for somebody who does not answer is left behind.
        while !thread.is_finished() && Instant::now() < until + Duration::from_millis(100) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Takes those in who are told: of what is written behind that number, unless they are known.
pub fn begin(voice: &Voice, number: u64) -> Result<(), PortError> {
    let receivers = voice.receivers();
    if receivers.is_empty() {
        return Ok(());
    }
    let outbox = Outbox::open(&voice.folder)?;
    receivers.iter().try_for_each(|r| outbox.receiver(&r.name, number).map(|_| ()))
}

/// Tells nobody of what was written up to that number.
pub fn pass_over(voice: &Voice, number: u64) -> Result<(), PortError> {
    let receivers = voice.receivers();
    if receivers.is_empty() {
        return Ok(());
    }
    let outbox = Outbox::open(&voice.folder)?;
    receivers.iter().try_for_each(|r| {
        outbox.receiver(&r.name, number)?;
        outbox.put(&r.name, number, &[])
    })
}

/// The newest notices of a state, the newest first.
pub fn newest(folder: &Path, most: u32) -> Result<Vec<Notice>, PortError> {
    Outbox::look(folder)?.map_or(Ok(Vec::new()), |outbox| outbox.newest(most))
}

/// Those who could not be told lately, and of how much: name, how many notices are tried again, how many were given up, and why
/// the last of them could not be sent.
pub fn untold(folder: &Path, now: i64) -> Result<Vec<Untold>, PortError> {
    let Some(outbox) = Outbox::look(folder)? else { return Ok(Vec::new()) };
    let mut all: Vec<Untold> = Vec::new();
    for notice in outbox.failing(now - SHOWN)? {
        let at = match all.iter().position(|u| u.receiver == notice.receiver) {
            Some(at) => at,
            None => {
                let since = notice.since;
                let fault = String::new();
                all.push(Untold { receiver: notice.receiver.clone(), waiting: 0, given_up: 0, since, fault });
                all.len() - 1
            }
        };
        let Some(untold) = all.get_mut(at) else { continue };
        *if notice.due.is_some() { &mut untold.waiting } else { &mut untold.given_up } += 1;
        untold.fault = notice.fault.unwrap_or_default();
    }
    Ok(all)
}

/// Somebody who could not be told.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Untold {
    /// The `notify`.
    pub receiver: String,
    /// Notices that are tried again.
    pub waiting: u32,
    /// Notices that were given up.
    pub given_up: u32,
    /// Since when, in milliseconds since 1970.
    pub since: i64,
    /// Why the last of them could not be sent.
    pub fault: String,
}

impl Untold {
    /// In one line.
    pub fn text(&self) -> String {
        let many = |n: u32, what: &str| (n > 0).then(|| format!("{n} {what}"));
        let counts = [many(self.waiting, "tried again"), many(self.given_up, "given up")];
        let counts: Vec<String> = counts.into_iter().flatten().collect();
        format!("{} could not be told: {} ({})", self.receiver, self.fault, counts.join(", "))
    }
}

impl Voice {
    /// Who is told.
    fn receivers(&self) -> Vec<&Notify> {
        self.graph.pipeline().notifies.iter().filter(|n| n.to.is_some() && !n.on.is_empty()).collect()
    }
}

/// Who sends, with the mail server of the environment: `LOCKGATE_SMTP` and `LOCKGATE_MAIL_FROM`.
#[cfg(feature = "notices")]
pub fn sender_of_environment() -> Result<Arc<dyn Notices>, PortError> {
    use crate::adapters::notices::{MailServer, Sender};
    let mail = match std::env::var("LOCKGATE_SMTP").ok().filter(|url| !url.is_empty()) {
        None => None,
        Some(url) => {
            let from = std::env::var("LOCKGATE_MAIL_FROM").unwrap_or_default();
            if from.is_empty() {
                let message = "LOCKGATE_SMTP is set, and LOCKGATE_MAIL_FROM does not say who mails are from";
                return Err(PortError::new(Fault::Invalid, message));
            }
            Some(MailServer::of_url(&url, &from)?)
        }
    };
    Ok(Arc::new(Sender::new(mail)))
}

/// Who says that nobody can send.
#[cfg(not(feature = "notices"))]
pub fn sender_of_environment() -> Result<Arc<dyn Notices>, PortError> {
    struct Nobody;
    impl Notices for Nobody {
        fn send(&self, _: &crate::ports::notices::Parcel) -> Result<(), PortError> {
            let message = "this Lockgate was built without the feature `notices`";
            Err(PortError::new(Fault::Invalid, message))
        }
    }
    Ok(Arc::new(Nobody))
}

#[cfg(test)]
mod tests;
