//! The pipeline file as it counts. A new one that makes a gate weaker waits for the people whom that gate asks today; until they
//! have said yes the one before goes on. What counts is kept with its texts, so that a restart does not take another one in.

use super::Keeper;
use crate::app::{Failure, Session, Settings, load};
use crate::check::weaker;
use crate::digest::Digest;
use crate::model::GateRule;
use crate::plan::memory::{Edit, Moment, Standing};
use crate::plan::{GatePlan, gate_plan};
use crate::ports::{Fault, PortError};
use crate::run::{Event, edits};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The name of the file below the state's folder in which the texts that count are.
const NAME: &str = "pipeline.json";

/// The texts that count.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Counting {
    digest: Digest,
    texts: Vec<(PathBuf, String)>,
}

/// An edit that waits, and what differs in the texts.
#[derive(Clone, Debug)]
pub struct Proposed {
    /// The edit.
    pub edit: Edit,
    /// The texts that differ; nothing where the files are not those of the edit any more.
    pub texts: Option<Vec<Rewritten>>,
}

/// A text that an edit changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Its name, from the folder of the pipeline.
    pub name: String,
    /// What counts; empty where the file is new.
    pub before: String,
    /// What would count; empty where the file goes.
    pub after: String,
}

/// What becomes of a pipeline file.
pub(super) enum Verdict {
    /// It counts.
    Counts,
    /// It waits: it makes gates weaker.
    Waits(Edit),
}

/// A pipeline that counted before, as its file was then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    /// Its name.
    pub name: String,
    /// The folder of the state, as it is said when the pipeline is opened.
    pub state: PathBuf,
}

/// What counted before below a folder of states, whatever files it is of.
pub struct Before(Vec<(PathBuf, Counting)>);

impl Before {
    /// Reads it.
    pub fn read(states: &Path) -> Before {
        let below = std::fs::read_dir(states).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
        let all = std::iter::once(states.to_path_buf()).chain(below);
        Before(all.filter_map(|folder| counting(&folder).map(|counting| (folder, counting))).collect())
    }

    /// The pipelines of a file that counted before, for one that is at fault by now.
    pub fn of(&self, path: &Path) -> Vec<Counted> {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let of_it = self.0.iter().filter(|(_, counting)| counting.is_of(&path));
        let mut all: Vec<Counted> = of_it.filter_map(|(folder, c)| counted(&path, folder, c)).collect();
        all.sort_by(|a, b| a.name.cmp(&b.name));
        all
    }
}

fn counted(path: &Path, folder: &Path, counting: &Counting) -> Option<Counted> {
    let loaded = load::load_texts(path, &counting.texts);
    let names: Vec<&str> = loaded.checked.as_ref()?.graphs().iter().map(|g| g.pipeline().name.value.as_str()).collect();
    let (name, state) = match names.as_slice() {
        [only] => (*only, folder),
        // Of several pipelines each has a folder of its name.
        several => (*several.iter().find(|n| folder.ends_with(n))?, folder.parent()?),
    };
    Some(Counted { name: name.to_string(), state: state.to_path_buf() })
}

/// The texts that counted last of what is to be opened.
pub(super) fn before(settings: &Settings) -> Option<Counting> {
    let path = std::path::absolute(settings.path.as_ref()?).ok()?;
    let base = load::state_of(settings.state.as_deref(), path.parent()?);
    let own = settings.pipeline.as_ref().map(|name| base.join(name));
    std::iter::once(base).chain(own).filter_map(|folder| counting(&folder)).find(|counting| counting.is_of(&path))
}

/// The texts that count, if some do; they are of this folder.
pub(super) fn counting(folder: &Path) -> Option<Counting> {
    serde_json::from_slice(&std::fs::read(folder.join(NAME)).ok()?).ok()
}

impl Counting {
    /// The pipeline of these texts.
    pub fn session(&self, settings: &Settings) -> Result<Session, Failure> {
        Session::of_texts(settings, &self.texts)
    }

    /// Whether these are the texts of that file.
    fn is_of(&self, path: &Path) -> bool {
        self.texts.first().is_some_and(|(first, _)| first == path)
    }

    /// Whether these are the texts of that session.
    pub fn is(&self, session: &Session) -> bool {
        self.digest == session.loaded.digest
    }
}

