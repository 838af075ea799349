//! A small database beside a journal: rows that are written and read by themselves, each call a commit.

use super::{faults, open};
use crate::adapters::disk;
use crate::ports::PortError;
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, Row, Transaction, TransactionBehavior};
use std::path::{Path, PathBuf};

/// One such database. Calls block, and are short.
#[derive(Debug)]
pub(super) struct Table {
    path: PathBuf,
    database: Mutex<Connection>,
}

impl Table {
    /// Opens the database of that name in a folder, and makes both when they aren't there. `layout` makes what is in it, where
    /// that is missing.
    pub(super) fn open(folder: &Path, name: &str, layout: &str) -> Result<Table, PortError> {
        disk::make_folder(folder)?;
        let path = folder.join(name);
        let failed = |e: rusqlite::Error| faults::explain(&path, "opened", &e);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut database = open::connect(&path, flags)?;
        open::set_up(&database).map_err(failed)?;
        // All of it or nothing, so that whoever only looks finds no half of it.
        let transaction = database.transaction().map_err(failed)?;
        transaction.execute_batch(layout).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Table { path, database: Mutex::new(database) })
    }

    /// Opens it to read. None where there is none, or nothing in it yet.
    pub(super) fn look(folder: &Path, name: &str) -> Result<Option<Table>, PortError> {
        let path = folder.join(name);
        if !path.is_file() {
            return Ok(None);
        }
        let database = open::connect(&path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        let table = Table { path, database: Mutex::new(database) };
        let made = table.first("SELECT 1 FROM sqlite_schema LIMIT 1", [], |_| Ok(()))?;
        Ok(made.map(|()| table))
    }

    fn failed(&self, doing: &str, error: &rusqlite::Error) -> PortError {
        faults::explain(&self.path, doing, error)
    }

    /// Writes one statement; how many rows it changed.
    pub(super) fn write(&self, sql: &str, params: impl rusqlite::Params) -> Result<usize, PortError> {
        self.database.lock().execute(sql, params).map_err(|e| self.failed("written", &e))
    }

    /// Writes several statements in one commit.
    pub(super) fn commit<T>(&self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T, PortError> {
        let mut database = self.database.lock();
        let written = database.transaction_with_behavior(TransactionBehavior::Immediate).and_then(|transaction| {
            let result = work(&transaction)?;
            transaction.commit().map(|()| result)
        });
        written.map_err(|e| self.failed("written", &e))
    }

    /// All rows that a statement finds.
    pub(super) fn select<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, PortError> {
        let database = self.database.lock();
        let rows = database.prepare_cached(sql).and_then(|mut s| s.query_map(params, read)?.collect());
        rows.map_err(|e| self.failed("read", &e))
    }

    /// The first row that a statement finds.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, PortError> {
        Ok(self.select(sql, params, read)?.into_iter().next())
    }
}
