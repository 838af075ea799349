//! In place of the git adapter where the program was built without it: every question is answered with what is missing.

use crate::ports::files::Files;
use crate::ports::sources::{Credentials, Head, HeadQuery};
use crate::ports::{Fault, PortError};
use std::path::PathBuf;
use std::sync::Arc;

/// Git repositories that cannot be looked at.
pub struct Git;

impl Git {
    /// The stand-in; nothing is kept in the folder.
    pub fn new(_cache: impl Into<PathBuf>) -> Git {
        Git
    }

    /// An error that says what is missing.
    pub fn head(&self, url: &str, _branch: &str, _query: &HeadQuery) -> Result<Head, PortError> {
        Err(missing(url))
    }

    /// None: no repository was ever asked.
    pub fn known_branches(&self, _url: &str) -> Vec<String> {
        Vec::new()
    }

    /// An error that says what is missing.
    pub fn open(&self, url: &str, _: &str, _: Option<&Credentials>, _: &str) -> Result<Arc<dyn Files>, PortError> {
        Err(missing(url))
    }
}

fn missing(url: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("`{url}` is a git repository, and this lockgate was built without git"))
        .help("build it with `--features git`")
}
