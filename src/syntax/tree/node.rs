//! Nodes and the walks over their entries and children.

use super::{DECODED, Document, Entry, FAULTY, NO_BLOCK, NO_PARENT, NodeData, NodeId, Prop, Range, TYPED, Tree, Value};
use crate::source::{FileId, Span};
use crate::syntax::comment;

/// A node. A small `Copy` view into its [`Document`].
#[derive(Clone, Copy)]
pub struct Node<'t> {
    pub(super) document: &'t Document,
    pub(super) tree: &'t Tree,
    pub(super) data: &'t NodeData,
    pub(super) id: NodeId,
}

impl std::fmt::Debug for Node<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("id", &self.id).field("header", &self.tree.slice(self.header())).finish()
    }
}

impl<'t> Node<'t> {
    /// The name, decoded.
    #[inline]
    pub fn name(self) -> &'t str {
        self.tree.node_name(self.data)
    }

    /// The name as written.
    pub fn name_span(self) -> Span {
        self.tree.span(self.data.name)
    }

    /// The whole node with its block, without its terminator.
    pub fn span(self) -> Span {
        self.tree.span(Range::new(self.data.start, self.data.end))
    }

    /// The node without its block.
    pub fn header_span(self) -> Span {
        self.tree.span(self.header())
    }

    /// The type annotation, decoded.
    pub fn ty(self) -> Option<&'t str> {
        self.annotation().map(|t| self.tree.string(t.name, t.flags & DECODED != 0))
    }

    /// The type annotation with its opening parenthesis.
    pub fn ty_span(self) -> Option<Span> {
        self.annotation().map(|t| self.tree.span(Range::new(t.open, t.name.end)))
    }

    /// The arguments and properties in the order of the text.
    pub fn entries(self) -> Entries<'t> {
        Entries { tree: self.tree, rows: self.rows().iter() }
    }

    #[inline]
    fn rows(self) -> &'t [super::EntryData] {
        let range = self.data.entries.start as usize..self.data.entries.end as usize;
        self.tree.entries.get(range).unwrap_or(&[])
    }

    /// The arguments.
    pub fn args(self) -> impl Iterator<Item = Value<'t>> {
        self.entries().filter_map(|e| if let Entry::Arg(value) = e { Some(value) } else { None })
    }

    /// The argument of that number, counted from 0.
    pub fn arg(self, number: usize) -> Option<Value<'t>> {
        self.args().nth(number)
    }

    /// The properties; of a key that stands twice, both.
    pub fn props(self) -> impl Iterator<Item = Prop<'t>> {
        self.entries().filter_map(|e| if let Entry::Prop(prop) = e { Some(prop) } else { None })
    }

    /// The property of that key; where there are several, the last, as KDL has it.
    pub fn prop(self, key: &str) -> Option<Prop<'t>> {
        let rows = self.rows().iter().rev().filter(|row| row.is_prop());
        rows.map(|row| Prop::new(self.tree, row)).find(|p| p.key() == key)
    }

    /// The nodes in the block; those of an included file stand in place of the `include` node.
    pub fn children(self) -> Children<'t> {
        Children::new(self.document, self.id.tree, self.id.node + 1, self.data.next)
    }

    /// Whether it has a block, be it empty.
    pub fn has_block(self) -> bool {
        self.data.block != NO_BLOCK
    }

    /// The block with both braces.
    pub fn block_span(self) -> Option<Span> {
        self.has_block().then(|| self.tree.span(Range::new(self.data.block, self.data.end)))
    }

    /// The node whose block this one stands in; for an included node that of the `include`.
    pub fn parent(self) -> Option<Node<'t>> {
        if self.data.parent != NO_PARENT {
            return self.document.node(NodeId { tree: self.id.tree, node: self.data.parent });
        }
        self.document.included_by(self.id.tree)?.parent()
    }

    /// The comment that stands directly before it, as written, if there is one.
    pub fn comment(self) -> Option<&'t str> {
        comment::leading(&self.tree.text, self.gap_start()?, self.data.start)
    }

    /// The comment that stands directly before it, without the marks of comments.
    pub fn comment_text(self) -> Option<String> {
        self.comment().map(comment::plain)
    }

    /// Whether its header is broken and a diagnostic says so already; a reader had better be quiet about it.
    pub fn is_faulty(self) -> bool {
        self.data.flags & FAULTY != 0
    }

    /// Its number in its document.
    pub fn id(self) -> NodeId {
        self.id
    }

    /// The file it stands in.
    pub fn file(self) -> FileId {
        self.tree.file
    }

    pub(super) fn header(self) -> Range {
        Range::new(self.data.start, self.data.header_end)
    }

    fn annotation(self) -> Option<&'t super::TypeData> {
        if self.data.flags & TYPED == 0 { None } else { self.tree.type_of(self.data.name.start) }
    }

    /// The end of what stands before this node: the sibling before it, else the brace of its block, else the start.
    fn gap_start(self) -> Option<u32> {
        let Some(mut before) = self.id.node.checked_sub(1) else { return Some(0) };
        if before == self.data.parent {
            return self.tree.nodes.get(before as usize).map(|p| p.block.saturating_add(1));
        }
        loop {
            let row = self.tree.nodes.get(before as usize)?;
            if row.parent == self.data.parent {
                return Some(row.end);
            }
            before = row.parent;
        }
    }
}

/// The entries of a node.
#[derive(Clone, Debug)]
pub struct Entries<'t> {
    tree: &'t Tree,
    rows: std::slice::Iter<'t, super::EntryData>,
}

impl<'t> Iterator for Entries<'t> {
    type Item = Entry<'t>;

    fn next(&mut self) -> Option<Entry<'t>> {
        self.rows.next().map(|data| Entry::new(self.tree, data))
    }
}

/// Nodes that stand beside each other, with included ones in place of their `include`.
#[derive(Clone)]
pub struct Children<'t> {
    document: &'t Document,
    /// The tree that `here` is in.
    tree: Option<&'t Tree>,
    /// The rows that are still to come.
    here: Rows,
    /// Those of the files around, where `here` is an included one.
    outer: Vec<Rows>,
}

#[derive(Clone, Copy)]
struct Rows {
    tree: u32,
    next: u32,
    end: u32,
}

impl<'t> Children<'t> {
    pub(super) fn new(document: &'t Document, tree: u32, next: u32, end: u32) -> Children<'t> {
        Children { document, tree: document.tree(tree), here: Rows { tree, next, end }, outer: Vec::new() }
    }
}

impl<'t> Iterator for Children<'t> {
    type Item = Node<'t>;

    fn next(&mut self) -> Option<Node<'t>> {
        loop {
            if self.here.next >= self.here.end {
                self.here = self.outer.pop()?;
                self.tree = self.document.tree(self.here.tree);
                continue;
            }
            let id = NodeId { tree: self.here.tree, node: self.here.next };
            let tree = self.tree?;
            let data = tree.nodes.get(id.node as usize)?;
            self.here.next = data.next;
            let node = Node { document: self.document, tree, data, id };
            if !self.document.has_includes() {
                return Some(node);
            }
            let Some(included) = self.document.include_of(id) else { return Some(node) };
            if let Some(unit) = included {
                let end = self.document.rows(unit);
                self.outer.push(std::mem::replace(&mut self.here, Rows { tree: unit, next: 0, end }));
                self.tree = self.document.tree(unit);
            }
        }
    }
}
