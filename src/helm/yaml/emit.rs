//! Writing: libyaml's emitter for what Helm needs of it, block style with empty collections in flow style.
//!
//! libyaml's emitter is a state machine over three facts: the column, whether the line holds only white space and
//! indicators so far (`indention`), and whether the last thing written was white space (`whitespace`).

use super::analyze::{analyze, is_break, printable};
use super::order::natural;
use super::resolve;
use super::{MAX_DEPTH, float_g, float_json};
use crate::helm::value::{Str, Value};
use std::fmt::Write as _;

/// Where plain and quoted text is folded.
const WIDTH: usize = 80;
/// How far a block is indented.
const INDENT: usize = 2;
/// The longest key that is not written behind `? `.
const SIMPLE_KEY: usize = 128;

/// Writes a value as a document, as `yaml.Marshal` of `sigs.k8s.io/yaml` does, with the line break at the end.
///
/// Nothing where that function fails: an infinite number, a control character that YAML cannot hold, a value nested deeper
/// than [`MAX_DEPTH`].
pub fn write(value: &Value) -> Option<String> {
    let mut emitter = Emitter { whitespace: true, indention: true, ..Emitter::default() };
    emitter.node(value, None, Context::default(), 0)?;
    emitter.indent(0);
    Some(emitter.out)
}

/// Helm's `toYamlPretty`, which is go-yaml v3: sequences are indented, nothing is folded, numbers do not go through JSON.
pub fn write_pretty(value: &Value) -> Option<String> {
    let mut emitter = Emitter { whitespace: true, indention: true, pretty: true, ..Emitter::default() };
    emitter.node(value, None, Context::default(), 0)?;
    emitter.indent(0);
    Some(emitter.out)
}

/// What surrounds a node.
#[derive(Clone, Copy, Default)]
struct Context {
    mapping: bool,
    key: bool,
}

#[derive(Default)]
struct Emitter {
    out: String,
    column: usize,
    whitespace: bool,
    indention: bool,
    pretty: bool,
}

#[derive(Clone, Copy, PartialEq)]
enum Style {
    Plain,
    Single,
    Double,
    Literal,
}

