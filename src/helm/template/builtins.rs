//! Go's own functions.
use super::FuncSpec;

/// All of them.
pub static BUILTINS: &[FuncSpec] = &[];
