//! Looking after a state: copies of it, bringing one back, finding out whether it is whole, and letting old things go.

pub mod backup;
pub mod prune;
pub mod restore;
pub mod verify;

mod tree;

use super::{Failure, Settings, load};
use std::path::{Path, PathBuf};

/// The folder of the state, whatever pipelines it is of: the one that was said, or the one beside the pipeline file.
pub fn root(settings: &Settings) -> Result<PathBuf, Failure> {
    let root = match &settings.state {
        Some(state) => state.clone(),
        None => {
            let file = load::find(settings.path.as_deref())?;
            load::state_of(None, file.parent().unwrap_or(Path::new("")))
        }
    };
    Ok(std::path::absolute(&root).unwrap_or(root))
}
