//! The two questions to a repository: what its head is, and what is in a commit.

use super::address::{Address, Remote};
use super::cache::Place;
use super::history::{self, Descent};
use super::remote::{DEPTHS, Server, Want};
use super::tree::{self, TreeFiles};
use super::{faults, local, settings};
use crate::digest::Digest;
use crate::ports::files::Files;
use crate::ports::filter::Filter;
use crate::ports::sources::{About, Credentials, Head, HeadQuery, Version};
use crate::ports::{Fault, PortError};
use git2::{Oid, Repository};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Git repositories, with a cache for those behind a URL. Several processes may share it.
#[derive(Clone, Debug)]
pub struct Git {
    cache: PathBuf,
}

impl Git {
    /// Repositories that keep what they fetch below that folder.
    pub fn new(cache: impl Into<PathBuf>) -> Git {
        Git { cache: cache.into() }
    }

    /// The newest commit of a branch that counts, by `query`'s globs and last version.
    pub fn head(&self, url: &str, branch: &str, query: &HeadQuery) -> Result<Head, PortError> {
        settings::settle();
        well_formed(branch)?;
        let look = Look { branch, filter: &Filter::new(&query.paths, &query.ignore)?, last: query.last.as_ref() };
        match Address::parse(url)? {
            Address::Local(path) => look.at_disk(&path),
            Address::Remote(remote) => look.at_server(&self.cache, &remote, query.credentials.as_ref()),
        }
    }

    /// The branches that a repository behind a URL had when it was asked last; none where it was not asked yet. Nothing is asked
    /// of it now.
    pub fn known_branches(&self, url: &str) -> Vec<String> {
        match Address::parse(url) {
            Ok(Address::Remote(remote)) => Place::new(&self.cache, &remote.url, &remote.shown).branches(),
            _ => Vec::new(),
        }
    }

    /// The files of a commit, by its 40 hexadecimal digits. `branch` is where to look for it if the server doesn't give
    /// out single commits.
    pub fn open(
        &self,
        url: &str,
        branch: &str,
        credentials: Option<&Credentials>,
        commit: &str,
    ) -> Result<Arc<dyn Files>, PortError> {
        settings::settle();
        well_formed(branch)?;
        let bad = |_| PortError::new(Fault::Invalid, format!("`{commit}` is not the name of a commit"));
        let id = Oid::from_str(commit).map_err(bad)?;
        let (repository, shown) = match Address::parse(url)? {
            Address::Local(path) => (local::open(&path)?, path.display().to_string()),
            Address::Remote(remote) => {
                let place = Place::new(&self.cache, &remote.url, &remote.shown);
                let server = Server::new(&remote, credentials);
                (with_commit(&server, &place, branch, id)?, remote.shown)
            }
        };
        match has(&repository, id) {
            true => Ok(Arc::new(TreeFiles::new(repository, id, &shown))),
            false => Err(faults::no_commit(commit, &shown)),
        }
    }
}

/// A look for the head of a branch.
struct Look<'a> {
    branch: &'a str,
    filter: &'a Filter,
    last: Option<&'a Version>,
}

