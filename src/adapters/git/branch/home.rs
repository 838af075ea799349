//! Where a branch lives: in a repository of this machine, which is written to where it is, or behind a URL, of which the newest
//! commit is fetched and to which ours is pushed.

use crate::adapters::git::address::{Address, Remote};
use crate::adapters::git::cache::Place;
use crate::adapters::git::look::{has, well_formed};
use crate::adapters::git::remote::{Server, Want, proxy};
use crate::adapters::git::{faults, local};
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use git2::{ErrorCode, Oid, PushOptions, Repository, Tree};
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// How often a branch may move between being looked at and being fetched.
const LOOKS: usize = 5;
/// What servers say of a push that somebody else was quicker than.
const OVERTAKEN: [&str; 7] = [
    "fetch first",
    "non-fast-forward",
    "stale info",
    "failed to update ref",
    "failed to lock",
    "cannot lock ref",
    "reference already exists",
];

/// Where a branch lives.
pub(super) struct Home<'a> {
    lives: Lives,
    branch: &'a str,
    credentials: Option<&'a Credentials>,
}

enum Lives {
    Here(PathBuf),
    There { remote: Remote, place: Place },
}

/// A branch as it was when it was looked at.
pub(super) struct Tip {
    /// Where its objects are, and where those of a new commit go.
    pub repository: Repository,
    /// Its newest commit; nothing where it is not there yet.
    pub commit: Option<Oid>,
    /// The repository, for messages.
    pub shown: String,
}

/// How a push ended that was no fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pushed {
    /// The branch has the commit.
    Done,
    /// The branch is not as it was looked at, and has not got it.
    Overtaken,
}

/// A repository as it may be shown.
pub(super) fn shown(repository: &str) -> String {
    match Address::parse(repository) {
        Ok(Address::Remote(remote)) => remote.shown,
        _ => repository.to_string(),
    }
}

