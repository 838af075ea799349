//! To come.

use crate::helm::template::FuncSpec;

pub(super) const FUNCTIONS: &[FuncSpec] = &[];
