//! What each piece of a file is there for, with what the names in it stand for.

use super::Analysis;
use crate::model::fields;
use crate::source::{FileId, Span};
use crate::syntax::{Role, roles};
use std::collections::BTreeMap;

/// A piece of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The place.
    pub span: Span,
    /// What it is there for.
    pub colour: Colour,
}

/// What a piece of a file is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// The name of a node.
    Node,
    /// The key of a property.
    Key,
    /// A type annotation.
    Type,
    /// A string.
    Str,
    /// A number.
    Number,
    /// `#true` and its like.
    Constant,
    /// A comment, and what is taken out.
    Comment,
    /// A name where it is defined.
    Definition,
    /// A name that is named.
    Name,
    /// A name that means something of its own.
    Context,
    /// The field of a reference.
    Field,
}

impl Colour {
    fn of(role: Role) -> Option<Colour> {
        Some(match role {
            Role::Node => Colour::Node,
            Role::Key => Colour::Key,
            Role::Type => Colour::Type,
            Role::Str => Colour::Str,
            Role::Number => Colour::Number,
            Role::Keyword => Colour::Constant,
            Role::Comment | Role::Skipped => Colour::Comment,
            Role::Punctuation => return None,
        })
    }
}

/// The pieces of a file in the order of the text; none overlaps another.
pub fn pieces(analysis: &Analysis, file: FileId) -> Vec<Piece> {
    let Some(tree) = analysis.document.trees().find(|t| t.file() == file) else { return Vec::new() };
    let names = names(analysis, file);
    let mut pieces = Vec::new();
    for (span, role) in roles(tree) {
        let Some(colour) = Colour::of(role) else { continue };
        cut(span, colour, &names, &mut pieces);
    }
    pieces
}

/// The names of a file and what they are, by where they start.
fn names(analysis: &Analysis, file: FileId) -> BTreeMap<u32, (Span, Colour)> {
    let index = analysis.index();
    let defined = index.symbols.iter().map(|s| (s.span, Colour::Definition));
    let mut names: BTreeMap<u32, (Span, Colour)> = BTreeMap::new();
    for mention in index.mentions.iter().filter(|m| m.span.file == file) {
        let is_context = mention.reference.as_ref().is_some_and(|r| fields::context(&r.name).is_some());
        let colour = if is_context { Colour::Context } else { Colour::Name };
        if is_context || mention.symbol.is_some() {
            names.insert(mention.span.start, (mention.span, colour));
        }
        if let Some((_, span)) = mention.reference.as_ref().and_then(|r| r.field.as_ref()) {
            names.insert(span.start, (*span, Colour::Field));
        }
    }
    names.extend(defined.filter(|(s, _)| s.file == file).map(|(s, c)| (s.start, (s, c))));
    names
}

/// A piece, with the names in it as pieces of their own.
fn cut(span: Span, colour: Colour, names: &BTreeMap<u32, (Span, Colour)>, pieces: &mut Vec<Piece>) {
    let mut at = span.start;
    for (name, its) in names.range(span.start..span.end).map(|(_, name)| *name) {
        if name.start < at || name.end > span.end || name.is_empty() {
            continue;
        }
        if name.start > at {
            pieces.push(Piece { span: Span { end: name.start, start: at, ..span }, colour });
        }
        pieces.push(Piece { span: name, colour: its });
        at = name.end;
    }
    if at < span.end {
        pieces.push(Piece { span: Span { start: at, ..span }, colour });
    }
}
