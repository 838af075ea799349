//! A journal in memory, whose commits go as a test wants.

use super::{Deed, Ledger, Power};
use crate::ports::journal::{Base, Journal, Row, Snapshot};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What becomes of a commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing is written, and its writer hears so.
    Fails,
    /// Everything is written, and its writer hears of an error.
    AnswerLost,
    /// The process dies, and nothing is written.
    CrashBefore,
    /// The process dies when everything is written.
    CrashAfter,
}

/// The disk on which journals are.
#[derive(Clone)]
pub struct FakeStore {
    ledger: Ledger,
    power: Power,
    disk: Arc<Mutex<Disk>>,
}

#[derive(Default)]
struct Disk {
    rows: Vec<Row>,
    snapshot: Option<Snapshot>,
    base: Option<Base>,
    commits: u64,
    fates: BTreeMap<u64, Fate>,
    /// The number of the handle that may write.
    writer: Option<u64>,
    handles: u64,
}

impl FakeStore {
    /// An empty store.
    pub fn new(ledger: Ledger, power: Power) -> FakeStore {
        FakeStore { ledger, power, disk: Arc::default() }
    }

    /// Opens the journal to write; one at a time.
    pub fn open_for_writing(&self) -> Result<FakeJournal, PortError> {
        self.power.check()?;
        let mut disk = self.disk.lock();
        if disk.writer.is_some() {
            return Err(PortError::new(Fault::Unavailable, "another lockgate is at work on this state"));
        }
        disk.handles += 1;
        disk.writer = Some(disk.handles);
        Ok(FakeJournal { store: self.clone(), number: disk.handles, spent: None })
    }

    /// Opens the journal to read.
    pub fn open_for_reading(&self) -> FakeJournal {
        FakeJournal { store: self.clone(), number: 0, spent: None }
    }

    /// Decides the fate of a commit, by its number from 1 over all lives. A snapshot is a commit too.
    pub fn fate(&self, commit: u64, fate: Fate) {
        self.disk.lock().fates.insert(commit, fate);
    }

    /// How many commits have been tried.
    pub fn commits(&self) -> u64 {
        self.disk.lock().commits
    }

    /// All rows, as they are on the disk.
    pub fn rows(&self) -> Vec<Row> {
        self.disk.lock().rows.clone()
    }

    /// Cuts the journal off behind that many rows, as if nothing later had happened. A snapshot of what is gone goes too.
    pub fn truncate(&self, rows: usize) {
        let mut disk = self.disk.lock();
        disk.rows.truncate(rows);
        disk.snapshot.take_if(|snapshot| snapshot.number > rows as u64);
    }

    /// Puts rows in place of what is there, as from a file of an earlier time.
    pub fn load(&self, rows: Vec<Row>) {
        let mut disk = self.disk.lock();
        disk.rows = rows;
        disk.snapshot = None;
        disk.base = None;
    }

    /// Lets go of the lock of a writer that died.
    pub(super) fn release(&self) {
        self.disk.lock().writer = None;
    }
}

/// A journal on such a disk.
pub struct FakeJournal {
    store: FakeStore,
    /// Its number among those that may write; 0 for one that reads.
    number: u64,
    spent: Option<String>,
}

impl FakeJournal {
    fn may_write(&self) -> Result<(), PortError> {
        self.store.power.check()?;
        if self.number == 0 {
            return Err(PortError::new(Fault::Denied, "the journal is open for reading only"));
        }
        match &self.spent {
            None => Ok(()),
            Some(why) => {
                let message = format!("the journal takes nothing more since a write to it failed: {why}");
                Err(PortError::new(Fault::Unavailable, message))
            }
        }
    }

    /// Writes, or does what the commit's fate is.
    fn commit(&mut self, write: impl FnOnce(&mut Disk)) -> Result<(), PortError> {
        let result = self.try_commit(write);
        if let Err(error) = &result {
            self.spent = Some(error.message.clone());
        }
        result
    }