impl<'a> Home<'a> {
    /// Understands where it is; nothing is asked yet.
    pub(super) fn of(
        cache: &Path,
        repository: &str,
        branch: &'a str,
        credentials: Option<&'a Credentials>,
    ) -> Result<Home<'a>, PortError> {
        well_formed(branch)?;
        let lives = match Address::parse(repository)? {
            Address::Local(path) => Lives::Here(path),
            Address::Remote(remote) => {
                let place = Place::new(cache, &remote.url, &remote.shown);
                Lives::There { remote, place }
            }
        };
        Ok(Home { lives, branch, credentials })
    }

    /// The branch as it is now, with its newest commit at hand.
    pub(super) fn tip(&self) -> Result<Tip, PortError> {
        match &self.lives {
            Lives::Here(path) => {
                let shown = path.display().to_string();
                let repository = local::open(path)?;
                let commit = local::find_tip(&repository, self.branch, &shown)?;
                Ok(Tip { repository, commit, shown })
            }
            Lives::There { remote, place } => {
                let server = Server::new(remote, self.credentials);
                let mut repository = place.open()?;
                for _ in 0..LOOKS {
                    let (tip, _) = server.heads(&repository, self.branch)?;
                    let is_here = |repository: &Repository| tip.is_none_or(|tip| has(repository, tip));
                    if !is_here(&repository) {
                        repository = server.fetch(place, Want::Branch(self.branch), 1, is_here)?;
                    }
                    if is_here(&repository) {
                        return Ok(Tip { repository, commit: tip, shown: remote.shown.clone() });
                    }
                }
                let message = format!("the branch `{}` of `{}` moves all the time", self.branch, remote.shown);
                Err(PortError::new(Fault::Unavailable, message))
            }
        }
    }

    /// Moves the branch to a commit made on top of what was looked at, if it is still there.
    pub(super) fn push(&self, tip: &Tip, commit: Oid) -> Result<Pushed, PortError> {
        match &self.lives {
            Lives::Here(_) => self.move_here(tip, commit),
            Lives::There { remote, .. } => self.push_there(remote, tip, commit),
        }
    }

    fn move_here(&self, tip: &Tip, commit: Oid) -> Result<Pushed, PortError> {
        let (repository, name) = (&tip.repository, local::reference(self.branch));
        let head = repository.find_reference("HEAD").ok();
        let checked_out =
            !repository.is_bare() && head.is_some_and(|head| head.symbolic_target().ok().flatten() == Some(&*name));
        if checked_out {
            let message = format!("the branch `{}` of `{}` is checked out there", self.branch, tip.shown);
            return Err(PortError::new(Fault::Invalid, message)
                .help("deploy to a bare repository, or check another branch out: what people work on is not moved"));
        }
        let note = "lockgate: deploy";
        // Compared while the branch is locked: zeros stand for one that is not there, so that of two who make it one is overtaken.
        let before = tip.commit.unwrap_or(Oid::ZERO_SHA1);
        let moved = repository.reference_matching(&name, commit, true, before, note);
        match moved {
            Ok(_) => Ok(Pushed::Done),
            Err(e) if matches!(e.code(), ErrorCode::Modified | ErrorCode::Exists | ErrorCode::Locked) => {
                Ok(Pushed::Overtaken)
            }
            Err(e) => {
                let message =
                    format!("the branch `{}` of `{}` cannot be written: {}", self.branch, tip.shown, e.message());
                Err(PortError::new(Fault::Unavailable, message).help("see that there is room, and the right to write"))
            }
        }
    }

    fn push_there(&self, remote: &Remote, tip: &Tip, commit: Oid) -> Result<Pushed, PortError> {
        let server = Server::new(remote, self.credentials);
        let (overtaken, refused) = (RefCell::new(false), RefCell::new(None));
        let mut callbacks = server.callbacks();
        let before = tip.commit.unwrap_or(Oid::ZERO_SHA1);
        // What the server has now is compared by the server itself with what it is told here to have.
        callbacks.push_negotiation(|updates| match updates.iter().all(|update| update.src() == before) {
            true => Ok(()),
            false => {
                *overtaken.borrow_mut() = true;
                Err(git2::Error::from_str("the branch has moved"))
            }
        });
        callbacks.push_update_reference(|_, status| {
            *refused.borrow_mut() = status.map(ToString::to_string);
            Ok(())
        });
        let mut options = PushOptions::new();
        options.remote_callbacks(callbacks).proxy_options(proxy());
        // The condition above is stricter than a fast-forward, and needs no history to be looked at.
        let refspec = format!("+{commit}:{}", local::reference(self.branch));
        let mut pushing = tip.repository.remote_anonymous(&remote.url).map_err(|e| server.error(&e))?;
        let pushed = pushing.push(&[refspec], Some(&mut options));
        drop(options);
        if *overtaken.borrow() {
            return Ok(Pushed::Overtaken);
        }
        match (pushed, refused.into_inner()) {
            (_, Some(why)) if OVERTAKEN.iter().any(|said| why.contains(said)) => Ok(Pushed::Overtaken),
            (_, Some(why)) => {
                let message = format!("`{}` does not take a push to `{}`: {why}", remote.shown, self.branch);
                Err(PortError::new(Fault::Denied, message)
                    .help("see whether the branch is protected, or a hook refuses what is pushed"))
            }
            (Ok(()), None) => Ok(Pushed::Done),
            (Err(e), None) => Err(server.error(&e)),
        }
    }
}

impl Tip {
    /// The tree of the newest commit.
    pub(super) fn tree(&self) -> Result<Option<Tree<'_>>, PortError> {
        let tree = self.commit.map(|id| self.repository.find_commit(id).and_then(|commit| commit.tree()));
        tree.transpose().map_err(|e| faults::from_disk(&e, &self.shown))
    }

    /// Where it is, to be said behind something.
    pub(super) fn told(&self) -> String {
        self.commit.map(|id| format!(" with commit {id}")).unwrap_or_default()
    }
}
