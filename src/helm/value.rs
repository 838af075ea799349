//! The values that flow through templates, with Go's semantics: maps are references, strings are bytes, `int`, `int64` and
//! `float64` are different types, and there are two kinds of nil.
//!
//! A render runs on one thread, so sharing is plain `Rc`; cloning a value never copies its contents.

mod collection;
mod object;
mod text;
mod unknown;

pub use collection::{List, ListType, Map, MapType};
pub use object::{Member, Object};
pub use text::Str;
pub use unknown::{Unknown, Unknowns};

use std::rc::Rc;

/// One value of a template.
#[derive(Clone, Default)]
pub enum Value {
    /// Go's zero `reflect.Value`: what remains after a pipeline, a parenthesis or a variable that held nil. A field of it is
    /// `Missing` again, which makes `((.a).b).c` the nil-safe idiom.
    Missing,
    /// A nil found in a map or list, or a key that is not there. A field of it is an error.
    #[default]
    Nil,
    /// `bool`
    Bool(bool),
    /// `int`: literals and the results of `int`, `len`, `until`.
    Int(i64),
    /// `int64`: the results of `int64`, `add`, `sub`, `mul`, `div` and their like.
    Int64(i64),
    /// `uint64`: the parts of a semantic version.
    Uint64(u64),
    /// `float64`: every number that was read from YAML or JSON.
    Float(f64),
    /// `string`: bytes, by custom UTF-8.
    Str(Str),
    /// `[]byte`: the contents of files.
    Bytes(Str),
    /// A slice.
    List(List),
    /// A map with string keys, shared by all who hold it.
    Map(Map),
    /// A Go value with fields or methods of its own.
    Object(Rc<dyn Object>),
}

/// What Go's `reflect` calls the kind of a value, as `kindOf` prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No value at all: `invalid`.
    Invalid,
    /// `bool`
    Bool,
    /// `int`
    Int,
    /// `int64`
    Int64,
    /// `uint64`
    Uint64,
    /// `float64`
    Float64,
    /// `string`
    String,
    /// `slice`
    Slice,
    /// `map`
    Map,
    /// `struct`
    Struct,
    /// `ptr`
    Ptr,
    /// `func`
    Func,
}

impl Kind {
    /// The name `reflect.Kind.String` gives.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Invalid => "invalid",
            Kind::Bool => "bool",
            Kind::Int => "int",
            Kind::Int64 => "int64",
            Kind::Uint64 => "uint64",
            Kind::Float64 => "float64",
            Kind::String => "string",
            Kind::Slice => "slice",
            Kind::Map => "map",
            Kind::Struct => "struct",
            Kind::Ptr => "ptr",
            Kind::Func => "func",
        }
    }
}

impl Value {
    /// A string value of some bytes.
    pub fn str(bytes: impl AsRef<[u8]>) -> Value {
        Value::Str(Str::new(bytes))
    }

    /// A `[]interface {}` of these items.
    pub fn list(items: Vec<Value>) -> Value {
        Value::List(List::new(items))
    }

    /// A `[]string` of these texts.
    pub fn strings<S: AsRef<[u8]>>(items: impl IntoIterator<Item = S>) -> Value {
        Value::List(List::strings(items))
    }

