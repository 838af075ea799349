//! The chain of hashes: each row's hash is made of the one before it and of what the row holds.

use super::faults;
use crate::digest::{Digest, Hasher};
use crate::ports::journal::Row;
use crate::ports::{Fault, PortError};
use rusqlite::{Connection, OptionalExtension};

/// A row's number and hash. Before the first row both are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) hash: Digest,
}

/// A walk along the chain.
pub(super) struct Chain {
    last: Link,
}

impl Chain {
    /// A walk that begins behind a row.
    pub(super) fn new(after: Link) -> Chain {
        Chain { last: after }
    }

    /// Goes on by a row; answers its hash.
    pub(super) fn add(&mut self, row: &Row) -> Digest {
        let mut hasher = Hasher::new("journal");
        hasher.digest(self.last.hash).field(row.number.to_le_bytes()).field(row.run.to_le_bytes());
        hasher.field(row.at.to_le_bytes()).field(&row.body);
        self.last = Link { number: row.number, hash: hasher.finish() };
        self.last.hash
    }

    /// Goes on by a row that was read; it must be the next one and have that hash.
    pub(super) fn check(&mut self, row: &Row, hash: Digest) -> Result<(), PortError> {
        let before = self.last.number;
        let broken = |what: String| Err(PortError::new(Fault::Invalid, what).help(faults::FROM_A_COPY));
        if row.number != before + 1 {
            return broken(format!("the journal has a gap: row {} follows row {before}", row.number));
        }
        if self.add(row) != hash {
            return broken(format!("row {} of the journal is not as it was written", row.number));
        }
        Ok(())
    }

    /// The row at which it stands.
    pub(super) fn last(&self) -> Link {
        self.last
    }
}

/// A row as it is stored, and its hash.
pub(super) fn decode(row: &rusqlite::Row<'_>) -> rusqlite::Result<(Row, Digest)> {
    let unsigned = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
    let read = Row { number: unsigned(0)?, run: unsigned(1)?, at: row.get(2)?, body: row.get(3)? };
    Ok((read, Digest(row.get(4)?)))
}

/// The link of a row; none where there is no such row.
pub(super) fn at(database: &Connection, number: u64) -> rusqlite::Result<Option<Link>> {
    if number == 0 {
        return Ok(Some(Link::default()));
    }
    let select = "SELECT hash FROM events WHERE number = ?1";
    let hash = database.query_row(select, [number.cast_signed()], |row| row.get(0)).optional()?;
    Ok(hash.map(|hash| Link { number, hash: Digest(hash) }))
}

/// The link of the last row.
pub(super) fn last(database: &Connection) -> rusqlite::Result<Link> {
    let select = "SELECT number, hash FROM events ORDER BY number DESC LIMIT 1";
    let link =
        |row: &rusqlite::Row<'_>| Ok(Link { number: row.get::<_, i64>(0)?.cast_unsigned(), hash: Digest(row.get(1)?) });
    match database.query_row(select, [], link).optional()? {
        Some(last) => Ok(last),
        None => super::cut::link(database),
    }
}
