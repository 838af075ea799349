//! Letting old things go: events of runs that ended long ago, logs, and what is kept and nobody refers to any more. What the state
//! needs stays: what environments have and can go back to, what waits at gates, and everything that is under way.

mod kept;

use super::tree;
use crate::adapters::sqlite::Sqlite;
use crate::adapters::sqlite::outbox::Outbox;
use crate::engine::{Book, SharedBook, book};
use crate::ports::PortError;
use crate::ports::journal::Row;
use crate::run::{State, retention};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How many records are read at once.
const PIECE: u32 = 5000;
/// The bound of what can be made again, unless said: 20 GiB.
pub const CACHE: u64 = 20 << 30;

/// How many events are left unless said.
const LEFT: u64 = 200;
/// For how long it is kept who did what to a server, unless said.
const AUDIT: Duration = Duration::from_secs(365 * 24 * 3600);
/// After how long without a change what bears a name of passing things is nobody's any more: it was left by what was cut off.
const SCRATCH: Duration = Duration::from_secs(24 * 3600);

/// For how long what is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Events of runs that ended, with what only they refer to; for ever where nothing is said.
    pub runs: Option<Duration>,
    /// Logs of steps; for ever where nothing is said.
    pub logs: Option<Duration>,
    /// How much of what can be made again, in bytes.
    pub cache: u64,
    /// How many events are left whatever their age: what people look at first.
    pub left: u64,
    /// Who did what to a server that is of no pipeline.
    pub audit: Duration,
}

impl Default for Keep {
    fn default() -> Keep {
        Keep { runs: None, logs: None, cache: CACHE, left: LEFT, audit: AUDIT }
    }
}

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Pruned {
    /// Events.
    pub events: u64,
    /// Logs of steps.
    pub logs: u64,
    /// Kept things that nobody refers to any more.
    pub kept: u64,
    /// Images that were built and nobody refers to any more.
    pub images: u64,
    /// Things that can be made again.
    pub cache: u64,
    /// What was left by something that was cut off.
    pub scratch: u64,
    /// How many bytes of files were given back.
    pub bytes: u64,
}

impl Pruned {
    /// In a sentence.
    pub fn text(&self) -> String {
        if *self == Pruned::default() {
            return "nothing is old enough".to_string();
        }
        let counts = [
            (self.events, "events"),
            (self.logs, "logs"),
            (self.kept, "kept things"),
            (self.images, "images"),
            (self.cache, "cached things"),
            (self.scratch, "left-over things"),
        ];
        let counts: Vec<String> =
            counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        format!("{}, {} KiB of files", counts.join(", "), self.bytes.div_ceil(1024))
    }
}

/// Lets old things of a pipeline's state go, while runs go on or not. Where `dry` is set, it is only told what would go.
pub fn prune(folder: &Path, shared: &SharedBook, keep: &Keep, now: i64, dry: bool) -> Result<Pruned, PortError> {
    let mut pruned = Pruned::default();
    let state = shared.lock().state.clone();
    let before = |age: Duration| now.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
    if let Some(age) = keep.runs {
        let old = cut_at(folder, &state, before(age), keep.left)?;
        if let Some((first, old)) = &old {
            pruned.events = old.number - first;
            if !dry {
                let base = book::base_of(old)?;
                shared.lock().cut(&base)?;
            }
        }
        // Also what one left that was cut off itself. Others write in between.
        while !dry && shared.lock().sweep()? {}
        let mut names = kept::names_in(&book::base_of(&state)?.body);
        names.extend(names_in_events(folder, old.map_or(0, |(_, old)| old.number))?);
        kept::unnamed(folder, &state, &names, before(age), dry, &mut pruned)?;
        // A run may be about to name an image that is there from before. As long as somebody has the book, none begins.
        let book = shared.lock();
        if book.state.open.is_empty() && book.state.number == state.number {
            kept::images(folder, &names, before(age), dry, &mut pruned)?;
        }
    }
    if let Some(age) = keep.logs {
        logs(folder, &state, before(age), dry, &mut pruned)?;
    }
    kept::cache(folder, keep.cache, dry, &mut pruned)?;
    kept::scratch(folder, before(SCRATCH), dry, &mut pruned)?;
    Ok(pruned)
}

/// Prunes a state that nobody works with.
pub fn alone(folder: &Path, keep: &Keep, now: i64, dry: bool) -> Result<Pruned, PortError> {
    let book = SharedBook::new(Book::open(Box::new(Sqlite::open_for_writing(folder)?))?);
    let pruned = prune(folder, &book, keep, now, dry)?;
    drop(book);
    if pruned.events > 0 && !dry {
        Sqlite::open_for_writing(folder)?.shrink()?;
    }
    Ok(pruned)
}

/// The folders of the pipelines' states.
pub fn folders(root: &Path) -> Result<Vec<PathBuf>, PortError> {
    Ok(tree::journals(root)?.into_iter().map(|folder| root.join(folder)).collect())
}

/// The state as it was at the last place at which the journal may be cut, if it may, and the number behind which it begins now.
fn cut_at(folder: &Path, state: &State, before: i64, left: u64) -> Result<Option<(u64, State)>, PortError> {
    let mut journal = Sqlite::open_for_reading(folder)?;
    // Who is to be told of it has to have heard of it.
    let told = Outbox::look(folder)?.map(|o| o.read_by_all()).transpose()?.flatten().unwrap_or(u64::MAX);
    let mut old = book::begin(&mut journal)?;
    let first = old.number;
    let mut search = retention::Search::new(before, told.min(state.number.saturating_sub(left)));
    each(&journal, first, |row| Ok(search.take(&book::record(row)?)))?;
    let Some(number) = search.found() else { return Ok(None) };
    each(&journal, first, |row| {
        let goes_on = row.number <= number;
        if goes_on {
            old.apply(&book::record(row)?);
        }
        Ok(goes_on)
    })?;
    Ok(Some((first, old)))
}

/// Shows the rows behind a number until somebody has seen enough.
fn each(journal: &Sqlite, after: u64, mut see: impl FnMut(&Row) -> Result<bool, PortError>) -> Result<(), PortError> {
    let mut last = after;
    loop {
        let rows = journal.some(last, PIECE)?;
        let Some(newest) = rows.last().map(|r| r.number) else { return Ok(()) };
        last = newest;
        for row in &rows {
            if !see(row)? {
                return Ok(());
            }
        }
    }
}

/// The digests that the events behind a number name.
fn names_in_events(folder: &Path, after: u64) -> Result<BTreeSet<String>, PortError> {
    let mut names = BTreeSet::new();
    each(&Sqlite::open_for_reading(folder)?, after, |row| {
        names.extend(kept::names_in(row.body.as_bytes()));
        Ok(true)
    })?;
    Ok(names)
}

/// Removes the logs of runs that were written last before a moment; of steps that are not at their end none.
fn logs(folder: &Path, state: &State, before: i64, dry: bool, pruned: &mut Pruned) -> Result<(), PortError> {
    let root = folder.join("logs");
    let open: BTreeSet<String> = state.intents.keys().map(|step| crate::adapters::workshop::log_stem(step)).collect();
    for entry in tree::below(&root)? {
        let name = entry.path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if entry.written >= before || open.iter().any(|stem| name.starts_with(stem.as_str())) {
            continue;
        }
        if kept::remove(&root.join(&entry.path), before, dry)? {
            pruned.logs += 1;
            pruned.bytes += entry.size;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
