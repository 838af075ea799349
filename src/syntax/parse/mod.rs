//! The parser: tokens to a tree, in one pass and with a stack of its own.
//!
//! It is a loop over places where a node can stand ([`Parser::run`]). A node's header is read up to its terminator or its
//! opening brace; a brace pushes a frame and the loop goes on inside; a closing brace pops the frame and what may follow
//! a block is read ([`Parser::tail`]). So depth costs a row of a vector and never the stack of the thread.
//!
//! What stands under a slashdash is read like all else and its rows are then taken off the tables again.
//!
//! A fault never stops it. To keep one fault from causing others, a header with a fault is read quietly to its end,
//! and braces are not complained about where an open string or comment may have swallowed some.

mod blocks;
mod entry;
mod faults;
mod header;
mod values;

pub(super) use faults::Faults;

use self::blocks::{Frame, Indentation, Repair};
use super::limits::Limits;
use super::text;
use super::token::{CommentScan, Token, TokenKind, Tokens, tokens};
use super::tree::{NO_PARENT, Range, Tree};
use crate::diag::{Diagnostic, codes};
use crate::source::{FileId, Span};
use std::sync::Arc;

/// Reads a text. There is a tree for any text; what is wrong with it stands in the diagnostics, in the order of the text.
pub fn parse(file: FileId, text: Arc<str>, limits: &Limits) -> (Tree, Vec<Diagnostic>) {
    let mut faults = Faults::new(file, limits.diagnostics);
    if text.len() > limits.size || u32::try_from(text.len()).is_err() {
        faults.push(text::too_large(text.len(), limits));
        return (Tree::empty(file, text), faults.finish());
    }
    text::check(&text, &mut faults);
    let source = Arc::clone(&text);
    let first = Parser::new(&source, file, limits, None).run();
    let second = first.missing_brace().map(|repair| Parser::new(&source, file, limits, Some(repair)).run());
    second.unwrap_or(first).finish(text, faults)
}

/// The sizes of the tables at some moment, to go back to.
#[derive(Clone, Copy, Debug)]
struct Mark {
    nodes: usize,
    entries: usize,
    types: usize,
    decoded: usize,
    arena: usize,
}

/// What a slashdash takes out. Of those in each other only the outermost is kept.
#[derive(Clone, Copy, Debug)]
struct Skip {
    start: u32,
    mark: Mark,
    /// How many frames were open at the slashdash: what it takes out ends at the same number.
    frames: usize,
    block: bool,
}

struct Parser<'t> {
    text: &'t str,
    limits: &'t Limits,
    tokens: Tokens<'t>,
    /// The token that is looked at.
    token: Token,
    tree: Tree,
    frames: Vec<Frame>,
    skip: Option<Skip>,
    faults: Faults,
    /// The start of the line.
    line: u32,
    /// The indentation of the line that was last asked for.
    margin: Indentation,
    /// Whether braces may have been swallowed, so that those that are missing or too many are no fault of their own.
    braces_doubtful: bool,
    /// Whether a string had no end, so that another one without one may be the rest of it.
    string_open: bool,
    outdented: Option<Repair>,
    repair: Option<Repair>,
}

