//! The thread that tells: reads the journal, fills the outbox, sends what is due.

use super::{Telling, Voice, Word, parcel};
use crate::adapters::sqlite::Sqlite;
use crate::adapters::sqlite::outbox::{Notice, Outbox};
use crate::engine::{SharedBook, book};
use crate::ports::{Fault, PortError};
use crate::report::notices::{From, Letter, letter};
use crate::run::{Record, notices};
use std::collections::BTreeSet;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

/// The longest sleep: after a step of the clock, moments are looked at anew.
const NAP: Duration = Duration::from_secs(30);
/// What is written within this time is read together.
const PAUSE: Duration = Duration::from_millis(20);
/// How many records are read at once.
const PIECE: u32 = 1000;

pub(super) struct Work {
    telling: Telling,
    book: SharedBook,
    voice: Box<dyn Fn() -> Voice + Send>,
    words: Sender<Word>,
    asked: Receiver<Word>,
    outbox: Option<Outbox>,
    /// To whom something is being sent just now; one at a time each, so that somebody who hangs keeps nobody else.
    busy: BTreeSet<String>,
    /// Set when it is to stop: until when.
    until: Option<Instant>,
    /// Those who are told, as the outbox knows them.
    known: Option<Vec<String>>,
}

impl Work {
    pub fn new(
        telling: Telling,
        book: SharedBook,
        voice: Box<dyn Fn() -> Voice + Send>,
        words: Sender<Word>,
        asked: Receiver<Word>,
    ) -> Work {
        Work { telling, book, voice, words, asked, outbox: None, busy: BTreeSet::new(), until: None, known: None }
    }

    /// Whether there is somebody to tell, or something that was once to be told.
    pub fn has_somebody(&self) -> bool {
        let voice = (self.voice)();
        !voice.receivers().is_empty() || Outbox::is_at(&voice.folder)
    }

