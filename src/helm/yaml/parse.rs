//! From text to [`Node`]: the events of `libyaml-safer`, with aliases and merge keys resolved as go-yaml v2 does.

use super::node::{Data, Entry, Mark, Node};
use super::resolve::resolve;
use super::{MAX_BYTES, MAX_DEPTH, YamlError, float_g};
use libyaml_safer::{Event, EventData, Parser, ScalarStyle};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Reads the first document of a text; nothing if there is none.
///
/// # Errors
/// Text that is no YAML, an unknown or self-containing alias, aliases that expand beyond measure, a key that JSON cannot
/// have, an infinite number; more than [`MAX_BYTES`] or [`MAX_DEPTH`].
pub fn parse(text: &[u8]) -> Result<Option<Node>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::new(format!("the text is longer than {MAX_BYTES} bytes")));
    }
    // The parser wants every line ended; what that adds to a block scalar at the very end is taken away again.
    let open = !text.ends_with(b"\n");
    let ended = if open { [text, b"\n"].concat() } else { text.to_vec() };
    let mut input = &ended[..];
    let mut parser = Parser::new();
    parser.set_input_string(&mut input);
    let mut builder = Builder::default();
    loop {
        let mut event = parser.parse().map_err(syntax)?;
        if open && event.end_mark.index as usize >= ended.len() {
            reopen(&mut event, text);
        }
        match event.data {
            EventData::StreamEnd => return Ok(None),
            EventData::DocumentEnd { .. } => return Ok(builder.root),
            _ => builder.event(event)?,
        }
    }
}

/// Takes from a block scalar that ends with the text the newline that the text does not have.
fn reopen(event: &mut Event, text: &[u8]) {
    let EventData::Scalar { value, style: ScalarStyle::Literal | ScalarStyle::Folded, .. } = &mut event.data else { return };
    let last_line = text.rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
    let added = if last_line.trim_ascii().is_empty() { "\n\n" } else { "\n" };
    if value.ends_with(added) {
        value.pop();
    }
}

fn syntax(error: libyaml_safer::Error) -> YamlError {
    let mark = error.problem_mark().filter(|m| m.line > 0 || m.column > 0).or(error.context_mark());
    let message = error.problem();
    let line = mark.map(|m| m.line as u32 + 1);
    YamlError { line, message: if message.is_empty() { error.to_string() } else { message.to_string() } }
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
    Map { entries: BTreeMap<String, Entry>, key: Option<(Key, Mark)> },
}

enum Key {
    Name(String),
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
        let mark = Mark { line: event.start_mark.line as u32 + 1, column: event.start_mark.column as u32 + 1 };
        match event.data {
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let is_key = self.wants_key();
                if is_key && value == "<<" && (plain_implicit || tag.as_deref() == Some("tag:yaml.org,2002:merge")) {
                    return self.key(Key::Merge, mark);
                }
                let data = scalar(tag.as_deref(), value, plain_implicit)?;
                self.finished(Node { mark, data }, 1, anchor)
            }
            EventData::Alias { anchor } => self.alias(&anchor, mark),
            EventData::SequenceStart { anchor, .. } => self.push(mark, anchor, Open::Seq(Vec::new())),
            EventData::MappingStart { anchor, .. } => {
                self.push(mark, anchor, Open::Map { entries: BTreeMap::new(), key: None })
            }
            EventData::SequenceEnd | EventData::MappingEnd => self.pop(),
            _ => Ok(()),
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
            Open::Map { entries, .. } => Data::Map(entries),
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
            return self.key(Key::Name(key_text(&node)?), mark);
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
                    entries.insert(name, Entry { key: mark, value: node });
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
        None | Some("") if !plain => Data::Str(value),
        tag => resolve(tag.filter(|t| !t.is_empty()), &value)?,
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
fn key_text(node: &Node) -> Result<String, YamlError> {
    let unsupported = |what: &str| Err(YamlError::at(node.mark, format!("unsupported map key of type: {what}")));
    match &node.data {
        Data::Str(s) => Ok(s.clone()),
        Data::Bool(b) => Ok(b.to_string()),
        Data::Int(n) | Data::Exact(n) => Ok(n.to_string()),
        Data::Float(n) => Ok(float_g(f64::from(*n as f32), true)),
        Data::Uint(_) => unsupported("uint64"),
        Data::Null => unsupported("%!s(<nil>)"),
        Data::Seq(_) | Data::Map(_) => Err(YamlError::at(node.mark, "invalid map key")),
    }
}

/// Merges the mappings behind `<<` in: what stands later in the document wins, and of a list the earlier.
fn merge(entries: &mut BTreeMap<String, Entry>, from: Node, mark: Mark) -> Result<(), YamlError> {
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
