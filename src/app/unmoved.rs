//! A plan that found nothing to do is said again as long as nothing moved: the pipeline's texts, the files of its sources, what
//! its tasks wrote, the journal, and the program that plans. Then neither the texts are read nor the state; what is left to do
//! is to look at every file, which costs what it costs anyone.
//!
//! Only where a plan depends on nothing but files that [`Seen`] vouches for. What is elsewhere (a repository, a registry, a
//! cluster, an environment) is asked each time.

use super::{Session, Settings, load};
use crate::adapters::seen::{self, Answer, Asked, Seen};
use crate::adapters::sqlite::Sqlite;
use crate::model::SourceKind;
use crate::plan::{Observed, Plan, Query};
use std::path::{Path, PathBuf};

/// What was said of nothing to do, if it still holds. `look` is how it is to look.
pub fn said(settings: &Settings, look: &str) -> Option<String> {
    let path = std::path::absolute(load::find(settings.path.as_deref()).ok()?).ok()?;
    let root = path.parent()?;
    let base = super::load::state_of(settings.state.as_deref(), root);
    let base = std::path::absolute(base).ok()?;
    let own = settings.pipeline.as_ref().map(|name| base.join(name));
    own.into_iter().chain([base]).find_map(|folder| {
        let asked = || {
            let journal = Sqlite::open_for_reading(&folder).and_then(|journal| journal.last()).ok()?;
            Some(Asked::new(question(&path, &folder, settings, look), journal))
        };
        seen::still(&file(&folder), &asked)
    })
}

/// The file of what was seen, in a state's folder.
pub(super) fn file(state: &Path) -> PathBuf {
    state.join("cache").join("seen")
}

fn question(path: &Path, state: &Path, settings: &Settings, look: &str) -> Vec<String> {
    let limit = std::env::var(load::LIMIT).unwrap_or_default();
    let pipeline = settings.pipeline.clone().unwrap_or_default();
    vec![path.display().to_string(), state.display().to_string(), pipeline, limit, look.to_string()]
}

/// Notes on which files the plan depends besides those that the adapters looked at, and whether it depends on more than files.
pub(super) fn note(session: &Session, observed: &Observed) {
    let seen: &Seen = &session.seen;
    let loaded = &session.loaded;
    let texts = loaded.sources.iter().map(|(_, text)| text.path());
    texts.chain(loaded.asked.iter().map(PathBuf::as_path)).for_each(|path| seen.asks(path));
    let of_files = |query: &Query| matches!(query, Query::Head { .. } | Query::Listing { .. } | Query::Outputs(_));
    let sources = &session.graph.pipeline().sources;
    if !observed.queries().all(of_files) || !sources.iter().all(|s| matches!(s.kind, SourceKind::Folder { .. })) {
        seen.doubt();
    }
}

impl Session {
    /// Keeps what was seen for a plan, and what was said of it where there was nothing to do; how it looked is a part of that.
    pub fn remember(&self, plan: &Plan, number: u64, settings: &Settings, look: &str, said: &str) {
        let quiet = self.loaded.diagnostics.is_empty() && plan.diagnostics.is_empty();
        let answer = || {
            let journal = Sqlite::open_for_reading(&self.folder).and_then(|journal| journal.last()).ok()?;
            let path = std::path::absolute(&self.loaded.path).ok()?;
            let asked = Asked::new(question(&path, &self.folder, settings, look), journal);
            (journal.0 == number).then(|| Answer { asked, said: said.to_string() })
        };
        let nothing_to_do = plan.is_empty() && plan.environments.is_empty() && !self.is_saved();
        self.seen.keep((quiet && nothing_to_do).then(answer).flatten().as_ref());
    }
}

#[cfg(test)]
mod tests;
