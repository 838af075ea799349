//! The syntax of `--set` and its kin: `a.b[0]=c,d={e,f}`, with `\` before what should stand for itself. Helm's
//! `pkg/strvals`.

use super::layers::{Set, SetKind};
use super::overlay;
use crate::helm::json;
use crate::helm::value::Value;
use crate::helm::yaml::{Data, Entries, Entry, Mark, Node, Text};

/// The largest index of a list.
const MAX_INDEX: usize = 65_536;
/// How deep names may be nested.
const MAX_NESTING: usize = 30;

/// What is wrong with a setting, in Helm's words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SetError(String);

fn error<T>(text: impl Into<String>) -> Result<T, SetError> {
    Err(SetError(text.into()))
}

/// Puts the values of a setting into a tree, in place.
pub(super) fn apply(values: &mut Node, set: &Set) -> Result<(), SetError> {
    let text = set.text.trim_start();
    if set.kind == SetKind::Json && text.starts_with('{') {
        return match json::read(text.as_bytes()).map_err(SetError)? {
            Value::Map(map) => {
                if let Data::Map(entries) = from_json(&Value::Map(map)).data {
                    overlay(values, entries);
                }
                Ok(())
            }
            _ => error("json: not an object"),
        };
    }
    let mut parser = Parser { rest: &set.text, kind: set.kind, file: set.file.as_deref() };
    while !parser.rest.is_empty() {
        parser.key(values, 0)?;
    }
    Ok(())
}

fn node(data: Data) -> Node {
    Node { mark: Mark::default(), data }
}

fn from_json(value: &Value) -> Node {
    node(match value {
        Value::Bool(b) => Data::Bool(*b),
        Value::Float(n) => Data::Float(*n),
        Value::Str(s) => Data::Str(s.to_text().into()),
        Value::List(list) => Data::Seq(list.iter().map(from_json).collect()),
        Value::Map(map) => Data::Map(
            map.entries()
                .iter()
                .map(|(k, v)| (k.to_text().into(), Entry { key: Mark::default(), value: from_json(v) }))
                .collect(),
        ),
        _ => Data::Null,
    })
}

struct Parser<'a> {
    rest: &'a str,
    kind: SetKind,
    file: Option<&'a str>,
}

