//! The one checker of shapes: what stands in the text against what the [`Spec`]s allow.
//!
//! It finds all faults at once, and none that follows from another: a misspelt node is not missed under its right name, and
//! where the reading of the text has already complained, nothing is added.

mod block;
mod header;
mod value;

pub(super) use block::misspelt;

use super::spec::Spec;
use crate::diag::Diagnostic;
use crate::syntax::{Document, Node};

/// Checks all nodes of a document against the spec of a whole file.
pub(super) fn check(document: &Document, file: &'static Spec, faults: &mut Vec<Diagnostic>) {
    let children = block::check(document.roots(), file, faults);
    block::missing(&children, None, file, faults);
}

/// Checks a node and everything in it.
fn check_node(node: Node<'_>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) {
    let before = faults.len();
    if !node.is_faulty() {
        header::check(node, spec, faults);
    }
    if spec.children.is_empty() {
        block::unexpected(node, spec, faults);
    } else {
        let children = block::check(node.children(), spec, faults);
        block::missing(&children, Some(node), spec, faults);
    }
    if let Some(also) = spec.also.filter(|_| faults.len() == before && !node.is_faulty()) {
        also(node, faults);
    }
}
