//! What each piece of a text is there for, as an editor colours it.

use super::token::{Token, TokenKind, Tokens, tokens};
use super::tree::{EntryData, NodeData, Range, Tree, TypeData, ValueKind};
use crate::source::Span;

/// What a piece of text is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// The name of a node.
    Node,
    /// The key of a property.
    Key,
    /// The name in a type annotation.
    Type,
    /// A string, also one without quotes.
    Str,
    /// A number.
    Number,
    /// `#true` and its like.
    Keyword,
    /// A comment.
    Comment,
    /// What a slashdash takes out, and the slashdash.
    Skipped,
    /// Braces, parentheses, `=`, `;` and `\`.
    Punctuation,
}

/// The pieces of a tree's text but for blanks, in the order of the text.
pub fn roles(tree: &Tree) -> Roles<'_> {
    Roles {
        tree,
        tokens: tokens(tree.text()),
        nodes: tree.nodes.iter(),
        entries: tree.entries.iter(),
        types: tree.types.iter(),
        skipped: tree.skipped.iter(),
    }
}

/// See [`roles`]. It walks along the tokens and the tables of the tree at once, which are all in the order of the text.
#[derive(Clone, Debug)]
pub struct Roles<'t> {
    tree: &'t Tree,
    tokens: Tokens<'t>,
    nodes: std::slice::Iter<'t, NodeData>,
    entries: std::slice::Iter<'t, EntryData>,
    types: std::slice::Iter<'t, TypeData>,
    skipped: std::slice::Iter<'t, Range>,
}

impl Iterator for Roles<'_> {
    type Item = (Span, Role);

    fn next(&mut self) -> Option<(Span, Role)> {
        loop {
            let token = self.tokens.next()?;
            if let Some(role) = self.role(token) {
                return Some((self.tree.span(Range::new(token.start, token.end)), role));
            }
        }
    }
}

impl Roles<'_> {
    fn role(&mut self, token: Token) -> Option<Role> {
        match token.kind {
            TokenKind::Space | TokenKind::Newline | TokenKind::Bom | TokenKind::End => None,
            TokenKind::LineComment | TokenKind::BlockComment => Some(Role::Comment),
            _ if self.is_skipped(token.start) => Some(Role::Skipped),
            TokenKind::Keyword => Some(Role::Keyword),
            TokenKind::Word | TokenKind::Quoted | TokenKind::MultiLine | TokenKind::Raw | TokenKind::RawMultiLine => {
                Some(self.string(token.start))
            }
            _ => Some(Role::Punctuation),
        }
    }

    fn is_skipped(&mut self, at: u32) -> bool {
        first_behind(&mut self.skipped, |range| range.end > at).is_some_and(|range| range.start <= at)
    }

    /// The role of the string or number that starts at `at`.
    fn string(&mut self, at: u32) -> Role {
        if first_behind(&mut self.nodes, |node| node.name.start >= at).is_some_and(|node| node.name.start == at) {
            return Role::Node;
        }
        if first_behind(&mut self.types, |ty| ty.name.start >= at).is_some_and(|ty| ty.name.start == at) {
            return Role::Type;
        }
        match first_behind(&mut self.entries, |entry| entry.value.start >= at) {
            Some(entry) if entry.is_prop() && entry.key.start == at => Role::Key,
            Some(entry) if entry.value.start == at => match entry.kind {
                ValueKind::Int | ValueKind::Float => Role::Number,
                ValueKind::Bool | ValueKind::Null => Role::Keyword,
                ValueKind::Str => Role::Str,
            },
            _ => Role::Str,
        }
    }
}

/// Goes on to the first row that is `behind` the place, and gives it without going past it.
fn first_behind<'t, T>(rows: &mut std::slice::Iter<'t, T>, behind: impl Fn(&T) -> bool) -> Option<&'t T> {
    while let Some(row) = rows.as_slice().first() {
        if behind(row) {
            return Some(row);
        }
        rows.next();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::Limits;

    #[test]
    fn each_piece_has_its_role() {
        let text = "// c\n(t)node 1 key=(u)\"v\" #true /-gone {\n  child bare /- a; x\n}\n";
        let (tree, _) = crate::syntax::parse(FileId(0), text.into(), &Limits::default());
        let shown: Vec<String> = roles(&tree)
            .map(|(span, role)| format!("{}:{role:?}", &text[span.range()]))
            .filter(|s| !s.contains("Punct"))
            .collect();
        assert_eq!(
            shown.join(" "),
            "// c:Comment t:Type node:Node 1:Number key:Key u:Type \"v\":Str #true:Keyword /-:Skipped gone:Skipped \
             child:Node bare:Str /-:Skipped a:Skipped x:Node"
        );
    }
}