    pub fn go(mut self) {
        loop {
            let next = match self.step() {
                Ok(next) => next,
                Err(error) => {
                    tracing::error!("notices cannot be kept: {error}");
                    Next::In(NAP)
                }
            };
            let sleep = match (next, self.until) {
                (Next::Nothing, Some(_)) => return,
                (Next::In(_), Some(until)) if Instant::now() >= until => return,
                (Next::In(time), Some(until)) => time.min(until.saturating_duration_since(Instant::now())),
                (Next::In(time), None) => time,
                (Next::Nothing, None) => NAP,
            };
            match self.asked.recv_timeout(sleep.min(NAP)) {
                Ok(word) => self.take(word),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn take(&mut self, first: Word) {
        if matches!(first, Word::Look) && self.until.is_none() {
            std::thread::sleep(PAUSE);
        }
        let more: Vec<Word> = std::iter::once(first).chain(self.asked.try_iter()).collect();
        for word in more {
            match word {
                Word::Look => {}
                Word::Stop(until) => self.until = Some(until),
                Word::Sent { receiver, notice, result } => {
                    self.busy.remove(&receiver);
                    if let Err(error) = self.note(&notice, &result) {
                        tracing::error!("notices cannot be kept: {error}");
                    }
                }
            }
        }
    }

    /// Reads what was written and sends what is due.
    fn step(&mut self) -> Result<Next, PortError> {
        let voice = (self.voice)();
        let names: Vec<String> = voice.receivers().iter().map(|r| r.name.value.to_string()).collect();
        if self.known.as_ref() != Some(&names) {
            if Outbox::is_at(&voice.folder) {
                Outbox::open(&voice.folder)?.tidy(&names, voice.world.clock.now())?;
            }
            self.known = Some(names.clone());
        }
        if names.is_empty() {
            return Ok(Next::Nothing);
        }
        if self.outbox.is_none() {
            self.outbox = Some(Outbox::open(&voice.folder)?);
        }
        self.collect(&voice)?;
        self.send_due(&voice)
    }

    fn outbox(&self) -> Result<&Outbox, PortError> {
        self.outbox.as_ref().ok_or_else(|| PortError::new(Fault::Unavailable, "the outbox is not open"))
    }

    /// Puts what was written since the last time into the outbox.
    fn collect(&self, voice: &Voice) -> Result<(), PortError> {
        let outbox = self.outbox()?;
        let end = self.book.lock().state.number;
        let mut behind = Vec::new();
        for receiver in voice.receivers() {
            let read = outbox.receiver(&receiver.name, end)?;
            behind.extend((read < end).then_some((receiver, read)));
        }
        // As after each notice that was sent.
        if behind.is_empty() {
            return Ok(());
        }
        let journal = Sqlite::open_for_reading(&voice.folder)?;
        for (receiver, mut read) in behind {
            while read < end {
                let records: Result<Vec<Record>, PortError> =
                    journal.some(read, PIECE)?.iter().map(book::record).collect();
                let records = records?;
                let Some(last) = records.last().map(|r| r.number) else { break };
                let wanted = |r: &&Record| {
                    notices::word(&r.event).is_some_and(|word| receiver.on.iter().any(|on| on.value == word))
                };
                let mut put = Vec::new();
                for record in records.iter().filter(wanted) {
                    put.extend(self.notice(voice, &receiver.name, record)?);
                }
                outbox.put(&receiver.name, last, &put)?;
                read = last;
            }
        }
        Ok(())
    }

    fn notice(&self, voice: &Voice, receiver: &str, record: &Record) -> Result<Option<Notice>, PortError> {
        let pipeline = &voice.graph.pipeline().name.value;
        let from = From { pipeline, url: self.telling.url.as_deref() };
        let Some(letter) = letter(record, &self.book.lock().state.memory, from) else { return Ok(None) };
        let failed = |e| PortError::new(Fault::Invalid, format!("a notice cannot be written: {e}"));
        Ok(Some(Notice {
            id: notices::id(pipeline, receiver, record),
            receiver: receiver.to_string(),
            number: record.number,
            event: letter.event.clone(),
            body: serde_json::to_string(&letter).map_err(failed)?,
            since: voice.world.clock.now(),
            due: None,
            tried: 0,
            sent: None,
            fault: None,
        }))
    }

    /// Sends what is due, each on a thread of its own.
    fn send_due(&mut self, voice: &Voice) -> Result<Next, PortError> {
        let now = voice.world.clock.now();
        let mut next: Option<i64> = None;
        let mut fresh = false;
        for notice in self.outbox()?.waiting()? {
            fresh |= notice.tried == 0;
            let due = notice.due.unwrap_or(now);
            if self.busy.contains(&notice.receiver) {
                continue;
            }
            // After a step of the clock back nothing waits for the time to come again.
            if due > now && due - now <= notices::LONGEST {
                next = Some(next.map_or(due, |n| n.min(due)));
                continue;
            }
            self.busy.insert(notice.receiver.clone());
            self.send(voice, notice);
        }
        if self.busy.is_empty() && !(fresh && self.until.is_some()) {
            return Ok(match (next, self.until) {
                // What failed is tried by whoever comes next.
                (Some(next), None) => Next::In(Duration::from_millis(u64::try_from(next - now).unwrap_or(0).max(1))),
                _ => Next::Nothing,
            });
        }
        Ok(Next::In(NAP))
    }

    fn send(&self, voice: &Voice, notice: Notice) {
        let (voice, sender, words) = (voice.clone(), self.telling.sender.clone(), self.words.clone());
        let receiver = notice.receiver.clone();
        let failed = Word::Sent {
            receiver: receiver.clone(),
            notice: Box::new(notice.clone()),
            result: Err(PortError::new(Fault::Unavailable, "a thread cannot be made")),
        };
        let send = move || {
            let result = deliver(&voice, &*sender, &notice);
            let _ = words.send(Word::Sent { receiver, notice: Box::new(notice), result });
        };
        if std::thread::Builder::new().name("notice".to_string()).spawn(send).is_err() {
            let _ = self.words.send(failed);
        }
    }

    /// Writes down what became of one.
    fn note(&self, notice: &Notice, result: &Result<(), PortError>) -> Result<(), PortError> {
        let voice = (self.voice)();
        let now = voice.world.clock.now();
        let Err(error) = result else { return self.outbox()?.sent(&notice.id, now) };
        let again = notices::again(error.fault, notice.tried + 1, notice.since, now);
        let pipeline = &voice.graph.pipeline().name.value;
        match again {
            Some(_) => tracing::warn!(pipeline = %pipeline, notify = %notice.receiver, "not told yet: {error}"),
            None => tracing::error!(pipeline = %pipeline, notify = %notice.receiver, "given up: {error}"),
        }
        self.outbox()?.not_sent(&notice.id, &error.message, again)
    }
}

/// What is to come.
#[derive(Clone, Copy)]
enum Next {
    /// Something, then.
    In(Duration),
    /// Nothing, until something is written.
    Nothing,
}

fn deliver(voice: &Voice, sender: &dyn crate::ports::notices::Notices, notice: &Notice) -> Result<(), PortError> {
    let gone = || PortError::new(Fault::Invalid, "it is not in the pipeline any more");
    let receiver = voice.receivers().into_iter().find(|r| r.name.value == notice.receiver).ok_or_else(gone)?;
    let unreadable = |e| PortError::new(Fault::Invalid, format!("the notice cannot be read: {e}"));
    let letter: Letter = serde_json::from_str(&notice.body).map_err(unreadable)?;
    sender.send(&parcel::parcel(voice, receiver, &notice.id, &letter)?)
}
