//! From text to [`Node`]: events put together, with aliases and merge keys resolved as go-yaml v2 does.

use super::entries::Entries;
use super::grammar::{Event, Grammar};
use super::node::{Data, Entry, Mark, Node, Text};
use super::resolve::{meaning, resolve};
use super::{MAX_BYTES, MAX_DEPTH, YamlError, float_g};
use std::collections::{HashMap, HashSet};

/// Reads the first document of a text; nothing if there is none.
///
/// # Errors
/// Text that is no YAML, an unknown or self-containing alias, aliases that expand beyond measure, a key that JSON cannot
/// have, an infinite number; more than [`MAX_BYTES`] or [`MAX_DEPTH`].
pub fn parse(text: &[u8]) -> Result<Option<Node>, YamlError> {
    // Before its characters are looked at: of a text that is too long nothing else is said.
    check_length(text.len())?;
    match std::str::from_utf8(text) {
        Ok(chars) => parse_chars(chars),
        Err(e) => Err(YamlError { line: Some(line_of(text, e.valid_up_to())), ..YamlError::new("invalid UTF-8") }),
    }
}

/// [`parse`] of what is known to be UTF-8.
///
/// # Errors
/// Those of [`parse`].
pub fn parse_chars(chars: &str) -> Result<Option<Node>, YamlError> {
    check_length(chars.len())?;
    let chars = chars.strip_prefix('\u{feff}').unwrap_or(chars);
    if let Some(at) = control(chars) {
        let error = YamlError::new("control characters are not allowed");
        return Err(YamlError { line: Some(line_of(chars.as_bytes(), at)), ..error });
    }
    match super::quick::read(chars) {
        Some(node) => Ok(Some(node)),
        None => by_grammar(chars.as_bytes()),
    }
}

fn check_length(length: usize) -> Result<(), YamlError> {
    match length > MAX_BYTES {
        true => Err(YamlError::new(format!("the text is longer than {MAX_BYTES} bytes"))),
        false => Ok(()),
    }
}

/// The line of a byte, from 1.
fn line_of(text: &[u8], at: usize) -> u32 {
    1 + text.iter().take(at).filter(|b| **b == b'\n').count() as u32
}

/// Reads it by the whole grammar; the characters are known to be allowed.
pub(super) fn by_grammar(text: &[u8]) -> Result<Option<Node>, YamlError> {
    let mut grammar = Grammar::new(text);
    let mut builder = Builder::default();
    loop {
        match grammar.next()? {
            Event::StreamEnd => return Ok(None),
            Event::DocumentEnd => return Ok(builder.root),
            event => builder.event(event)?,
        }
    }
}

/// Where the first control character stands that is no tab and no line break: YAML holds none.
fn control(chars: &str) -> Option<usize> {
    let is_control = |c: char| {
        matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}')
            || matches!(c, '\u{fffe}' | '\u{ffff}')
    };
    // Most texts have not even a byte with which one begins. Without a branch at each, many bytes are looked at together.
    let begins =
        |b: u8| (b < b' ') & (b != b'\t') & (b != b'\n') & (b != b'\r') | (b == 0x7f) | (b == 0xc2) | (b == 0xef);
    let is_odd = |bytes: &[u8]| bytes.iter().fold(false, |any, b| any | begins(*b));
    if chars.as_bytes().chunks(256).any(is_odd) { chars.find(is_control) } else { None }
}

/// An open collection.
struct Frame {
    mark: Mark,
    anchor: Option<String>,
    size: usize,
    open: Open,
}

enum Open {
    Seq(Vec<Node>),
    Map { entries: Vec<(Text, Entry)>, key: Option<(Key, Mark)> },
}

enum Key {
    Name(Text),
    Merge,
}

/// The tree as it grows. `decoded` and `aliased` count nodes, as go-yaml counts them against alias bombs.
#[derive(Default)]
struct Builder {
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: HashMap<String, (Node, usize)>,
    open: HashSet<String>,
    decoded: usize,
    aliased: usize,
}

impl Builder {
    fn event(&mut self, event: Event) -> Result<(), YamlError> {
        match event {
            Event::Scalar { mark, anchor, tag, value, plain } => {
                let merges = value == "<<" && (plain || tag.as_deref() == Some("tag:yaml.org,2002:merge"));
                if merges && self.wants_key() {
                    return self.key(Key::Merge, mark);
                }
                let data = scalar(tag.as_deref(), value, plain)?;
                self.finished(Node { mark, data }, 1, anchor)
            }
            Event::Alias { mark, name } => self.alias(&name, mark),
            Event::Sequence { mark, anchor } => self.push(mark, anchor, Open::Seq(Vec::new())),
            Event::Mapping { mark, anchor } => self.push(mark, anchor, Open::Map { entries: Vec::new(), key: None }),
            Event::End => self.pop(),
            Event::DocumentEnd | Event::StreamEnd => Ok(()),
        }
    }

    fn push(&mut self, mark: Mark, anchor: Option<String>, open: Open) -> Result<(), YamlError> {
        if self.stack.len() >= MAX_DEPTH {
            return Err(YamlError::at(mark, "exceeded max depth"));
        }
        if let Some(name) = &anchor {
            self.open.insert(name.clone());
        }
        self.stack.push(Frame { mark, anchor, size: 1, open });
        Ok(())
    }

