//! Repositories behind a URL: asked for their heads, and fetched from as little as will do.

use super::address::Remote;
use super::cache::{self, Place};
use super::credentials::Answers;
use super::faults;
use super::hosts::Shown;
use crate::digest::Digest;
use crate::ports::PortError;
use crate::ports::sources::Credentials;
use git2::{
    AutotagOption, CertificateCheckStatus, Direction, FetchOptions, Oid, ProxyOptions, RemoteCallbacks, Repository,
};
use std::cell::RefCell;

/// How deep history is fetched when more of it is needed, step by step. The last is the bound on how far back we look
/// for who made a change.
pub(super) const DEPTHS: [i32; 3] = [50, 1_000, super::history::BOUND as i32];

/// A repository behind a URL and what we may show it.
pub(super) struct Server<'a> {
    remote: &'a Remote,
    credentials: Option<&'a Credentials>,
    /// The key that it showed last, where it is one that is reached by ssh.
    shown: RefCell<Shown>,
}

/// What to fetch.
#[derive(Clone, Copy)]
pub(super) enum Want<'a> {
    Branch(&'a str),
    Commit(Oid),
}

impl<'a> Server<'a> {
    /// A server that was not spoken with yet.
    pub(super) fn new(remote: &'a Remote, credentials: Option<&'a Credentials>) -> Server<'a> {
        Server { remote, credentials, shown: RefCell::default() }
    }

    /// The commit that a branch is at now.
    pub(super) fn tip(&self, repository: &Repository, branch: &str) -> Result<Oid, PortError> {
        let (tip, branches) = self.heads(repository, branch)?;
        tip.ok_or_else(|| faults::no_branch(branch, &self.remote.shown, &branches))
    }

    /// The commit that a branch is at now, if it is there, and the names of all branches.
    pub(super) fn heads(&self, repository: &Repository, branch: &str) -> Result<(Option<Oid>, Vec<String>), PortError> {
        let failed = |e: &git2::Error| self.error(e);
        let mut remote = repository.remote_anonymous(&self.remote.url).map_err(|e| failed(&e))?;
        let connection =
            remote.connect_auth(Direction::Fetch, Some(self.callbacks()), Some(proxy())).map_err(|e| failed(&e))?;
        let heads = connection.list().map_err(|e| failed(&e))?;
        let branches: Vec<&str> = heads.iter().filter_map(|head| head.name().strip_prefix("refs/heads/")).collect();
        cache::remember_branches(repository, &branches);
        let name = format!("refs/heads/{branch}");
        let tip = heads.iter().find(|head| head.name() == name).map(|head| head.oid());
        Ok((tip, branches.into_iter().map(String::from).collect()))
    }

    /// Fetches `depth` commits of what is wanted, unless `enough` says that another process did so meanwhile.
    /// Answers the repository opened anew, since it must learn what was fetched.
    pub(super) fn fetch(
        &self,
        place: &Place,
        want: Want<'_>,
        depth: i32,
        enough: impl Fn(&Repository) -> bool,
    ) -> Result<Repository, PortError> {
        let _lock = place.lock()?;
        let repository = place.open_locked()?;
        if enough(&repository) {
            return Ok(repository);
        }
        let mut remote = repository.remote_anonymous(&self.remote.url).map_err(|e| self.error(&e))?;
        let mut options = FetchOptions::new();
        options.depth(depth).download_tags(AutotagOption::None).update_fetchhead(false);
        options.remote_callbacks(self.callbacks()).proxy_options(proxy());
        remote.fetch(&[want.refspec()], Some(&mut options), None).map_err(|e| self.error(&e))?;
        place.open_locked()
    }

    /// What libgit2 asks us. The key that an ssh server shows is remembered, and judged by libgit2.
    pub(super) fn callbacks(&self) -> RemoteCallbacks<'_> {
        let mut answers = Answers::new(self.remote, self.credentials);
        let mut callbacks = RemoteCallbacks::new();
        callbacks.credentials(move |url, user, allowed| answers.next(url, user, allowed));
        callbacks.certificate_check(move |cert, _| {
            *self.shown.borrow_mut() = Shown::of(cert);
            Ok(CertificateCheckStatus::CertificatePassthrough)
        });
        callbacks
    }

    pub(super) fn error(&self, error: &git2::Error) -> PortError {
        faults::from_server(error, self.remote, self.credentials.is_some(), &self.shown.borrow())
    }
}

impl Want<'_> {
    /// What the server calls it, and what we do. A branch goes by its digest, since those of two times may not fit beside
    /// each other: `a` and later `a/b`.
    fn refspec(self) -> String {
        match self {
            Want::Branch(branch) => format!("+refs/heads/{branch}:refs/lockgate/branch-{}", Digest::of(branch).short()),
            Want::Commit(id) => format!("+{id}:refs/lockgate/commit-{id}"),
        }
    }
}

/// The proxy that the environment names, if any.
pub(super) fn proxy() -> ProxyOptions<'static> {
    let mut proxy = ProxyOptions::new();
    proxy.auto();
    proxy
}
