//! What two readings of a file have in common: top-level nodes that are in both, wherever they stand.
//!
//! An edit leaves most of a text as it is, in front of it and behind it. A node there is the same one when its rows are the
//! same, too: what is typed above can change how the text below is read.

use super::{Document, EntryData, NO_BLOCK, NO_PARENT, Node, NodeData, NodeId, Tree};

/// The common beginning and end of the entry file's texts in two documents.
pub struct Same<'t> {
    old: &'t Document,
    new: &'t Document,
    /// How many bytes at the start are the same.
    front: usize,
    /// How many bytes at the end are the same, and in none of those at the start.
    back: usize,
}

impl Document {
    /// Compares this document with an older one.
    pub fn same<'t>(&'t self, old: &'t Document) -> Same<'t> {
        let texts = |d: &'t Document| d.trees().next().map_or(&[][..], |t| t.text.as_bytes());
        let (before, after) = (texts(old), texts(self));
        let front = common(before, after);
        let (before, after) = (before.get(front..).unwrap_or(&[]), after.get(front..).unwrap_or(&[]));
        Same { old, new: self, front, back: common_end(before, after) }
    }
}

impl Same<'_> {
    /// The number that a top-level node of the new document had in the old one, and by how many bytes it has moved since;
    /// nothing when it is another, or when it is or holds what another file says.
    pub fn before(&self, node: Node<'_>) -> Option<(NodeId, i64)> {
        let (old, new) = (self.old.trees().next()?, self.new.trees().next()?);
        if node.id.tree != 0 || node.data.parent != NO_PARENT || old.file != new.file {
            return None;
        }
        // The byte behind a node counts as well: it is what ended it.
        let (row, shift) = if (node.data.end as usize) < self.front {
            (node.id.node, 0)
        } else if node.data.start as usize >= new.text.len() - self.back {
            let moved = i64::from(rows(new)) - i64::from(rows(old));
            (u32::try_from(i64::from(node.id.node) - moved).ok()?, new.text.len() as i64 - old.text.len() as i64)
        } else {
            return None;
        };
        let of = |node| NodeId { tree: 0, node };
        let has_include = self.old.has_include(of(row)) || self.new.has_include(node.id);
        (!has_include && same_rows(old, row, new, node.id.node, shift)).then_some((of(row), shift))
    }
}

fn rows(tree: &Tree) -> u32 {
    u32::try_from(tree.nodes.len()).unwrap_or(u32::MAX)
}

/// Whether a node and all in it were read the same way in both trees.
fn same_rows(old: &Tree, from: u32, new: &Tree, to: u32, shift: i64) -> bool {
    let below = |tree: &Tree, row: u32| Some((row as usize, tree.nodes.get(row as usize)?.next as usize));
    let (Some((from, end)), Some((to, until))) = (below(old, from), below(new, to)) else { return false };
    let (Some(before), Some(after)) = (old.nodes.get(from..end), new.nodes.get(to..until)) else { return false };
    let moved = |offset: u32| u32::try_from(i64::from(offset) + shift).unwrap_or(u32::MAX);
    let same_block = |b: &NodeData, a: &NodeData| {
        if b.block == NO_BLOCK || a.block == NO_BLOCK { a.block == b.block } else { moved(b.block) == a.block }
    };
    let same_node = |(b, a): (&NodeData, &NodeData)| {
        moved(b.start) == a.start
            && moved(b.end) == a.end
            && moved(b.header_end) == a.header_end
            && same_block(b, a)
            && b.flags == a.flags
            && b.next as usize - from == a.next as usize - to
            && b.entries.end - b.entries.start == a.entries.end - a.entries.start
    };
    let same_entry = |(b, a): (&EntryData, &EntryData)| {
        b.flags == a.flags
            && b.kind == a.kind
            && moved(b.value.start) == a.value.start
            && moved(b.value.end) == a.value.end
    };
    let (entries_before, entries_after) = (entries(old, before), entries(new, after));
    before.len() == after.len()
        && entries_before.len() == entries_after.len()
        && before.iter().zip(after).all(same_node)
        && entries_before.iter().zip(entries_after).all(same_entry)
}

/// The entries of nodes whose rows follow one another.
fn entries<'t>(tree: &'t Tree, nodes: &[NodeData]) -> &'t [EntryData] {
    let start = nodes.first().map_or(0, |n| n.entries.start as usize);
    let end = nodes.last().map_or(0, |n| n.entries.end as usize);
    tree.entries.get(start..end).unwrap_or(&[])
}

/// How many bytes two texts have in common at their start.
fn common(one: &[u8], other: &[u8]) -> usize {
    let pieces = one.chunks(PIECE).zip(other.chunks(PIECE)).take_while(|(a, b)| a == b);
    let whole: usize = pieces.map(|(a, _)| a.len()).sum();
    let rest = one.iter().skip(whole).zip(other.iter().skip(whole));
    whole + rest.take_while(|(a, b)| a == b).count()
}

/// How many bytes two texts have in common at their end.
fn common_end(one: &[u8], other: &[u8]) -> usize {
    let pieces = one.rchunks(PIECE).zip(other.rchunks(PIECE)).take_while(|(a, b)| a == b);
    let whole: usize = pieces.map(|(a, _)| a.len()).sum();
    let rest = one.iter().rev().skip(whole).zip(other.iter().rev().skip(whole));
    whole + rest.take_while(|(a, b)| a == b).count()
}

/// How many bytes are compared at once.
const PIECE: usize = 4096;
