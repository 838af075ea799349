//! Starting programs from a thread that has few files open.
//!
//! A program that is started gets a copy of every file that is open where it is started, and most of them are closed again
//! before it begins. A server with a thousand pipelines has ten thousand open, which then takes longer than all the rest. So a
//! server has one thread that shares all with the others but the table of open files (`unshare(2)`, `CLONE_FILES`).
//!
//! It exists where [`begin`] was called; elsewhere, and where the system does not allow it, a program is started by whoever
//! wants it.

use rustix::thread::{UnshareFlags, unshare_unsafe};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SendError, Sender, channel};

static APART: OnceLock<Sender<Order>> = OnceLock::new();

/// A program that is to be started.
struct Order {
    command: Command,
    /// Where it prints, by its place below `/proc`.
    output: String,
    answer: Sender<Answer>,
}

enum Answer {
    /// What came of it.
    Started(io::Result<Child>),
    /// Where it prints cannot be reached from here.
    Unreached(Command),
}

/// Makes the thread.
///
/// # Errors
/// Why there is none: mostly that the system does not allow it.
pub fn begin() -> io::Result<()> {
    let (orders, wanted) = channel();
    let (ready, is_ready) = channel();
    let thread = std::thread::Builder::new().name("programs".to_string());
    thread.spawn(move || {
        let apart = leave_table();
        let is_apart = apart.is_ok();
        // Whoever waits for it is there.
        let _ = ready.send(apart);
        if is_apart {
            work(&wanted);
        }
    })?;
    is_ready.recv().unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into()))?;
    // Where there is one already, that one goes on.
    drop(APART.set(orders));
    Ok(())
}

/// Gives the calling thread a table of open files of its own, with nothing in it but what a program is born with.
#[allow(unsafe_code)]
fn leave_table() -> io::Result<()> {
    // SAFETY: no file goes from this thread to another or the other way: it is handed none, opens what it needs by a path, and
    // hands back a `Child` that holds none.
    unsafe { unshare_unsafe(UnshareFlags::FILES) }?;
    let names = std::fs::read_dir("/proc/thread-self/fd")?.flatten().map(|file| file.file_name());
    let copies: Vec<RawFd> = names.filter_map(|name| name.to_str()?.parse().ok()).filter(|fd| *fd > 2).collect();
    // Through one of them they were listed, and that is closed by now.
    let is_open = |fd: &RawFd| std::fs::symlink_metadata(format!("/proc/thread-self/fd/{fd}")).is_ok();
    for copy in copies.into_iter().filter(is_open) {
        // SAFETY: these are copies in a table that nobody else sees, and nothing in this thread has one of them.
        unsafe { rustix::io::close(copy) };
    }
    Ok(())
}

fn work(wanted: &Receiver<Order>) {
    for Order { mut command, output, answer } in wanted {
        let answered = match OpenOptions::new().write(true).open(&output) {
            Ok(output) => Answer::Started(spawn(&mut command, output)),
            Err(_) => Answer::Unreached(command),
        };
        // Whoever wants it waits.
        let _ = answer.send(answered);
    }
}

/// Starts a program that prints there.
pub(super) fn start(mut command: Command, output: OwnedFd) -> io::Result<Child> {
    if let Some(orders) = APART.get() {
        let (answer, answered) = channel();
        let path = format!("/proc/{}/fd/{}", std::process::id(), output.as_raw_fd());
        match orders.send(Order { command, output: path, answer }) {
            Ok(()) => {
                match answered.recv().map_err(|_| io::Error::other("the thread that starts programs has gone"))? {
                    Answer::Started(result) => return result,
                    Answer::Unreached(unused) => command = unused,
                }
            }
            Err(SendError(unsent)) => command = unsent.command,
        }
    }
    spawn(&mut command, output.into())
}

/// Starts it here, again if it is just being written: a program started elsewhere at that moment holds it open for writing
/// until it has begun itself.
fn spawn(command: &mut Command, output: File) -> io::Result<Child> {
    const TRIES: u64 = 10;
    command.stdout(output.try_clone()?).stderr(output);
    for n in 1..TRIES {
        match command.spawn() {
            Err(e) if e.kind() == io::ErrorKind::ExecutableFileBusy => {
                std::thread::sleep(std::time::Duration::from_millis(n));
            }
            other => return other,
        }
    }
    command.spawn()
}
