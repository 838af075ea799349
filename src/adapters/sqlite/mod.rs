//! The journal in an embedded database: one file below the state's folder, one writer, as many readers as like.
//!
//! ```text
//! lock               who writes; locked as long as that process lives
//! journal.db         events, the snapshot, the version of the layout
//! journal.db-wal     what was committed last; kept between processes, so that it need not grow again
//! journal.db-shm     how processes find their way in the file above
//! ```
//!
//! A commit is one write to the end of the log and one wait for the disk. Every row carries the hash of itself and of
//! the row before it, so that a row that was changed, removed or slipped in shows when it is read. A commit that failed
//! may have happened or not; whoever wrote it cannot know, so the handle takes nothing more and the next process looks.

mod chain;
pub mod copy;
mod cut;
mod faults;
mod lock;
mod open;
pub mod outbox;
pub mod register;
mod table;

use crate::digest::Digest;
use crate::ports::journal::{Base, Journal, Row, Snapshot};
use crate::ports::{Fault, PortError};
use chain::{Chain, Link};
use lock::Lock;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};
use std::path::{Path, PathBuf};

/// The name of the database below the state's folder.
const NAME: &str = "journal.db";

/// Writes down that who holds the state of a folder is a server, and at which address it is reached, so that a second writer
/// can be told. To be called by the holder only; nothing depends on it.
pub fn tell_address(folder: &Path, address: &str) -> std::io::Result<()> {
    lock::tell(folder, address)
}

/// A journal in a SQLite database.
#[derive(Debug)]
pub struct Sqlite {
    path: PathBuf,
    /// None where nothing was ever written, and nothing is going to be.
    database: Option<Connection>,
    /// None where it is open for reading only.
    writer: Option<Writer>,
}

/// What the one writer knows.
#[derive(Debug)]
struct Writer {
    last: Link,
    /// Why nothing more is taken.
    spent: Option<String>,
    /// Its log; dropped, which waits for it, before the lock is.
    growing: open::Growing,
    _lock: Lock,
}

impl Sqlite {
    /// Opens the journal of a state's folder to write, and makes both when they aren't there. There is one writer at a
    /// time: for a second one the answer is [`Fault::Unavailable`], naming the first.
    pub fn open_for_writing(folder: &Path) -> Result<Sqlite, PortError> {
        super::disk::make_folder(folder)?;
        let lock = Lock::take(folder)?;
        let path = folder.join(NAME);
        let (database, growing) = open::to_write(&path)?;
        let last = chain::last(&database).map_err(|e| faults::explain(&path, "read", &e))?;
        Ok(Sqlite { path, database: Some(database), writer: Some(Writer { last, spent: None, growing, _lock: lock }) })
    }

    /// Opens the journal of a state's folder to read, also while another process writes to it. Where none is, it is
    /// empty.
    pub fn open_for_reading(folder: &Path) -> Result<Sqlite, PortError> {
        let path = folder.join(NAME);
        let database = open::to_read(&path)?;
        Ok(Sqlite { path, database, writer: None })
    }

    /// Whether there is a journal in a folder.
    pub fn is_at(folder: &Path) -> bool {
        folder.join(NAME).is_file()
    }

    /// At most that many of the rows behind a number, in order.
    pub fn some(&self, after: u64, most: u32) -> Result<Vec<Row>, PortError> {
        let mut rows = Vec::new();
        self.walk(after, most, |row| rows.push(row))?;
        Ok(rows)
    }

    /// At most that many of the rows from `floor` on and before a number in whose bodies a text stands, the newest first. They lie
    /// apart, so that the chain is not looked at: whoever reads all rows tells whether it holds.
    pub fn with(&self, before: u64, floor: u64, text: &str, most: u32) -> Result<Vec<Row>, PortError> {
        let Some(database) = &self.database else { return Ok(Vec::new()) };
        let find = || -> rusqlite::Result<Vec<Row>> {
            let mut select = database.prepare_cached(
                "SELECT number, run, at, body, hash FROM events
                 WHERE number >= ?1 AND number < ?2 AND instr(body, ?3) > 0 ORDER BY number DESC LIMIT ?4",
            )?;
            let (floor, before) = (i64::try_from(floor).unwrap_or(i64::MAX), i64::try_from(before).unwrap_or(i64::MAX));
            let rows = select.query_map(rusqlite::params![floor, before, text, most], chain::decode)?;
            rows.map(|row| row.map(|(row, _)| row)).collect()
        };
        find().map_err(|e| faults::explain(&self.path, "read", &e))
    }

