//! Programs of this machine, started directly: a bounded number of threads, each with one program at a time. A thread is made when
//! there is a program that no other is free for, so that whoever runs none has none.
//!
//! A thread blocks on what its program prints, on its end, and on a request to stop, whichever comes first. A program is
//! started without a copy of our memory (no code runs between fork and exec, so that the standard library may use
//! `posix_spawn`), in a process group of its own, with an environment that is said and not inherited; of a server by a thread
//! that has few files open ([`apart`]).

pub mod apart;
mod find;
pub(in crate::adapters) mod log;
mod process;
pub(in crate::adapters) mod redact;

use crate::digest::Digest;
use crate::ports::shell::{Done, Exit, Program, Shell, Status, Ticket};
use crate::ports::{Fault, PortError};
use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Threads that run programs. Dropping it stops all programs and waits for their end.
pub struct Pool {
    shared: Arc<Shared>,
    most: usize,
}

/// What the threads and those who submit share.
struct Shared {
    state: Mutex<State>,
    /// Told when there is a job, or when it is time to close.
    work: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Job>,
    threads: Vec<Thread>,
    /// How many of them wait for a job.
    free: usize,
    closing: bool,
}

struct Thread {
    runs: Option<Ticket>,
    /// What wakes it while its program runs.
    stop: Arc<OwnedFd>,
    handle: JoinHandle<()>,
}

struct Job {
    ticket: Ticket,
    program: Program,
    done: Done,
}

impl Pool {
    /// A pool that runs at most that many programs at once; at least one.
    pub fn new(threads: usize) -> Pool {
        let shared = Arc::new(Shared { state: Mutex::default(), work: Condvar::new() });
        Pool { shared, most: threads.max(1) }
    }

    /// Makes one more thread.
    fn grow(&self, state: &mut State) -> std::io::Result<()> {
        let stop = Arc::new(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?);
        let (shared, woken, number) = (self.shared.clone(), stop.clone(), state.threads.len());
        let thread = std::thread::Builder::new().name(format!("program-{number}"));
        let handle = thread.spawn(move || shared.work(number, &woken))?;
        state.threads.push(Thread { runs: None, stop, handle });
        Ok(())
    }
}

impl Shell for Pool {
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        let mut state = self.shared.state.lock();
        state.queue.push_back(Job { ticket, program, done });
        if state.queue.len() > state.free && state.threads.len() < self.most {
            let grown = self.grow(&mut state);
            // Where there are some, it waits for one of them.
            if let (Err(why), true) = (grown, state.threads.is_empty()) {
                let job = state.queue.pop_back();
                drop(state);
                let message = format!("threads for programs cannot be made: {why}");
                return job
                    .into_iter()
                    .for_each(|j| (j.done)(Err(PortError::new(Fault::Unavailable, message.clone()))));
            }
        }
        self.shared.work.notify_one();
    }

    fn cancel(&self, ticket: Ticket) {
        let queued = {
            let mut state = self.shared.state.lock();
            state.stop(|running| running == ticket);
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
        let (queued, threads) = {
            let mut state = self.shared.state.lock();
            state.closing = true;
            state.stop(|_| true);
            (std::mem::take(&mut state.queue), std::mem::take(&mut state.threads))
        };
        self.shared.work.notify_all();
        queued.into_iter().for_each(cancelled);
        for thread in threads {
            // A thread that panicked has said so; there is nothing left of it to wait for.
            drop(thread.handle.join());
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

impl State {
    /// Wakes the threads whose program is one of those. None of them begins another meanwhile.
    fn stop(&self, which: impl Fn(Ticket) -> bool) {
        for thread in self.threads.iter().filter(|t| t.runs.is_some_and(&which)) {
            // It can only fail when it has been told before and hasn't looked yet.
            let _ = rustix::io::write(&thread.stop, &1u64.to_ne_bytes());
        }
    }

    fn set_running(&mut self, number: usize, ticket: Option<Ticket>) {
        if let Some(thread) = self.threads.get_mut(number) {
            thread.runs = ticket;
        }
    }
}

impl Shared {
    /// The life of a thread.
    fn work(&self, number: usize, stop: &OwnedFd) {
        let mut runner = process::Runner::default();
        while let Some(job) = self.next(number, stop) {
            let result = runner.run(&job.program, stop);
            self.state.lock().set_running(number, None);
            (job.done)(result);
        }
    }

    /// Waits for a job; none when it is time to close.
    fn next(&self, number: usize, stop: &OwnedFd) -> Option<Job> {
        let mut state = self.state.lock();
        loop {
            if let Some(job) = state.queue.pop_front() {
                // What was meant for the job before must not stop this one.
                let _ = rustix::io::read(stop, &mut [0u8; 8]);
                state.set_running(number, Some(job.ticket));
                return Some(job);
            }
            if state.closing {
                return None;
            }
            state.free += 1;
            self.work.wait(&mut state);
            state.free -= 1;
        }
    }
}

#[cfg(test)]
mod tests;
