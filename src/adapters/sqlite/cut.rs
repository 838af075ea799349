//! Cutting old rows off. What they added up to is written first, with the hash of the last of them, from which the chain goes on: so
//! every row that is left can still be verified, and nothing is lost whenever the process ends. Rows that are left over from a cut
//! that did not come to its end are nobody's, and go with the next.

use super::chain::{self, Link};
use super::{Sqlite, faults, open};
use crate::digest::Digest;
use crate::ports::journal::Base;
use crate::ports::{Fault, PortError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

/// The version of the layout from the first cut on: one that does not know of cuts would find a gap.
pub(super) const VERSION: i64 = 2;

/// How many rows go in one commit, so that the log does not grow much.
const PIECE: u64 = 5_000;

const LAYOUT: &str = "
    CREATE TABLE IF NOT EXISTS base (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,
        hash BLOB NOT NULL,
        body BLOB NOT NULL,
        digest BLOB NOT NULL
    ) STRICT;
";
const DELETE: &str = "DELETE FROM events WHERE number <= ?1";
/// The trigger that keeps rows stands aside within one commit.
const OPEN: &str = "DROP TRIGGER IF EXISTS events_stay";

/// Where the chain begins: behind the rows that were cut off, if some were.
pub(super) fn link(database: &Connection) -> rusqlite::Result<Link> {
    if !has_base(database)? {
        return Ok(Link::default());
    }
    let select = "SELECT number, hash FROM base";
    let found = database.query_row(select, [], |row| {
        Ok(Link { number: row.get::<_, i64>(0)?.cast_unsigned(), hash: Digest(row.get(1)?) })
    });
    Ok(found.optional()?.unwrap_or_default())
}

fn has_base(database: &Connection) -> rusqlite::Result<bool> {
    let select = "SELECT count(*) FROM sqlite_schema WHERE name = 'base'";
    database.query_row(select, [], |row| row.get::<_, i64>(0)).map(|n| n > 0)
}

impl Sqlite {
    /// What the rows that were cut off added up to. One that is damaged is an error: nothing else tells it.
    pub(super) fn read_base(&self) -> Result<Option<Base>, PortError> {
        let Some(database) = &self.database else { return Ok(None) };
        let failed = |e: rusqlite::Error| faults::explain(&self.path, "read", &e);
        if !has_base(database).map_err(failed)? {
            return Ok(None);
        }
        let found = database.query_row("SELECT number, body, digest FROM base", [], |row| {
            let base = Base { number: row.get::<_, i64>(0)?.cast_unsigned(), body: row.get(1)? };
            Ok((base, Digest(row.get(2)?)))
        });
        match found.optional().map_err(failed)? {
            Some((base, digest)) if Digest::of(&base.body) != digest => {
                Err(faults::damaged(&self.path, "what its oldest rows added up to is not as it was written"))
            }
            found => Ok(found.map(|(base, _)| base)),
        }
    }

    /// Cuts off the rows up to the number of the base, and keeps that in their place.
    pub(super) fn cut_to(&mut self, base: &Base) -> Result<(), PortError> {
        let path = self.path.clone();
        let (database, writer) = self.writing()?;
        let failed = |e: rusqlite::Error| faults::explain(&path, "written", &e);
        let before = link(database).map_err(failed)?;
        if base.number <= before.number || base.number > writer.last.number {
            let message = format!(
                "rows up to {} cannot be cut off a journal of the rows from {} to {}",
                base.number,
                before.number + 1,
                writer.last.number
            );
            return Err(PortError::new(Fault::Invalid, message));
        }
        let missing = || PortError::new(Fault::Invalid, format!("the journal has no row {}", base.number));
        let at = chain::at(database, base.number).map_err(failed)?.ok_or_else(missing)?;
        cut(database, at, base).map_err(|error| self.spent("written", &error))
    }

    /// Takes some of the rows away that were cut off; whether there are more.
    pub(super) fn sweep_some(&mut self) -> Result<bool, PortError> {
        let (database, _) = self.writing()?;
        sweep(database).map_err(|error| self.spent("written", &error))
    }

    /// Gives the room of what was cut off back to the disk. Nobody else may have the journal open.
    pub fn shrink(&mut self) -> Result<(), PortError> {
        let (database, _) = self.writing()?;
        match database.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)") {
            Ok(()) => Ok(()),
            // Whoever looks into the file just now keeps it from getting smaller, and that is all.
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => Ok(()),
            Err(error) => Err(faults::explain(&self.path, "made smaller", &error)),
        }
    }
}

fn cut(database: &mut Connection, at: Link, base: &Base) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(LAYOUT)?;
    transaction.execute("UPDATE meta SET value = ?1 WHERE name = 'version'", [VERSION])?;
    let replace = "INSERT OR REPLACE INTO base (one, number, hash, body, digest) VALUES (1, ?1, ?2, ?3, ?4)";
    let digest = Digest::of(&base.body);
    transaction.execute(replace, (base.number.cast_signed(), at.hash.0, &base.body, digest.0))?;
    // A snapshot of before would be behind what is left.
    transaction.execute("DELETE FROM snapshot WHERE number < ?1", [base.number.cast_signed()])?;
    transaction.commit()
}

fn sweep(database: &mut Connection) -> rusqlite::Result<bool> {
    let base = link(database)?.number;
    let first: Option<i64> = database.query_row("SELECT min(number) FROM events", [], |row| row.get(0))?;
    let Some(first) = first.map(i64::cast_unsigned).filter(|first| *first <= base) else { return Ok(false) };
    let upto = (first + PIECE).min(base);
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(OPEN)?;
    transaction.execute(DELETE, [upto.cast_signed()])?;
    transaction.execute_batch(open::STAY)?;
    transaction.commit()?;
    Ok(upto < base)
}