    /// The number of the last row and its hash, which stands for all rows; zeros where there is none.
    pub fn last(&self) -> Result<(u64, Digest), PortError> {
        let Some(database) = &self.database else { return Ok((0, Digest::default())) };
        let last = chain::last(database).map_err(|e| faults::explain(&self.path, "read", &e))?;
        Ok((last.number, last.hash))
    }

    /// The hash of a row; none where there is no such row, or not any more.
    pub fn hash_at(&self, number: u64) -> Result<Option<Digest>, PortError> {
        let Some(database) = &self.database else { return Ok(None) };
        let failed = |e: rusqlite::Error| faults::explain(&self.path, "read", &e);
        let base = cut::link(database).map_err(failed)?;
        if number == base.number {
            return Ok(Some(base.hash));
        }
        let found = chain::at(database, number).map_err(failed)?;
        Ok(found.filter(|link| link.number > base.number).map(|link| link.hash))
    }

    /// Walks through all rows and tells how many there are, or which is the first that isn't as it was written.
    pub fn verify(&mut self) -> Result<u64, PortError> {
        let mut last = self.read_base()?.map_or(0, |base| base.number);
        self.walk(0, u32::MAX, |row| last = row.number)?;
        match self.kept()? {
            Some(snapshot) if snapshot.number > last => {
                let message = format!("the journal ends at row {last}, and had {} once", snapshot.number);
                Err(PortError::new(Fault::Invalid, message).help(faults::FROM_A_COPY))
            }
            _ => Ok(last),
        }
    }

    /// Shows the rows behind a number, at most so many, one after the other, each checked against the one before.
    fn walk(&self, after: u64, most: u32, mut each: impl FnMut(Row)) -> Result<(), PortError> {
        let Some(database) = &self.database else { return Ok(()) };
        let failed = |e: rusqlite::Error| faults::explain(&self.path, "read", &e);
        // One view of the file: a row that is written meanwhile is not in it.
        let view = database.unchecked_transaction().map_err(failed)?;
        let base = cut::link(&view).map_err(failed)?;
        let (start, after) = if after <= base.number {
            (base, base.number)
        } else {
            let Some(start) = chain::at(&view, after).map_err(failed)? else { return Ok(()) };
            (start, after)
        };
        let mut chain = Chain::new(start);
        let mut select = view
            .prepare_cached("SELECT number, run, at, body, hash FROM events WHERE number > ?1 ORDER BY number LIMIT ?2")
            .map_err(failed)?;
        let mut rows = select.query([signed(after)?, i64::from(most)]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let (row, hash) = chain::decode(row).map_err(failed)?;
            chain.check(&row, hash)?;
            each(row);
        }
        Ok(())
    }

    /// The database and what the writer knows, as long as it may write.
    fn writing(&mut self) -> Result<(&mut Connection, &mut Writer), PortError> {
        let (Some(database), Some(writer)) = (&mut self.database, &mut self.writer) else {
            return Err(PortError::new(Fault::Denied, "the journal is open for reading only"));
        };
        match &writer.spent {
            Some(why) => {
                let message = format!("the journal takes nothing more since a write to it failed: {why}");
                Err(PortError::new(Fault::Unavailable, message))
            }
            None => {
                writer.growing.wait()?;
                Ok((database, writer))
            }
        }
    }

    /// Makes an error final.
    fn spent(&mut self, doing: &str, error: &rusqlite::Error) -> PortError {
        let error = faults::explain(&self.path, doing, error);
        if let Some(writer) = &mut self.writer {
            writer.spent = Some(error.message.clone());
        }
        error
    }
}

