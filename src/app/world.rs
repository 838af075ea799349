//! The neighbours of one state folder.

use super::Failure;
use crate::adapters;
use crate::engine::World;
use std::path::Path;
use std::sync::Arc;

/// All adapters of this machine, keeping what they keep below `state`.
pub(super) fn open(root: &Path, state: &Path, parallel: usize) -> Result<World, Failure> {
    let images = Arc::new(adapters::layout::Layouts);
    let shell = adapters::shell::Pool::new(parallel).map_err(|e| Failure::of(&e, "running programs"))?;
    Ok(World {
        root: root.to_path_buf(),
        sources: Arc::new(adapters::sources::LocalSources::new(state.join("cache"), images.clone())),
        images,
        store: state.join("images"),
        folders: Arc::new(adapters::place::FolderPlaces),
        clusters: None,
        shell: Arc::new(shell),
        workshop: Arc::new(adapters::workshop::FolderWorkshop::new(state)),
        secrets: Arc::new(adapters::secrets::LocalSecrets),
        shelf: Arc::new(adapters::shelf::FolderShelf::new(state.join("shelf"))),
        clock: Arc::new(adapters::clock::SystemClock),
    })
}
