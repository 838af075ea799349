//! The book: the journal as events, and the state that they add up to.

use crate::plan::memory::Moment;
use crate::ports::journal::{Base, Journal, Row, Snapshot};
use crate::ports::{Fault, PortError};
use crate::run::{Event, Record, State};
use parking_lot::{Mutex, MutexGuard};
use std::sync::Arc;

/// The version of the snapshot's encoding. Another one is not read: the events are.
const FORM: u32 = 4;
/// After how many events a snapshot is worth its writing.
const SNAPSHOT_AFTER: u64 = 500;

/// The journal, open for writing, with its state.
pub struct Book {
    journal: Box<dyn Journal>,
    /// What the events add up to.
    pub state: State,
    snapshot: u64,
    watch: Option<Watch>,
}

/// Told of every record right after it was written, in order.
pub type Watch = Box<dyn FnMut(&[Record]) + Send>;

/// A book that several work with: a run, and people who say something meanwhile. Whoever has it locked is the one who
/// writes, so that what each of them decides is decided of the state that is.
#[derive(Clone)]
pub struct SharedBook(Arc<Mutex<Book>>);

impl SharedBook {
    /// The book, for several.
    pub fn new(book: Book) -> SharedBook {
        SharedBook(Arc::new(Mutex::new(book)))
    }

    /// The book, for as long as nobody else is to write. What a thread that panicked left is what it has written.
    pub fn lock(&self) -> MutexGuard<'_, Book> {
        self.0.lock()
    }
}

impl Book {
    /// Reads the state: the snapshot, if it can be read, and the events behind it.
    pub fn open(mut journal: Box<dyn Journal>) -> Result<Book, PortError> {
        let (state, snapshot) = read(&mut *journal)?;
        Ok(Book { journal, state, snapshot, watch: None })
    }

    /// Has somebody told of every record from now on, in place of whoever was.
    pub fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    /// Takes events of a run in without writing them yet; 0 for what is of none. What follows on the beginning of one is of
    /// that one.
    pub fn take(&mut self, at: Moment, run: u64, events: Vec<Event>, out: &mut Vec<Record>) {
        let mut run = run;
        for event in events {
            if let Event::RunStarted { .. } = event {
                run = self.state.runs + 1;
            }
            let record = Record { number: self.state.number + 1, at, run, event };
            self.state.apply(&record);
            out.push(record);
        }
    }

    /// Writes what was taken in. When it returns, all of it survives a loss of power.
    pub fn write(&mut self, records: &[Record]) -> Result<(), PortError> {
        if records.is_empty() {
            return Ok(());
        }
        let rows: Result<Vec<Row>, PortError> = records.iter().map(row).collect();
        self.journal.append(&rows?)?;
        if let Some(watch) = &mut self.watch {
            watch(records);
        }
        Ok(())
    }

    /// Takes in and writes in one what is of a run, or of none.
    pub fn say(&mut self, at: Moment, run: u64, events: Vec<Event>) -> Result<Vec<Record>, PortError> {
        let mut records = Vec::new();
        self.take(at, run, events, &mut records);
        self.write(&records)?;
        Ok(records)
    }

    /// Keeps a snapshot if enough has happened since the last one.
    pub fn keep(&mut self) -> Result<(), PortError> {
        if self.state.number < self.snapshot + SNAPSHOT_AFTER {
            return Ok(());
        }
        let failed = |e| PortError::new(Fault::Invalid, format!("the state cannot be encoded: {e}"));
        let body = postcard::to_stdvec(&self.state).map_err(failed)?;
        self.journal.keep(&Snapshot { number: self.state.number, form: FORM, body })?;
        self.snapshot = self.state.number;
        Ok(())
    }

    /// Cuts the events off up to the number of a base, which [`base_of`] makes. The state stays as it is.
    pub fn cut(&mut self, base: &Base) -> Result<(), PortError> {
        self.journal.cut(base)
    }

    /// Gives the room of some events back that were cut off; whether there are more of them.
    pub fn sweep(&mut self) -> Result<bool, PortError> {
        self.journal.sweep()
    }

    /// All records behind a number.
    pub fn records(&mut self, after: u64) -> Result<Vec<Record>, PortError> {
        self.journal.read(after)?.iter().map(record).collect()
    }
}

/// The state of a journal that need not be open for writing, and the number of its snapshot.
pub fn read(journal: &mut dyn Journal) -> Result<(State, u64), PortError> {
    let kept = journal.kept()?.filter(|s| s.form == FORM);
    let decoded =
        kept.and_then(|s| postcard::from_bytes::<State>(&s.body).ok().filter(|state| state.number == s.number));
    // A cut takes the snapshots of before it along, so that one that is there is enough.
    let mut state = match decoded {
        Some(state) => state,
        None => begin(journal)?,
    };
    let snapshot = state.number;
    for row in journal.read(snapshot)? {
        let record = record(&row)?;
        if record.number != state.number + 1 {
            let message = format!("the journal has a gap: {} follows {}", record.number, state.number);
            return Err(PortError::new(Fault::Invalid, message));
        }
        state.apply(&record);
    }
    Ok((state, snapshot))
}

/// The state with which a journal begins: nothing, or what the events added up to that were cut off.
pub fn begin(journal: &mut dyn Journal) -> Result<State, PortError> {
    let Some(base) = journal.base()? else { return Ok(State::default()) };
    let unreadable = |why: String| {
        let message = format!("what the events up to {} added up to cannot be read: {why}", base.number);
        PortError::new(Fault::Invalid, message)
            .help("it was written by another version of Lockgate; use that one, or a newer one")
    };
    let state: State = serde_json::from_slice(&base.body).map_err(|e| unreadable(e.to_string()))?;
    if state.number != base.number {
        return Err(unreadable(format!("it ends at event {}", state.number)));
    }
    Ok(state)
}

/// What a journal is cut to: the state as it was after its last event.
pub fn base_of(state: &State) -> Result<Base, PortError> {
    let failed = |e| PortError::new(Fault::Invalid, format!("the state cannot be encoded: {e}"));
    Ok(Base { number: state.number, body: serde_json::to_vec(state).map_err(failed)? })
}

fn row(record: &Record) -> Result<Row, PortError> {
    let failed = |e| PortError::new(Fault::Invalid, format!("an event cannot be written: {e}"));
    let body = serde_json::to_string(&record.event).map_err(failed)?;
    Ok(Row { number: record.number, at: record.at, run: record.run, body })
}

/// An event as it stands in a row.
pub fn record(row: &Row) -> Result<Record, PortError> {
    let unreadable = |e| {
        PortError::new(Fault::Invalid, format!("event {} of the journal cannot be read: {e}", row.number))
            .help("it was written by another version of Lockgate; use that one, or a newer one")
    };
    let event = serde_json::from_str(&row.body).map_err(unreadable)?;
    Ok(Record { number: row.number, at: row.at, run: row.run, event })
}
