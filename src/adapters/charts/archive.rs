//! Unpacking a chart's archive in memory, trusting nothing in it.

use crate::ports::files::{MemoryFiles, Mode};
use crate::ports::{Fault, PortError};
use std::collections::BTreeSet;
use std::io::Read;

/// How much may come out of an archive, all files together; Helm's bound.
const ALL: u64 = 100 << 20;
/// How large one file may be; Helm's bound.
const FILE: u64 = 5 << 20;
/// How many entries an archive may have. The largest public charts have some hundred.
const ENTRIES: usize = 20_000;

/// The files of the chart in a `.tgz`, whose paths all begin with one folder; that folder is left out.
pub(super) fn unpack(packed: &[u8], name: &str) -> Result<MemoryFiles, PortError> {
    let mut tar = Bounded { inner: flate2::read::MultiGzDecoder::new(packed), left: ALL, burst: false };
    let files = Unpacking { name, files: MemoryFiles::default(), seen: BTreeSet::new() }.all(&mut tar);
    if tar.burst {
        return Err(PortError::new(Fault::Limit, format!("the chart `{name}` unpacks to more than {} MiB", ALL >> 20)));
    }
    files
}

/// An archive while it is unpacked.
struct Unpacking<'a> {
    name: &'a str,
    files: MemoryFiles,
    seen: BTreeSet<String>,
}

impl Unpacking<'_> {
    fn all(mut self, tar: impl Read) -> Result<MemoryFiles, PortError> {
        let mut archive = tar::Archive::new(tar);
        for (number, entry) in archive.entries().map_err(|e| self.broken(&e))?.enumerate() {
            if number >= ENTRIES {
                return Err(self.error(Fault::Limit, format!("has more than {ENTRIES} entries")));
            }
            let entry = entry.map_err(|e| self.broken(&e))?;
            self.one(entry)?;
        }
        Ok(self.files)
    }

    fn one(&mut self, mut entry: tar::Entry<'_, impl Read>) -> Result<(), PortError> {
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            return Ok(());
        }
        if !(kind.is_file() || kind.is_contiguous()) {
            return Err(self.error(Fault::Invalid, format!("holds `{path}`, which is no regular file")));
        }
        let inside = path_inside(&path)
            .ok_or_else(|| self.error(Fault::Invalid, format!("holds `{path}`, which is not inside a folder of it")))?;
        if entry.size() > FILE {
            return Err(self.error(Fault::Limit, format!("holds `{path}`, which is larger than {} MiB", FILE >> 20)));
        }
        if !self.seen.insert(inside.clone()) {
            return Err(self.error(Fault::Invalid, format!("holds `{inside}` twice")));
        }
        let mut content = Vec::new();
        entry.read_to_end(&mut content).map_err(|e| self.broken(&e))?;
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
        self.files.add(inside, if executable { Mode::Executable } else { Mode::File }, content);
        Ok(())
    }

    fn error(&self, fault: Fault, what: String) -> PortError {
        PortError::new(fault, format!("the chart `{}` {what}", self.name))
    }

    fn broken(&self, error: &std::io::Error) -> PortError {
        self.error(Fault::Invalid, format!("is not a readable `.tgz`: {error}")).help("pack it with `helm package`")
    }
}

/// The path below the archive's one folder; nothing for a path that is absolute, climbs, or is below no folder.
fn path_inside(path: &str) -> Option<String> {
    // Archives that were packed on Windows have backslashes.
    let path = path.replace('\\', "/");
    let (folder, inside) = path.strip_prefix("./").unwrap_or(&path).split_once('/')?;
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(['\0', '\u{fffd}']);
    let drive = folder.ends_with(':');
    (!drive && !odd(folder) && !inside.split('/').any(odd)).then(|| inside.to_string())
}

/// A reader that fails when more comes out than may, so that a small archive cannot fill the memory.
struct Bounded<R> {
    inner: R,
    left: u64,
    burst: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => self.left = left,
            None => {
                self.burst = true;
                return Err(std::io::Error::other("too much comes out of it"));
            }
        }
        Ok(count)
    }
}
