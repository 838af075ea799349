//! What was, kept in mind between pages: read on from where the last page left off, from the end of the journal at first.

use crate::app::Keeper;
use crate::ports::PortError;
use crate::report::past::Past;
use parking_lot::{Mutex, RwLock};
use std::collections::HashMap;
use std::sync::Arc;

/// How far back is read at first: some hundred runs, in a fraction of a second.
const BACK: u64 = 20_000;
/// How many events are read at once.
const PIECE: u32 = 5000;

/// What was, of each pipeline.
#[derive(Debug, Default)]
pub struct Seen {
    all: Mutex<HashMap<String, Arc<RwLock<Kept>>>>,
}

/// What was, up to an event.
#[derive(Debug, Default)]
struct Kept {
    past: Arc<Past>,
    last: u64,
}

impl Seen {
    /// What was in a pipeline, up to now. Blocks.
    pub(super) fn of(&self, keeper: &Keeper) -> Result<Arc<Past>, PortError> {
        let kept = self.all.lock().entry(keeper.name.clone()).or_default().clone();
        let now = keeper.state(|s| s.number);
        {
            let read = kept.read();
            if read.last >= now {
                return Ok(read.past.clone());
            }
        }
        let mut kept = kept.write();
        let mut last = kept.last.max(now.saturating_sub(BACK));
        while last < now {
            let records = keeper.records(last, PIECE)?;
            let Some(newest) = records.last() else { break };
            last = newest.number;
            // Pages that are being made keep theirs, and only then it is copied.
            let past = Arc::make_mut(&mut kept.past);
            records.iter().for_each(|r| past.take(r));
        }
        kept.last = last;
        Ok(kept.past.clone())
    }
}
