//! The diary of a deploy: what it did line by line, how long it still may take, and whether somebody wants it to stop.

use super::fault::Refusal;
use crate::adapters::shell::log::Log;
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// How often somebody who waits looks whether to stop.
const BEAT: Duration = Duration::from_millis(100);

/// The diary of a deploy.
pub struct Diary<'a> {
    log: Option<Mutex<Log>>,
    stop: &'a AtomicBool,
    begin: Instant,
    timeout: Duration,
}

/// Whatever says what kind of failure it is.
pub trait Failure: From<PortError> {
    /// The failure.
    fn error(&self) -> &PortError;
}

impl Failure for PortError {
    fn error(&self) -> &PortError {
        self
    }
}

impl Failure for Refusal {
    fn error(&self) -> &PortError {
        &self.error
    }
}

impl<'a> Diary<'a> {
    /// A diary, still empty. What is in `redact` is never seen in it.
    pub fn new(path: Option<&Path>, redact: &[String], timeout: Duration, stop: &'a AtomicBool) -> Diary<'a> {
        let log = path.map(|path| Mutex::new(Log::new(path, redact)));
        Diary { log, stop, begin: Instant::now(), timeout }
    }

    /// Writes a line.
    pub fn line(&self, text: impl AsRef<str>) {
        if let Some(log) = &self.log {
            let text = format!("{}\n", text.as_ref().trim_end_matches('\n'));
            log.lock().take(text.as_bytes());
        }
    }

    /// Ends it: its length and digest, where it has a file.
    pub fn finish(self) -> Result<Option<(u64, Digest)>, PortError> {
        let Some(log) = self.log else { return Ok(None) };
        let written = log.into_inner().finish();
        match written.fault {
            Some(fault) => Err(fault),
            None => Ok((written.len > 0).then_some((written.len, written.digest))),
        }
    }

    /// How much time is left.
    pub fn left(&self) -> Duration {
        self.timeout.saturating_sub(self.begin.elapsed())
    }

    /// When the time is up.
    pub fn deadline(&self) -> Instant {
        self.begin + self.timeout
    }

    /// Whether somebody wants it to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Refuses to go on where somebody wants it to stop, or the time is up.
    pub fn check(&self) -> Result<(), PortError> {
        if self.is_stopped() {
            return Err(PortError::new(Fault::Cancelled, "somebody asked it to stop"));
        }
        if self.left().is_zero() {
            let message = format!("it took longer than the {} that the environment gives it", told(self.timeout));
            return Err(PortError::new(Fault::Limit, message));
        }
        Ok(())
    }

    /// Waits a while, or until it may not go on.
    pub async fn pause(&self, length: Duration) -> Result<(), PortError> {
        let end = Instant::now() + length;
        loop {
            self.check()?;
            match end.checked_duration_since(Instant::now()) {
                Some(left) if !left.is_zero() => tokio::time::sleep(left.min(BEAT)).await,
                _ => return Ok(()),
            }
        }
    }

    /// Does something until it is done, refused for good, or may not go on; stops it in the middle when it is told to.
    pub async fn patiently<T, E: Failure>(&self, work: impl AsyncFn() -> Result<T, E>) -> Result<T, E> {
        const LONGEST: Duration = Duration::from_secs(5);
        let mut wait = Duration::from_millis(250);
        let mut said = String::new();
        loop {
            self.check()?;
            let outcome = tokio::select! {
                outcome = work() => outcome,
                stopped = self.pause(self.left() + BEAT) => match stopped {
                    Err(error) => return Err(error.into()),
                    Ok(()) => continue,
                },
            };
            let error = match outcome {
                Err(error) if error.error().fault == Fault::Unavailable => error,
                other => return other,
            };
            if said != error.error().message {
                said = error.error().message.clone();
                self.line(format!("{said}; trying again"));
            }
            if self.pause(wait).await.is_err() {
                // What is in the way tells more than that the time is up.
                self.stopped()?;
                return Err(error);
            }
            wait = (wait * 2).min(LONGEST);
        }
    }

    fn stopped(&self) -> Result<(), PortError> {
        match self.check() {
            Err(error) if error.fault == Fault::Cancelled => Err(error),
            _ => Ok(()),
        }
    }
}

/// A duration as people say it.
pub(super) fn told(length: Duration) -> String {
    match length.as_secs() {
        s if s >= 120 && s % 60 == 0 => format!("{} minutes", s / 60),
        s => format!("{s} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(work)
    }

    #[test]
    fn what_is_out_of_reach_is_tried_again_and_what_is_refused_is_not() {
        let stop = AtomicBool::new(false);
        let diary = Diary::new(None, &[], Duration::from_secs(60), &stop);
        let tries = std::cell::Cell::new(0);
        let done = run(diary.patiently(async || {
            tries.set(tries.get() + 1);
            if tries.get() < 3 { Err(PortError::new(Fault::Unavailable, "down")) } else { Ok(7) }
        }));
        assert_eq!((done, tries.get()), (Ok(7), 3));
        let refused: Result<(), PortError> = run(diary.patiently(async || Err(PortError::new(Fault::Denied, "no"))));
        assert_eq!(refused.expect_err("refused").fault, Fault::Denied);
    }

    #[test]
    fn it_stops_in_the_middle_when_it_is_told_to_or_the_time_is_up() {
        let stop = AtomicBool::new(true);
        let diary = Diary::new(None, &[], Duration::from_secs(60), &stop);
        let forever = async || -> Result<(), PortError> { std::future::pending().await };
        assert_eq!(run(diary.patiently(forever)).expect_err("stopped").fault, Fault::Cancelled);
        let stop = AtomicBool::new(false);
        let diary = Diary::new(None, &[], Duration::from_millis(50), &stop);
        assert_eq!(run(diary.patiently(forever)).expect_err("too long").fault, Fault::Limit);
        let down = async || -> Result<(), PortError> { Err(PortError::new(Fault::Unavailable, "down")) };
        let diary = Diary::new(None, &[], Duration::from_millis(50), &stop);
        assert_eq!(run(diary.patiently(down)).expect_err("down").message, "down");
    }
}
