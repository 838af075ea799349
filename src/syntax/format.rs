//! The one canonical form of a text.
//!
//! It is made from the tokens, so that every string, number and comment stays as its author wrote it, and only what
//! stands between them changes:
//!
//! - a node stands on its own line, four spaces deeper than its parent; a `;` becomes a line end;
//! - one space stands between the entries of a node, none around `=` and in type annotations;
//! - comments stay, at the end of their line or on their own; of empty lines at most one stays, and none at the edges of
//!   a block;
//! - a line that goes on behind a backslash stays so, and the next one is indented.

use super::limits::Limits;
use super::parse::parse;
use super::token::{Token, TokenKind, tokens};
use super::tree::Tree;
use crate::diag::{Diagnostic, any_error};
use crate::source::FileId;
use std::borrow::Cow;

/// The canonical form of a text; its faults, if it has any. Their spans are in file 0.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    let limits = Limits { size: text.len(), ..Limits::default() };
    let (tree, faults) = parse(FileId::default(), text.into(), &limits);
    if any_error(&faults) { Err(faults) } else { Ok(format_tree(&tree)) }
}

/// The canonical form of a text that was read without a fault.
pub fn format_tree(tree: &Tree) -> String {
    let mut layout = Layout::new(tree.text());
    for token in tokens(tree.text()) {
        layout.token(token);
    }
    layout.finish()
}

/// Where in the text the layout is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Where a node can start.
    Between,
    /// In a node, behind something.
    Inside,
    /// In a node, behind something that nothing stands apart from: `(`, `)`, `=`.
    Tight,
    /// Directly behind a slashdash, where a line end ends nothing.
    Slashdash,
    /// Behind the backslash at the end of a line.
    Escaped,
}

struct Layout<'t> {
    text: &'t str,
    /// Whether line ends in strings and comments have to be made `\n`.
    returns: bool,
    out: String,
    depth: usize,
    place: Place,
    /// Where the layout was before the backslash.
    before_escape: Place,
    /// The line ends since the last thing that was written.
    newlines: usize,
    /// Whether a block was opened and nothing stands in it yet.
    opened: bool,
    /// Whether the line ends with a comment that goes to its end.
    commented: bool,
    /// Whether the line holds nothing but comments, so that a node may follow on it.
    prefixed: bool,
    /// Whether a backslash with its line end waits for something that goes on behind it, and the comments there.
    goes_on: bool,
    comments: Vec<&'t str>,
}

