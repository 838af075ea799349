//! The comment that belongs to a node.

use super::token::{TokenKind, tokens};

/// The comment directly before `end`, in the gap of blanks and comments that starts at `start`: the last run of comments
/// that has its lines to itself and no empty line behind it.
pub(super) fn leading(text: &str, start: u32, end: u32) -> Option<&str> {
    let start = start as usize;
    let gap = text.get(start..end as usize)?;
    // What stands on the line where the gap starts speaks of what stands before it.
    let mut own_line = start == 0;
    let mut blank_line = false;
    let mut found: Option<(usize, usize)> = None;
    for token in tokens(gap) {
        match token.kind {
            TokenKind::Newline => {
                if blank_line {
                    found = None;
                }
                blank_line = true;
                own_line = true;
            }
            TokenKind::LineComment | TokenKind::BlockComment if own_line => {
                blank_line = false;
                let from = found.map_or(token.start as usize, |(from, _)| from);
                found = Some((from, token.end as usize));
            }
            TokenKind::Space
            | TokenKind::Bom
            | TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::Semicolon => {}
            // Something is taken out by a slashdash here: the comment before it was its.
            _ => (found, own_line) = (None, false),
        }
    }
    found.and_then(|(from, to)| gap.get(from..to))
}

/// A comment without its marks and its indentation.
pub(super) fn plain(comment: &str) -> String {
    let mut lines = Vec::new();
    for token in tokens(comment) {
        let raw = comment.get(token.start as usize..token.end as usize).unwrap_or("");
        match token.kind {
            TokenKind::LineComment => lines.push(raw.trim_start_matches('/').trim()),
            TokenKind::BlockComment => {
                let body = raw.trim_start_matches("/*").trim_end_matches("*/").trim_matches('*').trim();
                lines.extend(body.lines().map(|line| line.trim().trim_start_matches('*').trim()));
            }
            _ => {}
        }
    }
    lines.join("\n")
}
