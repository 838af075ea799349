//! Packaged charts: gzipped tar archives, unpacked into memory with every bound checked before anything is kept.

use super::{ChartError, File, without_bom};
use flate2::read::GzDecoder;
use std::collections::BTreeSet;
use std::io::Read;

/// The bounds of unpacking.
#[derive(Clone, Debug)]
pub struct Limits {
    /// All files together, unpacked.
    pub total: u64,
    /// One file, unpacked.
    pub file: usize,
    /// Entries of any kind. The largest public charts have some thousand.
    pub entries: usize,
}

/// Helm's bounds, and one on the number of entries, which Helm lacks.
pub const LIMITS: Limits = Limits { total: 100 << 20, file: super::MAX_FILE, entries: 20_000 };

/// The files of an archive, without the folder that contains them all.
///
/// # Errors
/// What is no archive, is damaged, goes beyond the bounds, or names a file that would lie outside the chart, is no regular
/// file, or comes twice.
pub fn unpack(bytes: &[u8], limits: &Limits) -> Result<Vec<File>, ChartError> {
    if !bytes.starts_with(b"\x1f\x8b\x08") {
        return Err(ChartError::NotAnArchive);
    }
    // A tar archive is little larger than its files; the reader ends where more could only be a bomb.
    let most = limits.total + (limits.entries as u64 + 2) * 1024;
    let mut archive = tar::Archive::new(GzDecoder::new(bytes).take(most + 1));
    let mut files = Vec::new();
    let mut seen = BTreeSet::new();
    let mut left = limits.total;
    for (n, entry) in archive.entries().map_err(damaged)?.enumerate() {
        if n >= limits.entries {
            return Err(ChartError::TooManyEntries { limit: limits.entries });
        }
        let mut entry = entry.map_err(damaged)?;
        let raw = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if !is_file(entry.header().entry_type(), &raw)? {
            continue;
        }
        let name = inner_name(&raw)?;
        if entry.size() > limits.file as u64 {
            return Err(ChartError::FileTooLarge { name: raw, limit: limits.file });
        }
        if entry.size() > left {
            return Err(ChartError::TooLarge { limit: limits.total });
        }
        left -= entry.size();
        let mut data = Vec::new();
        entry.read_to_end(&mut data).map_err(damaged)?;
        if !seen.insert(name.clone()) {
            return Err(ChartError::Duplicate(name));
        }
        files.push(File { name, data: without_bom(data.into()) });
    }
    if files.is_empty() { Err(ChartError::Empty) } else { Ok(files) }
}

fn damaged(error: std::io::Error) -> ChartError {
    ChartError::Damaged(error.to_string())
}

/// Whether an entry is a file; folders and headers of the format are passed over.
fn is_file(kind: tar::EntryType, name: &str) -> Result<bool, ChartError> {
    let irregular = |what| Err(ChartError::Irregular { name: name.to_string(), what });
    match kind {
        tar::EntryType::Regular | tar::EntryType::Continuous => Ok(!name.ends_with('/')),
        tar::EntryType::Directory | tar::EntryType::XHeader | tar::EntryType::XGlobalHeader => Ok(false),
        tar::EntryType::Symlink => irregular("the symbolic link"),
        tar::EntryType::Link => irregular("the hard link"),
        tar::EntryType::Char | tar::EntryType::Block => irregular("the device"),
        tar::EntryType::Fifo => irregular("the pipe"),
        _ => irregular("the irregular file"),
    }
}

/// The path without its first folder, as Helm cleans it; Windows' separators count where there are any.
fn inner_name(raw: &str) -> Result<String, ChartError> {
    let slashed = if raw.contains('\\') { raw.replace('\\', "/") } else { raw.to_string() };
    let outside = || ChartError::Outside(raw.to_string());
    let (top, rest) = slashed.split_once('/').ok_or_else(outside)?;
    let drive = rest.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && rest[1..].starts_with(":/");
    if rest.starts_with('/') || drive || top == "Chart.yaml" {
        return Err(outside());
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in rest.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(outside)?;
            }
            part => parts.push(part),
        }
    }
    if parts.is_empty() { Err(outside()) } else { Ok(parts.join("/")) }
}
