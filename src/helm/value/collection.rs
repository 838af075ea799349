//! Slices and maps. A map is a reference: what one holder sets, all see. A list is never changed after it was made.

use super::{Str, Value};
use std::cell::{Ref, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The Go type of a slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ListType {
    /// `[]interface {}`
    #[default]
    Any,
    /// `[]string`
    Strings,
    /// `[]int`
    Ints,
    /// `[][]interface {}`, which `chunk` makes.
    Lists,
    /// `[]map[string]interface {}`
    Maps,
}

impl ListType {
    /// The type as `%T` prints it.
    pub fn name(self) -> &'static str {
        match self {
            ListType::Any => "[]interface {}",
            ListType::Strings => "[]string",
            ListType::Ints => "[]int",
            ListType::Lists => "[][]interface {}",
            ListType::Maps => "[]map[string]interface {}",
        }
    }
}

#[derive(Default)]
struct Items(Vec<Value>);

/// A slice. Cloning shares the items.
#[derive(Clone, Default)]
pub struct List {
    items: Rc<Items>,
    list_type: ListType,
}

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> List {
        List::typed(ListType::Any, items)
    }

    /// A slice of a certain type; the items must be of it.
    pub fn typed(list_type: ListType, items: Vec<Value>) -> List {
        List { items: Rc::new(Items(items)), list_type }
    }

    /// A `[]string`.
    pub fn strings<S: AsRef<[u8]>>(items: impl IntoIterator<Item = S>) -> List {
        List::typed(ListType::Strings, items.into_iter().map(Value::str).collect())
    }

    /// The Go type.
    pub fn list_type(&self) -> ListType {
        self.list_type
    }

    /// How many items.
    pub fn len(&self) -> usize {
        self.items.0.len()
    }

    /// Whether there is no item.
    pub fn is_empty(&self) -> bool {
        self.items.0.is_empty()
    }

    /// The item at an index.
    pub fn get(&self, index: usize) -> Option<&Value> {
        self.items.0.get(index)
    }

    /// All items.
    pub fn items(&self) -> &[Value] {
        &self.items.0
    }

    /// The items in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Value> {
        self.items.0.iter()
    }

    /// A list of the same type, each item made from one of this.
    pub fn map(&self, each: impl FnMut(&Value) -> Value) -> List {
        List::typed(self.list_type, self.items.0.iter().map(each).collect())
    }

    /// Whether both are the same slice in memory.
    pub fn same(&self, other: &List) -> bool {
        Rc::ptr_eq(&self.items, &other.items)
    }
}

/// The Go type of a map. Keys are always strings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum MapType {
    /// `map[string]interface {}`
    #[default]
    Any,
    /// `map[string]string`, which `split` makes: a key that isn't there is "".
    Strings,
    /// `.Values` itself: a named map type with the methods `AsMap`, `YAML`, `Table`, `PathValue` and `EncodingYAML`.
    Values,
}

impl MapType {
    /// The type as `%T` prints it.
    pub fn name(self) -> &'static str {
        match self {
            MapType::Any => "map[string]interface {}",
            MapType::Strings => "map[string]string",
            MapType::Values => "common.Values",
        }
    }
}

#[derive(Default)]
struct Entries(RefCell<BTreeMap<Str, Value>>);

/// A map with string keys, sorted bytewise. Cloning shares the entries; [`Map::copy`] doesn't.
#[derive(Clone, Default)]
pub struct Map {
    entries: Rc<Entries>,
    map_type: MapType,
}

impl Map {
    /// An empty `map[string]interface {}`.
    pub fn new() -> Map {
        Map::default()
    }

    /// An empty map of a certain type.
    pub fn typed(map_type: MapType) -> Map {
        Map { entries: Rc::default(), map_type }
    }

    /// A new map of these entries; the last of equal keys wins.
    pub fn of<K: AsRef<[u8]>>(entries: impl IntoIterator<Item = (K, Value)>) -> Map {
        entries.into_iter().map(|(key, value)| (Str::new(key), value)).collect()
    }

