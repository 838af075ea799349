//! Opening the database: what kind it is, which layout it has, and how it writes.

use super::faults;
use crate::adapters::disk;
use crate::ports::{Fault, PortError};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;

/// The version of the layout below. A file with a newer one is left alone.
const VERSION: i64 = 1;
/// The newest version that is known: that of a journal of which old rows were cut off.
const NEWEST: i64 = super::cut::VERSION;

/// How long to wait for someone who looks into the file just now. Only the recovery after a crash ever makes us wait.
const PATIENCE: Duration = Duration::from_secs(5);

/// After how many pages the log is carried over into the database and begun again from its start. Carrying over waits
/// for the disk three times, so a thousand pages make that nothing beside the commits; and more would only make a
/// larger file.
const LOG_PAGES: u32 = 1_000;

/// How large the log is from the beginning: the pages above with their headers, and one group of commits beyond. Writing
/// within a file is cheaper to bring to the disk than writing behind its end.
const LOG_SIZE: u64 = (LOG_PAGES as u64 + 128) * (4096 + 24) + 32;

/// The tables. Rows of `events` are final; that SQLite enforces it costs nothing, as no one ever tries.
const LAYOUT: &str = "
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE events (
        number INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        at INTEGER NOT NULL,
        body TEXT NOT NULL,
        hash BLOB NOT NULL
    ) STRICT;
    CREATE TRIGGER events_stay_the_same BEFORE UPDATE ON events BEGIN SELECT raise(ABORT, 'events are final'); END;
    CREATE TABLE snapshot (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        number INTEGER NOT NULL,
        form INTEGER NOT NULL,
        body BLOB NOT NULL,
        digest BLOB NOT NULL
    ) STRICT;
";

/// That rows stay, which stands aside where old ones are cut off.
pub(super) const STAY: &str =
    "CREATE TRIGGER events_stay BEFORE DELETE ON events BEGIN SELECT raise(ABORT, 'events are final'); END";

/// Which layout a file has.
enum Layout {
    /// None: there is nothing in it.
    Empty,
    /// That version.
    Version(i64),
    /// One that is not ours.
    Foreign,
}

/// Opens the database to write and makes it where it isn't there. The caller has the lock.
pub(super) fn to_write(path: &Path) -> Result<(Connection, Growing), PortError> {
    let failed = |e: rusqlite::Error| faults::explain(path, "opened", &e);
    is_a_file(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = connect(path, flags)?;
    // Looked at before anything is set, so that what isn't ours stays byte for byte.
    let layout = layout(&database).map_err(failed)?;
    refuse_unknown(path, &layout)?;
    set_up(&database).map_err(failed)?;
    if matches!(layout, Layout::Empty) {
        lay_out(&mut database).map_err(failed)?;
    }
    let growing = make_log(path)?;
    Ok((database, growing))
}

/// Opens the database to read. None where there is none, or nothing in it yet.
pub(super) fn to_read(path: &Path) -> Result<Option<Connection>, PortError> {
    if !is_a_file(path)? {
        return Ok(None);
    }
    let failed = |e: rusqlite::Error| faults::explain(path, "opened", &e);
    let database = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let layout = layout(&database).map_err(failed)?;
    refuse_unknown(path, &layout)?;
    Ok((!matches!(layout, Layout::Empty)).then_some(database))
}

/// Whether there is a file; that something else is there is an error.
fn is_a_file(path: &Path) -> Result<bool, PortError> {
    match path.metadata() {
        Ok(there) if there.is_file() => Ok(true),
        Ok(there) if there.is_dir() => Err(faults::damaged(path, "it is a folder")),
        Ok(_) => Err(faults::damaged(path, "it is no file")),
        Err(why) if why.kind() == ErrorKind::NotFound => Ok(false),
        Err(why) => Err(disk::failed(path, "opened", &why)),
    }
}

/// Opens the database of a file.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, PortError> {
    if flags.contains(OpenFlags::SQLITE_OPEN_READ_ONLY) {
        take_back(path);
    }
    let open = || {
        let database = Connection::open_with_flags(path, flags)?;
        database.busy_timeout(PATIENCE)?;
        // The log stays as it is when the last one closes the file: neither do we wait for that, nor must it be made anew.
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // What is in the file is data; no function is called because the file says so.
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        database.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        Ok(database)
    };
    open().map_err(|e| faults::explain(path, "opened", &e))
}

