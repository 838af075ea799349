//! The entries of a mapping, in one piece of memory: most mappings have a handful, for which a tree would be mostly room.

use super::node::{Entry, Text};

/// A key and what stands under it.
type Pair = (Text, Entry);

/// The entries of a mapping by key, in bytewise order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entries(Vec<Pair>);

impl Entries {
    /// None.
    pub const fn new() -> Entries {
        Entries(Vec::new())
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.as_str().cmp(key))
    }

    /// The entry of a key.
    pub fn get(&self, key: &str) -> Option<&Entry> {
        self.0.get(self.find(key).ok()?).map(|(_, entry)| entry)
    }

    /// The entry of a key, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        let at = self.find(key).ok()?;
        self.0.get_mut(at).map(|(_, entry)| entry)
    }

    /// Puts an entry under a key; answers what stood there. For many at once there is [`Extend`].
    pub fn insert(&mut self, key: Text, entry: Entry) -> Option<Entry> {
        match self.find(&key) {
            Ok(at) => self.0.get_mut(at).map(|(_, old)| std::mem::replace(old, entry)),
            Err(at) => {
                self.0.insert(at, (key, entry));
                None
            }
        }
    }

    /// Takes the entry of a key out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        self.find(key).ok().map(|at| self.0.remove(at).1)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&Text, &Entry)> {
        self.0.iter().map(|(key, entry)| (key, entry))
    }

    /// The keys.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Text> {
        self.0.iter().map(|(key, _)| key)
    }

    /// What stands under them.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.0.iter().map(|(_, entry)| entry)
    }

    /// What stands under them, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Entry> {
        self.0.iter_mut().map(|(_, entry)| entry)
    }

    /// Puts them in order; of equal keys the last stays.
    fn settle(&mut self) {
        if self.0.is_sorted_by(|(a, _), (b, _)| a < b) {
            return;
        }
        self.0.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.0.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(&mut later.1, &mut kept.1);
            }
            same
        });
    }
}

impl FromIterator<Pair> for Entries {
    fn from_iter<I: IntoIterator<Item = Pair>>(entries: I) -> Entries {
        Entries::from(entries.into_iter().collect::<Vec<_>>())
    }
}

impl From<Vec<Pair>> for Entries {
    fn from(entries: Vec<Pair>) -> Entries {
        let mut entries = Entries(entries);
        entries.settle();
        entries
    }
}

impl<const N: usize> From<[Pair; N]> for Entries {
    fn from(entries: [Pair; N]) -> Entries {
        entries.into_iter().collect()
    }
}

impl Extend<Pair> for Entries {
    fn extend<I: IntoIterator<Item = Pair>>(&mut self, entries: I) {
        self.0.extend(entries);
        self.settle();
    }
}

impl IntoIterator for Entries {
    type Item = Pair;
    type IntoIter = std::vec::IntoIter<Pair>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Entries {
    type Item = (&'a Text, &'a Entry);
    type IntoIter = std::iter::Map<std::slice::Iter<'a, Pair>, fn(&'a Pair) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter().map(|(key, entry)| (key, entry))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Data, Mark, Node};
    use super::*;

    fn entry(n: i64) -> Entry {
        Entry { key: Mark::default(), value: Node { mark: Mark::default(), data: Data::Int(n) } }
    }

    #[test]
    fn the_last_of_equal_keys_stays_and_all_stand_in_order() {
        let mut entries: Entries =
            [("b", 1), ("a", 2), ("b", 3), ("b", 4)].into_iter().map(|(k, n)| (k.into(), entry(n))).collect();
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(entries.get("b"), Some(&entry(4)));
        entries.extend([("a".into(), entry(5)), ("0".into(), entry(6))]);
        assert_eq!(entries.insert("aa".into(), entry(7)), None);
        assert_eq!(entries.insert("a".into(), entry(8)), Some(entry(5)));
        assert_eq!(entries.keys().collect::<Vec<_>>(), ["0", "a", "aa", "b"]);
        assert_eq!((entries.remove("a"), entries.remove("x")), (Some(entry(8)), None));
        assert_eq!(entries.len(), 3);
    }
}