    fn pop(&mut self) -> Result<(), YamlError> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        if let Some(name) = &frame.anchor {
            self.open.remove(name);
        }
        let data = match frame.open {
            Open::Seq(items) => Data::Seq(items),
            Open::Map { entries, .. } => Data::Map(Entries::from(entries)),
        };
        self.finished(Node { mark: frame.mark, data }, frame.size, frame.anchor)
    }

    fn alias(&mut self, name: &str, mark: Mark) -> Result<(), YamlError> {
        if self.open.contains(name) {
            return Err(YamlError::new(format!("anchor '{name}' value contains itself")));
        }
        let Some((node, size)) = self.anchors.get(name) else {
            return Err(YamlError::new(format!("unknown anchor '{name}' referenced")));
        };
        self.decoded += size;
        self.aliased += size;
        let ratio = self.aliased as f64 / self.decoded as f64;
        if self.aliased > 100 && self.decoded > 1000 && ratio > allowed_ratio(self.decoded) {
            return Err(YamlError::at(mark, "document contains excessive aliasing"));
        }
        let (node, size) = (node.clone(), *size);
        if depth(&node) + self.stack.len() > MAX_DEPTH {
            return Err(YamlError::at(mark, "exceeded max depth"));
        }
        self.finished(node, size, None)
    }

    fn wants_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { open: Open::Map { key: None, .. }, .. }))
    }

    fn key(&mut self, name: Key, mark: Mark) -> Result<(), YamlError> {
        if let Some(Frame { open: Open::Map { key, .. }, .. }) = self.stack.last_mut() {
            *key = Some((name, mark));
        }
        Ok(())
    }

    /// Puts a finished node where it belongs.
    fn finished(&mut self, node: Node, size: usize, anchor: Option<String>) -> Result<(), YamlError> {
        self.decoded += 1;
        if let Some(name) = anchor {
            self.anchors.insert(name, (node.clone(), size));
        }
        if self.wants_key() {
            let mark = node.mark;
            let name = match node.data {
                Data::Str(name) => name,
                _ => key_text(&node)?,
            };
            return self.key(Key::Name(name), mark);
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        frame.size += size;
        match &mut frame.open {
            Open::Seq(items) => items.push(node),
            Open::Map { entries, key } => match key.take() {
                Some((Key::Name(name), mark)) => {
                    entries.push((name, Entry { key: mark, value: node }));
                }
                Some((Key::Merge, mark)) => merge(entries, node, mark)?,
                None => {}
            },
        }
        Ok(())
    }
}

/// The share of nodes that may come through aliases: 99 % in small documents, 10 % in huge ones.
fn allowed_ratio(decoded: usize) -> f64 {
    const LOW: f64 = 400_000.0;
    const HIGH: f64 = 4_000_000.0;
    let share = ((decoded as f64 - LOW) / (HIGH - LOW)).clamp(0.0, 1.0);
    0.99 - 0.89 * share
}

fn depth(node: &Node) -> usize {
    match &node.data {
        Data::Seq(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Data::Map(entries) => 1 + entries.values().map(|e| depth(&e.value)).max().unwrap_or(0),
        _ => 1,
    }
}

fn scalar(tag: Option<&str>, value: String, plain: bool) -> Result<Data, YamlError> {
    let data = match tag {
        None | Some("") if plain => meaning(&value).unwrap_or_else(|| Data::Str(value.into())),
        None | Some("") => Data::Str(value.into()),
        Some(tag) => resolve(tag, &value)?,
    };
    match data {
        Data::Float(n) if !n.is_finite() => {
            Err(YamlError::new(format!("error converting YAML to JSON: json: unsupported value: {}", infinite(n))))
        }
        data => Ok(data),
    }
}

fn infinite(n: f64) -> &'static str {
    match n {
        n if n.is_nan() => "NaN",
        n if n > 0.0 => "+Inf",
        _ => "-Inf",
    }
}

/// A key as JSON can have it.
pub(super) fn key_text(node: &Node) -> Result<Text, YamlError> {
    let unsupported = |what: &str| Err(YamlError::at(node.mark, format!("unsupported map key of type: {what}")));
    match &node.data {
        Data::Str(s) => Ok(s.clone()),
        Data::Bool(b) => Ok(b.to_string().into()),
        Data::Int(n) | Data::Exact(n) => Ok(n.to_string().into()),
        Data::Float(n) => Ok(float_g(f64::from(*n as f32), true).into()),
        Data::Uint(_) => unsupported("uint64"),
        Data::Null => unsupported("%!s(<nil>)"),
        Data::Seq(_) | Data::Map(_) => Err(YamlError::at(node.mark, "invalid map key")),
    }
}

/// Merges the mappings behind `<<` in: what stands later in the document wins, and of a list the earlier.
fn merge(entries: &mut Vec<(Text, Entry)>, from: Node, mark: Mark) -> Result<(), YamlError> {
    let wrong = || YamlError::at(mark, "map merge requires map or sequence of maps as the value");
    match from.data {
        Data::Map(map) => entries.extend(map),
        Data::Seq(items) => {
            for item in items.into_iter().rev() {
                let Data::Map(map) = item.data else { return Err(wrong()) };
                entries.extend(map);
            }
        }
        _ => return Err(wrong()),
    }
    Ok(())
}
