//! Where the cursor is, from the tokens in front of it. What stands behind it is not asked: it may be anything while one types.

use super::{Analysis, within};
use crate::model::pipeline::FILE;
use crate::model::spec::{Spec, Ty};
use crate::source::{FileId, Span};
use crate::syntax::{Node, Token, TokenKind, tokens};

/// What can be written at a place.
#[derive(Clone, Debug)]
pub(super) struct Place<'a> {
    /// What is asked for.
    pub what: What,
    /// The node whose header it is in, or whose block for the name of a node.
    pub node: Option<Node<'a>>,
    /// What completion replaces.
    pub replaces: Span,
    /// Whether it is inside the quotes of a string.
    pub quoted: bool,
    /// What of the string or word is written already.
    pub written: String,
}

/// What is asked for at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// The name of a node that may stand in the block of one with this spec.
    Node(&'static Spec),
    /// The next argument, whose number this is, or the key of a property.
    Entry(&'static Spec, usize),
    /// The argument with this number, in quotes.
    Arg(&'static Spec, usize),
    /// The value of a property.
    Prop(&'static Spec, Ty),
}

/// The place at an offset; nothing in a comment, and where nothing can be completed.
pub(super) fn place(analysis: &Analysis, file: FileId, offset: u32) -> Option<Place<'_>> {
    let text = analysis.text(file);
    let before = text.get(..offset as usize)?;
    let Some(node) = analysis.document.header_at(file, offset) else { return in_block(analysis, file, offset) };
    let start = node.span().start;
    let header: Vec<Token> = tokens(before.get(start as usize..)?).filter(|t| t.kind != TokenKind::Bom).collect();
    let last = header.last()?;
    if is_comment(*last) {
        return None;
    }
    let typed = Typed { text, header: &header, start, offset };
    typed.place(node, file)
}

/// The header of a node up to the cursor.
struct Typed<'t> {
    text: &'t str,
    header: &'t [Token],
    /// Where the header starts in the text.
    start: u32,
    offset: u32,
}

impl<'t> Typed<'t> {
    fn place<'a>(&self, node: Node<'a>, file: FileId) -> Option<Place<'a>> {
        let last = *self.header.last().filter(|t| !is_string(**t) || !t.closed())?;
        let is_name = self.header.iter().filter(|t| is_word(**t)).count() <= 1 && is_word(last);
        if is_name {
            let what = What::Node(within(node)?);
            return Some(self.finish(what, node.parent(), last, file));
        }
        let spec = crate::model::spec_of(node)?;
        let what = match self.key() {
            Some(key) => What::Prop(spec, spec.prop(key).map(|p| p.ty).or(spec.own.as_ref().map(|o| o.ty))?),
            None if is_string(last) => What::Arg(spec, self.args().checked_sub(1)?),
            None if is_word(last) => What::Entry(spec, self.args().checked_sub(1)?),
            None if last.kind == TokenKind::Space => What::Entry(spec, self.args()),
            None => return None,
        };
        Some(self.finish(what, Some(node), last, file))
    }

    /// The key whose value the cursor is in.
    fn key(&self) -> Option<&'t str> {
        let (last, rest) = self.header.split_last()?;
        let rest = if last.kind == TokenKind::Equals { rest } else { rest.strip_suffix_equals()? };
        let is_value = last.kind == TokenKind::Equals || is_word(*last);
        let key = rest.iter().rev().find(|t| t.kind != TokenKind::Space).filter(|_| is_value)?;
        self.slice(*key)
    }

    /// How many arguments there are, with the one at the cursor.
    fn args(&self) -> usize {
        let mut count: usize = 0;
        let mut before = TokenKind::Space;
        for (at, token) in self.header.iter().enumerate() {
            let is_key = self.header.get(at + 1).is_some_and(|t| t.kind == TokenKind::Equals);
            let annotates = before == TokenKind::OpenParen;
            if is_word(*token) && !is_key && before != TokenKind::Equals && !annotates {
                count += 1;
            }
            before = token.kind;
        }
        // The first one is the name of the node.
        count.saturating_sub(1)
    }

    fn finish<'a>(&self, what: What, node: Option<Node<'a>>, last: Token, file: FileId) -> Place<'a> {
        let quoted = is_string(last);
        let marks = |text: &str| text.bytes().take_while(|b| matches!(b, b'"' | b'#')).count();
        let marks = self.slice(last).filter(|_| quoted).map_or(0, marks);
        let from = if is_word(last) { (self.start + last.start) as usize + marks } else { self.offset as usize };
        let written = self.text.get(from..self.offset as usize).unwrap_or("").to_string();
        let end = self.offset as usize + self.behind(quoted);
        Place { what, node, replaces: Span::new(file, from.min(end), end), quoted, written }
    }

    /// How much of the word or string goes on behind the cursor.
    fn behind(&self, quoted: bool) -> usize {
        let rest = self.text.get(self.offset as usize..).unwrap_or("");
        let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if quoted {
            let line = rest.split(['\n', '\r']).next().unwrap_or("");
            return line.find('"').unwrap_or(0);
        }
        rest.find(|c| !goes_on(c)).unwrap_or(rest.len())
    }

    fn slice(&self, token: Token) -> Option<&'t str> {
        self.text.get((self.start + token.start) as usize..(self.start + token.end) as usize)
    }
}

/// The tokens without the `=` at their end.
trait StripEquals {
    fn strip_suffix_equals(&self) -> Option<&[Token]>;
}

impl StripEquals for [Token] {
    fn strip_suffix_equals(&self) -> Option<&[Token]> {
        self.split_last().filter(|(t, _)| t.kind == TokenKind::Equals).map(|(_, rest)| rest)
    }
}

fn is_word(token: Token) -> bool {
    is_string(token) || matches!(token.kind, TokenKind::Word | TokenKind::Keyword)
}

fn is_string(token: Token) -> bool {
    matches!(token.kind, TokenKind::Quoted | TokenKind::MultiLine | TokenKind::Raw | TokenKind::RawMultiLine)
}

fn is_comment(token: Token) -> bool {
    match token.kind {
        TokenKind::LineComment => true,
        TokenKind::BlockComment => !token.closed(),
        _ => false,
    }
}

/// A place where a node can start.
fn in_block(analysis: &Analysis, file: FileId, offset: u32) -> Option<Place<'_>> {
    let before = analysis.text(file).get(..offset as usize)?;
    let last = tokens(before).last();
    if last.is_some_and(|t| is_comment(t) || t.kind == TokenKind::Slashdash) {
        return None;
    }
    let mut node = analysis.document.node_at(file, offset).map(|at| at.node);
    while let Some(n) = node.filter(|n| !n.block_span().is_some_and(|b| b.start < offset && offset <= b.end)) {
        node = n.parent().filter(|p| p.file() == file);
    }
    let closed = |n: &Node<'_>| n.block_span().is_some_and(|b| b.end == offset) && before.ends_with('}');
    while let Some(n) = node.filter(closed) {
        node = n.parent().filter(|p| p.file() == file);
    }
    let node = node.or_else(|| included_in(analysis, file));
    let spec = node.map_or(Some(&FILE), crate::model::spec_of)?;
    let replaces = Span::new(file, offset as usize, offset as usize);
    Some(Place { what: What::Node(spec), node, replaces, quoted: false, written: String::new() })
}

/// The node whose block an included file stands in.
fn included_in(analysis: &Analysis, file: FileId) -> Option<Node<'_>> {
    analysis.document.includes().find(|(_, brought)| *brought == Some(file)).and_then(|(node, _)| node.parent())
}