impl Look<'_> {
    fn at_disk(&self, path: &Path) -> Result<Head, PortError> {
        let shown = path.display().to_string();
        let repository = local::open(path)?;
        let tip = local::tip(&repository, self.branch, &shown)?;
        let all_there_is = |repository, _, _| Ok(repository);
        self.head(repository, tip, &shown, all_there_is)
    }

    fn at_server(&self, cache: &Path, remote: &Remote, credentials: Option<&Credentials>) -> Result<Head, PortError> {
        let place = Place::new(cache, &remote.url, &remote.shown);
        let server = Server::new(remote, credentials);
        let mut repository = place.open()?;
        let tip = server.tip(&repository, self.branch)?;
        if !has(&repository, tip) {
            if let Some(last) = self.last.filter(|last| last.id == tip.to_string()) {
                // Nothing moved; that our cache was emptied meanwhile is no reason to fetch.
                return Ok(Head { version: last.clone(), about: About::default() });
            }
            repository =
                server.fetch(&place, Want::Branch(self.branch), self.depth(), |repository| has(repository, tip))?;
            if !has(&repository, tip) {
                // The branch moved between the question and the fetch, and moved away from what was there.
                return Err(faults::no_commit(&tip.to_string(), &remote.shown));
            }
        }
        self.head(repository, tip, &remote.shown, |_, since, depth| {
            let enough = |repository: &Repository| is_known(repository, since, tip);
            server.fetch(&place, Want::Branch(self.branch), depth, enough)
        })
    }

    /// The head, once its commit is here. `deepen` fetches more of the history, where there may be more.
    fn head(
        &self,
        mut repository: Repository,
        tip: Oid,
        shown: &str,
        deepen: impl Fn(Repository, Oid, i32) -> Result<Repository, PortError>,
    ) -> Result<Head, PortError> {
        let failed = |e: git2::Error| faults::from_disk(&e, shown);
        let version = Version { id: tip.to_string(), name: None, content: self.content(&repository, tip, shown)? };
        if let Some(last) = self.last.filter(|last| last.content == version.content) {
            let commit = Oid::from_str(&last.id).and_then(|id| repository.find_commit(id));
            let about = commit.map(|commit| history::about(&commit)).unwrap_or_default();
            return Ok(Head { version: last.clone(), about });
        }
        let since = self.last.and_then(|last| Oid::from_str(&last.id).ok());
        if let Some(since) = since {
            for depth in DEPTHS {
                if !is_known(&repository, since, tip) {
                    repository = deepen(repository, since, depth)?;
                }
            }
        }
        let commit = repository.find_commit(tip).map_err(failed)?;
        let people = match since {
            Some(_) => history::people(&repository, tip, since).map_err(failed)?,
            None => history::people_of(&commit),
        };
        let note = self.note(&repository, tip, since).map_err(failed)?;
        Ok(Head { version, about: About { people, note, ..history::about(&commit) } })
    }

    /// How much of the history is fetched with a new head. One that is sure to be a new version needs some at once.
    fn depth(&self) -> i32 {
        match self.last {
            Some(_) if self.filter.is_all() => DEPTHS[0],
            _ => 1,
        }
    }

    /// What of a commit counts.
    fn content(&self, repository: &Repository, commit: Oid, shown: &str) -> Result<Digest, PortError> {
        match self.filter.is_all() {
            true => Ok(Digest::of(commit.to_string())),
            false => tree::content(repository, commit, self.filter, shown),
        }
    }

    /// What the user should hear about a new head.
    fn note(&self, repository: &Repository, tip: Oid, since: Option<Oid>) -> Result<Option<String>, git2::Error> {
        let descent = since.map(|since| history::descent(repository, since, tip)).transpose()?;
        let rewritten = match (descent, self.last) {
            (Some(Descent::Rewritten), Some(last)) => {
                let short = last.id.get(..12).unwrap_or(&last.id);
                Some(format!(
                    "the branch `{}` was rewritten: {short}, which was used last, is not in it any more",
                    self.branch
                ))
            }
            (Some(Descent::Unknown), _) => Some(format!(
                "whether `{}` was rewritten is unknown: more than {} commits came since",
                self.branch,
                history::BOUND
            )),
            _ => None,
        };
        let submodules = tree::has_submodules(repository, tip).then(|| "submodules are left out".to_string());
        let notes: Vec<String> = rewritten.into_iter().chain(submodules).collect();
        Ok((!notes.is_empty()).then(|| notes.join("; ")))
    }
}

/// A repository that has the commit, if the server still gives it out.
fn with_commit(server: &Server<'_>, place: &Place, branch: &str, id: Oid) -> Result<Repository, PortError> {
    let enough = |repository: &Repository| has(repository, id);
    let mut repository = place.open()?;
    if enough(&repository) {
        return Ok(repository);
    }
    // Not every server gives out single commits. Then it is looked for where it once was.
    if let Ok(repository) = server.fetch(place, Want::Commit(id), 1, enough)
        && enough(&repository)
    {
        return Ok(repository);
    }
    for depth in DEPTHS {
        if !enough(&repository) {
            repository = server.fetch(place, Want::Branch(branch), depth, enough)?;
        }
    }
    Ok(repository)
}

/// Whether the commit is here.
pub(super) fn has(repository: &Repository, commit: Oid) -> bool {
    repository.find_commit(commit).is_ok()
}

/// Whether it is known how the commit `since` stands to `tip`.
fn is_known(repository: &Repository, since: Oid, tip: Oid) -> bool {
    history::descent(repository, since, tip).is_ok_and(|descent| descent != Descent::Unknown)
}

/// Refuses what could not be a branch, before it becomes part of a refspec.
pub(super) fn well_formed(branch: &str) -> Result<(), PortError> {
    match git2::Reference::is_valid_name(&format!("refs/heads/{branch}")) {
        true => Ok(()),
        false => Err(PortError::new(Fault::Invalid, format!("`{branch}` cannot be the name of a branch"))),
    }
}
