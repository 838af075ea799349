//! Charts and values files beside the pipeline file, for the check of values.
//!
//! A folder source and a chart of this machine are as they are on the disk; so is a git source that is this very
//! repository, since its files are what is being edited. A chart from a repository is the one that was fetched last, where the
//! state still keeps it. All else is judged when it is planned.

use super::load::repository_of;
use crate::adapters::charts;
use crate::graph::Graph;
use crate::model::source::{is_path, repository};
use crate::model::{Source, SourceKind, SourcePath};
use crate::ports::files::Files;
use crate::source::Sources;
use crate::values::{Hand, Known, Text};
use bytes::Bytes;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
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
pub(super) type Read<'r> = &'r mut (dyn FnMut(&Path) -> std::io::Result<Vec<u8>> + Send);

/// What is beside a pipeline file.
pub(super) struct Beside<'r> {
    root: PathBuf,
    repository: PathBuf,
    /// The URLs of the repository's remotes; read when one is asked about.
    remotes: OnceLock<Vec<String>>,
    /// The folder of the state, if it was said.
    #[cfg_attr(not(feature = "registry"), allow(dead_code, reason = "nothing is fetched without it"))]
    state: Option<PathBuf>,
    /// Where charts from repositories are kept: of the state, or of that of each pipeline.
    #[cfg_attr(not(feature = "registry"), allow(dead_code, reason = "nothing is fetched without it"))]
    kept: OnceLock<Vec<PathBuf>>,
    texts: Mutex<(Sources, Read<'r>)>,
}

impl<'r> Beside<'r> {
    pub fn new(root: &Path, state: Option<&Path>, sources: Sources, read: Read<'r>) -> Beside<'r> {
        Beside {
            root: root.to_path_buf(),
            repository: repository_of(root),
            remotes: OnceLock::new(),
            state: state.map(Path::to_path_buf),
            kept: OnceLock::new(),
            texts: Mutex::new((sources, read)),
        }
    }

    /// The texts, with the values files that were read.
    pub fn take_sources(&self) -> Sources {
        std::mem::take(&mut self.texts.lock().0)
    }

    /// Whether a chart or a values file of a pipeline is on this machine.
    pub fn has_some(&self, graph: &Graph) -> bool {
        let source = |path: &SourcePath| graph.source(graph.find(&path.source)?);
        let is_here = |path| source(path).is_some_and(|s| self.folder(s).is_some() || self.fetched(s).is_some());
        graph.pipeline().releases.iter().any(|release| {
            let files = release.values.iter().map(|v| &v.file);
            release.chart.iter().chain(files).any(is_here)
        })
    }

    /// The chart from a repository that was fetched last.
    #[cfg(feature = "registry")]
    fn fetched(&self, source: &Source) -> Option<PathBuf> {
        let SourceKind::Helm { chart, repo: Some(repo), version } = &source.kind else { return None };
        let kept = self.kept.get_or_init(|| {
            let base = super::load::state_of(self.state.as_deref(), &self.root);
            let of_pipelines =
                std::fs::read_dir(&base).into_iter().flatten().flatten().take(MAX_KEPT).map(|e| e.path());
            let all = std::iter::once(base.clone()).chain(of_pipelines).map(|state| state.join("cache/charts"));
            all.filter(|folder| folder.is_dir()).collect()
        });
        let range = version.as_ref().map(|v| v.value.as_str());
        kept.iter().find_map(|cache| charts::kept(cache, repo, chart, range))
    }

    /// None: without the feature `registry` nothing is fetched.
    #[cfg(not(feature = "registry"))]
    fn fetched(&self, _: &Source) -> Option<PathBuf> {
        None
    }

    /// Whether a URL is that of a remote of the repository.
    fn is_this(&self, url: &str) -> bool {
        let plain = |url: &str| repository(url.trim()).to_string();
        let remotes = self.remotes.get_or_init(|| {
            let config = super::load::read_bounded(&self.repository.join(".git/config")).unwrap_or_default();
            let config = String::from_utf8_lossy(&config);
            let url = |line: &str| Some(plain(line.trim().strip_prefix("url")?.trim_start().strip_prefix('=')?));
            config.lines().filter_map(url).collect()
        });
        !remotes.is_empty() && remotes.contains(&plain(url))
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
            SourceKind::Git { url, .. } => self.is_this(url).then(|| self.repository.clone()),
            SourceKind::Helm { chart, repo: None, .. } if is_path(chart) => Some(self.root.join(&chart.value)),
            _ => None,
        }
    }
}

impl Hand for Beside<'_> {
    fn chart(&self, source: &Source, folder: &str) -> Option<Arc<Known>> {
        let path = match self.folder(source) {
            Some(path) if folder.is_empty() => path,
            Some(path) => path.join(folder),
            None => self.fetched(source).filter(|_| folder.is_empty())?,
        };
        known(&path)
    }

    fn text(&self, source: &Source, path: &str) -> Option<Text> {
        let path = crate::plan::work::clean(&self.folder(source)?.join(path));
        let (sources, read) = &mut *self.texts.lock();
        if let Some(file) = sources.find(&path) {
            return Some(Text { file, text: sources.get(file)?.text().clone() });
        }
        let bytes = read(&path).ok().filter(|bytes| bytes.len() <= MAX_VALUES)?;
        let text: Arc<str> = String::from_utf8(bytes).ok()?.into();
        Some(Text { file: sources.add(path, text.clone()), text })
    }
}

/// What tells whether a chart is as it was.
type Stamp = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// A chart as it was read; nothing where it could not be.
type Kept = (Stamp, Option<Arc<Known>>);

/// The charts that were read last. They are read anew only when a file of theirs is another, since an editor asks at each key.
static KEPT: Mutex<BTreeMap<PathBuf, Kept>> = Mutex::new(BTreeMap::new());

fn known(path: &Path) -> Option<Arc<Known>> {
    let stamp = stamp(path)?;
    let mut kept = KEPT.lock();
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
    let all: Option<BTreeMap<String, Bytes>> = files
        .list()
        .ok()?
        .entries
        .iter()
        .map(|entry| Some((entry.path.to_string(), Bytes::from_owner(files.read(&entry.path).ok()?))))
        .collect();
    Known::from_files(all?).ok()
}
