//! In place of the git adapter where the program was built without it: every question is answered with what is missing.

use crate::ports::bundle::Bundle;
use crate::ports::files::Files;
use crate::ports::places::{Deployment, Ended, Guarded, Places, Rehearsal, Seen, Target};
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

/// Branches that cannot be deployed to.
#[derive(Clone, Debug)]
pub struct Branches;

impl Branches {
    /// The stand-in; nothing is kept in the folder.
    pub fn new(_cache: impl Into<PathBuf>) -> Branches {
        Branches
    }
}

impl Guarded for Branches {
    fn shown(&self, _: Option<Credentials>) -> Arc<dyn Places> {
        Arc::new(Branches)
    }
}

impl Places for Branches {
    fn look(&self, target: &Target, _: &str, _: Option<&Bundle>) -> Result<Seen, PortError> {
        Err(missing(&target.to_string()))
    }

    fn rehearse(&self, target: &Target, _: &Bundle, _: &[String]) -> Result<Rehearsal, PortError> {
        Err(missing(&target.to_string()))
    }

    fn deploy(&self, deployment: &Deployment<'_>) -> Ended {
        Err(missing(&deployment.target.to_string())).into()
    }
}

fn missing(url: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("`{url}` needs git, and this lockgate was built without git"))
        .help("build it with `--features git`")
}
