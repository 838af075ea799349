//! Byte offsets and the protocol's positions: lines from 0, and columns in UTF-16 code units unless the client can do bytes.

use ls_types::{Position, Range};

/// What a column counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Encoding {
    /// Bytes.
    Utf8,
    /// UTF-16 code units, as all clients can.
    #[default]
    Utf16,
}

/// Where the lines of a text start. A line ends with `\n`, `\r\n` or `\r`, as the protocol says.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    pub fn new(text: &str) -> Lines {
        Lines { starts: starts(text).collect() }
    }

    /// The position of an offset; one behind the end is the end, one inside a character is its start.
    pub fn position(&self, text: &str, offset: usize, encoding: Encoding) -> Position {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let line = self.starts.partition_point(|&s| s <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or(0);
        let before = text.get(start..offset).unwrap_or("");
        let column = match encoding {
            Encoding::Utf8 => before.len(),
            Encoding::Utf16 if before.is_ascii() => before.len(),
            Encoding::Utf16 => before.encode_utf16().count(),
        };
        Position { line: number(line), character: number(column) }
    }

    pub fn range(&self, text: &str, bytes: std::ops::Range<usize>, encoding: Encoding) -> Range {
        Range { start: self.position(text, bytes.start, encoding), end: self.position(text, bytes.end, encoding) }
    }

    /// The offset of a position; one behind the end of its line is that end, one behind the last line is the end.
    pub fn offset(&self, text: &str, position: Position, encoding: Encoding) -> usize {
        let Some(&start) = self.starts.get(position.line as usize) else { return text.len() };
        let end = self.starts.get(position.line as usize + 1).copied().unwrap_or(text.len());
        start + column(text.get(start..end).unwrap_or(""), position.character, encoding)
    }
}

/// The offset of one position, as [`Lines::offset`] has it, where the lines of a text are not asked about again.
pub(super) fn offset(text: &str, position: Position, encoding: Encoding) -> usize {
    let mut starts = starts(text).skip(position.line as usize);
    let Some(start) = starts.next() else { return text.len() };
    let end = starts.next().unwrap_or(text.len());
    start + column(text.get(start..end).unwrap_or(""), position.character, encoding)
}

/// Where lines start.
fn starts(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes);
    let alone = ends.filter(|&at| bytes.get(at) == Some(&b'\n') || bytes.get(at + 1) != Some(&b'\n'));
    std::iter::once(0).chain(alone.map(|at| at + 1))
}

/// The offset of a column in a line, whose end does not count.
fn column(line: &str, character: u32, encoding: Encoding) -> usize {
    let line = line.trim_end_matches(['\n', '\r']);
    let wanted = character as usize;
    let mut units = 0;
    for (at, c) in line.char_indices() {
        let width = match encoding {
            Encoding::Utf8 => c.len_utf8(),
            Encoding::Utf16 => c.len_utf16(),
        };
        // A column inside of a character is where it starts.
        if units + width > wanted {
            return at;
        }
        units += width;
    }
    line.len()
}

pub(super) fn number(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_go_there_and_back() {
        let text = "a𝒳ü\r\nzwei\rdrei\n";
        let lines = Lines::new(text);
        for encoding in [Encoding::Utf8, Encoding::Utf16] {
            for (offset, _) in text.char_indices().filter(|(_, c)| *c != '\n') {
                let position = lines.position(text, offset, encoding);
                assert_eq!(lines.offset(text, position, encoding), offset, "{offset}");
                assert_eq!(super::offset(text, position, encoding), offset, "{offset}");
            }
        }
        let position = |line, character| Position { line, character };
        assert_eq!(lines.position(text, 5, Encoding::Utf16), position(0, 3));
        assert_eq!(lines.position(text, 5, Encoding::Utf8), position(0, 5));
        assert_eq!(lines.position(text, 999, Encoding::Utf16), position(3, 0));
        assert_eq!(lines.offset(text, position(0, 99), Encoding::Utf16), 7);
        assert_eq!(lines.offset(text, position(0, 2), Encoding::Utf16), 1, "inside of a pair");
        assert_eq!(lines.offset(text, position(9, 9), Encoding::Utf16), text.len());
        assert_eq!(offset(text, position(9, 9), Encoding::Utf16), text.len());
        assert_eq!(offset(text, position(0, 99), Encoding::Utf16), 7);
    }
}
