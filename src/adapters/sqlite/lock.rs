//! The lock of the one writer: a file that stays, and is locked as long as its process lives.

use crate::adapters::disk;
use crate::ports::{Fault, PortError};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The name of the file below the state's folder.
const NAME: &str = "lock";
/// How much of the file is read for a message.
const READ: u64 = 1024;

/// The lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a state's folder, or tells who has it.
    pub(super) fn take(folder: &Path) -> Result<Lock, PortError> {
        let path = folder.join(NAME);
        let cannot = |why: std::io::Error| disk::failed(&path, "written", &why);
        loop {
            let mut options = OpenOptions::new();
            let file = options.read(true).write(true).create(true).truncate(false).open(&path).map_err(cannot)?;
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Err(rustix::io::Errno::WOULDBLOCK) => return Err(taken(folder, file)),
                Err(why) => return Err(cannot(why.into())),
                // Somebody removed the file between our opening and locking it: what we hold keeps nobody out.
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => {
                    let lock = Lock { file };
                    lock.sign().map_err(cannot)?;
                    return Ok(lock);
                }
            }
        }
    }

    /// Writes down who holds it, for the message of whoever comes next.
    fn sign(&self) -> std::io::Result<()> {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.file.set_len(0)?;
        (&self.file).write_all(format!("pid {}\nsince {}\n", std::process::id(), since.as_secs()).as_bytes())
    }
}

/// Writes down, for whoever comes next, that who holds the lock of a folder is a server, and where it is reached.
pub(super) fn tell(folder: &Path, address: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(folder.join(NAME))?;
    file.write_all(format!("server {address}\n").as_bytes())
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A name that nobody answers to any more would only mislead; that it stays where this fails does no harm.
        drop(self.file.set_len(0));
        // A program that is just being started has a copy of the file until it begins; closing ours would not be enough.
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

/// Whether the open file is the one with that path.
fn is_at(file: &File, path: &Path) -> bool {
    let same = |a: std::fs::Metadata, b: std::fs::Metadata| a.dev() == b.dev() && a.ino() == b.ino();
    file.metadata().is_ok_and(|ours| path.metadata().is_ok_and(|there| same(ours, there)))
}

/// The error that names the holder.
fn taken(folder: &Path, file: File) -> PortError {
    let mut text = String::new();
    // What cannot be read is only left out of the message.
    drop(file.take(READ).read_to_string(&mut text));
    let pid = text.lines().find_map(|line| line.strip_prefix("pid ")).and_then(|pid| pid.parse::<u32>().ok());
    let who = pid.map_or(String::new(), |pid| format!(" (pid {pid})"));
    let is_plain =
        |a: &&str| a.starts_with("http") && a.bytes().all(|b| b.is_ascii_graphic() && !b"'\"`$\\".contains(&b));
    let server = text.lines().find_map(|line| line.strip_prefix("server ")).filter(is_plain);
    let is = server.map_or(String::new(), |address| format!(": the server {address}"));
    let help = match server {
        Some(address) => format!("say it to the server: `--server {address}`"),
        None => {
            "wait until it is done, or stop it; another pipeline can have a state of its own with `--state`".to_string()
        }
    };
    PortError::new(
        Fault::Unavailable,
        format!("another lockgate{who} is at work on this state, `{}`{is}", folder.display()),
    )
    .help(help)
}