impl Parser<'_> {
    /// The text up to one of the stops, without its backslashes, and the stop; nothing at the end.
    fn until(&mut self, stops: &[char]) -> (String, Option<char>) {
        let mut text = String::new();
        let mut chars = self.rest.chars();
        while let Some(c) = chars.next() {
            if stops.contains(&c) {
                self.rest = chars.as_str();
                return (text, Some(c));
            }
            match c {
                '\\' => text.extend(chars.next()),
                c => text.push(c),
            }
        }
        self.rest = "";
        (text, None)
    }

    /// One `path=value`, below a mapping.
    fn key(&mut self, into: &mut Node, nesting: usize) -> Result<(), SetError> {
        let (name, stop) = self.until(&['=', '[', ',', '.']);
        let Data::Map(entries) = &mut into.data else {
            return error("unable to parse key: interface conversion: the value is not a map");
        };
        match stop {
            None if name.is_empty() => Ok(()),
            None => error(format!("key {name:?} has no value")),
            Some(',') => {
                put(entries, &name, node(Data::Str(Text::default())));
                error(format!("key {name:?} has no value (cannot end with ,)"))
            }
            Some('=') => {
                let value = self.value()?;
                put(entries, &name, value);
                Ok(())
            }
            Some('[') => self.indexed(entries, &name, nesting),
            Some(_) => self.nested(entries, &name, nesting + 1),
        }
    }

    fn indexed(&mut self, entries: &mut Entries, name: &str, nesting: usize) -> Result<(), SetError> {
        let index = self.index()?;
        let mut list = match entries.remove(name).map(|entry| entry.value.data) {
            None => Vec::new(),
            Some(Data::Seq(items)) => items,
            Some(_) => return error("unable to parse key: interface conversion: the value is not a list"),
        };
        let result = self.item(&mut list, index, nesting);
        put(entries, name, node(Data::Seq(list)));
        result
    }

    fn nested(&mut self, entries: &mut Entries, name: &str, nesting: usize) -> Result<(), SetError> {
        if nesting > MAX_NESTING {
            return error(format!(
                "value name nested level is greater than maximum supported nested level of {MAX_NESTING}"
            ));
        }
        let mut inner = match entries.remove(name) {
            Some(entry) => entry.value,
            None => node(Data::Map(Entries::new())),
        };
        let result = self.key(&mut inner, nesting);
        let empty = matches!(&inner.data, Data::Map(map) if map.is_empty());
        if !empty {
            put(entries, name, inner);
        } else if result.is_ok() {
            return error(format!("key map {name:?} has no value"));
        }
        result
    }

    fn index(&mut self) -> Result<usize, SetError> {
        let (text, stop) = self.until(&[']']);
        match (stop, text.parse::<i64>()) {
            (None, _) => error("error parsing index: EOF"),
            (_, Err(_)) => error(format!("error parsing index: strconv.Atoi: parsing {text:?}: invalid syntax")),
            (_, Ok(n)) => match usize::try_from(n) {
                Ok(n) if n <= MAX_INDEX => Ok(n),
                Ok(n) => error(format!("index of {n} is greater than maximum supported index of {MAX_INDEX}")),
                Err(_) => error(format!("negative {n} index not allowed")),
            },
        }
    }

    /// What follows `[n]`.
    fn item(&mut self, list: &mut Vec<Node>, index: usize, nesting: usize) -> Result<(), SetError> {
        let (extra, stop) = self.until(&['[', '.', '=']);
        if !extra.is_empty() {
            return error(format!("unexpected data at end of array index: {extra:?}"));
        }
        let old = list.get_mut(index).map(|item| std::mem::replace(&mut item.data, Data::Null));
        let value = match stop {
            None => return error("unexpected end of array index"),
            Some('=') => self.value()?,
            Some('[') => {
                let next = self.index()?;
                let mut inner = match old {
                    None | Some(Data::Null) => Vec::new(),
                    Some(Data::Seq(items)) => items,
                    Some(_) => return error("unable to parse key: interface conversion: the value is not a list"),
                };
                self.item(&mut inner, next, nesting)?;
                node(Data::Seq(inner))
            }
            Some(_) => {
                let map = match old {
                    Some(data @ Data::Map(_)) => data,
                    _ => Data::Map(Entries::new()),
                };
                let mut inner = node(map);
                self.key(&mut inner, nesting)?;
                inner
            }
        };
        while list.len() <= index {
            list.push(node(Data::Null));
        }
        list[index] = value;
        Ok(())
    }

    fn value(&mut self) -> Result<Node, SetError> {
        if self.kind == SetKind::Json {
            return self.json();
        }
        if let Some(body) = self.rest.strip_prefix('{') {
            self.rest = body;
            return self.list();
        }
        let (text, _) = self.until(&[',']);
        Ok(self.scalar(text))
    }

    fn list(&mut self) -> Result<Node, SetError> {
        let mut items = Vec::new();
        loop {
            let (text, stop) = self.until(&[',', '}']);
            let Some(stop) = stop else { return error("list must terminate with '}'") };
            items.push(self.scalar(text));
            if stop == '}' {
                self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
                return Ok(node(Data::Seq(items)));
            }
        }
    }

    fn scalar(&self, text: String) -> Node {
        node(match self.kind {
            SetKind::File => Data::Str(self.file.map_or(text.into(), Text::from)),
            SetKind::Typed => typed(text),
            _ => Data::Str(text.into()),
        })
    }

    /// A JSON value, up to where it ends, and the comma behind it.
    fn json(&mut self) -> Result<Node, SetError> {
        self.rest = self.rest.trim_start();
        if let Some(rest) = self.rest.strip_prefix(',') {
            self.rest = rest;
            return Ok(node(Data::Null));
        }
        if self.rest.is_empty() {
            return Ok(node(Data::Null));
        }
        let (value, used) = json::read_prefix(self.rest.as_bytes()).map_err(SetError)?;
        self.rest = self.rest.get(used..).unwrap_or_default().trim_start();
        self.rest = self.rest.strip_prefix(',').unwrap_or(self.rest);
        Ok(from_json(&value))
    }
}

