//! Logs as they were printed: colours of a terminal as classes, everything else that it would obey spelled out or dropped.
//!
//! What is understood is SGR with the sixteen colours, bold, faint, italic and underlined; other sequences say nothing on a
//! page and are left out. A line that overwrites itself with `\r` shows what it said last.

use crate::report::layout::clean;
use maud::{Markup, html};

/// How much of one line is shown, in bytes.
pub const LONGEST: usize = 16 << 10;
/// How many pieces of one line may look different.
const PIECES: usize = 400;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Look {
    colour: Option<u8>,
    ground: Option<u8>,
    bold: bool,
    faint: bool,
    italic: bool,
    under: bool,
}

impl Look {
    fn class(self) -> String {
        let mut out = String::new();
        let mut add = |word: &str| {
            out.push_str(if out.is_empty() { "" } else { " " });
            out.push_str(word);
        };
        self.colour.iter().for_each(|c| add(&format!("c{c}")));
        self.ground.iter().for_each(|c| add(&format!("g{c}")));
        for (is, word) in [(self.bold, "b"), (self.faint, "f"), (self.italic, "i"), (self.under, "u")] {
            if is {
                add(word);
            }
        }
        out
    }

    /// Takes the numbers of one `ESC [ … m` in.
    fn take(&mut self, numbers: &str) {
        let mut numbers = numbers.split([';', ':']).map(|n| if n.is_empty() { Some(0) } else { n.parse::<u16>().ok() });
        while let Some(number) = numbers.next() {
            match number {
                Some(0) => *self = Look::default(),
                Some(1) => self.bold = true,
                Some(2) => self.faint = true,
                Some(3) => self.italic = true,
                Some(4) => self.under = true,
                Some(22) => (self.bold, self.faint) = (false, false),
                Some(23) => self.italic = false,
                Some(24) => self.under = false,
                Some(n @ 30..=37) => self.colour = u8::try_from(n - 30).ok(),
                Some(n @ 90..=97) => self.colour = u8::try_from(n - 90 + 8).ok(),
                Some(39) => self.colour = None,
                Some(n @ 40..=47) => self.ground = u8::try_from(n - 40).ok(),
                Some(n @ 100..=107) => self.ground = u8::try_from(n - 100 + 8).ok(),
                Some(49) => self.ground = None,
                // Of the other 16 million colours, those of the sixteen that are meant by number.
                Some(which @ (38 | 48)) => {
                    let colour = match numbers.next().flatten() {
                        Some(5) => numbers.next().flatten().and_then(|n| u8::try_from(n).ok()).filter(|n| *n < 16),
                        Some(2) => numbers.nth(2).and(None),
                        _ => None,
                    };
                    if which == 38 { self.colour = colour } else { self.ground = colour }
                }
                _ => {}
            }
        }
    }
}

/// One line of a log.
pub fn line(bytes: &[u8]) -> Markup {
    let text = String::from_utf8_lossy(bytes);
    let whole = text.trim_end_matches(['\r', '\n']);
    let last = whole.rsplit('\r').next().unwrap_or(whole);
    let end = (0..=LONGEST.min(last.len())).rev().find(|i| last.is_char_boundary(*i)).unwrap_or(0);
    let (shown, left) = last.split_at(end);
    html! {
        @for (look, piece) in pieces(shown) {
            @if look == Look::default() { (clean(&piece)) } @else { span class=(look.class()) { (clean(&piece)) } }
        }
        @if !left.is_empty() { span.f { " … and " (left.len()) " bytes more in this line" } }
    }
}

/// A line as it reads, without its colours: what is searched in.
pub fn plain(bytes: &[u8]) -> String {
    stripped(&String::from_utf8_lossy(bytes))
}

fn pieces(text: &str) -> Vec<(Look, String)> {
    let (mut out, mut look, mut rest) = (Vec::new(), Look::default(), text);
    while let Some(at) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(at);
        push(&mut out, look, before);
        rest = after(sequence, &mut look);
        if out.len() >= PIECES {
            look = Look::default();
            push(&mut out, look, &stripped(rest));
            return out;
        }
    }
    push(&mut out, look, rest);
    out
}

fn push(out: &mut Vec<(Look, String)>, look: Look, text: &str) {
    match out.last_mut().filter(|(l, _)| *l == look) {
        _ if text.is_empty() => {}
        Some((_, before)) => before.push_str(text),
        None => out.push((look, text.to_string())),
    }
}

fn stripped(text: &str) -> String {
    let (mut out, mut rest, mut look) = (String::new(), text, Look::default());
    while let Some(at) = rest.find('\u{1b}') {
        let (before, sequence) = rest.split_at(at);
        out.push_str(before);
        rest = after(sequence, &mut look);
    }
    out + rest
}

/// What stands behind an escape sequence, whose colours are taken in.
fn after<'t>(sequence: &'t str, look: &mut Look) -> &'t str {
    let rest = sequence.get(1..).unwrap_or_default();
    if let Some(control) = rest.strip_prefix('[') {
        let Some(end) = control.find(|c: char| ('@'..='~').contains(&c)) else { return "" };
        let (numbers, behind) = control.split_at(end);
        if behind.starts_with('m') {
            look.take(numbers);
        }
        return behind.get(1..).unwrap_or_default();
    }
    if let Some(command) = rest.strip_prefix([']', 'P', '_', '^', 'X']) {
        // Up to the bell or the terminator: titles, links and worse.
        let bell = command.find('\u{7}').map(|i| (i, 1));
        let end = command.find("\u{1b}\\").map(|i| (i, 2));
        let Some((at, long)) = bell.into_iter().chain(end).min() else { return "" };
        return command.get(at + long..).unwrap_or_default();
    }
    let mut chars = rest.chars();
    chars.next();
    chars.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        line(text.as_bytes()).into_string()
    }

    #[test]
    fn colours_are_classes_and_the_rest_is_text() {
        assert_eq!(shown("\u{1b}[1;32mok\u{1b}[0m <b>"), "<span class=\"c2 b\">ok</span> &lt;b&gt;");
        assert_eq!(shown("\u{1b}[38;5;9mred\u{1b}[38;2;1;2;3m plain"), "<span class=\"c9\">red</span> plain");
        assert_eq!(shown("10%\r100%\r\n"), "100%");
        assert_eq!(plain(b"\x1b[1;32mlook\x1b[0m 3"), "look 3");
    }

    #[test]
    fn what_a_terminal_would_obey_says_nothing() {
        assert_eq!(shown("a\u{1b}[2J\u{1b}[10;10Hb"), "ab");
        assert_eq!(shown("\u{1b}]8;;javascript:alert(1)\u{7}link\u{1b}]8;;\u{1b}\\ x"), "link x");
        assert_eq!(shown("\u{1b}]0;never ends"), "");
        assert_eq!(shown("\u{1b}[31"), "");
        assert_eq!(shown("a\u{202e}b\u{0}"), "a\\u{202e}b\\u{0}");
    }

    #[test]
    fn a_line_is_bounded() {
        let long = "é".repeat(LONGEST);
        assert!(shown(&long).len() < LONGEST + 100 && shown(&long).contains("bytes more"));
        let colours = "\u{1b}[31mx\u{1b}[32my".repeat(PIECES);
        assert!(shown(&colours).matches("<span").count() <= PIECES);
    }
}