    fn try_commit(&self, write: impl FnOnce(&mut Disk)) -> Result<(), PortError> {
        let power = &self.store.power;
        power.boundary()?;
        let mut disk = self.store.disk.lock();
        if disk.writer != Some(self.number) {
            return Err(PortError::new(Fault::Moved, "another program writes to the journal"));
        }
        disk.commits += 1;
        let number = disk.commits;
        let fate = disk.fates.remove(&number);
        if let Some(Fate::Fails | Fate::CrashBefore) = fate {
            if fate == Some(Fate::CrashBefore) {
                power.cut();
            }
            return Err(PortError::new(Fault::Unavailable, "the disk does not answer"));
        }
        write(&mut disk);
        drop(disk);
        match fate {
            Some(Fate::AnswerLost) => return Err(PortError::new(Fault::Unavailable, "the disk does not answer")),
            Some(Fate::CrashAfter) => power.cut(),
            _ => {}
        }
        power.boundary()
    }
}

impl Journal for FakeJournal {
    fn append(&mut self, rows: &[Row]) -> Result<(), PortError> {
        self.may_write()?;
        let last = self.store.disk.lock().rows.len() as u64;
        if let Some((row, expected)) = rows.iter().zip(last + 1..).find(|(row, expected)| row.number != *expected) {
            let message = format!("row {} cannot be written where row {expected} is the next", row.number);
            return Err(PortError::new(Fault::Invalid, message));
        }
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { return Ok(()) };
        let numbers = format!("{}-{}", first.number, last.number);
        let bodies = rows.iter().map(|row| row.body.as_str()).collect::<Vec<_>>().join("\n");
        let (ledger, power) = (self.store.ledger.clone(), self.store.power.clone());
        self.commit(|disk| {
            disk.rows.extend_from_slice(rows);
            ledger.record(&power, Deed::Commit, numbers, bodies);
        })
    }

    fn read(&mut self, after: u64) -> Result<Vec<Row>, PortError> {
        self.store.power.check()?;
        let disk = self.store.disk.lock();
        let after = after.max(disk.base.as_ref().map_or(0, |base| base.number));
        Ok(disk.rows.iter().filter(|row| row.number > after).cloned().collect())
    }

    fn keep(&mut self, snapshot: &Snapshot) -> Result<(), PortError> {
        self.may_write()?;
        let rows = self.store.disk.lock().rows.len() as u64;
        if snapshot.number > rows {
            let message = format!("a snapshot up to row {} of {rows} rows", snapshot.number);
            return Err(PortError::new(Fault::Invalid, message));
        }
        self.commit(|disk| disk.snapshot = Some(snapshot.clone()))
    }

    fn kept(&mut self) -> Result<Option<Snapshot>, PortError> {
        self.store.power.check()?;
        Ok(self.store.disk.lock().snapshot.clone())
    }

    fn base(&mut self) -> Result<Option<Base>, PortError> {
        self.store.power.check()?;
        Ok(self.store.disk.lock().base.clone())
    }

    fn cut(&mut self, base: &Base) -> Result<(), PortError> {
        self.may_write()?;
        let (rows, before) = {
            let disk = self.store.disk.lock();
            (disk.rows.len() as u64, disk.base.as_ref().map_or(0, |b| b.number))
        };
        if base.number <= before || base.number > rows {
            let message = format!("rows up to {} cannot be cut off", base.number);
            return Err(PortError::new(Fault::Invalid, message));
        }
        // Rows stay where they are, since their place is their number; nobody reads those before the base.
        self.commit(|disk| {
            disk.snapshot.take_if(|s| s.number < base.number);
            disk.base = Some(base.clone());
        })
    }

    fn sweep(&mut self) -> Result<bool, PortError> {
        self.may_write().map(|()| false)
    }
}

impl Drop for FakeJournal {
    fn drop(&mut self) {
        let mut disk = self.store.disk.lock();
        if disk.writer == Some(self.number) {
            disk.writer = None;
        }
    }
}
