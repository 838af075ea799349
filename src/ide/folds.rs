//! What of a file can be folded: blocks, and comments of several lines.

use super::Analysis;
use crate::source::{FileId, Span};
use crate::syntax::{TokenKind, tokens};

/// Something that can be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fold {
    /// From the character that stays to the end.
    pub span: Span,
    /// Whether it is a comment.
    pub is_comment: bool,
}

/// What can be folded. A text that is half written folds as far as its braces fit.
pub fn folds(analysis: &Analysis, file: FileId) -> Vec<Fold> {
    let text = analysis.text(file);
    let mut folder = Folder { text, file, blocks: Vec::new(), comments: None, found: Vec::new() };
    for token in tokens(text) {
        folder.take(token.kind, token.start, token.end);
    }
    folder.end_comments();
    folder.found.sort_by_key(|f| f.span);
    folder.found
}

struct Folder<'t> {
    text: &'t str,
    file: FileId,
    /// The braces that are open.
    blocks: Vec<u32>,
    /// Line comments that follow one another.
    comments: Option<(u32, u32)>,
    found: Vec<Fold>,
}

impl Folder<'_> {
    fn take(&mut self, kind: TokenKind, start: u32, end: u32) {
        match kind {
            TokenKind::Space | TokenKind::Newline => return,
            TokenKind::LineComment => {
                let first = self.comments.map_or(start, |(first, _)| first);
                self.comments = Some((first, end));
                return;
            }
            _ => self.end_comments(),
        }
        match kind {
            TokenKind::OpenBrace => self.blocks.push(start),
            TokenKind::CloseBrace => {
                if let Some(open) = self.blocks.pop() {
                    self.fold(open, end, false);
                }
            }
            TokenKind::BlockComment => self.fold(start, end, true),
            _ => {}
        }
    }

    fn end_comments(&mut self) {
        if let Some((start, end)) = self.comments.take() {
            self.fold(start, end, true);
        }
    }

    fn fold(&mut self, start: u32, end: u32, is_comment: bool) {
        let range = start as usize..end as usize;
        if self.text.get(range.clone()).is_some_and(|t| t.contains('\n')) {
            self.found.push(Fold { span: Span::new(self.file, range.start, range.end), is_comment });
        }
    }
}