    /// The same entries seen as another type: what a Go conversion does.
    pub fn as_type(&self, map_type: MapType) -> Map {
        Map { entries: self.entries.clone(), map_type }
    }

    /// The Go type.
    pub fn map_type(&self) -> MapType {
        self.map_type
    }

    /// How many entries.
    pub fn len(&self) -> usize {
        self.entries.0.borrow().len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.0.borrow().is_empty()
    }

    /// The value of a key.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.0.borrow().get(key.as_ref()).cloned()
    }

    /// Whether the key is there, though its value be nil.
    pub fn has(&self, key: impl AsRef<[u8]>) -> bool {
        self.entries.0.borrow().contains_key(key.as_ref())
    }

    /// Sets a key for all who hold this map.
    pub fn set(&self, key: impl Into<Str>, value: Value) {
        self.entries.0.borrow_mut().insert(key.into(), value);
    }

    /// Removes a key for all who hold this map, and returns what it held.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> Option<Value> {
        self.entries.0.borrow_mut().remove(key.as_ref())
    }

    /// The keys, in order, as they are now.
    pub fn keys(&self) -> Vec<Str> {
        self.entries.0.borrow().keys().cloned().collect()
    }

    /// The entries, in the order of their keys, as they are now: the map may change while one walks them.
    pub fn entries(&self) -> Vec<(Str, Value)> {
        self.entries.0.borrow().iter().map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The entries, borrowed: quicker than [`Map::entries`], but nothing may change this map meanwhile.
    pub fn borrow(&self) -> Ref<'_, BTreeMap<Str, Value>> {
        self.entries.0.borrow()
    }

    /// A new map of the same type and entries; nested values stay shared.
    pub fn copy(&self) -> Map {
        self.map(Value::clone)
    }

    /// A new map of the same type, each value made from one of this.
    pub fn map(&self, mut each: impl FnMut(&Value) -> Value) -> Map {
        let entries = self.entries.0.borrow().iter().map(|(key, value)| (key.clone(), each(value))).collect();
        Map { entries: Rc::new(Entries(RefCell::new(entries))), map_type: self.map_type }
    }

    /// Whether both are the same map in memory.
    pub fn same(&self, other: &Map) -> bool {
        Rc::ptr_eq(&self.entries, &other.entries)
    }
}

impl FromIterator<(Str, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Str, Value)>>(entries: I) -> Map {
        let entries = entries.into_iter().collect();
        Map { entries: Rc::new(Entries(RefCell::new(entries))), map_type: MapType::Any }
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        release(self.0.drain(..));
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        release(std::mem::take(self.0.get_mut()).into_values());
    }
}

/// Drops values one after the other instead of one inside the other: a template can nest them deeper than any stack.
fn release(values: impl Iterator<Item = Value>) {
    let nested = |value: &Value| matches!(value, Value::List(_) | Value::Map(_));
    let mut pending: Vec<Value> = values.filter(nested).collect();
    while let Some(value) = pending.pop() {
        match value {
            Value::List(mut list) => {
                if let Some(items) = Rc::get_mut(&mut list.items) {
                    pending.extend(items.0.drain(..).filter(nested));
                }
            }
            Value::Map(mut map) => {
                if let Some(entries) = Rc::get_mut(&mut map.entries) {
                    pending.extend(std::mem::take(entries.0.get_mut()).into_values().filter(nested));
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_nested_beyond_any_stack_are_dropped() {
        let mut value = Value::Nil;
        for n in 0..1_000_000 {
            value = if n % 2 == 0 { Value::list(vec![value]) } else { Value::map([("inner", value)]) };
        }
        drop(value);
    }

    #[test]
    fn a_map_is_one_map_for_all_who_hold_it() {
        let map = Map::of([("a", Value::Int(1))]);
        let (alias, copy) = (map.clone(), map.copy());
        alias.set("b", Value::Int(2));
        assert_eq!((map.len(), copy.len()), (2, 1));
        assert!(map.same(&alias.as_type(MapType::Values)) && !map.same(&copy));
    }
}