    /// A new `map[string]interface {}` of these entries; the last of equal keys wins.
    pub fn map<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Value)>) -> Value {
        Value::Map(Map::of(entries))
    }

    /// A value with methods.
    pub fn object(object: impl Object + 'static) -> Value {
        Value::Object(Rc::new(object))
    }

    /// Whether this is either nil.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Missing | Value::Nil)
    }

    /// Go's `reflect.Kind` of the value inside the interface.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Missing | Value::Nil => Kind::Invalid,
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Int64(_) => Kind::Int64,
            Value::Uint64(_) => Kind::Uint64,
            Value::Float(_) => Kind::Float64,
            Value::Str(_) => Kind::String,
            Value::Bytes(_) | Value::List(_) => Kind::Slice,
            Value::Map(_) => Kind::Map,
            Value::Object(object) => object.kind(),
        }
    }

    /// The Go type, as `%T` and `typeOf` print it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Missing | Value::Nil => "<nil>",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Int64(_) => "int64",
            Value::Uint64(_) => "uint64",
            Value::Float(_) => "float64",
            Value::Str(_) => "string",
            Value::Bytes(_) => "[]uint8",
            Value::List(list) => list.list_type().name(),
            Value::Map(map) => map.map_type().name(),
            Value::Object(object) => object.type_name(),
        }
    }

    /// Go's `template.IsTrue`: false, 0, "", nil and the empty collection are false.
    pub fn is_true(&self) -> bool {
        match self {
            Value::Missing | Value::Nil => false,
            Value::Bool(b) => *b,
            Value::Int(n) | Value::Int64(n) => *n != 0,
            Value::Uint64(n) => *n != 0,
            Value::Float(n) => *n != 0.0,
            Value::Str(s) | Value::Bytes(s) => !s.is_empty(),
            Value::List(list) => !list.is_empty(),
            Value::Map(map) => !map.is_empty(),
            Value::Object(object) => object.is_true(),
        }
    }

    /// The bytes of a string value; nothing else has any.
    pub fn as_str(&self) -> Option<&Str> {
        match self {
            Value::Str(s) => Some(s),
            _ => None,
        }
    }

    /// The map, if it is one.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// Whether it contains more than so many values, each counted as often as one comes upon it.
    pub fn exceeds(&self, limit: usize) -> bool {
        let nested = |value: &&Value| matches!(value, Value::List(_) | Value::Map(_));
        let mut left = limit;
        let mut pending = vec![self.clone()];
        while let Some(value) = pending.pop() {
            let count = match &value {
                Value::List(list) => {
                    pending.extend(list.iter().filter(nested).cloned());
                    list.len()
                }
                Value::Map(map) => {
                    let entries = map.borrow();
                    pending.extend(entries.values().filter(nested).cloned());
                    entries.len()
                }
                _ => 0,
            };
            match left.checked_sub(count) {
                Some(rest) if pending.len() <= rest => left = rest,
                _ => return true,
            }
        }
        false
    }

    /// A copy that shares no map or list with this one. Objects stay shared. `depth` bounds the recursion: what lies
    /// deeper stays shared too, so that a map that contains itself ends.
    pub fn deep_copy(&self, depth: usize) -> Value {
        let Some(depth) = depth.checked_sub(1) else { return self.clone() };
        match self {
            Value::List(list) => Value::List(list.map(|item| item.deep_copy(depth))),
            Value::Map(map) => Value::Map(map.map(|item| item.deep_copy(depth))),
            other => other.clone(),
        }
    }
}

impl From<bool> for Value {
    fn from(b: bool) -> Value {
        Value::Bool(b)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::str(text)
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::str(text)
    }
}

impl From<Vec<u8>> for Value {
    fn from(bytes: Vec<u8>) -> Value {
        Value::Str(Str::from(bytes))
    }
}

impl From<Str> for Value {
    fn from(text: Str) -> Value {
        Value::Str(text)
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Value {
        Value::Map(map)
    }
}

impl From<List> for Value {
    fn from(list: List) -> Value {
        Value::List(list)
    }
}

/// For tests and messages only: an approximate, Rust-like form. Templates print with [`crate::helm::template::format`].
impl std::fmt::Debug for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Value::Missing => f.write_str("Missing"),
            Value::Nil => f.write_str("Nil"),
            Value::Bool(b) => write!(f, "{b}"),
            Value::Int(n) => write!(f, "{n}"),
            Value::Int64(n) => write!(f, "{n}i64"),
            Value::Uint64(n) => write!(f, "{n}u64"),
            Value::Float(n) => write!(f, "{n:?}"),
            Value::Str(s) => write!(f, "{s:?}"),
            Value::Bytes(s) => write!(f, "b{s:?}"),
            Value::List(list) => f.debug_list().entries(list.iter()).finish(),
            Value::Map(map) => f.debug_map().entries(map.entries()).finish(),
            Value::Object(object) => f.write_str(object.type_name()),
        }
    }
}
