//! What an editor asks of a pipeline file, in the editor's words: completion, hover, where a name is defined and used, what it
//! would be called instead, what can be mended, what folds.
//!
//! All of it is plain data about bytes of texts; which protocol carries it is the business of a door. An [`Analysis`] is one
//! pipeline file with its includes as they are at one moment. Answers come from the tree and the specs, and not from the typed
//! model: so they are there for a file that is half written.
//!
//! What is read here, for completing, is names: of files below the pipeline's folder, of branches, of clusters.

mod actions;
mod complete;
mod facts;
mod folds;
mod form;
mod hover;
mod index;
mod lens;
mod navigate;
mod outline;
mod paths;
mod place;
mod rename;
mod tokens;
mod world;

pub use actions::{Action, actions, mend_all};
pub use complete::{Item, ItemKind, complete};
pub use facts::{Deployed, Facts, PipelineFacts};
pub use folds::{Fold, folds};
pub use form::form;
pub use hover::{Hover, hover};
pub use index::{Index, Kind, Mention, Read, Symbol};
pub use lens::{Lens, lenses};
pub use navigate::{Target, definition, mentions};
pub use outline::{Entry, find, outline};
pub use rename::{Refusal, rename, renamed};
pub use tokens::{Colour, Piece, pieces};

use crate::diag::Diagnostic;
use crate::model::pipeline::FILE;
use crate::model::spec::Spec;
use crate::source::{FileId, Sources, Span};
use crate::syntax::{Document, Node};
use std::path::PathBuf;
use std::sync::OnceLock;

/// One pipeline file with its includes, as they are at one moment.
#[derive(Debug)]
pub struct Analysis {
    /// The folder of the pipeline file, absolute: relative paths in it start here.
    pub root: PathBuf,
    /// All texts.
    pub sources: Sources,
    /// Their trees.
    pub document: Document,
    /// Everything that is wrong.
    pub diagnostics: Vec<Diagnostic>,
    /// What is known of the world, from the state.
    pub facts: Facts,
    index: OnceLock<Index>,
}

impl Analysis {
    /// An analysis of what was read.
    pub fn new(root: PathBuf, sources: Sources, document: Document, diagnostics: Vec<Diagnostic>) -> Analysis {
        Analysis { root, sources, document, diagnostics, facts: Facts::default(), index: OnceLock::new() }
    }

    /// The names that are defined, and all places that name them. Made when it is asked for the first time.
    pub fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::of(&self.document))
    }

    /// The text of a file; empty for one that was not read.
    fn text(&self, file: FileId) -> &str {
        self.sources.get(file).map_or("", |f| f.text())
    }

    /// The symbol that a place defines or names.
    fn symbol_at(&self, file: FileId, offset: u32) -> Option<(&Symbol, Span)> {
        let index = self.index();
        let defined = index.symbols.iter().find(|s| covers(s.span, file, offset)).map(|s| (s, s.span));
        defined.or_else(|| {
            let mention = index.mentions.iter().find(|m| covers(m.span, file, offset))?;
            Some((index.symbols.get(mention.symbol?)?, mention.span))
        })
    }
}

/// Whether a place is in a span or at its end.
fn covers(span: Span, file: FileId, offset: u32) -> bool {
    span.file == file && (span.start..=span.end).contains(&offset)
}

/// What may stand where a node stands.
fn within(node: Node<'_>) -> Option<&'static Spec> {
    match node.parent() {
        Some(parent) => crate::model::spec_of(parent),
        None => Some(&FILE),
    }
}

/// Calls `see` with each node that the language knows, outer ones first, and with what it may have.
fn each_node<'t>(document: &'t Document, see: &mut dyn FnMut(Node<'t>, &'static Spec)) {
    fn go<'t>(
        nodes: impl Iterator<Item = Node<'t>>,
        spec: &'static Spec,
        see: &mut dyn FnMut(Node<'t>, &'static Spec),
    ) {
        for node in nodes {
            let Some(child) = spec.child(node.name()) else { continue };
            see(node, child.spec);
            go(node.children(), child.spec, see);
        }
    }
    go(document.roots(), &FILE, see);
}

#[cfg(test)]
mod tests;
