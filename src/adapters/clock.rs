//! The clock of this machine.

use crate::ports::clock::Clock;
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> i64 {
        let millis = |time: std::time::Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => millis(since),
            // A machine that has lost its battery may believe in 1969.
            Err(before) => -millis(before.duration()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_milliseconds_since_1970() {
        let now = SystemClock.now();
        // 2024 and 2100: not seconds, not microseconds.
        assert!((1_704_067_200_000..4_102_444_800_000).contains(&now), "{now}");
    }
}
