//! One program from its start to its end.

use super::log::Log;
use super::{apart, find};
use crate::ports::shell::{Exit, Program, Status};
use crate::ports::{Fault, PortError};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a program has from being asked to stop until it is killed.
const GRACE: Duration = Duration::from_millis(if cfg!(test) { 300 } else { 10_000 });

/// How long we listen to a program that has ended, to what it left behind: a daemon may hold its output open for ever.
const LINGER: Duration = Duration::from_millis(100);

/// How much output is read at once: as much as a pipe holds.
const CHUNK: usize = 64 * 1024;

/// What one thread uses again and again.
pub(super) struct Runner {
    buffer: Vec<u8>,
}

impl Default for Runner {
    fn default() -> Runner {
        Runner { buffer: vec![0; CHUNK] }
    }
}

impl Runner {
    /// Runs a program to its end. `stop` becomes readable when it should be stopped.
    pub(super) fn run(&mut self, program: &Program, stop: &OwnedFd) -> Result<Exit, PortError> {
        let begin = Instant::now();
        let (child, output) = start(program)?;
        let mut running = Running {
            child,
            output: Some(output),
            log: Log::new(&program.log, &program.redact),
            deadline: program.timeout.and_then(|timeout| begin.checked_add(timeout)),
            stopped: None,
            buffer: &mut self.buffer,
        };
        let watched = running.watch(stop);
        let written = running.log.finish();
        // Once something ran, the answer is no error: whoever hears one may take it that nothing did.
        let (status, lost) = match watched {
            Ok(status) => (status, None),
            Err(e) => (Status::Signal(Signal::KILL.as_raw()), Some(out_of_sight(&e))),
        };
        Ok(Exit {
            status,
            log_len: written.len,
            log_digest: written.digest,
            log_fault: lost.or(written.fault),
            tail: written.tail,
            duration: begin.elapsed(),
        })
    }
}

/// Starts a program; answers the end of the pipe into which it prints.
fn start(program: &Program) -> Result<(Child, OwnedFd), PortError> {
    let environment = find::environment(program)?;
    let path = find::find(program, &environment)?;
    let (output, input) = pipe_with(PipeFlags::CLOEXEC).map_err(|e| no_room(&e.into()))?;
    let mut command = Command::new(&path);
    command
        .args(program.argv.iter().skip(1))
        .arg0(program.argv.first().map_or("", String::as_str))
        .env_clear()
        .envs(environment)
        .current_dir(&program.cwd)
        .stdin(Stdio::null())
        .process_group(0);
    // Our copies of the pipe's other end are closed with this; only when all are does the output end.
    let child = apart::start(command, input).map_err(|e| find::explain(program, &path, &e))?;
    Ok((child, output))
}

fn no_room(error: &io::Error) -> PortError {
    PortError::new(Fault::Unavailable, format!("no more programs can be started: {error}"))
}

fn out_of_sight(error: &io::Error) -> PortError {
    PortError::new(Fault::Unavailable, format!("the program could not be watched any longer and was killed: {error}"))
}

/// A program that was asked to stop.
#[derive(Clone, Copy)]
struct Stopped {
    /// How that is told in the end.
    status: Status,
    /// When it is killed; nothing once it was.
    kill: Option<Instant>,
}

/// A program while it runs.
struct Running<'a> {
    child: Child,
    /// The pipe; nothing once it is at its end.
    output: Option<OwnedFd>,
    log: Log,
    deadline: Option<Instant>,
    stopped: Option<Stopped>,
    buffer: &'a mut Vec<u8>,
}

/// What there is to do.
#[derive(Clone, Copy, Default)]
struct Ready {
    output: bool,
    ended: bool,
    stop: bool,
}

