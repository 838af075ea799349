//! The log of a program: what it printed, in one file, without secrets, within bounds. Programs elsewhere and builds have
//! theirs written by it, too.

use super::redact::Redactor;
use crate::digest::Digest;
use crate::ports::shell::TAIL;
use crate::ports::{Fault, PortError};
use sha2::Digest as _;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How much of the beginning of an output is kept.
const HEAD: u64 = 60 << 20;
/// How much of the end of one that is longer. It waits in memory until the end.
const END: usize = 4 << 20;

/// A log while it is written. There is no file until there is something to write.
pub(in crate::adapters) struct Log {
    path: PathBuf,
    redactor: Option<Redactor>,
    file: Option<File>,
    len: u64,
    hasher: sha2::Sha256,
    fault: Option<PortError>,
    tail: Vec<u8>,
    end: VecDeque<u8>,
    left_out: u64,
}

/// A log when it is done.
pub(in crate::adapters) struct Written {
    pub len: u64,
    pub digest: Digest,
    pub fault: Option<PortError>,
    pub tail: Vec<u8>,
}

impl Log {
    /// A log at that path, still empty, in which those secrets are not seen.
    pub(in crate::adapters) fn new(path: &Path, redact: &[String]) -> Log {
        Log {
            path: path.to_path_buf(),
            redactor: Redactor::new(redact),
            file: None,
            len: 0,
            hasher: sha2::Sha256::new(),
            fault: None,
            tail: Vec::new(),
            end: VecDeque::new(),
            left_out: 0,
        }
    }

    /// Takes what was printed.
    pub(in crate::adapters) fn take(&mut self, bytes: &[u8]) {
        match self.redactor.as_mut().map(|redactor| redactor.feed(bytes)) {
            Some(clean) => self.keep(&clean),
            None => self.keep(bytes),
        }
    }

    /// Ends the log.
    pub(in crate::adapters) fn finish(mut self) -> Written {
        if let Some(rest) = self.redactor.as_mut().map(Redactor::finish) {
            self.keep(&rest);
        }
        if self.left_out > 0 {
            self.write(format!("\n[{} bytes of output are left out here]\n", self.left_out).as_bytes());
        }
        let end: Vec<u8> = std::mem::take(&mut self.end).into();
        self.write(&end);
        Written { len: self.len, digest: Digest(self.hasher.finalize().into()), fault: self.fault, tail: self.tail }
    }

    /// Keeps what may be seen: in the tail, and in the file or, behind its beginning, in what will be its end.
    fn keep(&mut self, bytes: &[u8]) {
        self.tail.extend_from_slice(bytes.get(bytes.len().saturating_sub(TAIL)..).unwrap_or_default());
        self.tail.drain(..self.tail.len().saturating_sub(TAIL));
        let room = usize::try_from(HEAD.saturating_sub(self.len)).unwrap_or(usize::MAX);
        let (head, rest) = bytes.split_at(room.min(bytes.len()));
        self.write(head);
        self.end.extend(rest);
        let too_much = self.end.len().saturating_sub(END);
        self.end.drain(..too_much);
        self.left_out += too_much as u64;
    }

    /// Writes to the file. After a failure nothing more is written: a log has no holes.
    fn write(&mut self, bytes: &[u8]) {
        if bytes.is_empty() || self.fault.is_some() {
            return;
        }
        let path = self.path.clone();
        let failed = |e: io::Error| {
            PortError::new(Fault::Unavailable, format!("the log `{}` cannot be written: {e}", path.display()))
        };
        match self.file().and_then(|mut file| file.write_all(bytes)) {
            Ok(()) => {
                self.len += bytes.len() as u64;
                self.hasher.update(bytes);
            }
            Err(e) => self.fault = Some(failed(e)),
        }
    }

    fn file(&mut self) -> io::Result<&File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => create(&self.path)?,
        };
        Ok(self.file.insert(file))
    }
}

/// Makes an empty file, and the folders above it if they aren't there.
fn create(path: &Path) -> io::Result<File> {
    match File::create(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            std::fs::create_dir_all(path.parent().unwrap_or(path))?;
            File::create(path)
        }
        other => other,
    }
}
