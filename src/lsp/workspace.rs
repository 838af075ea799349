//! Which pipeline files the open texts belong to, and what is known of each.
//!
//! A text belongs to the pipeline files that include it; one that none includes stands for itself. Pipeline files are looked for
//! in the folders above a text and in the workspace. Nothing is computed while texts change: that is done in
//! [`Workspace::settle`], once for all changes before it.

use super::texts::{Open, Texts};
use crate::app::{glance, load};
use crate::check::Memory;
use crate::ide::Analysis;
use crate::source::FileId;
use ignore::WalkBuilder;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How many things of the workspace's folders are looked at for pipeline files, so that opening a text stays quick.
const LOOKED_AT: usize = 20_000;

/// How many pipeline files of a workspace are read to see whether they include a text.
const MOST: usize = 64;

/// A pipeline file.
pub(super) struct Root {
    /// What is known of it.
    pub analysis: Analysis,
    /// Whether nothing is told of what is wrong: it may be no pipeline file at all, or a part of one.
    pub quiet: bool,
    stale: bool,
    /// What was found when it was read last.
    memory: Memory,
    /// When the state that its facts are from was written last.
    written: Option<SystemTime>,
}

/// The open texts and their pipeline files.
#[derive(Default)]
pub(super) struct Workspace {
    /// The open texts.
    pub texts: Texts,
    /// The pipeline files that open texts belong to.
    pub roots: BTreeMap<PathBuf, Root>,
    /// The folder of the state, where it was said.
    pub state: Option<PathBuf>,
    folders: Vec<PathBuf>,
    known: Vec<PathBuf>,
    /// Whether it has changed what belongs where.
    moved: bool,
}

impl Workspace {
    /// A workspace with nothing in it.
    pub fn new(state: Option<PathBuf>) -> Workspace {
        Workspace { state, ..Workspace::default() }
    }

    /// Takes over the folders of the workspace, and looks for pipeline files in them.
    pub fn set_folders(&mut self, folders: Vec<PathBuf>) {
        self.folders = folders;
        self.look_around();
    }

    /// The folders of the workspace.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// Looks for pipeline files in the folders of the workspace.
    pub fn look_around(&mut self) {
        self.known.clear();
        for folder in &self.folders {
            let walk = WalkBuilder::new(folder).follow_links(false).require_git(false).build();
            let files = walk.take(LOOKED_AT).flatten().filter(|e| e.file_name() == load::FILE_NAME);
            self.known.extend(files.map(|e| e.into_path()).take(MOST.saturating_sub(self.known.len())));
        }
        self.moved = true;
    }

    /// A text was opened. It may be one that was missed so far.
    pub fn open(&mut self, path: PathBuf, open: Open) {
        self.texts.insert(path, open);
        self.touch_all();
    }

    /// A text was closed; from now on the file counts.
    pub fn close(&mut self, path: &Path) {
        self.texts.remove(path);
        self.touch_all();
    }

    /// A text is another.
    pub fn touch(&mut self, path: &Path) {
        for (root, found) in &mut self.roots {
            found.stale |= root == path || found.analysis.sources.find(path).is_some();
        }
    }

    /// Files may have changed, or come and gone.
    pub fn touch_all(&mut self) {
        for root in self.roots.values_mut() {
            root.stale = true;
            root.memory = Memory::default();
        }
        self.moved = true;
    }

    /// Brings everything up to date. True when something was computed anew.
    pub fn settle(&mut self) -> bool {
        let mut anew = self.refresh();
        if std::mem::take(&mut self.moved) {
            self.look_for_roots();
            anew = true;
        }
        if anew {
            self.sort_out();
        }
        anew
    }

    fn refresh(&mut self) -> bool {
        let stale: Vec<PathBuf> = self.roots.iter().filter(|(_, r)| r.stale).map(|(p, _)| p.clone()).collect();
        for path in &stale {
            let memory = self.roots.get_mut(path).map(|r| std::mem::take(&mut r.memory));
            let root = self.read(path, memory.unwrap_or_default());
            self.roots.insert(path.clone(), root);
        }
        !stale.is_empty()
    }

