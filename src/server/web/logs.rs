//! Logs of steps, in parts: however long one is, a page holds a bounded piece of it.

use super::super::pages::ansi::{LONGEST, plain};
use super::super::pages::log::{LINES, Part};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;

/// How much is read at once.
const PIECE: usize = 256 << 10;

/// The lines from that number on, or the last ones.
pub(super) fn part(path: &Path, from: Option<usize>) -> io::Result<Part> {
    let Some(total) = count(path)? else { return Ok(Part::default()) };
    let from = from.unwrap_or((total.saturating_sub(LINES)) + 1).clamp(1, total.max(1));
    let mut part = Part { total, length: path.metadata()?.len(), ..Part::default() };
    each(path, 0, |number, line| {
        if number >= from {
            part.lines.push((number, line.to_vec()));
        }
        part.lines.len() < LINES
    })?;
    Ok(part)
}

/// The first lines that have a text in them, in whatever case.
pub(super) fn search(path: &Path, query: &str) -> io::Result<Part> {
    let Some(total) = count(path)? else { return Ok(Part::default()) };
    let wanted = query.to_lowercase();
    let mut part = Part { total, length: path.metadata()?.len(), ..Part::default() };
    let mut found = 0;
    each(path, 0, |number, line| {
        if plain(line).to_lowercase().contains(&wanted) {
            found += 1;
            if part.lines.len() < LINES {
                part.lines.push((number, line.to_vec()));
            }
        }
        true
    })?;
    part.found = Some((query.to_string(), found));
    Ok(part)
}

/// What has been added to a log since: from that byte and line on, whole lines only unless the log is closed.
pub(super) struct Tail {
    offset: u64,
    number: usize,
}

impl Tail {
    /// Behind that many lines. The last of them is read again: it may not have been whole.
    pub(super) fn behind(path: &Path, lines: usize) -> io::Result<Tail> {
        let keep = lines.saturating_sub(1);
        let mut tail = Tail { offset: 0, number: 0 };
        if keep > 0 && path.exists() {
            let mut offset = 0;
            each_whole(path, 0, |number, length| {
                offset += length as u64;
                tail.number = number;
                number < keep
            })?;
            tail.offset = offset;
        }
        Ok(tail)
    }

    /// What has come; at most a page of it at once.
    pub(super) fn more(&mut self, path: &Path, is_closed: bool) -> io::Result<Vec<(usize, Vec<u8>)>> {
        let mut lines = Vec::new();
        if !path.exists() {
            return Ok(lines);
        }
        let (start, mut offset) = (self.number, self.offset);
        let mut end = start;
        each(path, self.offset, |number, line| {
            if !line.ends_with(b"\n") && !is_closed {
                return false;
            }
            offset += line.len() as u64;
            end = start + number;
            lines.push((end, line.to_vec()));
            lines.len() < LINES
        })?;
        // A line that was cut for its length counts with all of it.
        (self.number, self.offset) = (end, offset);
        Ok(lines)
    }
}

/// How many lines a log has; nothing where there is none.
fn count(path: &Path) -> io::Result<Option<usize>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(e),
    };
    let mut reader = BufReader::with_capacity(PIECE, file);
    let (mut lines, mut last) = (0, b'\n');
    loop {
        let piece = reader.fill_buf()?;
        let Some(end) = piece.last() else { break };
        last = *end;
        lines += memchr::memchr_iter(b'\n', piece).count();
        let length = piece.len();
        reader.consume(length);
    }
    Ok(Some(lines + usize::from(last != b'\n')))
}

/// Shows the lines behind an offset with their numbers from there, as long as they are wanted.
fn each(path: &Path, offset: u64, mut see: impl FnMut(usize, &[u8]) -> bool) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    let mut reader = BufReader::with_capacity(PIECE, file);
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        number += 1;
        if !see(number, &line) {
            return Ok(());
        }
    }
}

fn each_whole(path: &Path, offset: u64, mut see: impl FnMut(usize, usize) -> bool) -> io::Result<()> {
    each(path, offset, |number, line| see(number, line.len()))
}

/// Lines no longer than what is shown of them.
pub(super) fn short(lines: &mut [(usize, Vec<u8>)]) {
    const MOST: usize = 4 * LONGEST;
    lines.iter_mut().for_each(|(_, line)| line.truncate(MOST));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(part: &Part) -> (usize, Option<usize>, Option<usize>) {
        (part.total, part.lines.first().map(|l| l.0), part.lines.last().map(|l| l.0))
    }

    #[test]
    fn a_page_holds_a_piece_of_a_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(part(&path, None).unwrap(), Part::default());
        let text: String = (1..=LINES * 2).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, text + "and no end").unwrap();
        let total = LINES * 2 + 1;
        assert_eq!(numbers(&part(&path, None).unwrap()), (total, Some(LINES + 2), Some(total)));
        assert_eq!(numbers(&part(&path, Some(1)).unwrap()), (total, Some(1), Some(LINES)));
        assert_eq!(numbers(&part(&path, Some(usize::MAX)).unwrap()), (total, Some(total), Some(total)));
        let found = search(&path, "LINE 4000").unwrap();
        assert_eq!((numbers(&found), found.found), ((total, Some(4000), Some(4000)), Some(("LINE 4000".into(), 1))));
    }

    #[test]
    fn a_log_that_grows_is_followed_by_whole_lines() {
        use std::io::Write as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut tail = Tail::behind(&path, 0).unwrap();
        assert_eq!(tail.more(&path, false).unwrap(), []);
        let mut file = File::create(&path).unwrap();
        file.write_all(b"one\ntwo").unwrap();
        assert_eq!(tail.more(&path, false).unwrap(), [(1, b"one\n".to_vec())]);
        file.write_all(b"!\nthree").unwrap();
        assert_eq!(tail.more(&path, false).unwrap(), [(2, b"two!\n".to_vec())]);
        assert_eq!(tail.more(&path, true).unwrap(), [(3, b"three".to_vec())]);
        let mut again = Tail::behind(&path, 3).unwrap();
        assert_eq!(again.more(&path, true).unwrap(), [(3, b"three".to_vec())]);
    }
}
