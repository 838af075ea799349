//! The names of a file as a tree, and those of all files as a list to look in.

use super::{Analysis, Kind, Symbol};
use crate::source::{FileId, Span};

/// A line of the outline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// What it is in a few words: the header of what it holds.
    pub detail: String,
    /// The whole node.
    pub span: Span,
    /// Its name.
    pub name_span: Span,
    /// The names in it.
    pub children: Vec<Entry>,
}

/// The names that a file defines.
pub fn outline(analysis: &Analysis, file: FileId) -> Vec<Entry> {
    let symbols: Vec<&Symbol> = analysis.index().symbols.iter().filter(|s| s.span.file == file).collect();
    // A file that is included twice defines its names twice; they are shown once.
    let mut shown = std::collections::HashSet::new();
    let symbols: Vec<&Symbol> = symbols.into_iter().filter(|s| shown.insert(s.span)).collect();
    let is_top = |s: &&&Symbol| !symbols.iter().any(|other| Some(other.node) == s.within);
    symbols.iter().filter(is_top).filter_map(|s| entry(analysis, s, &symbols)).collect()
}

fn entry(analysis: &Analysis, symbol: &Symbol, all: &[&Symbol]) -> Option<Entry> {
    let node = analysis.document.node(symbol.node)?;
    let inside = all.iter().filter(|s| s.within == Some(symbol.node) && s.node != symbol.node);
    Some(Entry {
        kind: symbol.kind,
        name: symbol.name.clone(),
        detail: symbol.kind.word().to_string(),
        span: node.span(),
        name_span: symbol.span,
        children: inside.filter_map(|s| entry(analysis, s, all)).collect(),
    })
}

/// The names in which all letters of a text stand in their order, in any case.
pub fn find<'a>(analysis: &'a Analysis, text: &str) -> Vec<&'a Symbol> {
    let wanted = text.to_lowercase();
    analysis.index().symbols.iter().filter(|s| fits(&s.name.to_lowercase(), &wanted)).collect()
}

fn fits(name: &str, wanted: &str) -> bool {
    let mut letters = name.chars();
    wanted.chars().all(|w| letters.any(|l| l == w))
}
