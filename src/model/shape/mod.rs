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

/// Checks all nodes of a document against the spec of a whole file. Into nodes that are looked at by themselves
/// ([`check_part`]) it does not go.
pub(super) fn check(document: &Document, file: &'static Spec, parts: Option<&Spec>, faults: &mut Vec<Diagnostic>) {
    let children = block::check_each(document.roots(), file, faults, &mut |node, spec, faults| {
        if !parts.is_some_and(|part| std::ptr::eq(part, spec)) {
            check_node(node, spec, faults);
        }
    });
    block::missing(&children, None, file, faults);
}

/// Checks a top-level node that [`check`] did not go into.
pub(super) fn check_part(node: Node<'_>, spec: &'static Spec, faults: &mut Vec<Diagnostic>) {
    check_node(node, spec, faults);
}

/// Whether two names are the same. Most that are not differ in their length or their first letter.
#[inline]
fn is(name: &str, other: &str) -> bool {
    name.len() == other.len() && name.as_bytes().first() == other.as_bytes().first() && name == other
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
