//! A grid of characters to draw on: lines that join where they meet, and texts over them.

use crate::report::layout::width;
use crate::report::{Paint, Style};

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// What stands in a place of the grid.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
enum Mark {
    #[default]
    Empty,
    /// Lines that lead out of it.
    Line(u8),
    Char(char),
    /// The second half of a wide character.
    Covered,
}

/// A grid that grows as it is drawn on.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    rows: Vec<Vec<(Mark, Paint)>>,
}

impl Canvas {
    fn at(&mut self, x: usize, y: usize) -> &mut (Mark, Paint) {
        while self.rows.len() <= y {
            self.rows.push(Vec::new());
        }
        let row = &mut self.rows[y];
        while row.len() <= x {
            row.push((Mark::Empty, Paint::Plain));
        }
        &mut row[x]
    }

    fn join(&mut self, x: usize, y: usize, ways: u8) {
        let place = self.at(x, y);
        let before = if let Mark::Line(ways) = place.0 { ways } else { 0 };
        *place = (Mark::Line(before | ways), Paint::Faint);
    }

    /// A line through a place from above to below.
    pub fn through(&mut self, x: usize, y: usize) {
        self.join(x, y, UP | DOWN);
    }

    /// A line out of a place to above or below.
    pub fn open(&mut self, x: usize, y: usize, up: bool) {
        self.join(x, y, if up { UP } else { DOWN });
    }

    /// A line from one side to the other, both ends included.
    pub fn across(&mut self, y: usize, from: usize, to: usize) {
        let (from, to) = (from.min(to), from.max(to));
        for x in from..=to {
            let ways = if x > from { LEFT } else { 0 } | if x < to { RIGHT } else { 0 };
            self.join(x, y, ways);
        }
    }

    /// A text, over whatever stands there.
    pub fn text(&mut self, x: usize, y: usize, text: &str, paint: Paint) {
        let mut at = x;
        for c in text.chars() {
            let wide = width(c.encode_utf8(&mut [0; 4]));
            if wide == 0 {
                continue;
            }
            *self.at(at, y) = (Mark::Char(c), paint);
            for more in 1..wide {
                *self.at(at + more, y) = (Mark::Covered, paint);
            }
            at += wide;
        }
    }

    /// How wide it is by now.
    pub fn width(&self) -> usize {
        self.rows.iter().map(Vec::len).max().unwrap_or(0)
    }

    /// All of it as text, without spaces at the ends of lines.
    pub fn render(&self, plain: bool, style: Style) -> String {
        let mut out = String::new();
        for row in &self.rows {
            let end = row.iter().rposition(|(mark, _)| !matches!(mark, Mark::Empty | Mark::Char(' ')));
            let row = row.get(..end.map_or(0, |end| end + 1)).unwrap_or_default();
            for same in row.chunk_by(|a, b| a.1 == b.1) {
                let text: String = same.iter().filter_map(|(mark, _)| shown(*mark, plain)).collect();
                let paint = same.first().map_or(Paint::Plain, |(_, paint)| *paint);
                out.push_str(&if text.trim().is_empty() { text } else { paint.on(&text, style) });
            }
            out.push('\n');
        }
        out
    }
}

fn shown(mark: Mark, plain: bool) -> Option<char> {
    match mark {
        Mark::Empty => Some(' '),
        Mark::Char(c) => Some(if plain { ascii(c) } else { c }),
        Mark::Covered => None,
        Mark::Line(ways) if plain => Some(match (ways & (UP | DOWN) != 0, ways & (LEFT | RIGHT) != 0) {
            (true, true) => '+',
            (true, false) => '|',
            (false, _) => '-',
        }),
        Mark::Line(ways) => Some(match ways {
            0 => ' ',
            w if w == UP | LEFT => '╯',
            w if w == UP | RIGHT => '╰',
            w if w == DOWN | LEFT => '╮',
            w if w == DOWN | RIGHT => '╭',
            w if w == UP | DOWN | LEFT => '┤',
            w if w == UP | DOWN | RIGHT => '├',
            w if w == UP | LEFT | RIGHT => '┴',
            w if w == DOWN | LEFT | RIGHT => '┬',
            w if w == UP | DOWN | LEFT | RIGHT => '┼',
            w if w & (UP | DOWN) != 0 => '│',
            _ => '─',
        }),
    }
}

/// What stands for a character where there are only those of ASCII.
fn ascii(c: char) -> char {
    match c {
        '┌' | '┐' | '└' | '┘' | '╔' | '╗' | '╚' | '╝' | '╭' | '╮' | '╰' | '╯' => '+',
        '─' => '-',
        '═' => '=',
        '│' | '║' => '|',
        '▼' => 'v',
        '◆' => '*',
        '…' => '.',
        c if c.is_ascii() => c,
        _ => '?',
    }
}
