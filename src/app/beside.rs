//! Charts and values files beside the pipeline file, for the check of values.
//!
//! A folder source and a chart of this machine are as they are on the disk; so is a git source that is this very
//! repository, since its files are what is being edited. All else is judged when it is planned.

use super::load::repository_of;
use crate::adapters::charts;
use crate::model::source::is_path;
use crate::model::{Source, SourceKind};
use crate::ports::files::Files;
use crate::source::Sources;
use crate::values::{Hand, Known, Text};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// The largest values file that is judged.
const MAX_VALUES: usize = 4 << 20;
/// How many files a chart's folder may have, those of charts in it too.
const MAX_FILES: usize = 5_000;
/// How large the files of a chart may be, all together.
const MAX_CHART: u64 = 32 << 20;
/// How many charts are remembered.
const MAX_KEPT: usize = 64;

/// Reads a text.
type Read<'r> = &'r mut dyn FnMut(&Path) -> std::io::Result<Vec<u8>>;

/// What is beside a pipeline file.
pub(super) struct Beside<'r> {
    root: PathBuf,
    repository: PathBuf,
    texts: RefCell<(Sources, Read<'r>)>,
}

impl<'r> Beside<'r> {
    pub fn new(root: &Path, sources: Sources, read: Read<'r>) -> Beside<'r> {
        Beside { root: root.to_path_buf(), repository: repository_of(root), texts: RefCell::new((sources, read)) }
    }

    /// The texts, with the values files that were read.
    pub fn take_sources(&self) -> Sources {
        std::mem::take(&mut self.texts.borrow_mut().0)
    }

    /// Where the files of a source are on this machine.
    fn folder(&self, source: &Source) -> Option<PathBuf> {
        match &source.kind {
            SourceKind::Folder { path } => Some(self.root.join(&path.value)),
            SourceKind::Git { url, .. } if is_path(url) => {
                let there = self.root.join(&url.value).canonicalize().ok()?;
                let here = self.repository.canonicalize().ok()?;
                (there == here && here.join(".git").exists()).then_some(here)
            }
            SourceKind::Git { url, .. } => is_this(&self.repository, url).then(|| self.repository.clone()),
            SourceKind::Helm { chart, repo: None, .. } if is_path(chart) => Some(self.root.join(&chart.value)),
            _ => None,
        }
    }
}

impl Hand for Beside<'_> {
    fn chart(&self, source: &Source, folder: &str) -> Option<Arc<Known>> {
        let path = self.folder(source)?;
        let path = if folder.is_empty() { path } else { path.join(folder) };
        known(&path)
    }

    fn text(&self, source: &Source, path: &str) -> Option<Text> {
        let path = clean(&self.folder(source)?.join(path));
        let (sources, read) = &mut *self.texts.borrow_mut();
        if let Some(file) = sources.find(&path) {
            return Some(Text { file, text: sources.get(file)?.text().clone() });
        }
        let bytes = read(&path).ok().filter(|bytes| bytes.len() <= MAX_VALUES)?;
        let text: Arc<str> = String::from_utf8(bytes).ok()?.into();
        Some(Text { file: sources.add(path, text.clone()), text })
    }
}

/// A path without `.` and `..`, so that one file has one name.
fn clean(path: &Path) -> PathBuf {
    crate::engine::clean(path)
}

/// Whether a URL is that of a remote of the repository.
fn is_this(repository: &Path, url: &str) -> bool {
    let plain = |url: &str| url.trim().trim_end_matches('/').trim_end_matches(".git").to_string();
    let Ok(config) = super::load::read_bounded(&repository.join(".git/config")) else { return false };
    let config = String::from_utf8_lossy(&config);
    let urls = config.lines().filter_map(|line| line.trim().strip_prefix("url")?.trim_start().strip_prefix('='));
    urls.map(plain).any(|remote| remote == plain(url))
}

/// What tells whether a chart is as it was.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// A chart as it was read; nothing where it could not be.
type Kept = (Stamp, Option<Arc<Known>>);

/// The charts that were read last. They are read anew only when a file of theirs is another, since an editor asks at each key.
static KEPT: Mutex<BTreeMap<PathBuf, Kept>> = Mutex::new(BTreeMap::new());

fn known(path: &Path) -> Option<Arc<Known>> {
    let stamp = stamp(path)?;
    let mut kept = KEPT.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, chart)) = kept.get(path).filter(|(then, _)| *then == stamp) {
        return chart.clone();
    }
    if kept.len() >= MAX_KEPT {
        kept.clear();
    }
    let chart = read(path).map(Arc::new);
    kept.insert(path.to_path_buf(), (stamp, chart.clone()));
    chart
}

/// What a chart consists of; nothing where there is none, or too much of it.
fn stamp(path: &Path) -> Option<Stamp> {
    if !path.is_dir() {
        let meta = path.metadata().ok()?;
        return Some(vec![(path.to_path_buf(), meta.len(), meta.modified().ok())]);
    }
    if !path.join("Chart.yaml").is_file() {
        return None;
    }
    let (mut stamp, mut size) = (Vec::new(), 0);
    let walk = ignore::WalkBuilder::new(path).standard_filters(false).follow_links(false).build();
    for entry in walk.flatten().filter(|e| e.file_type().is_some_and(|t| t.is_file())) {
        let meta = entry.metadata().ok()?;
        size += meta.len();
        if stamp.len() >= MAX_FILES || size > MAX_CHART {
            return None;
        }
        stamp.push((entry.into_path(), meta.len(), meta.modified().ok()));
    }
    stamp.sort();
    Some(stamp)
}

/// The chart at a path; nothing where it cannot be read, which its plan says.
fn read(path: &Path) -> Option<Known> {
    let (_, files) = charts::look(path).ok()?;
    let files: &dyn Files = files.as_ref();
    let all: Option<BTreeMap<String, Vec<u8>>> = files
        .list()
        .ok()?
        .entries
        .iter()
        .map(|entry| Some((entry.path.to_string(), files.read(&entry.path).ok()?.to_vec())))
        .collect();
    Known::from_files(all?).ok()
}
