//! Blocks: opening, closing, and what to do about braces that are missing.
//!
//! A brace that is missing is noticed at the end of the text, far from its place. So the first node or brace is noted
//! that by its indentation cannot belong to the block it stands in; when in the end a brace is missing, the text is read
//! once more with the blocks closed there. That gives the fault its place, and what follows its right parent.

use super::{Parser, faults};
use crate::source::Span;
use crate::syntax::token::TokenKind;
use crate::syntax::tree::NO_BLOCK;

/// An open block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub row: u32,
    brace: u32,
    /// Whether the block is the node's, and not one that a slashdash takes out.
    real: bool,
    /// The line that its node starts, and how far it is indented; none if the node is not the first on its line.
    indentation: Option<Indentation>,
    /// Whether what stands in the block is indented more than the node.
    deeper: bool,
}

/// The first node of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Indentation {
    line: u32,
    column: u32,
}

/// A guess at a missing brace: its place is before a brace or node that by its indentation belongs to a block further
/// out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Repair {
    pub before: u32,
}

impl Parser<'_> {
    /// Opens the block that the token starts. Beyond the limit of depth its text is skipped.
    pub(super) fn open_block(&mut self, row: u32, real: bool) {
        let brace = self.token.start;
        if self.frames.len() >= self.limits.depth {
            return self.skip_block(row);
        }
        let start = self.tree.nodes.get(row as usize).map_or(brace, |node| node.start);
        let indentation = self.indentation(start);
        self.bump();
        if let Some(node) = self.tree.nodes.get_mut(row as usize).filter(|n| real && n.block == NO_BLOCK) {
            node.block = brace;
        }
        self.frames.push(Frame { row, brace, real, indentation, deeper: false });
    }

    fn skip_block(&mut self, row: u32) {
        self.faults.push(faults::deep_block(self.here(), self.limits.depth));
        let mut depth = 0_usize;
        loop {
            match self.token.kind {
                TokenKind::OpenBrace => depth += 1,
                TokenKind::CloseBrace => depth -= 1,
                TokenKind::End => {
                    self.braces_doubtful = true;
                    break;
                }
                _ => {}
            }
            self.bump();
            if depth == 0 {
                break;
            }
        }
        self.tail(row);
    }

    pub(super) fn close_brace(&mut self) {
        let end = self.token.end;
        self.watch_indentation();
        let Some(frame) = self.frames.pop() else {
            if !self.braces_doubtful {
                self.braces_doubtful = true;
                self.faults.push(faults::unexpected_brace(self.here()));
            }
            return self.bump();
        };
        self.bump();
        self.close_block(frame, end);
        self.tail(frame.row);
    }

    fn close_block(&mut self, frame: Frame, end: u32) {
        let next = self.tree.nodes.len() as u32;
        if let Some(node) = self.tree.nodes.get_mut(frame.row as usize).filter(|_| frame.real) {
            (node.end, node.next) = (end, next);
        }
        if !frame.real {
            self.end_skip(true, end);
        }
    }

    /// The indentation of what starts at `start`, if it is the first on the line. The blanks of a line are counted once,
    /// however many blocks are opened on it.
    fn indentation(&mut self, start: u32) -> Option<Indentation> {
        if self.margin.line != self.line || self.margin.column == 0 {
            let blank = self.text.bytes().skip(self.line as usize).take_while(|b| *b == b' ' || *b == b'\t').count();
            self.margin = Indentation { line: self.line, column: blank as u32 };
        }
        (self.line + self.margin.column == start).then_some(self.margin)
    }

    /// Notes the first node or brace that by its indentation cannot belong to the block it stands in: the block's own
    /// brace may be missing. It is asked only when in the end one is.
    #[inline]
    pub(super) fn watch_indentation(&mut self) {
        let column = self.token.start.saturating_sub(self.line);
        let Some(frame) = self.frames.last_mut() else { return };
        let Some(node) = frame.indentation.filter(|node| node.line < self.line) else { return };
        let is_brace = self.token.kind == TokenKind::CloseBrace;
        if column > node.column || (is_brace && column == node.column) {
            frame.deeper = true;
        } else if frame.deeper && self.outdented.is_none() && self.indentation(self.token.start).is_some() {
            self.outdented = Some(Repair { before: self.token.start });
        }
    }

    /// Closes, before a node or brace, the blocks that were found to have no brace of their own.
    pub(super) fn repair_here(&mut self, repair: Repair) {
        let column = self.token.start.saturating_sub(self.line);
        let is_brace = self.token.kind == TokenKind::CloseBrace;
        let ends = |node: Indentation| column < node.column || (!is_brace && column == node.column);
        let mut opens = Vec::new();
        while let Some(frame) = self.frames.pop_if(|frame| frame.indentation.is_some_and(ends)) {
            opens.push(self.faults.span(frame.brace as usize, frame.brace as usize + 1));
            self.close_block(frame, repair.before);
            self.finish_node(frame.row);
        }
        if !opens.is_empty() {
            self.braces_doubtful = true;
            opens.reverse();
            self.faults.push(faults::unclosed_blocks(&opens, Some(self.here())));
        }
    }

    /// Where a brace is probably missing, when one is and nothing else has disturbed them.
    pub(super) fn missing_brace(&self) -> Option<Repair> {
        self.outdented.filter(|_| self.repair.is_none() && self.faults.has_unclosed_blocks())
    }

    pub(super) fn close_at_end(&mut self) {
        let opens: Vec<Span> =
            self.frames.iter().map(|f| self.faults.span(f.brace as usize, f.brace as usize + 1)).collect();
        if !opens.is_empty() && !self.braces_doubtful {
            self.faults.push_unclosed_blocks(faults::unclosed_blocks(&opens, None));
        }
        let end = self.token.end;
        while let Some(frame) = self.frames.pop() {
            self.close_block(frame, end);
            self.finish_node(frame.row);
        }
    }
}
