//! How far a journal may be cut off: at a moment at which nothing was going on, so that what is left tells whole runs.

use super::event::{Event, Record};
use crate::plan::memory::Moment;
use std::collections::BTreeSet;

/// Looks for the last place at which a journal may be cut.
#[derive(Clone, Debug)]
pub struct Search {
    before: Moment,
    last: u64,
    open: BTreeSet<u64>,
    found: Option<u64>,
}

impl Search {
    /// Everything up to the cut is older than `before`, and not behind the event `last`.
    pub fn new(before: Moment, last: u64) -> Search {
        Search { before, last, open: BTreeSet::new(), found: None }
    }

    /// Takes an event in; they come in order, from where the journal begins. Whether there is more to look for; without, that was the last one.
    pub fn take(&mut self, record: &Record) -> bool {
        if record.at >= self.before || record.number > self.last {
            return false;
        }
        match &record.event {
            // Those that do not go on beside it were cut off.
            Event::RunStarted { beside, .. } => {
                self.open.retain(|run| beside.contains(run));
                self.open.insert(record.run);
            }
            Event::RunFinished { .. } => {
                self.open.remove(&record.run);
            }
            _ => {}
        }
        if self.open.is_empty() {
            self.found = Some(record.number);
        }
        true
    }

    /// The number of the last event that may go, if one may.
    pub fn found(&self) -> Option<u64> {
        self.found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::run::RunOutcome;

    #[test]
    fn a_cut_is_between_runs_and_leaves_what_is_young() {
        let begins = |run, beside: &[u64]| {
            let (by, beside) = ("a".to_string(), beside.to_vec());
            (run, Event::RunStarted { by, candidate: Digest::default(), plan: Digest::default(), beside })
        };
        let ends = |run| (run, Event::RunFinished { outcome: RunOutcome::Done });
        let said = || (0, Event::CancelAsked { by: "a".into() });
        // Two runs that overlap, a word, one that is cut off, and one that is open.
        let events = [
            begins(1, &[]),
            begins(2, &[1]),
            ends(1),
            ends(2),
            said(),
            begins(3, &[]),
            begins(4, &[]),
            ends(4),
            said(),
        ];
        let search = |before: Moment, last: u64| {
            let mut search = Search::new(before, last);
            for (number, (run, event)) in (1u64..).zip(events.clone()) {
                if !search.take(&Record { number, at: number.cast_signed() * 10, run, event }) {
                    break;
                }
            }
            search.found()
        };
        assert_eq!(search(1_000, 7), Some(5), "not within the open one");
        assert_eq!(search(1_000, 9), Some(9), "and one that was cut off keeps nothing");
        assert_eq!(search(40, 7), None, "nothing before the runs ended");
        assert_eq!(search(41, 7), Some(4));
        assert_eq!(search(1_000, 4), Some(4));
        assert_eq!(search(1_000, 3), None);
    }
}
