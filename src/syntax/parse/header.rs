//! Nodes: the name, what follows it on its line, and what may follow its block.

use super::Parser;
use super::faults::{self, Name};
use crate::syntax::token::TokenKind;
use crate::syntax::tree::{FAULTY, NO_BLOCK, NodeData, Range};

/// What stands under a slashdash in a header.
enum Under {
    /// An entry, which is read.
    Entry { was_spaced: bool },
    /// A block, whose brace is the token.
    Block,
    /// Nothing that could be taken out.
    Nothing,
}

impl Parser<'_> {
    /// Reads a node under a slashdash.
    pub(super) fn slashdash_node(&mut self) {
        let slashdash = self.token;
        self.bump();
        self.line_space();
        if !can_start_node(self.token.kind) {
            return self.faults.push(faults::slashdash_of_nothing(self.at(slashdash)));
        }
        self.begin_skip(slashdash.start, false);
        self.node();
    }

    /// Reads a node up to its terminator or into its block.
    pub(super) fn node(&mut self) {
        self.watch_indentation();
        let start = self.token.start;
        let annotation = self.annotation(false);
        let typed = annotation.as_ref().is_some_and(|a| !a.faulty);
        let name = self.token;
        let row = self.tree.nodes.len() as u32;
        let mut flags = annotation.map_or(0, |a| self.annotate(a, name.start));
        let mut range = Range::new(name.start, name.end);
        let named = is_string(name.kind);
        let spaced = if named {
            flags |= self.name(name, Name::Node, false);
            self.bump_space()
        } else {
            self.nameless(start, typed);
            flags |= FAULTY;
            range.end = range.start;
            self.space()
        };
        let first = self.tree.entries.len() as u32;
        self.tree.nodes.push(NodeData {
            start,
            name: range,
            header_end: range.end,
            end: range.end,
            block: NO_BLOCK,
            entries: Range::new(first, first),
            parent: self.parent(),
            next: row + 1,
            flags,
        });
        self.header(row, spaced, !named);
    }

    /// Says that there is no name, and goes behind what stands there unless it ends the header or starts the block.
    fn nameless(&mut self, start: u32, typed: bool) {
        let fault = match self.token.kind {
            TokenKind::Keyword => Some(faults::keyword_as_name(self.here(), Name::Node)),
            // Of a broken annotation all is said.
            _ if start < self.token.start && !typed => None,
            _ if start < self.token.start => {
                Some(faults::type_of_nothing(self.faults.range(Range::new(start, self.token.start))))
            }
            _ => Some(faults::nameless(self.here(), self.here_text())),
        };
        fault.into_iter().for_each(|fault| self.faults.push(fault));
        if !ends_header(self.token.kind) && self.token.kind != TokenKind::OpenBrace {
            self.bump();
        }
    }

    /// Reads the entries of a node and what ends them; `spaced` is whether blanks stand behind the name. In a `quiet` header nothing more is said of its shape.
    fn header(&mut self, row: u32, mut spaced: bool, mut quiet: bool) {
        let mut was_glued = false;
        loop {
            match self.token.kind {
                kind if starts_entry(kind) => {
                    // Of pieces that stick together the first place is enough, and what they are worth is no matter.
                    let glued = !spaced;
                    if glued && !was_glued && !quiet {
                        self.not_spaced(row);
                    }
                    was_glued = glued;
                    spaced = self.entry(quiet || glued);
                }
                TokenKind::OpenBrace => {
                    self.end_header(row);
                    return self.open_block(row, true);
                }
                TokenKind::Slashdash => match self.slashdash(quiet) {
                    Under::Entry { was_spaced } => spaced = was_spaced,
                    Under::Nothing => quiet = self.mark_faulty(row),
                    Under::Block => {
                        self.end_header(row);
                        return self.open_block(row, false);
                    }
                },
                kind if ends_header(kind) => {
                    self.end_header(row);
                    return self.terminate(row);
                }
                _ => {
                    if !quiet {
                        self.unexpected(row);
                        quiet = self.mark_faulty(row);
                    }
                    self.bump();
                    spaced = self.space();
                }
            }
        }
    }

    /// Says that the token sticks to what stands before it.
    #[cold]
    fn not_spaced(&mut self, row: u32) {
        self.mark_faulty(row);
        // Of a string without an end more is said where it is read, and its start is probably its end.
        if self.token.closed() {
            let fault = faults::not_spaced(self.here());
            let fault = match self.glued(row).map(|run| (run, self.slice(run))) {
                Some((run, text)) if text.starts_with(['r']) && self.is_raw(run) => {
                    faults::legacy_raw(fault, self.faults.range(run), text)
                }
                Some((run, text)) if !text.contains('"') => faults::quote(fault, self.faults.range(run), text),
                _ => faults::insert_space(fault),
            };
            self.faults.push(fault);
        }
    }

    /// Says that a token cannot stand in a header.
    #[cold]
    fn unexpected(&mut self, row: u32) {
        let text = self.here_text();
        let mut fault = faults::unexpected(self.here(), text);
        let node = self.tree.nodes.get(row as usize);
        let first = node.filter(|node| node.entries.start == self.tree.entries.len() as u32);
        if let Some(node) = first.filter(|_| text == "=") {
            let gap = self.faults.range(Range::new(node.name.end, self.token.end));
            fault = faults::equals_behind_name(fault, gap);
        } else if let Some(run) = self.glued(row).filter(|_| text == "/") {
            let text = self.slice(run);
            if !text.contains('"') {
                fault = faults::quote(fault, self.faults.range(run), text);
            }
        }
        self.faults.push(fault);
    }

    /// The run of tokens without a blank around the token, from the last value or the name on.
    fn glued(&self, row: u32) -> Option<Range> {
        let node = self.tree.nodes.get(row as usize)?;
        let entry = self.tree.entries.last().filter(|_| node.entries.start < self.tree.entries.len() as u32);
        let before = entry.map_or(node.name, |entry| entry.value);
        let mut run = Range::new(before.start, self.token.end);
        let mut ahead = self.tokens.clone();
        loop {
            let token = ahead.token();
            if ends_header(token.kind) || is_apart(token.kind) {
                return (before.end == self.token.start).then_some(run);
            }
            run.end = token.end;
        }
    }

    /// Whether `run` is an `r` with the string that the token is, as KDL 1 wrote raw strings.
    fn is_raw(&self, run: Range) -> bool {
        is_string(self.token.kind) && run.start + 1 == self.token.start && run.end == self.token.end
    }

    fn mark_faulty(&mut self, row: u32) -> bool {
        if let Some(node) = self.tree.nodes.get_mut(row as usize) {
            node.flags |= FAULTY;
        }
        true
    }

    #[inline]
    fn end_header(&mut self, row: u32) {
        let behind = self.tree.entries.len() as u32;
        let last = self.tree.entries.last().map_or(0, |e| e.value.end);
        if let Some(node) = self.tree.nodes.get_mut(row as usize) {
            node.entries.end = behind;
            if node.entries.start < behind {
                node.header_end = last;
                node.end = last;
            }
        }
    }

    /// Ends a node at its terminator. Line ends are left to the loop, which skips them anyway.
    #[inline]
    fn terminate(&mut self, row: u32) {
        if self.token.kind == TokenKind::Semicolon {
            self.bump();
        }
        self.finish_node(row);
    }

    /// Reads a slashdash in a header, and the entry under it.
    fn slashdash(&mut self, quiet: bool) -> Under {
        let slashdash = self.token;
        self.bump();
        self.line_space();
        if self.token.kind == TokenKind::OpenBrace {
            self.begin_skip(slashdash.start, true);
            return Under::Block;
        }
        if !starts_entry(self.token.kind) {
            if !quiet {
                self.faults.push(faults::slashdash_of_nothing(self.at(slashdash)));
            }
            return Under::Nothing;
        }
        let mark = self.mark();
        let was_spaced = self.entry(quiet);
        let end = self.tree.entries.last().map_or(self.token.start, |e| e.value.end);
        self.take_out(mark, slashdash.start, end);
        Under::Entry { was_spaced }
    }

    /// Reads what may follow the block of a node, up to its terminator.
    pub(super) fn tail(&mut self, row: u32) {
        let mut quiet = false;
        loop {
            self.space();
            let kind = self.token.kind;
            match kind {
                TokenKind::OpenBrace => {
                    let again = self.tree.nodes.get(row as usize).is_some_and(|n| n.block != NO_BLOCK);
                    if again && !quiet {
                        self.faults.push(faults::second_block(self.here()));
                    }
                    return self.open_block(row, true);
                }
                TokenKind::Slashdash => {
                    let slashdash = self.token;
                    self.bump();
                    self.line_space();
                    if self.token.kind == TokenKind::OpenBrace {
                        self.begin_skip(slashdash.start, true);
                        return self.open_block(row, false);
                    }
                    if !quiet {
                        self.faults.push(faults::after_block(self.at(slashdash)));
                        quiet = true;
                    }
                }
                kind if ends_header(kind) => return self.terminate(row),
                _ => {
                    if !quiet {
                        self.faults.push(faults::after_block(self.here()));
                        quiet = true;
                    }
                    if is_string(kind) {
                        // A name: more likely the next node than more of this one.
                        return self.finish_node(row);
                    }
                    self.bump();
                }
            }
        }
    }
}

/// Whether it can be a name.
pub(super) fn is_string(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Word | TokenKind::Quoted | TokenKind::MultiLine | TokenKind::Raw | TokenKind::RawMultiLine
    )
}

pub(super) fn starts_value(kind: TokenKind) -> bool {
    is_string(kind) || kind == TokenKind::Keyword
}

fn starts_entry(kind: TokenKind) -> bool {
    starts_value(kind) || kind == TokenKind::OpenParen
}

/// Whether a slashdash can take out a node that starts so; a node that is broken otherwise is one all the same.
fn can_start_node(kind: TokenKind) -> bool {
    !matches!(kind, TokenKind::End | TokenKind::CloseBrace | TokenKind::Semicolon | TokenKind::Slashdash)
}

/// Whether it ends the arguments and properties of a node, but for the brace of its block.
pub(super) fn ends_header(kind: TokenKind) -> bool {
    use TokenKind::{CloseBrace, End, LineComment, Newline, Semicolon};
    matches!(kind, Newline | LineComment | Semicolon | End | CloseBrace)
}

/// Whether it stands apart from what is before it.
fn is_apart(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Space | TokenKind::OpenBrace | TokenKind::BlockComment | TokenKind::Slashdash)
}
