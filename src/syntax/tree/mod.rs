//! The tree of a text, and the views through which the other rooms read it.
//!
//! A [`Tree`] is one text and three flat tables: nodes in the order of the text, entries, and the few things that most
//! texts have little of (type annotations, strings that had to be decoded). All places are 32-bit offsets, and strings
//! are borrowed from the text unless they have escapes. A [`Document`] is a tree with the trees that it includes;
//! [`Node`], [`Entry`], [`Prop`] and [`Value`] are small `Copy` views into it.
//!
//! What stands under a slashdash is read for its faults and is not in the tables, but its places are kept
//! ([`Tree::skipped`]). The whole text, blanks and comments too, is what [`tokens`](super::tokens) of
//! [`Tree::text`] gives.

mod document;
mod node;
mod same;
mod value;

pub use document::{At, Document};
pub use node::{Children, Entries, Node};
pub use same::Same;
pub use value::{Entry, InnerPlaces, Prop, Value, ValueKind};

use crate::source::{FileId, Span};
use std::sync::Arc;

/// The number of a node in its [`Document`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    pub(super) tree: u32,
    pub(super) node: u32,
}

/// A byte range in the text of a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    pub start: u32,
    pub end: u32,
}

impl Range {
    pub fn new(start: u32, end: u32) -> Range {
        Range { start, end }
    }
}

/// Says of a string that its decoded form is in the table of decoded strings (of a node: that of its name).
pub(super) const DECODED: u8 = 1;
/// Says that the type table has an annotation for it.
pub(super) const TYPED: u8 = 2;
/// Says that a diagnostic was already given, so that what is read here is a guess.
pub(super) const FAULTY: u8 = 4;
/// Says of an entry that the decoded form of its key is in the table of decoded strings.
pub(super) const KEY_DECODED: u8 = 8;
/// Says of an entry that its value is a string in which a brace may stand.
pub(super) const BRACED: u8 = 16;

/// A row of the node table. Rows stand in the order of the text, so that the children of a row follow it.
#[derive(Clone, Debug)]
pub(super) struct NodeData {
    /// Where the node starts: its type annotation, else its name.
    pub start: u32,
    pub name: Range,
    /// The end of the last entry, else of the name.
    pub header_end: u32,
    pub end: u32,
    /// The opening brace, or [`NO_BLOCK`].
    pub block: u32,
    pub entries: Range,
    /// The row of the parent, or [`NO_PARENT`].
    pub parent: u32,
    /// The first row behind this one that is not below it.
    pub next: u32,
    pub flags: u8,
}

/// The block of a node without one.
pub(super) const NO_BLOCK: u32 = u32::MAX;

/// The parent of a top-level node.
pub(super) const NO_PARENT: u32 = u32::MAX;

/// A row of the entry table: an argument (its key is empty) or a property.
#[derive(Clone, Debug)]
pub(super) struct EntryData {
    /// An empty range at 0 for an argument; nothing but a node's name can stand at 0, so no key does.
    pub key: Range,
    pub value: Range,
    pub kind: ValueKind,
    pub flags: u8,
}

impl EntryData {
    pub fn is_prop(&self) -> bool {
        self.key.end != 0
    }
}

/// A type annotation: what it annotates starts at `owner`; `name` is the string in the parentheses.
#[derive(Clone, Debug)]
pub(super) struct TypeData {
    pub owner: u32,
    pub open: u32,
    pub name: Range,
    pub flags: u8,
}

/// Where the decoded form of the string that starts at `start` stands in the arena.
#[derive(Clone, Debug)]
pub(super) struct DecodedData {
    pub start: u32,
    pub arena: Range,
}

/// One text as a tree.
#[derive(Clone, Debug)]
pub struct Tree {
    pub(super) file: FileId,
    pub(super) text: Arc<str>,
    pub(super) nodes: Vec<NodeData>,
    pub(super) entries: Vec<EntryData>,
    pub(super) types: Vec<TypeData>,
    pub(super) decoded: Vec<DecodedData>,
    pub(super) arena: String,
    pub(super) skipped: Vec<Range>,
}

impl Tree {
    /// A tree without nodes.
    pub(super) fn empty(file: FileId, text: Arc<str>) -> Tree {
        Tree {
            file,
            text,
            nodes: Vec::new(),
            entries: Vec::new(),
            types: Vec::new(),
            decoded: Vec::new(),
            arena: String::new(),
            skipped: Vec::new(),
        }
    }

    /// The file that the spans of this tree point into.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The text, whole.
    pub fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// The places that a slashdash takes out, with the slashdash, in the order of the text; the outermost only.
    pub fn skipped(&self) -> impl Iterator<Item = Span> {
        self.skipped.iter().map(|&r| self.span(r))
    }

    /// The number of bytes that the tree holds, its text included.
    pub fn memory(&self) -> usize {
        self.text.len()
            + self.nodes.capacity() * size_of::<NodeData>()
            + self.entries.capacity() * size_of::<EntryData>()
            + self.types.capacity() * size_of::<TypeData>()
            + self.decoded.capacity() * size_of::<DecodedData>()
            + self.skipped.capacity() * size_of::<Range>()
            + self.arena.capacity()
    }

    #[inline]
    pub(super) fn span(&self, range: Range) -> Span {
        Span { file: self.file, start: range.start, end: range.end }
    }

    #[inline]
    pub(super) fn slice(&self, range: Range) -> &str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or("")
    }

    /// What the string token at `range` says.
    #[inline]
    pub(super) fn string(&self, range: Range, decoded: bool) -> &str {
        if decoded { self.decoded_string(range.start) } else { super::string::plain(self.slice(range)) }
    }

    #[inline]
    pub(super) fn node_name(&self, node: &NodeData) -> &str {
        self.string(node.name, node.flags & DECODED != 0)
    }

    #[cold]
    fn decoded_string(&self, start: u32) -> &str {
        let row = self.decoded.binary_search_by_key(&start, |d| d.start).ok().and_then(|i| self.decoded.get(i));
        row.and_then(|d| self.arena.get(d.arena.start as usize..d.arena.end as usize)).unwrap_or("")
    }

    /// The annotation of what starts at `owner`.
    pub(super) fn type_of(&self, owner: u32) -> Option<&TypeData> {
        self.types.binary_search_by_key(&owner, |t| t.owner).ok().and_then(|i| self.types.get(i))
    }
}