    /// Reads all pipeline files that may include an open text.
    fn look_for_roots(&mut self) {
        for path in self.candidates() {
            if !self.roots.contains_key(&path) {
                let root = self.read(&path, Memory::default());
                self.roots.insert(path, root);
            }
        }
    }

    /// What is no longer included stands for itself, what is included by now does not any more, and pipeline files without an
    /// open text are forgotten.
    fn sort_out(&mut self) {
        for path in self.texts.keys().cloned().collect::<Vec<_>>() {
            let is_included = self.roots.keys().any(|root| *root != path && self.belongs(&path, root));
            if is_included && !is_named(&path) {
                self.roots.remove(&path);
            } else if !self.roots.contains_key(&path) {
                let root = self.read(&path, Memory::default());
                self.roots.insert(path, root);
            }
        }
        let unused = |root: &PathBuf| !self.texts.keys().any(|text| self.belongs(text, root));
        let unused: Vec<PathBuf> = self.roots.keys().filter(|r| unused(r)).cloned().collect();
        for path in unused {
            self.roots.remove(&path);
        }
    }

    /// The pipeline files that an open text can belong to.
    fn candidates(&self) -> Vec<PathBuf> {
        let mut found: Vec<PathBuf> = self.known.clone();
        for text in self.texts.keys() {
            let above = text.ancestors().skip(1).map(|folder| folder.join(load::FILE_NAME));
            found.extend(above.filter(|f| self.texts.contains_key(f) || f.is_file()));
        }
        found.sort();
        found.dedup();
        found
    }

    fn belongs(&self, text: &Path, root: &Path) -> bool {
        text == root || self.roots.get(root).is_some_and(|r| r.analysis.sources.find(text).is_some())
    }

    /// Reads a pipeline file with its includes: open texts as they are in the editor, others from the disk.
    fn read(&self, path: &Path, mut memory: Memory) -> Root {
        let texts = &self.texts;
        let mut read = |path: &Path| match texts.get(path) {
            Some(open) => Ok(open.text.clone().into_bytes()),
            None => load::read_bounded(path),
        };
        let loaded = load::judge_again(path, self.state.as_deref(), &mut read, &mut memory);
        let starts_as_one = loaded.document.roots().any(|n| matches!(n.name(), "lockgate" | "pipeline"));
        let mut analysis = Analysis::new(loaded.root, loaded.sources, loaded.document, loaded.diagnostics);
        let before = self.roots.get(path);
        analysis.facts = before.map(|r| r.analysis.facts.clone()).unwrap_or_default();
        let written = before.and_then(|r| r.written);
        Root { analysis, quiet: !is_named(path) && !starts_as_one, stale: false, memory, written }
    }

    /// Looks whether the state was written since, and if so, what it says. Asked before facts are shown, not at each key.
    pub fn look_at_state(&mut self) {
        for root in self.roots.values_mut() {
            let written = glance::written(&root.analysis.root, self.state.as_deref());
            if written != root.written {
                root.written = written;
                root.analysis.facts =
                    glance::facts(&root.analysis.root, self.state.as_deref(), &root.analysis.document);
            }
        }
    }

    /// What is known of a text: as a pipeline file of its own, or as a part of the first one that it belongs to.
    pub fn analysis(&self, path: &Path) -> Option<(&Analysis, FileId)> {
        let own = self.roots.get(path).into_iter();
        let mut all = own.chain(self.roots.values()).map(|r| &r.analysis);
        all.find_map(|a| Some((a, a.sources.find(path)?)))
    }

    /// Everything that is known of a text: once for each pipeline file that it belongs to.
    pub fn analyses(&self, path: &Path) -> Vec<(&Analysis, FileId)> {
        self.roots.values().filter_map(|r| Some((&r.analysis, r.analysis.sources.find(path)?))).collect()
    }
}

fn is_named(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == load::FILE_NAME)
}
