//! What goes wrong with the database, in words.

use crate::ports::{Fault, PortError};
use rusqlite::ErrorCode;
use std::path::Path;

/// How to go on with a journal that was damaged.
pub(super) const FROM_A_COPY: &str =
    "bring the state's folder back from a copy, or move it away to begin anew; what is deployed stays as it is";

/// Why the database could not be opened, read or written.
pub(super) fn explain(path: &Path, done: &str, error: &rusqlite::Error) -> PortError {
    let shown = path.display();
    let says = |fault, reason: &str| PortError::new(fault, format!("the journal `{shown}` cannot be {done}: {reason}"));
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            says(Fault::Unavailable, "the disk is full").help("make room and run it again; what was written is whole")
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::AuthorizationForStatementDenied) => {
            says(Fault::Denied, "it may not be written to").help("give yourself the right to write to its folder")
        }
        Some(ErrorCode::CannotOpen) => says(Fault::Denied, "it cannot be opened")
            .help("the folder must exist and let you write to it, also to read a journal that nobody has open"),
        Some(ErrorCode::NotADatabase) => damaged(path, "it is no journal, or one whose beginning was overwritten"),
        Some(ErrorCode::DatabaseCorrupt) => damaged(path, "it is damaged"),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            says(Fault::Unavailable, "another program holds it open to write").help("close that program")
        }
        Some(ErrorCode::ConstraintViolation) => says(Fault::Moved, "another program wrote to it meanwhile"),
        _ => match error {
            // A value of another kind than we write.
            rusqlite::Error::InvalidColumnType(..) | rusqlite::Error::FromSqlConversionFailure(..) => {
                damaged(path, "it holds what no Lockgate wrote")
            }
            _ => says(Fault::Unavailable, &error.to_string()),
        },
    }
}

/// The file is not a journal, or no longer.
pub(super) fn damaged(path: &Path, how: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("the journal `{}` cannot be used: {how}", path.display())).help(FROM_A_COPY)
}
