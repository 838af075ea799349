//! Programs of this machine, started directly: a bounded number of threads, each with one program at a time. A thread is made when
//! there is a program that no other is free for, so that whoever runs none has none.
//!
//! A thread blocks on what its program prints, on its end, and on a request to stop, whichever comes first. A program is
//! started without a copy of our memory (no code runs between fork and exec, so that the standard library may use
//! `posix_spawn`), in a process group of its own, with an environment that is said and not inherited; of a server by a thread
//! that has few files open ([`apart`]). Right before it begins that is noted (`begun`).

pub mod apart;
mod begun;
mod find;
pub(in crate::adapters) mod log;
mod process;
pub(in crate::adapters) mod redact;

use crate::ports::shell::{Begun, Done, Program, RunMark, Shell, Ticket};
use crate::ports::{Fault, PortError};
use begun::Notes;
use parking_lot::{Condvar, Mutex};
use rustix::event::{EventfdFlags, eventfd};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;

/// Threads that run programs. Dropping it stops all programs and waits for their end.
pub struct Pool {
    shared: Arc<Shared>,
    most: usize,
}

/// What the threads and those who submit share.
struct Shared {
    /// Where it is noted which programs have begun.
    notes: Option<Notes>,
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
    /// A pool that runs at most that many programs at once; at least one. It notes nothing.
    pub fn new(threads: usize) -> Pool {
        Pool::with(threads, None)
    }

    /// A pool that notes in that file which programs have begun.
    pub fn noting(threads: usize, path: PathBuf) -> Pool {
        Pool::with(threads, Some(Notes::at(path)))
    }

    fn with(threads: usize, notes: Option<Notes>) -> Pool {
        let shared = Arc::new(Shared { notes, state: Mutex::default(), work: Condvar::new() });
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
            state.take_back(|job| job.ticket == ticket)
        };
        queued.into_iter().for_each(taken_back);
    }

    fn recall(&self, run: u64) {
        let is_of_it = |job: &Job| job.program.mark.as_ref().is_some_and(|mark| mark.run.number == run);
        let queued = self.shared.state.lock().take_back(is_of_it);
        queued.into_iter().for_each(taken_back);
    }

    fn begun(&self, run: RunMark) -> Option<Begun> {
        self.shared.notes.as_ref()?.of(run)
    }

    fn all_over(&self) {
        self.shared.notes.iter().for_each(Notes::forget);
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
        queued.into_iter().for_each(taken_back);
        for thread in threads {
            // A thread that panicked has said so; there is nothing left of it to wait for.
            drop(thread.handle.join());
        }
    }
}

/// Ends a job that never began.
fn taken_back(job: Job) {
    (job.done)(Err(PortError::new(Fault::Cancelled, "it was taken back before it began")));
}

impl State {
    /// Wakes the threads whose program is one of those. None of them begins another meanwhile.
    fn stop(&self, which: impl Fn(Ticket) -> bool) {
        for thread in self.threads.iter().filter(|t| t.runs.is_some_and(&which)) {
            // It can only fail when it has been told before and hasn't looked yet.
            let _ = rustix::io::write(&thread.stop, &1u64.to_ne_bytes());
        }
    }

    /// Takes jobs out of the queue.
    fn take_back(&mut self, which: impl Fn(&Job) -> bool) -> Vec<Job> {
        let (taken, left) = std::mem::take(&mut self.queue).into_iter().partition(|job| which(job));
        self.queue = left;
        Vec::from(taken)
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
            let noted = match (&self.notes, &job.program.mark) {
                (Some(notes), Some(mark)) => notes.note(mark),
                _ => Ok(()),
            };
            let result = noted.and_then(|()| runner.run(&job.program, stop));
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