impl Running<'_> {
    /// Listens until the program has ended and its output too, or as long as we care to listen.
    /// Kills it rather than leave it running unwatched.
    fn watch(&mut self, stop: &OwnedFd) -> io::Result<Status> {
        let process = pidfd_open(self.pid(), PidfdFlags::empty()).map_err(|e| self.give_up(e.into()))?;
        while !self.step(&process, stop).map_err(|e| self.give_up(e))? {}
        self.linger();
        if self.stopped.is_some() {
            // Not reaped yet, so that the group's number cannot have become another's.
            self.signal(Signal::KILL);
        }
        let status = self.child.wait()?;
        Ok(self.stopped.map_or_else(|| by_itself(status), |stopped| stopped.status))
    }

    /// Waits for the next thing and does it; answers whether the program has ended.
    fn step(&mut self, process: &OwnedFd, stop: &OwnedFd) -> io::Result<bool> {
        let stop = self.stopped.is_none().then_some(stop);
        let ready = wait(self.output.as_ref(), Some(process), stop, self.until())?;
        if ready.output {
            self.read()?;
        }
        if ready.ended {
            return Ok(true);
        }
        let now = Instant::now();
        match self.stopped {
            None if ready.stop => self.stop(Status::Cancelled, now),
            None if self.deadline.is_some_and(|deadline| deadline <= now) => self.stop(Status::TimedOut, now),
            Some(Stopped { status, kill: Some(kill) }) if kill <= now => {
                self.signal(Signal::KILL);
                self.stopped = Some(Stopped { status, kill: None });
            }
            _ => {}
        }
        Ok(false)
    }

    /// Listens to a program that has ended for a little longer; to one that was stopped, as long as its helpers may take.
    fn linger(&mut self) {
        let until = match self.stopped {
            Some(Stopped { kill: Some(kill), .. }) => kill,
            _ => Instant::now() + LINGER,
        };
        while self.output.is_some() && Instant::now() < until {
            // Nothing is lost but words that nobody waits for.
            let Ok(Ready { output: true, .. }) = wait(self.output.as_ref(), None, None, Some(until)) else { return };
            if self.read().is_err() {
                return;
            }
        }
    }

    /// Asks the whole group to stop.
    fn stop(&mut self, status: Status, now: Instant) {
        self.signal(Signal::TERM);
        self.stopped = Some(Stopped { status, kill: Some(now + GRACE) });
    }

    /// The next time at which something must be done though nothing happened.
    fn until(&self) -> Option<Instant> {
        self.stopped.map_or(self.deadline, |stopped| stopped.kill)
    }

    fn read(&mut self) -> io::Result<()> {
        let Some(output) = &self.output else { return Ok(()) };
        match rustix::io::read(output, self.buffer.as_mut_slice()) {
            Ok(0) => self.output = None,
            Ok(count) => self.log.take(self.buffer.get(..count).unwrap_or_default()),
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    fn give_up(&mut self, error: io::Error) -> io::Error {
        self.signal(Signal::KILL);
        drop(self.child.wait());
        error
    }

    /// Sends a signal to the program and all that it started.
    fn signal(&self, signal: Signal) {
        // That nobody is left to hear it is no fault.
        let _ = kill_process_group(self.pid(), signal);
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

/// Waits until something is ready or it is time.
fn wait(
    output: Option<&OwnedFd>,
    process: Option<&OwnedFd>,
    stop: Option<&OwnedFd>,
    until: Option<Instant>,
) -> io::Result<Ready> {
    let watched = [output, process, stop];
    let mut polled: Vec<PollFd<'_>> =
        watched.iter().flatten().map(|fd| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
    let left = until.map(|until| until.saturating_duration_since(Instant::now()));
    let timeout = left.and_then(|left| Timespec::try_from(left).ok());
    match poll(&mut polled, timeout.as_ref()) {
        Ok(_) => {}
        Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
        Err(e) => return Err(e.into()),
    }
    let mut events = polled.iter().map(|fd| !fd.revents().is_empty());
    let mut ready = |fd: Option<&OwnedFd>| fd.is_some() && events.next().unwrap_or(false);
    Ok(Ready { output: ready(output), ended: ready(process), stop: ready(stop) })
}

/// How a program ended that was left alone.
fn by_itself(status: ExitStatus) -> Status {
    match (status.code(), status.signal()) {
        (Some(code), _) => Status::Code(code),
        (None, signal) => Status::Signal(signal.unwrap_or_default()),
    }
}
