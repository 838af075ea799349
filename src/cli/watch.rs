//! Doing something again whenever a file that it depends on changes.

use super::{Desk, Exit};
use crate::app::watching::{Folders, Watch, Watching};
use crate::app::{Failure, Loaded, load};
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;
use crate::model::source::is_path;
use crate::report::Paint;
use notify::RecursiveMode;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Editors write in several steps; what comes within this time is one change.
const PAUSE: Duration = Duration::from_millis(100);

/// Does it once, then again after each change, until somebody stops it or nobody reads any more.
pub(super) fn watch(
    desk: &Desk,
    path: Option<&Path>,
    run: &mut dyn FnMut() -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let file = load::find(path)?;
    let watching = Watching::default();
    loop {
        // Watching begins before looking, so that no change falls in between.
        let loaded = load::load(&file);
        let (watch, changes) = begin(&watching, folders(&loaded))?;
        if let Err(failure) = run() {
            desk.failed(&failure);
        }
        let zone = jiff::tz::TimeZone::system();
        let text = format!(
            "{}  waiting for changes; Ctrl-C ends",
            jiff::Zoned::now().with_time_zone(zone).strftime("%H:%M:%S")
        );
        if !desk.terminal.print(&format!("{}\n\n", Paint::Faint.on(&text, desk.terminal.out))) {
            return Ok(Exit::Done);
        }
        if changes.recv().is_err() {
            return Ok(Exit::Done);
        }
        while changes.recv_timeout(PAUSE).is_ok() {}
        drop(watch);
    }
}

fn begin(watching: &Watching, folders: Folders) -> Result<(Watch, Receiver<()>), Failure> {
    let (sender, changes) = channel();
    let watch = watching.watch(folders, move |path| {
        // What Lockgate and git keep for themselves is none of a file.
        if !path.iter().any(|part| part == ".lockgate" || part == ".git") {
            let _ = sender.send(());
        }
    });
    let failed = |e| Failure::plain(Diagnostic::new(&codes::OUT_OF_REACH, format!("files cannot be watched: {e}")));
    Ok((watch.map_err(failed)?, changes))
}

/// The folders of the pipeline file, its includes, and the sources of this machine. Folders are watched and not files, since
/// editors replace files.
fn folders(loaded: &Loaded) -> Folders {
    let mut folders = Folders::new();
    for (_, file) in loaded.sources.iter() {
        let path = std::path::absolute(file.path()).unwrap_or_default();
        folders.extend(path.parent().map(|p| (p.to_path_buf(), RecursiveMode::NonRecursive)));
    }
    folders.insert(loaded.root.clone(), RecursiveMode::NonRecursive);
    for graph in loaded.checked.iter().flat_map(|c| c.graphs()) {
        for source in &graph.pipeline().sources {
            let path = match &source.kind {
                SourceKind::Folder { path } => path,
                SourceKind::Image { repository, .. } if is_path(repository) => repository,
                SourceKind::Helm { chart, repo: None, .. } if is_path(chart) => chart,
                _ => continue,
            };
            let path = loaded.root.join(&path.value);
            let folder = if path.is_file() { path.parent().map(Path::to_path_buf) } else { Some(path) };
            folders.extend(folder.map(|f| (f, RecursiveMode::Recursive)));
        }
    }
    folders.retain(|folder, _| folder.is_dir());
    folders
}
