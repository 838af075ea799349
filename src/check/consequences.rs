//! Faults that only follow from others, and are not told.
//!
//! Where the reading of a text lost its place, or could not bring in a file, nodes stand in the wrong block and names are
//! missing. To say so of each of them would bury the one fault that explains them all.

use crate::diag::{Diagnostic, codes};

/// Takes out what follows from a fault in the reading of the text.
pub(super) fn forget(found: &mut Vec<Diagnostic>) {
    let unread = found.iter().any(|d| d.is_error() && d.code.id < "LG0100" && d.code != &codes::REFERENCE_SYNTAX);
    let lost = found.iter().any(|d| d.code == &codes::UNCLOSED || d.code == &codes::UNEXPECTED_BRACE);
    let misplaced = found.iter().any(|d| d.code == &codes::MISPLACED_NODE);
    found.retain(|d| {
        let follows = (unread && d.code == &codes::MISSING_VERSION)
            // A name that is near to a known one is misspelt; any other may be that of what could not be read.
            || ((unread || misplaced) && d.code == &codes::UNKNOWN_NAME && d.fix.is_none())
            || (lost && (d.code == &codes::MISPLACED_NODE || d.code == &codes::MISSING_NODE));
        !follows
    });
}
