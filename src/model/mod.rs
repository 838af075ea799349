//! Typed meaning: what a pipeline file says, one file a node.
//!
//! A [`File`] is what decoding gives; names are not resolved yet (that is `graph`), and nothing is judged (that is
//! `check`). Every part keeps the span it came from.

mod decode;
mod shape;

// what a node may have, and the grammars of texts
pub mod cron;
pub mod duration;
pub mod fields;
pub mod format;
pub mod manual;
pub mod spec;
pub mod window;
// one file a node
pub mod build;
pub mod command;
pub mod environment;
pub mod gate;
pub mod notify;
pub mod pipeline;
pub mod release;
pub mod secret;
pub mod source;
pub mod task;
pub mod test;
pub mod verify;

pub use build::{Build, Builder, Push};
pub use command::{Command, OnUnknown, Program};
pub use environment::{Environment, GateRule, Target};
pub use gate::{Approve, Gate, Window};
pub use notify::{Notify, NotifyTo};
pub use pipeline::{File, Level, LevelChange, Pipeline};
pub use release::{Release, SetKind, SetTo, SetValue, ValuesFile};
pub use secret::{Secret, SecretFrom};
pub use source::{Source, SourceKind, Trigger, TriggerKind};
pub use task::{Input, Output, Task};
pub use test::Test;
pub use verify::{Verify, VerifyKind};

use crate::diag::Diagnostic;
use crate::source::Span;
pub use crate::syntax::Said;
pub use crate::syntax::reference::{Part, Reference, Template};
use crate::syntax::{Document, Node};

/// Reads the meaning of a document. It never stops at a fault: all of them are given, and of a node with a fault whatever can
/// be had.
pub fn decode(document: &Document) -> (File, Vec<Diagnostic>) {
    let (mut file, mut faults) = frame(document);
    for node in pipelines(document) {
        file.pipelines.extend(read_pipeline(node, &mut faults));
    }
    (file, faults)
}

/// Reads what a document says beside its pipelines.
pub fn frame(document: &Document) -> (File, Vec<Diagnostic>) {
    let mut faults = Vec::new();
    shape::check(document, &pipeline::FILE, Some(&pipeline::PIPELINE), &mut faults);
    let file = File::decode(document, &mut faults);
    (file, faults)
}

/// The pipelines of a document, those with a misspelt word too. Each can be read by itself.
pub fn pipelines(document: &Document) -> impl Iterator<Item = Node<'_>> {
    document.roots().filter(|node| pipeline::is_pipeline(*node))
}

/// Reads one of the [`pipelines`] of a document; nothing when it has no name.
pub fn read_pipeline(node: Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<Pipeline> {
    shape::check_part(node, &pipeline::PIPELINE, faults);
    Pipeline::decode(node, faults)
}

/// Checks the shape of a document that is no pipeline file, such as the configuration of a server, against its own spec.
pub fn check_shape(document: &Document, file: &'static spec::Spec) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    shape::check(document, file, None, &mut faults);
    faults
}

/// What the node at that place in the text may have; nothing for a node that cannot stand there.
pub fn spec_of(node: Node<'_>) -> Option<&'static spec::Spec> {
    let within = match node.parent() {
        Some(parent) => spec_of(parent)?,
        None => &pipeline::FILE,
    };
    within.child(node.name()).map(|c| c.spec)
}

/// A value and the place that says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// The place.
    pub span: Span,
}

impl<T> Spanned<T> {
    /// A value and its place.
    pub fn new(value: T, span: Span) -> Spanned<T> {
        Spanned { value, span }
    }
}

impl<T> std::ops::Deref for Spanned<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// A folder or file of a source: `app "sub/folder"`.
#[derive(Clone, Debug, PartialEq)]
pub struct SourcePath {
    /// The name of the source.
    pub source: Spanned<Said>,
    /// The path in it; nothing for its root.
    pub path: Option<Template>,
    /// The whole of it.
    pub span: Span,
}
