//! A tree with the trees that it includes.

use super::{Children, Entry, NO_PARENT, Node, NodeId, Range, Tree};
use crate::source::FileId;
use crate::syntax::token::{Token, TokenKind, tokens};
use std::sync::Arc;

/// The tree of the entry file and those of the files it includes, read as one.
#[derive(Clone, Debug)]
pub struct Document {
    units: Vec<Unit>,
    /// The `include` nodes in the order of their numbers, each with the unit that stands for it; none where it failed.
    includes: Vec<(NodeId, Option<u32>)>,
    /// Whether there are more `include` nodes than were looked at; they stand for nothing.
    cut_off: bool,
}

/// A tree at one place of its inclusion. A file that is included twice is read once and has two units.
#[derive(Clone, Debug)]
struct Unit {
    tree: Arc<Tree>,
    included_by: Option<NodeId>,
}

/// What stands at an offset: the deepest node, and the entry of it where the offset is in one.
#[derive(Clone, Copy, Debug)]
pub struct At<'t> {
    /// The deepest node.
    pub node: Node<'t>,
    /// The entry, where the offset is in one.
    pub entry: Option<Entry<'t>>,
}

impl From<Tree> for Document {
    fn from(tree: Tree) -> Document {
        Document { units: vec![Unit { tree: Arc::new(tree), included_by: None }], includes: Vec::new(), cut_off: false }
    }
}

impl Document {
    /// The top-level nodes, with included ones in place of their `include`.
    pub fn roots(&self) -> Children<'_> {
        Children::new(self, 0, 0, self.rows(0))
    }

    /// All trees, that of the entry file first.
    pub fn trees(&self) -> impl Iterator<Item = &Tree> {
        self.units.iter().map(|u| &*u.tree)
    }

    /// The node of that number.
    pub fn node(&self, id: NodeId) -> Option<Node<'_>> {
        let tree: &Tree = &self.units.get(id.tree as usize)?.tree;
        Some(Node { document: self, tree, data: tree.nodes.get(id.node as usize)?, id })
    }

    /// The deepest node at an offset of a file, and its entry there. An offset at the end of a node is still in it.
    pub fn node_at(&self, file: FileId, offset: u32) -> Option<At<'_>> {
        let mut node = self.last_before(file, offset)?;
        while node.data.end < offset {
            if node.data.parent == NO_PARENT {
                return None;
            }
            node = self.node(NodeId { tree: node.id.tree, node: node.data.parent })?;
        }
        let entry = node.entries().find(|e| (e.span().start..=e.span().end).contains(&offset));
        Some(At { node, entry })
    }

    /// The node in whose header an offset is, or behind whose header on its line: where an entry of it can be written.
    pub fn header_at(&self, file: FileId, offset: u32) -> Option<Node<'_>> {
        let node = self.last_before(file, offset)?;
        let gap = Range::new(node.data.header_end.min(offset), offset);
        let mut escaped = false;
        let goes_on = |token: Token| match token.kind {
            TokenKind::Space => true,
            TokenKind::BlockComment => token.closed(),
            TokenKind::LineComment => escaped,
            TokenKind::Backslash | TokenKind::Newline => {
                let ends_line = token.kind == TokenKind::Newline;
                let allowed = escaped == ends_line;
                escaped = !ends_line;
                allowed
            }
            _ => false,
        };
        tokens(node.tree.slice(gap)).all(goes_on).then_some(node)
    }

    /// The last node of a file that starts at an offset or before it.
    fn last_before(&self, file: FileId, offset: u32) -> Option<Node<'_>> {
        let unit = self.units.iter().position(|u| u.tree.file == file)?;
        let nodes = &self.units.get(unit)?.tree.nodes;
        let row = nodes.partition_point(|n| n.start <= offset).checked_sub(1)?;
        self.node(NodeId { tree: u32::try_from(unit).ok()?, node: u32::try_from(row).ok()? })
    }

    /// The `include` nodes themselves, with the file that each brought in; none where it failed.
    pub fn includes(&self) -> impl Iterator<Item = (Node<'_>, Option<FileId>)> {
        self.includes.iter().filter_map(|&(id, unit)| {
            let file = unit.and_then(|u| self.units.get(u as usize)).map(|u| u.tree.file);
            Some((self.node(id)?, file))
        })
    }

    /// Adds a tree in place of an `include` node; `None` takes the node out and puts nothing in.
    /// Nodes have to come in the order of their numbers.
    pub(in crate::syntax) fn include(&mut self, by: NodeId, tree: Option<Arc<Tree>>) -> Option<u32> {
        let unit = tree.and_then(|tree| {
            self.units.push(Unit { tree, included_by: Some(by) });
            u32::try_from(self.units.len() - 1).ok()
        });
        self.includes.push((by, unit));
        unit
    }

    /// Takes out the `include` nodes that nothing was put in for.
    pub(in crate::syntax) fn leave_out_includes(&mut self) {
        self.cut_off = true;
    }

    /// Whether a node of the entry file is an `include`, or holds one that is to be replaced.
    pub(super) fn has_include(&self, id: NodeId) -> bool {
        let end = self.node(id).map_or(id.node, |n| n.data.next);
        let at = self.includes.partition_point(|&(by, _)| by < id);
        self.cut_off || self.includes.get(at).is_some_and(|&(by, _)| by.tree == id.tree && by.node < end)
    }

    /// The tree of that number.
    #[inline]
    pub(super) fn tree(&self, unit: u32) -> Option<&Tree> {
        self.units.get(unit as usize).map(|u| &*u.tree)
    }

    /// Whether an `include` stands anywhere.
    #[inline]
    pub(super) fn has_includes(&self) -> bool {
        !self.includes.is_empty() || self.cut_off
    }

    /// What stands for that node: nothing if it is no resolved `include`.
    pub(super) fn include_of(&self, id: NodeId) -> Option<Option<u32>> {
        match self.includes.binary_search_by_key(&id, |&(by, _)| by) {
            Ok(at) => self.includes.get(at).map(|&(_, unit)| unit),
            Err(_) if self.cut_off && self.node(id)?.name() == "include" => Some(None),
            Err(_) => None,
        }
    }

    pub(super) fn included_by(&self, unit: u32) -> Option<Node<'_>> {
        self.node(self.units.get(unit as usize)?.included_by?)
    }

    pub(super) fn rows(&self, unit: u32) -> u32 {
        let rows = self.units.get(unit as usize).map_or(0, |u| u.tree.nodes.len());
        u32::try_from(rows).unwrap_or(u32::MAX)
    }
}
