//! A glance at the state, for an editor: what is where. It holds nothing, and makes nothing where there is no state.

use crate::adapters::git::Git;
use crate::adapters::sqlite::Sqlite;
use crate::engine::book;
use crate::ide::{Deployed, Facts, PipelineFacts};
use crate::model::{Pipeline, SourceKind};
use crate::plan::{Moment, source_fields};
use crate::report::{Clock, board, words};
use crate::run::State;
use crate::syntax::Document;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The folder of the state of one pipeline, where the file has several or not.
fn folder(root: &Path, state: Option<&Path>, pipeline: &str, several: bool) -> PathBuf {
    let folder = super::load::state_of(state, root);
    if several { folder.join(pipeline) } else { folder }
}

/// How many files of a state are looked at for the time; the journal and what belongs to it are among the first.
const LOOKED_AT: usize = 500;

/// When the state was written last; nothing where there is none.
pub fn written(root: &Path, state: Option<&Path>) -> Option<SystemTime> {
    let base = super::load::state_of(state, root);
    let files =
        |folder: &Path| std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect::<Vec<_>>();
    let top = files(&base);
    let below = top.iter().filter(|p| p.is_dir()).flat_map(|p| files(p.as_path()));
    let times =
        top.iter().cloned().chain(below).take(LOOKED_AT).filter_map(|p| p.metadata().and_then(|m| m.modified()).ok());
    times.max()
}

/// What is known of the pipelines of a document. `root` is the folder of the file, `state` what was said of the state's folder.
/// Nothing is known where the state cannot be read: an editor has nobody to tell.
pub fn facts(root: &Path, state: Option<&Path>, document: &Document) -> Facts {
    let mut facts = Facts::default();
    let base = super::load::state_of(state, root);
    if !base.is_dir() {
        return facts;
    }
    let (file, _) = crate::model::decode(document);
    for pipeline in &file.pipelines {
        let folder = folder(root, state, &pipeline.name, file.pipelines.len() > 1);
        let git = Git::new(folder.join("cache/git"));
        for source in &pipeline.sources {
            if let SourceKind::Git { url, .. } = &source.kind {
                let known = git.known_branches(url);
                facts.branches.entry(url.value.to_string()).or_default().extend(known);
            }
        }
        let Some(state) = read(&folder).filter(|s| s.number > 0) else { continue };
        facts.pipelines.insert(pipeline.name.value.to_string(), of_pipeline(pipeline, &state));
    }
    facts
}

fn read(folder: &Path) -> Option<State> {
    let mut journal = Sqlite::open_for_reading(folder).ok()?;
    book::read(&mut journal).ok().map(|(state, _)| state)
}

fn of_pipeline(pipeline: &Pipeline, state: &State) -> PipelineFacts {
    let mut facts = PipelineFacts::default();
    let clock = Clock { now: now(), zone: jiff::tz::TimeZone::system() };
    let names: Vec<String> = pipeline.environments.iter().map(|e| e.name.value.to_string()).collect();
    for row in board::rows(&names, state, &clock) {
        let has = state.memory.environments.get(&row.environment).and_then(|p| p.has.as_ref());
        let since = has.map(|h| clock.moment(h.since));
        let deployed = Deployed { name: row.name, since, versions: row.versions, notes: row.notes };
        facts.environments.insert(row.environment, deployed);
    }
    for source in &pipeline.sources {
        let Some(head) = state.memory.heads.get(source.name.value.as_str()) else { continue };
        facts.heads.insert(source.name.value.to_string(), words::head(head));
        for (field, value) in source_fields(source, &head.version, head.about.clone()) {
            facts.values.insert((source.name.value.to_string(), field), value);
        }
    }
    facts
}

fn now() -> Moment {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    Moment::try_from(since.as_millis()).unwrap_or(Moment::MAX)
}
