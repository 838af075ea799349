//! How far ahead of their turn programs are written down as started.
//!
//! A step is written down before it starts, and whoever starts it waits for the disk. Where programs take hardly longer than
//! that, a place would stand empty for as long as its last program ran. So, as long as the programs of a run are short, more
//! of them are written down and queued than there are places, and a place takes the next one at once; and since nobody waits for
//! the disk then, what ends within a moment is written in one commit. The shell notes which have begun (`Shell::begun`): after a
//! crash nobody is asked about one that never did.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// What takes less is short: some commits' worth.
const SHORT: Duration = Duration::from_millis(20);

/// How many programs are queued for each place.
const EACH: usize = 4;

/// How long ends of programs are gathered for one commit.
const GATHER: Duration = Duration::from_micros(500);

/// How many short programs of a run have ended in a row.
#[derive(Debug, Default)]
pub(super) struct Pace(AtomicUsize);

impl Pace {
    /// A program has ended that took so long.
    pub fn took(&self, time: Duration) {
        if time < SHORT {
            self.0.fetch_add(1, Ordering::Relaxed);
        } else {
            self.0.store(0, Ordering::Relaxed);
        }
    }

    /// How many programs more than there are places may be started.
    pub fn ahead(&self, places: usize) -> usize {
        if self.0.load(Ordering::Relaxed) >= places { places * EACH } else { 0 }
    }

    /// How long to wait for more before what came is written: not at all, unless so many run and are queued that the places
    /// have enough to do meanwhile.
    pub fn gather(running: usize, places: usize) -> Option<Duration> {
        (running >= places + places * EACH / 2).then_some(GATHER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_queued_while_they_are_short() {
        let pace = Pace::default();
        let (short, long) = (Duration::from_millis(1), SHORT);
        assert_eq!(pace.ahead(2), 0, "nothing is known of them");
        pace.took(short);
        assert_eq!(pace.ahead(2), 0, "each place had one");
        pace.took(short);
        assert_eq!(pace.ahead(2), 8);
        pace.took(long);
        assert_eq!(pace.ahead(2), 0, "one took long");
    }

    #[test]
    fn nothing_is_gathered_while_a_place_may_come_to_stand_empty() {
        assert_eq!((Pace::gather(2, 2), Pace::gather(5, 2), Pace::gather(6, 2)), (None, None, Some(GATHER)));
    }
}