/// Takes back what a writer that was killed had half written before the file had a log: as when one begins to write to a copy that was
/// brought back. Who only reads may not do that, and would be refused (`SQLITE_READONLY_ROLLBACK`). Whatever is in the way of
/// it here is in the way of reading, too, and is told there.
fn take_back(path: &Path) {
    let mut half = path.as_os_str().to_owned();
    half.push("-journal");
    if Path::new(&half).exists() {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let _ = connect(path, flags)
            .and_then(|database| layout(&database).map(drop).map_err(|e| faults::explain(path, "opened", &e)));
    }
}

fn layout(database: &Connection) -> rusqlite::Result<Layout> {
    if let Some(layout) = said_layout(database)? {
        return Ok(layout);
    }
    match database.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? {
        0 => Ok(Layout::Empty),
        // What was laid out since, was laid out whole.
        _ => said_layout(database).map(|layout| layout.unwrap_or(Layout::Foreign)),
    }
}

/// Which layout a file says that it has; nothing where it has no such table, or columns of other names or kinds.
fn said_layout(database: &Connection) -> rusqlite::Result<Option<Layout>> {
    let version = database.query_row("SELECT value FROM meta WHERE name = 'version'", [], |row| row.get(0));
    match version.optional() {
        Ok(version) => Ok(Some(version.map_or(Layout::Foreign, Layout::Version))),
        Err(e) if e.sqlite_error_code().is_none_or(|code| code == rusqlite::ErrorCode::Unknown) => Ok(None),
        Err(e) => Err(e),
    }
}

fn refuse_unknown(path: &Path, layout: &Layout) -> Result<(), PortError> {
    match layout {
        Layout::Empty | Layout::Version(VERSION..=NEWEST) => Ok(()),
        Layout::Version(newer) if *newer > NEWEST => {
            let shown = path.display();
            let message = format!("the journal `{shown}` has version {newer}, and this Lockgate knows up to {NEWEST}");
            Err(PortError::new(Fault::Invalid, message)
                .help("a newer Lockgate has worked with this state; use that one. Nothing was changed"))
        }
        Layout::Version(_) | Layout::Foreign => Err(faults::damaged(path, "it is a database of something else")),
    }
}

pub(super) fn set_up(database: &Connection) -> rusqlite::Result<()> {
    // A commit is in the log and the log is on the disk before we go on; with NORMAL a loss of power would take back
    // what was told to be done.
    let mode: String = database.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(rusqlite::Error::SqliteFailure(code, None));
    }
    database.pragma_update(None, "synchronous", "FULL")?;
    database.pragma_update(None, "foreign_keys", true)?;
    database.pragma_update_and_check(None, "wal_autocheckpoint", LOG_PAGES, |_| Ok(()))
}

fn lay_out(database: &mut Connection) -> rusqlite::Result<()> {
    let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(LAYOUT)?;
    transaction.execute_batch(STAY)?;
    transaction.execute("INSERT INTO meta (name, value) VALUES ('version', ?1)", [VERSION])?;
    transaction.commit()
}

/// The log while it grows. Nothing may be committed meanwhile, and nobody else may write once it is dropped: both wait.
#[derive(Debug, Default)]
pub(super) struct Growing(Option<JoinHandle<Result<(), PortError>>>);

impl Growing {
    /// Waits until it has grown.
    pub(super) fn wait(&mut self) -> Result<(), PortError> {
        let Some(thread) = self.0.take() else { return Ok(()) };
        let lost = |_| Err(PortError::new(Fault::Unavailable, "the journal's log could not be made"));
        thread.join().unwrap_or_else(lost)
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        // That it cannot be written is told to who writes.
        drop(self.wait());
    }
}

/// Makes the log as large as it is going to be, beside what comes before the first commit: the plan, mostly.
fn make_log(path: &Path) -> Result<Growing, PortError> {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    let log = PathBuf::from(log);
    if log.metadata().is_ok_and(|there| there.len() >= LOG_SIZE) {
        return Ok(Growing::default());
    }
    let failed = |why| PortError::new(Fault::Limit, format!("no thread can be had to make the journal's log: {why}"));
    let thread = std::thread::Builder::new().name("journal".to_string()).spawn(move || fill(&log)).map_err(failed)?;
    Ok(Growing(Some(thread)))
}

/// Fills the log up with zeros, behind which a reader looks for nothing.
fn fill(log: &Path) -> Result<(), PortError> {
    let grow = || {
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(log)?;
        let mut end = file.metadata()?.len();
        let zeros = [0; 64 * 1024];
        while end < LOG_SIZE {
            let more = usize::try_from(LOG_SIZE - end).unwrap_or(usize::MAX).min(zeros.len());
            file.write_all_at(zeros.get(..more).unwrap_or(&zeros), end)?;
            end += more as u64;
        }
        file.sync_all()
    };
    grow().map_err(|why| disk::failed(log, "written", &why))
}
