//! Whether a state is whole: every event is as it was written, the state follows from them, and what can be brought back is there.

use super::tree;
use crate::adapters::sqlite::{Sqlite, copy};
use crate::digest::Digest;
use crate::engine::book;
use crate::plan::memory::Moment;
use crate::ports::shelf::{Kind, Shelf as _};
use crate::ports::{Fault, PortError};
use crate::run::State;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A journal that is whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Its folder below the root of the state; empty for the root itself.
    pub folder: PathBuf,
    /// The number behind which events are left: more than 0 where old ones were let go.
    pub from: u64,
    /// The number of the last event.
    pub number: u64,
    /// Its hash, which stands for all before.
    pub hash: Digest,
    /// When the oldest event that is left happened.
    pub since: Option<Moment>,
}

/// Looks at all of a state, or says what is not whole.
pub fn verify(root: &Path) -> Result<Vec<Whole>, PortError> {
    let mut all = Vec::new();
    for folder in tree::journals(root)? {
        let place = root.join(&folder);
        let mut journal = Sqlite::open_for_reading(&place)?;
        journal.verify()?;
        let (state, _) = book::read(&mut journal)?;
        let (number, hash) = journal.last()?;
        if state.number != number {
            let message = format!(
                "the state in `{}` ends at event {}, and its journal at {number}",
                place.display(),
                state.number
            );
            return Err(PortError::new(Fault::Invalid, message));
        }
        bundles(&place, &state)?;
        let first = journal.some(0, 1)?.into_iter().next();
        let from = first.as_ref().map_or(number, |r| r.number.saturating_sub(1));
        all.push(Whole { folder, from, number, hash, since: first.map(|r| r.at) });
    }
    if all.is_empty() {
        let message = format!("there is no state in `{}`", root.display());
        return Err(PortError::new(Fault::NotFound, message).help("say where it is: `--state DIR`"));
    }
    let mut places: BTreeSet<PathBuf> = all.iter().map(|w| w.folder.clone()).collect();
    places.insert(PathBuf::new());
    for name in places.iter().flat_map(|p| copy::NAMES.iter().map(move |n| root.join(p).join(n))) {
        if name.is_file() {
            copy::check(&name)?;
        }
    }
    Ok(all)
}

/// The rendered objects that environments have and can go back to.
fn bundles(place: &Path, state: &State) -> Result<(), PortError> {
    let shelf = crate::adapters::shelf::FolderShelf::new(place.join("shelf"));
    for (name, environment) in &state.memory.environments {
        let deployed = environment.deployed.values().map(|d| d.bundle);
        let had = environment.has.iter().flat_map(|h| h.bundles.values().copied());
        for digest in deployed.chain(had) {
            if shelf.get(Kind::Bundle, &digest.hex())?.is_none() {
                let message = format!(
                    "what is deployed to {name} is not kept any more: {digest} is missing in `{}`",
                    place.display()
                );
                return Err(PortError::new(Fault::NotFound, message).help("bring the state back from a copy"));
            }
        }
    }
    Ok(())
}