impl Emitter {
    /// Writes one node. `indent` is that of the surrounding block, nothing at the root.
    fn node(&mut self, value: &Value, indent: Option<usize>, context: Context, depth: usize) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match value {
            Value::Missing | Value::Nil => self.plain_word("null", indent, context),
            Value::Bool(b) => self.plain_word(if *b { "true" } else { "false" }, indent, context),
            Value::Int(n) | Value::Int64(n) => self.plain_word(&n.to_string(), indent, context),
            Value::Uint64(n) => self.plain_word(&n.to_string(), indent, context),
            Value::Float(n) if self.pretty => self.plain_word(&float_g(*n, false), indent, context),
            Value::Float(n) => self.plain_word(&number(*n)?, indent, context),
            Value::Str(s) => self.string(&s.to_text(), indent, context)?,
            Value::Bytes(s) => self.string(&base64(s), indent, context)?,
            Value::List(list) => self.sequence(list.items(), indent, context, depth)?,
            Value::Map(map) => self.mapping(&map.entries(), indent, depth)?,
            Value::Object(object) => self.node(&object.plain(), indent, context, depth + 1)?,
        }
        Some(())
    }

    fn sequence(&mut self, items: &[Value], indent: Option<usize>, context: Context, depth: usize) -> Option<()> {
        if items.is_empty() {
            self.indicator("[", true, true, false);
            self.indicator("]", false, false, false);
            return Some(());
        }
        let indentless = context.mapping && !self.indention && !self.pretty;
        let inner = match indent {
            None => 0,
            Some(n) if indentless => n,
            Some(n) => n + INDENT,
        };
        for item in items {
            self.indent(inner);
            self.indicator("-", true, false, true);
            self.node(item, Some(inner), Context::default(), depth + 1)?;
        }
        Some(())
    }

    fn mapping(&mut self, entries: &[(Str, Value)], indent: Option<usize>, depth: usize) -> Option<()> {
        if entries.is_empty() {
            self.indicator("{", true, true, false);
            self.indicator("}", false, false, false);
            return Some(());
        }
        let inner = indent.map_or(0, |n| n + INDENT);
        let mut entries: Vec<_> = entries.iter().map(|(key, value)| (key.to_text(), value)).collect();
        entries.sort_by(|(a, _), (b, _)| natural(a, b));
        for (key, value) in entries {
            self.indent(inner);
            if key.len() <= SIMPLE_KEY && !key.contains(is_break) {
                self.string(&key, Some(inner), Context { mapping: true, key: true })?;
                self.indicator(":", false, false, false);
            } else {
                self.indicator("?", true, false, true);
                self.string(&key, Some(inner), Context { mapping: true, key: false })?;
                self.indent(inner);
                self.indicator(":", true, false, true);
            }
            self.node(value, Some(inner), Context { mapping: true, key: false }, depth + 1)?;
        }
        Some(())
    }

    /// A scalar of which it is known that it needs no quotes.
    fn plain_word(&mut self, text: &str, indent: Option<usize>, context: Context) {
        self.plain(text, indent.map_or(INDENT, |n| n + INDENT), !context.key);
    }

    fn string(&mut self, text: &str, indent: Option<usize>, context: Context) -> Option<()> {
        if text.bytes().any(|b| b >= 0x7f) && text.chars().any(unreadable) {
            return None;
        }
        let indent = indent.map_or(INDENT, |n| n + INDENT);
        match style(text, context.key) {
            Style::Plain => self.plain(text, indent, !context.key),
            Style::Single => self.single(text, indent, !context.key),
            Style::Double => self.double(text, indent, !context.key),
            Style::Literal => self.literal(text, indent),
        }
        Some(())
    }

    fn put(&mut self, c: char) {
        self.out.push(c);
        self.column += 1;
    }

    fn put_break(&mut self, c: char) {
        self.out.push(c);
        self.column = 0;
    }

    /// Begins a new line where this one is in use, and goes to a column.
    fn indent(&mut self, indent: usize) {
        if !self.indention || self.column > indent || (self.column == indent && !self.whitespace) {
            self.put_break('\n');
        }
        while self.column < indent {
            self.put(' ');
        }
        self.whitespace = true;
        self.indention = true;
    }

    fn indicator(&mut self, text: &str, needs_space: bool, is_space: bool, is_indention: bool) {
        if needs_space && !self.whitespace {
            self.put(' ');
        }
        text.chars().for_each(|c| self.put(c));
        self.whitespace = is_space;
        self.indention = self.indention && is_indention;
    }

    fn plain(&mut self, text: &str, indent: usize, fold: bool) {
        if !self.whitespace {
            self.put(' ');
        }
        self.folded(text, indent, fold, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn single(&mut self, text: &str, indent: usize, fold: bool) {
        self.indicator("'", true, false, false);
        self.folded(text, indent, fold, true);
        self.indicator("'", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    /// The body of plain and single-quoted text: a line break becomes two, a space beyond the width may become one.
    fn folded(&mut self, text: &str, indent: usize, fold: bool, quoted: bool) {
        // Most texts are words that fit their line.
        let fits = !fold || self.pretty || self.column + text.len() <= WIDTH;
        if fits && text.bytes().all(|b| matches!(b, b' '..=b'~') && !(quoted && b == b'\'')) {
            self.out.push_str(text);
            self.column += text.len();
            self.indention = self.indention && text.bytes().all(|b| b == b' ');
            return;
        }
        let (mut spaces, mut breaks) = (false, false);
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == ' ' {
                let inner = !quoted || (i > 0 && next.is_some());
                if fold && !self.pretty && !spaces && self.column > WIDTH && inner && next != Some(' ') {
                    self.indent(indent);
                } else {
                    self.put(c);
                }
                spaces = true;
            } else if is_break(c) {
                if !breaks && c == '\n' {
                    self.put_break('\n');
                }
                self.put_break(c);
                self.indention = true;
                breaks = true;
            } else {
                if breaks {
                    self.indent(indent);
                }
                if quoted && c == '\'' {
                    self.put(c);
                }
                self.put(c);
                self.indention = false;
                (spaces, breaks) = (false, false);
            }
        }
    }

    fn double(&mut self, text: &str, indent: usize, fold: bool) {
        self.indicator("\"", true, false, false);
        let mut spaces = false;
        let mut chars = text.char_indices().peekable();
        while let Some((i, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if !printable(c) || is_break(c) || c == '"' || c == '\\' {
                self.escape(c);
                spaces = false;
            } else if c == ' ' {
                if fold && !self.pretty && !spaces && self.column > WIDTH && i > 0 && next.is_some() {
                    self.indent(indent);
                    if next == Some(' ') {
                        self.put('\\');
                    }
                } else {
                    self.put(c);
                }
                spaces = true;
            } else {
                self.put(c);
                spaces = false;
            }
        }
        self.indicator("\"", false, false, false);
        self.whitespace = false;
        self.indention = false;
    }

    fn escape(&mut self, c: char) {
        let short = match c {
            '\0' => '0',
            '\u{7}' => 'a',
            '\u{8}' => 'b',
            '\t' => 't',
            '\n' => 'n',
            '\u{b}' => 'v',
            '\u{c}' => 'f',
            '\r' => 'r',
            '\u{1b}' => 'e',
            '"' => '"',
            '\\' => '\\',
            '\u{85}' => 'N',
            '\u{a0}' => '_',
            '\u{2028}' => 'L',
            '\u{2029}' => 'P',
            _ => return self.escape_number(u32::from(c)),
        };
        self.put('\\');
        self.put(short);
    }

    fn escape_number(&mut self, c: u32) {
        let before = self.out.len();
        let _ = match c {
            0..=0xff => write!(self.out, "\\x{c:02X}"),
            0x100..=0xffff => write!(self.out, "\\u{c:04X}"),
            _ => write!(self.out, "\\U{c:08X}"),
        };
        self.column += self.out.len() - before;
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.indicator("|", true, false, false);
        if text.starts_with([' ', '\n', '\r', '\u{85}', '\u{2028}', '\u{2029}']) {
            self.indicator("2", false, false, false);
        }
        let mut tail = text.chars().rev();
        match (tail.next().is_some_and(is_break), tail.next()) {
            (false, _) => self.indicator("-", false, false, false),
            (true, None) => self.indicator("+", false, false, false),
            (true, Some(c)) if is_break(c) => self.indicator("+", false, false, false),
            (true, Some(_)) => {}
        }
        self.put_break('\n');
        self.indention = true;
        self.whitespace = true;
        let mut breaks = true;
        for line in text.split_inclusive(is_break) {
            let end = line.chars().next_back().filter(|c| is_break(*c));
            let words = line.get(..line.len() - end.map_or(0, char::len_utf8)).unwrap_or_default();
            if !words.is_empty() {
                if breaks {
                    self.indent(indent);
                }
                self.out.push_str(words);
                self.column += words.chars().count();
                self.indention = false;
                breaks = false;
            }
            if let Some(end) = end {
                self.put_break(end);
                self.indention = true;
                breaks = true;
            }
        }
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A number as it comes out when it went through JSON: an integer where JSON has one that fits 64 bits.
fn number(n: f64) -> Option<String> {
    if !n.is_finite() {
        return None;
    }
    let json = float_json(n);
    let integer = json.parse::<i64>().map(|n| n.to_string()).or_else(|_| json.parse::<u64>().map(|n| n.to_string()));
    Some(integer.unwrap_or_else(|_| float_g(n, false)))
}

/// What a YAML text cannot contain, and JSON does not escape.
fn unreadable(c: char) -> bool {
    matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}')
}

fn style(text: &str, key: bool) -> Style {
    let allowed = analyze(text);
    if text.contains('\n') {
        return if !key && allowed.block { Style::Literal } else { Style::Double };
    }
    if !reads_as_string(text) || (key && allowed.multiline) {
        return Style::Double;
    }
    match (allowed.plain, allowed.single) {
        (true, _) => Style::Plain,
        (false, true) => Style::Single,
        (false, false) => Style::Double,
    }
}

/// Whether a plain scalar of this text is a string for readers of YAML 1.1, base-60 numbers among them.
fn reads_as_string(text: &str) -> bool {
    resolve::meaning(text).is_none() && !resolve::is_timestamp(text) && !is_base_60(text)
}

/// `^[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?$`
fn is_base_60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    if !fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_') {
        return false;
    }
    let mut parts = whole.split(':');
    let first = parts.next().is_some_and(|first| {
        first.starts_with(|c: char| c.is_ascii_digit()) && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
    });
    let sixty = |part: &str| match part.as_bytes() {
        [d] => d.is_ascii_digit(),
        [t, d] => (b'0'..=b'5').contains(t) && d.is_ascii_digit(),
        _ => false,
    };
    let mut rest = parts.peekable();
    first && rest.peek().is_some() && rest.all(sixty)
}
