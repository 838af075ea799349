//! Programs of this machine, started directly: a fixed number of threads, each with one program at a time.
//!
//! A thread blocks on what its program prints, on its end, and on a request to stop, whichever comes first. A program is
//! started without a copy of our memory (no code runs between fork and exec, so that the standard library may use
//! `posix_spawn`), in a process group of its own, with an environment that is said and not inherited.

mod find;
pub(in crate::adapters) mod log;
mod process;
pub(in crate::adapters) mod redact;

use crate::digest::Digest;
use crate::ports::shell::{Done, Exit, Program, Shell, Status, Ticket};
use crate::ports::{Fault, PortError};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads that run programs. Dropping it stops all programs and waits for their end.
pub struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads and those who submit share.
struct Shared {
    state: Mutex<State>,
    /// Told when there is a job, or when it is time to close.
    work: Condvar,
    /// For each thread, what wakes it while its program runs.
    stops: Vec<OwnedFd>,
}

struct State {
    queue: VecDeque<Job>,
    /// What each thread runs.
    running: Vec<Option<Ticket>>,
    closing: bool,
}

struct Job {
    ticket: Ticket,
    program: Program,
    done: Done,
}

impl Pool {
    /// A pool that runs at most that many programs at once; at least one.
    pub fn new(threads: usize) -> Result<Pool, PortError> {
        let threads = threads.max(1);
        let failed =
            |e: std::io::Error| PortError::new(Fault::Unavailable, format!("threads for programs cannot be made: {e}"));
        let stop = |_| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let stops = (0..threads).map(stop).collect::<Result<_, _>>().map_err(|e| failed(e.into()))?;
        let state = State { queue: VecDeque::new(), running: vec![None; threads], closing: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), work: Condvar::new(), stops });
        let mut pool = Pool { shared: shared.clone(), threads: Vec::with_capacity(threads) };
        for number in 0..threads {
            let shared = shared.clone();
            let name = format!("program-{number}");
            pool.threads
                .push(std::thread::Builder::new().name(name).spawn(move || shared.work(number)).map_err(failed)?);
        }
        Ok(pool)
    }
}

impl Shell for Pool {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        self.shared.state().queue.push_back(Job { ticket, program, done });
        self.shared.work.notify_one();
    }

    fn cancel(&self, ticket: Ticket) {
        let queued = {
            let mut state = self.shared.state();
            self.shared.stop(&state, |running| running == ticket);
            let at = state.queue.iter().position(|job| job.ticket == ticket);
            at.and_then(|at| state.queue.remove(at))
        };
        if let Some(job) = queued {
            cancelled(job);
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let queued = {
            let mut state = self.shared.state();
            state.closing = true;
            self.shared.stop(&state, |_| true);
            std::mem::take(&mut state.queue)
        };
        self.shared.work.notify_all();
        queued.into_iter().for_each(cancelled);
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so; there is nothing left of it to wait for.
            drop(thread.join());
        }
    }
}

/// Ends a job that never began.
fn cancelled(job: Job) {
    (job.done)(Ok(Exit {
        status: Status::Cancelled,
        log_len: 0,
        log_digest: Digest::of(""),
        log_fault: None,
        tail: Vec::new(),
        duration: Duration::ZERO,
    }));
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Wakes the threads whose program is one of those. The state is locked, so that none of them begins another.
    fn stop(&self, state: &State, which: impl Fn(Ticket) -> bool) {
        for (running, stop) in state.running.iter().zip(&self.stops) {
            if running.is_some_and(&which) {
                // It can only fail when it has been told before and hasn't looked yet.
                let _ = rustix::io::write(stop, &1u64.to_ne_bytes());
            }
        }
    }

    /// The life of a thread.
    fn work(&self, number: usize) {
        let mut runner = process::Runner::default();
        let Some(stop) = self.stops.get(number) else { return };
        while let Some(job) = self.next(number, stop) {
            let result = runner.run(&job.program, stop);
            self.set_running(&mut self.state(), number, None);
            (job.done)(result);
        }
    }

    /// Waits for a job; none when it is time to close.
    fn next(&self, number: usize, stop: &OwnedFd) -> Option<Job> {
        let mut state = self.state();
        loop {
            if let Some(job) = state.queue.pop_front() {
                // What was meant for the job before must not stop this one.
                let _ = rustix::io::read(stop, &mut [0u8; 8]);
                self.set_running(&mut state, number, Some(job.ticket));
                return Some(job);
            }
            if state.closing {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    fn set_running(&self, state: &mut State, number: usize, ticket: Option<Ticket>) {
        if let Some(running) = state.running.get_mut(number) {
            *running = ticket;
        }
    }
}

#[cfg(test)]
mod tests;
