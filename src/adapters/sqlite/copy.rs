//! Copies of databases while others write to them: whole, as they were at one moment.

use super::{faults, open, outbox, register};
use crate::ports::{Fault, PortError};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;

/// The databases of a state, by the names of their files.
pub const NAMES: &[&str] = &[super::NAME, register::NAME, outbox::NAME];

/// Copies a database as it is now into a file that is not there yet.
pub fn copy(from: &Path, to: &Path) -> Result<(), PortError> {
    let failed = |e: rusqlite::Error| faults::explain(from, "copied", &e);
    let source = open::connect(from, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut target = Connection::open(to).map_err(failed)?;
    {
        let backup = rusqlite::backup::Backup::new(&source, &mut target).map_err(failed)?;
        // All in one step: in several, one that somebody writes to all the time would never be done.
        let step = backup.step(-1).map_err(failed)?;
        if step != rusqlite::backup::StepResult::Done {
            let message = format!("`{}` is held by another program", from.display());
            return Err(PortError::new(Fault::Unavailable, message).help("try it again"));
        }
    }
    // The copy is one file: it has no log beside it.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(())).map_err(failed)?;
    target.close().map_err(|(_, e)| failed(e))
}

/// Whether a database is sound, as SQLite judges it.
pub fn check(path: &Path) -> Result<(), PortError> {
    let failed = |e: rusqlite::Error| faults::explain(path, "read", &e);
    let database = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let says: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failed)?;
    if says == "ok" { Ok(()) } else { Err(faults::damaged(path, "it is damaged")) }
}