fn put(entries: &mut Entries, name: &str, value: Node) {
    if !name.is_empty() {
        entries.insert(name.into(), Entry { key: Mark::default(), value });
    }
}

fn typed(text: String) -> Data {
    match text.to_ascii_lowercase().as_str() {
        "true" => Data::Bool(true),
        "false" => Data::Bool(false),
        "null" => Data::Null,
        "0" => Data::Exact(0),
        _ if !text.starts_with('0') => text.parse().map_or_else(|_| Data::Str(text.into()), Data::Exact),
        _ => Data::Str(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::empty_node;
    use super::*;
    use crate::helm::json::Form;

    fn set(kind: SetKind, texts: &[&str]) -> Result<String, String> {
        let mut values = empty_node();
        for text in texts {
            let set = Set { text: text.to_string(), kind, file: Some("contents".to_string()), name: String::new() };
            apply(&mut values, &set).map_err(|e| e.to_string())?;
        }
        json::write(&values.to_value(), Form::Raw)
    }

    #[test]
    fn settings() {
        use SetKind::{File, Json, String, Typed};
        let cases: [(SetKind, &[&str], &str); 16] = [
            (Typed, &["a=1,b=x,c=true,d=null,e=01,f="], r#"{"a":1,"b":"x","c":true,"d":null,"e":"01","f":""}"#),
            (Typed, &["a.b.c=1", "a.b.d=2"], r#"{"a":{"b":{"c":1,"d":2}}}"#),
            (Typed, &["a={b,1,true}"], r#"{"a":["b",1,true]}"#),
            (Typed, &["a={}"], r#"{"a":[""]}"#),
            (Typed, &["a[0]=x,a[2]=y"], r#"{"a":["x",null,"y"]}"#),
            (Typed, &["a[0].b=x", "a[0].c=y"], r#"{"a":[{"b":"x","c":"y"}]}"#),
            (Typed, &["a[0][1]=x"], r#"{"a":[[null,"x"]]}"#),
            (Typed, &[r"a\.b=c\,d"], r#"{"a.b":"c,d"}"#),
            (
                Typed,
                &[r"nodeSelector.kubernetes\.io/role=master"],
                r#"{"nodeSelector":{"kubernetes.io/role":"master"}}"#,
            ),
            (Typed, &["a==b"], r#"{"a":"=b"}"#),
            (String, &["a=1,b=true"], r#"{"a":"1","b":"true"}"#),
            (Json, &[r#"a={"b":[1,2]},c=3"#], r#"{"a":{"b":[1,2]},"c":3}"#),
            (Json, &[r#"{"a":{"b":1}}"#, r#"{"a":{"c":2}}"#], r#"{"a":{"b":1,"c":2}}"#),
            (File, &["a.b=path"], r#"{"a":{"b":"contents"}}"#),
            (Typed, &["a=x", "a=y"], r#"{"a":"y"}"#),
            (Typed, &["a=-1,b=1.5"], r#"{"a":-1,"b":"1.5"}"#),
        ];
        for (kind, texts, expected) in cases {
            assert_eq!(set(kind, texts).as_deref(), Ok(expected), "{texts:?}");
        }
    }

    #[test]
    fn refusals() {
        let deep = "a.".repeat(40) + "b=1";
        let cases = [
            ("a", "key \"a\" has no value"),
            ("a,b=1", "cannot end with ,"),
            ("a={b", "list must terminate with '}'"),
            ("a[x]=1", "error parsing index"),
            ("a[-1]=1", "negative -1 index not allowed"),
            ("a[99999]=1", "greater than maximum supported index"),
            ("a=1,a.b=2", "unable to parse key"),
            (&deep, "nested level"),
        ];
        for (text, expected) in cases {
            let error = set(SetKind::Typed, &[text]).expect_err(expected);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