/// Has the texts of a session count from now on.
pub(super) fn keep(session: &Session) -> Result<(), PortError> {
    let counting = Counting { digest: session.loaded.digest, texts: session.loaded.texts() };
    let failed = |e: std::io::Error| {
        PortError::new(
            Fault::Unavailable,
            format!("the pipeline file cannot be kept in {}: {e}", session.folder.display()),
        )
    };
    let text = serde_json::to_vec(&counting).map_err(|e| failed(e.into()))?;
    let write = || {
        std::fs::create_dir_all(&session.folder)?;
        let mut file = tempfile::NamedTempFile::new_in(&session.folder)?;
        std::io::Write::write_all(&mut file, &text)?;
        file.as_file().sync_all()?;
        file.persist(session.folder.join(NAME)).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(failed)
}

/// Whether a new pipeline file may take the place of the one that counts.
pub(super) fn judge(old: &Session, new: &Session, now: Moment) -> Verdict {
    let found = weaker(&old.graph, &new.graph);
    let environments = &old.graph.pipeline().environments;
    let gate = |name: &str| {
        let environment = environments.iter().find(|e| e.name.value == name)?;
        if let GateRule::Gate(gate) = &environment.gate { Some(gate_plan(gate)) } else { None }
    };
    let file = new.loaded.digest;
    let mut gates: BTreeMap<String, Standing> = BTreeMap::new();
    for one in &found {
        let asks = gate(&one.environment).filter(|g| g.approvals.iter().any(|a| a.count > 0));
        gates.extend(asks.map(|g| (one.environment.clone(), standing(file, g, now))));
    }
    if gates.is_empty() {
        // What nobody is asked for, nobody can be asked about.
        return Verdict::Counts;
    }
    let weakens = found.into_iter().map(|w| format!("{}: {}", w.environment, w.what)).collect();
    Verdict::Waits(Edit { file, weakens, gates, since: now, rejected: None })
}

fn standing(file: Digest, gate: GatePlan, now: Moment) -> Standing {
    Standing {
        candidate: file,
        subplan: file,
        gate,
        contents: BTreeMap::new(),
        since: now,
        people: Vec::new(),
        approvals: Vec::new(),
        rejected: None,
    }
}

/// The texts that differ between two sets of them, by their names from a folder.
fn rewritten(root: &Path, before: Vec<(PathBuf, String)>, after: Vec<(PathBuf, String)>) -> Vec<Rewritten> {
    let mut all: BTreeMap<PathBuf, (String, String)> = BTreeMap::new();
    before.into_iter().for_each(|(path, text)| all.entry(path).or_default().0 = text);
    after.into_iter().for_each(|(path, text)| all.entry(path).or_default().1 = text);
    let name = |path: &Path| path.strip_prefix(root).unwrap_or(path).display().to_string();
    let differ = all.into_iter().filter(|(_, (before, after))| before != after);
    differ.map(|(path, (before, after))| Rewritten { name: name(&path), before, after }).collect()
}

impl Keeper {
    /// The edit that waits, with what it changes in the texts. Reads the files, so calls block.
    pub fn proposed(&self) -> Option<Proposed> {
        let edit = self.state(|s| s.memory.edit.clone())?;
        let session = self.session();
        let new = load::load(&session.loaded.path);
        let is_it = new.digest == edit.file;
        let texts = is_it.then(|| rewritten(&new.root, session.loaded.texts(), new.texts()));
        Some(Proposed { edit, texts })
    }

    /// Writes down that an edit waits, unless that is known.
    pub(super) fn propose(&self, edit: Edit, now: Moment) -> Result<(), PortError> {
        let mut book = self.book.lock();
        if book.state.memory.edit.as_ref().is_some_and(|e| e.file == edit.file) {
            return Ok(());
        }
        self.write(&mut book, now, 0, vec![Event::EditProposed { edit }]).map(|_| ())
    }

    /// Writes down that no edit waits any more, since that file counts: what waited, or another one.
    pub(super) fn settle_edit(&self, counts: Digest, now: Moment) -> Result<(), PortError> {
        let mut book = self.book.lock();
        match book.state.memory.edit.as_ref().map(|e| e.file) {
            Some(file) => {
                let settled = Event::EditSettled { file, accepted: file == counts };
                self.write(&mut book, now, 0, vec![settled]).map(|_| ())
            }
            None => Ok(()),
        }
    }

    /// The file of the edit that waits, if all who are asked have said yes.
    pub(super) fn agreed(&self, now: Moment) -> Option<Digest> {
        self.state(|s| s.memory.edit.as_ref().filter(|e| edits::is_agreed(e, now)).map(|e| e.file))
    }
}