impl<'t> Layout<'t> {
    fn new(text: &'t str) -> Layout<'t> {
        Layout {
            text,
            returns: memchr::memchr(b'\r', text.as_bytes()).is_some(),
            out: String::with_capacity(text.len() + text.len() / 8),
            depth: 0,
            place: Place::Between,
            before_escape: Place::Between,
            newlines: 0,
            opened: false,
            commented: false,
            prefixed: false,
            goes_on: false,
            comments: Vec::new(),
        }
    }

    #[inline]
    fn token(&mut self, token: Token) {
        match self.place {
            Place::Between => self.between(token),
            Place::Escaped => self.escaped(token),
            Place::Inside | Place::Tight | Place::Slashdash => self.inside(token),
        }
    }

    fn between(&mut self, token: Token) {
        match token.kind {
            TokenKind::Newline => self.newlines += 1,
            // A line that is empty but for a backslash says nothing.
            TokenKind::Space | TokenKind::Bom | TokenKind::Backslash | TokenKind::Semicolon => {}
            TokenKind::LineComment => {
                self.comment(self.slice(token).trim_end());
                self.commented = true;
            }
            TokenKind::BlockComment => self.comment(self.slice(token)),
            TokenKind::CloseBrace => self.close(),
            _ => {
                if self.prefixed && self.newlines == 0 && !self.commented {
                    self.out.push(' ');
                } else {
                    self.begin_line();
                }
                self.prefixed = false;
                self.place = Place::Tight;
                self.inside(token);
            }
        }
    }

    fn inside(&mut self, token: Token) {
        match token.kind {
            TokenKind::Space => {}
            TokenKind::Newline | TokenKind::LineComment if self.place == Place::Slashdash => {
                self.under_slashdash(token)
            }
            TokenKind::Newline | TokenKind::LineComment | TokenKind::Semicolon | TokenKind::CloseBrace => {
                self.end_node();
                self.between(token);
            }
            TokenKind::Backslash => {
                self.before_escape = self.place;
                self.place = Place::Escaped;
            }
            TokenKind::OpenBrace => {
                self.item(token, Place::Between);
                self.depth += 1;
                (self.opened, self.newlines) = (true, 0);
            }
            TokenKind::OpenParen => self.item(token, Place::Tight),
            TokenKind::CloseParen | TokenKind::Equals => {
                if self.comments.is_empty() {
                    self.place = Place::Tight;
                }
                self.item(token, Place::Tight);
            }
            TokenKind::Slashdash => self.item(token, Place::Slashdash),
            _ => self.item(token, Place::Inside),
        }
    }

    /// A comment or a line end between a slashdash and what it takes out.
    fn under_slashdash(&mut self, token: Token) {
        if token.kind == TokenKind::LineComment {
            self.out.push(' ');
            self.out.push_str(self.slice(token).trim_end());
            self.new_line(self.depth + 1);
        }
    }

    /// What stands between a backslash and its line end.
    fn escaped(&mut self, token: Token) {
        match token.kind {
            TokenKind::LineComment => self.comments.push(self.slice(token).trim_end()),
            TokenKind::BlockComment => {
                self.place = self.before_escape;
                self.item(token, Place::Escaped);
                self.before_escape = Place::Inside;
            }
            TokenKind::Newline => {
                self.goes_on = true;
                self.place = self.before_escape;
            }
            _ => {}
        }
    }

    /// Writes a token of a node with what has to stand before it.
    #[inline]
    fn item(&mut self, token: Token, then: Place) {
        if self.goes_on {
            self.go_on();
        } else if self.place == Place::Inside {
            self.out.push(' ');
        }
        match self.slice(token) {
            _ if self.returns => self.verbatim(token),
            raw => self.out.push_str(raw),
        }
        self.place = then;
    }

    /// Writes the waiting backslashes. Where nothing stands apart they are left out, unless they have comments.
    #[cold]
    fn go_on(&mut self) {
        self.goes_on = false;
        if self.comments.is_empty() {
            match self.place {
                Place::Inside => self.escape_line(None),
                _ => return,
            }
        }
        for comment in std::mem::take(&mut self.comments) {
            self.escape_line(Some(comment));
        }
    }

    fn escape_line(&mut self, comment: Option<&str>) {
        if !self.out.ends_with(' ') {
            self.out.push(' ');
        }
        self.out.push('\\');
        if let Some(comment) = comment {
            self.out.push(' ');
            self.out.push_str(comment);
        }
        self.new_line(self.depth + 1);
    }

    /// Ends a node; comments behind a backslash that nothing followed are comments like others.
    #[inline]
    fn end_node(&mut self) {
        let escaped = std::mem::take(&mut self.goes_on);
        self.place = Place::Between;
        (self.newlines, self.opened, self.commented) = (0, false, false);
        for comment in std::mem::take(&mut self.comments) {
            self.comment(comment);
            self.commented = true;
        }
        self.newlines = usize::from(escaped);
    }

    /// Writes a comment between nodes: behind what stands on its line, else on a line of its own.
    fn comment(&mut self, comment: &str) {
        if self.newlines > 0 || self.commented || self.out.is_empty() {
            self.begin_line();
            self.prefixed = true;
        } else {
            self.out.push(' ');
        }
        let comment = self.without_returns(comment);
        self.out.push_str(&comment);
        self.newlines = 0;
        self.commented = false;
    }

    fn close(&mut self) {
        self.depth = self.depth.saturating_sub(1);
        let is_empty = self.opened && !self.commented && self.out.ends_with('{');
        if !is_empty {
            self.new_line(self.depth);
        }
        self.out.push('}');
        (self.opened, self.commented, self.prefixed) = (false, false, false);
        self.place = Place::Inside;
    }

    /// Starts the line of a node or a comment. Of the empty lines before it one stays.
    fn begin_line(&mut self) {
        if !self.out.is_empty() {
            if self.newlines > 1 && !self.opened {
                self.out.push('\n');
            }
            self.new_line(self.depth);
        }
        (self.newlines, self.opened, self.commented, self.prefixed) = (0, false, false, false);
    }

    #[inline]
    fn new_line(&mut self, depth: usize) {
        const BLANKS: &str = "                                ";
        self.out.push('\n');
        let mut left = depth * 4;
        while let Some(blanks) = BLANKS.get(..left.min(BLANKS.len())).filter(|blanks| !blanks.is_empty()) {
            self.out.push_str(blanks);
            left -= blanks.len();
        }
    }

    fn slice(&self, token: Token) -> &'t str {
        self.text.get(token.start as usize..token.end as usize).unwrap_or("")
    }

    fn verbatim(&mut self, token: Token) {
        let text = self.without_returns(self.slice(token));
        self.out.push_str(&text);
    }

    /// Line ends in strings and comments mean the same however they are written.
    fn without_returns<'s>(&self, text: &'s str) -> Cow<'s, str> {
        if self.returns && text.contains('\r') {
            Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
        } else {
            Cow::Borrowed(text)
        }
    }

    fn finish(mut self) -> String {
        if self.place != Place::Between {
            self.end_node();
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }
}
