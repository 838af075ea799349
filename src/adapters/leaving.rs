//! What is being taken away once its end is written down: containers, Jobs. Nobody waits for that but who goes last.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;
use std::time::Duration;

/// How long the last may take when everything else has ended.
const FAREWELL: Duration = Duration::from_secs(15);

/// Counts what is being taken away. Where it is dropped, that is waited for, so that nothing is left behind.
#[derive(Default)]
pub(super) struct Leaving(Arc<Room>);

#[derive(Default)]
struct Room {
    count: Mutex<usize>,
    left: Condvar,
}

/// One that is being taken away, until this is dropped.
pub(super) struct Guest(Arc<Room>);

impl Leaving {
    /// One more is being taken away.
    pub fn one(&self) -> Guest {
        *self.0.count.lock() += 1;
        Guest(self.0.clone())
    }

    /// Waits until nothing is, or for that long. Whether nothing is.
    fn wait(&self, bound: Duration) -> bool {
        let mut count = self.0.count.lock();
        self.0.left.wait_while_for(&mut count, |count| *count > 0, bound);
        *count == 0
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        self.wait(FAREWELL);
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        *self.0.count.lock() -= 1;
        self.0.left.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn who_goes_last_waits_for_what_is_taken_away() {
        let (leaving, is_gone) = (Leaving::default(), Arc::new(AtomicBool::new(false)));
        assert!(leaving.wait(Duration::ZERO));
        let (guest, gone) = (leaving.one(), is_gone.clone());
        assert!(!leaving.wait(Duration::from_millis(1)));
        std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            gone.store(true, Ordering::SeqCst);
            drop(guest);
        });
        drop(leaving);
        assert!(is_gone.load(Ordering::SeqCst));
    }
}