/// The lock of a state's folder, without its journal: nobody writes to it as long as this is held.
#[derive(Debug)]
pub struct Held(#[allow(dead_code, reason = "it is held")] Lock);

impl Held {
    /// Takes it, or tells who has it.
    pub fn take(folder: &Path) -> Result<Held, PortError> {
        Lock::take(folder).map(Held)
    }
}

impl Journal for Sqlite {
    fn append(&mut self, rows: &[Row]) -> Result<(), PortError> {
        let (database, writer) = self.writing()?;
        gapless(writer.last.number, rows)?;
        if rows.is_empty() {
            return Ok(());
        }
        match insert(database, writer.last, rows) {
            Ok(last) => writer.last = last,
            Err(error) => return Err(self.spent("written", &error)),
        }
        Ok(())
    }

    fn read(&mut self, after: u64) -> Result<Vec<Row>, PortError> {
        let mut rows = Vec::new();
        self.walk(after, u32::MAX, |row| rows.push(row))?;
        Ok(rows)
    }

    fn keep(&mut self, snapshot: &Snapshot) -> Result<(), PortError> {
        let number = signed(snapshot.number)?;
        let (database, writer) = self.writing()?;
        if snapshot.number > writer.last.number {
            let message = format!("a snapshot up to row {} of {} rows", snapshot.number, writer.last.number);
            return Err(PortError::new(Fault::Invalid, message));
        }
        let digest = Digest::of(&snapshot.body);
        let replace = "INSERT OR REPLACE INTO snapshot (one, number, form, body, digest) VALUES (1, ?1, ?2, ?3, ?4)";
        match database.execute(replace, (number, snapshot.form, &snapshot.body, digest.0)) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.spent("written", &error)),
        }
    }

    fn kept(&mut self) -> Result<Option<Snapshot>, PortError> {
        let Some(database) = &self.database else { return Ok(None) };
        let select = "SELECT number, form, body, digest FROM snapshot";
        let found = database.query_row(select, [], |row| {
            let snapshot =
                Snapshot { number: row.get::<_, i64>(0)?.cast_unsigned(), form: row.get(1)?, body: row.get(2)? };
            Ok((snapshot, Digest(row.get(3)?)))
        });
        let found = found.optional().map_err(|e| faults::explain(&self.path, "read", &e))?;
        // A damaged snapshot is none: the rows tell the same.
        Ok(found.filter(|(snapshot, digest)| Digest::of(&snapshot.body) == *digest).map(|(snapshot, _)| snapshot))
    }

    fn base(&mut self) -> Result<Option<Base>, PortError> {
        self.read_base()
    }

    fn cut(&mut self, base: &Base) -> Result<(), PortError> {
        self.cut_to(base)
    }

    fn sweep(&mut self) -> Result<bool, PortError> {
        self.sweep_some()
    }
}

/// Whether the rows follow on each other and on what is there.
fn gapless(last: u64, rows: &[Row]) -> Result<(), PortError> {
    match rows.iter().zip(last + 1..).find(|(row, expected)| row.number != *expected) {
        None => Ok(()),
        Some((row, expected)) => {
            let message = format!("row {} cannot be written where row {expected} is the next", row.number);
            Err(PortError::new(Fault::Invalid, message))
        }
    }
}

/// Writes the rows in one transaction. When it returns the last of them, they are on the disk.
fn insert(database: &mut Connection, last: Link, rows: &[Row]) -> rusqlite::Result<Link> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut chain = Chain::new(last);
    {
        let mut insert = transaction
            .prepare_cached("INSERT INTO events (number, run, at, body, hash) VALUES (?1, ?2, ?3, ?4, ?5)")?;
        for row in rows {
            let hash = chain.add(row);
            insert.execute((row.number.cast_signed(), row.run.cast_signed(), row.at, &row.body, hash.0))?;
        }
    }
    transaction.commit()?;
    Ok(chain.last())
}

/// A number as SQLite has them.
fn signed(number: u64) -> Result<i64, PortError> {
    i64::try_from(number).map_err(|_| PortError::new(Fault::Limit, format!("{number} is no number of a row")))
}

#[cfg(test)]
mod tests;