impl<'t> Parser<'t> {
    fn new(text: &'t str, file: FileId, limits: &'t Limits, repair: Option<Repair>) -> Parser<'t> {
        let mut tree = Tree::empty(file, Arc::from(""));
        // What pipelines have; a text that has more makes the tables grow.
        tree.nodes.reserve(text.len() / 36 + 1);
        tree.entries.reserve(text.len() / 24 + 1);
        let mut tokens = tokens(text);
        let token = tokens.token();
        let faults = Faults::new(file, limits.diagnostics);
        let frames = Vec::new();
        let (skip, outdented) = (None, None);
        let (braces_doubtful, string_open) = (false, false);
        Parser {
            text,
            limits,
            tokens,
            token,
            tree,
            frames,
            skip,
            faults,
            line: 0,
            margin: Indentation::default(),
            braces_doubtful,
            string_open,
            outdented,
            repair,
        }
    }

    fn run(mut self) -> Parser<'t> {
        if self.token.kind == TokenKind::Bom {
            self.bump();
        }
        self.check_version();
        loop {
            self.line_space();
            if let Some(repair) = self.repair.filter(|r| r.before == self.token.start) {
                self.repair_here(repair);
            }
            match self.token.kind {
                TokenKind::End => break,
                TokenKind::CloseBrace => self.close_brace(),
                TokenKind::Slashdash => self.slashdash_node(),
                TokenKind::Semicolon => {
                    self.faults.push(faults::stray_semicolon(self.here()));
                    self.bump();
                }
                _ => self.node(),
            }
        }
        self.close_at_end();
        self
    }

    /// The tree with its text, and the faults together with those `before`.
    fn finish(mut self, text: Arc<str>, before: Faults) -> (Tree, Vec<Diagnostic>) {
        self.tree.text = text;
        self.tree.nodes.shrink_to_fit();
        self.tree.entries.shrink_to_fit();
        (self.tree, before.join(self.faults))
    }

    #[inline]
    fn bump(&mut self) {
        self.tokens.read(&mut self.token);
    }

    /// Goes to the next token that is no blank; whether there were blanks before it.
    #[inline]
    fn bump_space(&mut self) -> bool {
        let spaced = self.tokens.skip_blanks();
        self.bump();
        self.space() || spaced
    }

    fn here(&self) -> Span {
        self.faults.range(self.range())
    }

    fn at(&self, token: Token) -> Span {
        self.faults.range(Range::new(token.start, token.end))
    }

    fn range(&self) -> Range {
        Range::new(self.token.start, self.token.end)
    }

    fn slice(&self, range: Range) -> &'t str {
        self.text.get(range.start as usize..range.end as usize).unwrap_or("")
    }

    fn here_text(&self) -> &'t str {
        self.slice(self.range())
    }

    /// Skips blanks inside a node; whether there were any.
    #[inline]
    fn space(&mut self) -> bool {
        if self.token.kind == TokenKind::Space {
            self.bump();
            if !matches!(self.token.kind, TokenKind::BlockComment | TokenKind::Backslash) {
                return true;
            }
        }
        matches!(self.token.kind, TokenKind::BlockComment | TokenKind::Backslash) && self.more_space()
    }

    #[cold]
    fn more_space(&mut self) -> bool {
        let start = self.token.start;
        loop {
            match self.token.kind {
                TokenKind::Space => self.bump(),
                TokenKind::BlockComment => self.block_comment(),
                TokenKind::Backslash if self.ends_line() => self.escaped_line(),
                _ => return self.token.start > start,
            }
        }
    }

    /// Skips blanks, comments and line ends where a node can stand.
    #[inline]
    fn line_space(&mut self) {
        loop {
            match self.token.kind {
                TokenKind::Space | TokenKind::LineComment => self.bump(),
                TokenKind::Newline => {
                    self.line = self.tokens.skip_lines().unwrap_or(self.token.end);
                    self.bump();
                }
                TokenKind::BlockComment => self.block_comment(),
                TokenKind::Backslash if self.ends_line() => self.escaped_line(),
                _ => return,
            }
        }
    }

    /// Whether only blanks and comments stand between the backslash here and its line end.
    fn ends_line(&self) -> bool {
        let mut ahead = self.tokens.clone();
        loop {
            match ahead.token().kind {
                TokenKind::Space | TokenKind::BlockComment | TokenKind::LineComment => {}
                kind => return matches!(kind, TokenKind::Newline | TokenKind::End),
            }
        }
    }

    /// Skips a backslash that [`ends_line`](Parser::ends_line), with its line end.
    fn escaped_line(&mut self) {
        loop {
            self.bump();
            match self.token.kind {
                TokenKind::BlockComment => self.check_comment(),
                TokenKind::Newline => {
                    self.line = self.token.end;
                    return self.bump();
                }
                TokenKind::End => return,
                _ => {}
            }
        }
    }

    fn block_comment(&mut self) {
        self.check_comment();
        self.bump();
    }

    fn check_comment(&mut self) {
        let start = self.token.start as usize;
        if !self.token.closed() {
            self.braces_doubtful = true;
            self.faults.push(faults::unclosed_comment(self.faults.span(start, start + 2)));
        }
        if self.token.complex() {
            let mut scan = CommentScan::new(self.text, start);
            while let Some(depth) = scan.step().filter(|depth| *depth > 0) {
                if depth > self.limits.comment_depth {
                    let at = self.faults.span(scan.at - 2, scan.at);
                    return self.faults.push(faults::deep_comment(at, self.limits.comment_depth));
                }
            }
        }
    }

    /// A text may say in its first line which KDL it is; another one than 2 is refused.
    fn check_version(&mut self) {
        let rest = self.text.get(self.token.start as usize..).unwrap_or("");
        let marker = rest.strip_prefix("/-").map(|rest| rest.trim_start_matches(super::chars::is_space));
        let Some(version) = marker.and_then(|rest| rest.strip_prefix("kdl-version ")) else { return };
        let version = version.split(super::chars::is_newline).next().unwrap_or("").trim();
        if version != "2" && version.bytes().all(|b| b.is_ascii_digit()) {
            let end = rest.find(version).unwrap_or(0) + version.len();
            let start = self.token.start as usize;
            let span = self.faults.span(start, start + end);
            let fault = Diagnostic::new(&codes::KDL_VERSION, format!("the file says that it is KDL {version}"));
            self.faults.push(fault.at(span, "").help("Lockgate reads KDL 2."));
        }
    }

    fn mark(&self) -> Mark {
        let tree = &self.tree;
        Mark {
            nodes: tree.nodes.len(),
            entries: tree.entries.len(),
            types: tree.types.len(),
            decoded: tree.decoded.len(),
            arena: tree.arena.len(),
        }
    }

    /// Takes everything behind `mark` off the tables and notes the place `start..end` as taken out.
    fn take_out(&mut self, mark: Mark, start: u32, end: u32) {
        let tree = &mut self.tree;
        tree.nodes.truncate(mark.nodes);
        tree.entries.truncate(mark.entries);
        tree.types.truncate(mark.types);
        tree.decoded.truncate(mark.decoded);
        tree.arena.truncate(mark.arena);
        if self.skip.is_none() {
            tree.skipped.push(Range::new(start, end));
        }
    }

    /// Begins to take out a node or a block, unless something around it is taken out already.
    fn begin_skip(&mut self, start: u32, block: bool) {
        if self.skip.is_none() {
            self.skip = Some(Skip { start, mark: self.mark(), frames: self.frames.len(), block });
        }
    }

    /// Ends what [`begin_skip`](Parser::begin_skip) began, if this is its end.
    fn end_skip(&mut self, block: bool, end: u32) {
        if let Some(skip) = self.skip.filter(|s| s.frames == self.frames.len() && s.block == block) {
            self.skip = None;
            self.take_out(skip.mark, skip.start, end);
        }
    }

    /// Ends a node: what a slashdash took out may end with it.
    #[inline]
    fn finish_node(&mut self, row: u32) {
        if self.skip.is_some() {
            let end = self.tree.nodes.get(row as usize).map_or(self.token.start, |n| n.end);
            self.end_skip(false, end);
        }
    }

    fn parent(&self) -> u32 {
        self.frames.last().map_or(NO_PARENT, |f| f.row)
    }
}
