//! A folder of a branch as an environment: below it a sub-folder for each release, with a file for each object.
//!
//! ```text
//! FOLDER/RELEASE/deployment_apps_web.yaml     an object as it was rendered
//! FOLDER/RELEASE/hooks/job_batch_migrate.yaml one that is run at certain moments
//! FOLDER/RELEASE/.lockgate                    what was deployed: candidate, digests, which files are ours
//! ```
//!
//! A deploy is one commit, made of the newest one of the branch and pushed on the condition that this still is the newest.
//! Where somebody else was quicker, it is made anew on top of theirs, unless they changed this very release: then whoever
//! planned has not seen what is there. Nothing is ever overwritten that is not in the commit below, so that a deploy which was
//! cut off anywhere either is on the branch or is not, and the next one sees which.

mod change;
mod held;
mod home;

use super::settings;
use crate::adapters::place::names;
use crate::adapters::place::record::Record;
use crate::adapters::shell::log::Log;
use crate::ports::bundle::{Bundle, Object};
use crate::ports::fields::mask;
use crate::ports::places::{Deployment, Ended, Guarded, Places, Rehearsal, Rehearsed, Seen, Target};
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use held::Held;
use home::{Home, Pushed};
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How long to wait before the next try, after somebody else was quicker or the answer was lost; it doubles.
const PAUSE: Duration = Duration::from_millis(50);
/// The longest of these.
const LONGEST: Duration = Duration::from_secs(2);
/// How often it is tried.
const TRIES: u32 = 20;

/// Branches of git repositories that are deployed to, with a cache for those behind a URL.
#[derive(Clone, Debug)]
pub struct Branches {
    cache: PathBuf,
    credentials: Option<Credentials>,
}

/// A branch and a folder in it.
struct At<'a> {
    repository: &'a str,
    branch: &'a str,
    folder: &'a str,
    plain_secrets: bool,
    author: Option<&'a str>,
}

impl Branches {
    /// Branches that need no credentials, and keep what they fetch below that folder.
    pub fn new(cache: impl Into<PathBuf>) -> Branches {
        Branches { cache: cache.into(), credentials: None }
    }

    fn home<'b>(&'b self, at: &At<'b>) -> Result<Home<'b>, PortError> {
        settings::settle();
        Home::of(&self.cache, at.repository, at.branch, self.credentials.as_ref())
    }
}

impl Guarded for Branches {
    fn shown(&self, credentials: Option<Credentials>) -> Arc<dyn Places> {
        Arc::new(Branches { cache: self.cache.clone(), credentials })
    }
}

impl Places for Branches {
    fn look(&self, target: &Target, release: &str, _: Option<&Bundle>) -> Result<Seen, PortError> {
        let at = At::of(target)?;
        let tip = self.home(&at)?.tip()?;
        Held::read(&tip, &at, release)?.seen()
    }

    fn rehearse(&self, target: &Target, bundle: &Bundle, _: &[String]) -> Result<Rehearsal, PortError> {
        let at = At::of(target)?;
        at.admit(bundle)?;
        let tip = self.home(&at)?.tip()?;
        let held = Held::read(&tip, &at, &bundle.release)?;
        held.changes(&names::files(bundle))?;
        let mut before = held.objects()?;
        let mut rehearsed = Vec::new();
        for (path, object) in names::placed(bundle) {
            let there = before.remove(&path).map(|(_, body)| body);
            rehearsed.push(compared(object.id(), there, Some(object.body.clone())));
        }
        rehearsed.extend(before.into_values().map(|(object, body)| compared(object, Some(body), None)));
        Ok(Rehearsal { bundle: held.record.as_ref().map(|record| record.bundle), objects: rehearsed })
    }

    fn deploy(&self, deployment: &Deployment<'_>) -> Ended {
        let mut log = deployment.log.map(|path| Log::new(path, &[]));
        let result = self.bring(deployment, &mut |line| {
            if let Some(log) = &mut log {
                log.take(format!("{line}\n").as_bytes());
            }
        });
        let Some(log) = log else { return result.into() };
        let written = log.finish();
        match written.fault {
            Some(fault) if result.is_ok() => Err(fault).into(),
            _ => Ended { result, log: (written.len > 0).then_some((written.len, written.digest)) },
        }
    }
}

fn compared(object: String, mut before: Option<Value>, mut after: Option<Value>) -> Rehearsed {
    mask(&mut before, &mut after);
    Rehearsed { object, before, after }
}

impl Branches {
    fn bring(&self, deployment: &Deployment<'_>, say: &mut dyn FnMut(&str)) -> Result<(), PortError> {
        let (at, bundle) = (At::of(deployment.target)?, deployment.bundle);
        at.admit(bundle)?;
        let files = names::files(bundle);
        let recorded = files.iter().map(|(path, wanted)| (path.clone(), wanted.recorded.clone())).collect();
        let record = Record::new(deployment, recorded).bytes()?;
        let home = self.home(&at)?;
        let end = Instant::now() + deployment.timeout;
        let (mut first, mut pause, mut last) = (None, PAUSE, None);
        for _ in 0..TRIES {
            may_go_on(deployment, end)?;
            let tip = home.tip()?;
            let held = Held::read(&tip, &at, &bundle.release)?;
            if held.is(&files, &record)? {
                say(&format!("{at} has it{}", tip.told()));
                return Ok(());
            }
            if first.replace(held.tree).is_some_and(|before| before != held.tree) {
                let message = format!("somebody else changed {} meanwhile", at.shown(&bundle.release));
                return Err(PortError::new(Fault::Moved, message).help("plan again to see what is there by now"));
            }
            let changes = held.changes(&files)?;
            let commit = change::commit(&tip, &at, &held, &files, &changes, &record, deployment)?;
            match home.push(&tip, commit) {
                Ok(Pushed::Done) => {
                    let removed = held.obsolete(&files).count();
                    say(&format!("{at}: commit {commit}, {} written and {removed} removed", changes.len()));
                    return Ok(());
                }
                Ok(Pushed::Overtaken) => say("somebody else was quicker; trying again on top of theirs"),
                // Whether it was taken is seen by looking.
                Err(error) if error.fault == Fault::Unavailable => {
                    say(&format!("{error}; looking again"));
                    last = Some(error);
                }
                Err(error) => return Err(error),
            }
            std::thread::sleep(pause.min(end.saturating_duration_since(Instant::now())));
            pause = (pause * 2).min(LONGEST);
        }
        let overtaken = || {
            let message = format!("others push to {at} all the time: it was tried {TRIES} times");
            PortError::new(Fault::Unavailable, message)
                .help("try again later, or give the environment a branch of its own")
        };
        Err(last.unwrap_or_else(overtaken))
    }
}

fn may_go_on(deployment: &Deployment<'_>, end: Instant) -> Result<(), PortError> {
    if deployment.stop.load(Ordering::Relaxed) {
        return Err(PortError::new(Fault::Cancelled, "somebody asked it to stop"));
    }
    if Instant::now() >= end {
        let message =
            format!("it took longer than the {} s that the environment gives it", deployment.timeout.as_secs());
        return Err(PortError::new(Fault::Limit, message));
    }
    Ok(())
}

impl<'a> At<'a> {
    fn of(target: &'a Target) -> Result<At<'a>, PortError> {
        match target {
            Target::Branch { repository, branch, folder, plain_secrets, author, .. } => {
                Ok(At { repository, branch, folder, plain_secrets: *plain_secrets, author: author.as_deref() })
            }
            _ => Err(PortError::new(Fault::Invalid, format!("{target} is no branch"))),
        }
    }

    /// The folder of a release, or what is below it.
    fn path(&self, below: &str) -> String {
        if self.folder.is_empty() { below.to_string() } else { format!("{}/{below}", self.folder) }
    }

    fn shown(&self, below: &str) -> String {
        format!("`{}` in {self}", self.path(below))
    }

    /// Refuses what must not stand in a repository, and a release that can have no folder.
    fn admit(&self, bundle: &Bundle) -> Result<(), PortError> {
        if !names::is_release(&bundle.release) {
            let message = format!("the release `{}` cannot have a folder of that name", bundle.release.escape_debug());
            return Err(PortError::new(Fault::Invalid, message).help("use letters, digits, `-`, `_` and `.`"));
        }
        let mut objects = bundle.objects.iter().chain(bundle.hooks.iter().map(|hook| &hook.object));
        match objects.find(|object| holds_secret(object)).filter(|_| !self.plain_secrets) {
            None => Ok(()),
            Some(secret) => {
                let message = format!("{} would stand in {self} for everyone to read", secret.id());
                Err(PortError::new(Fault::Invalid, message).help(
                    "let the cluster make it (an ExternalSecret, a SealedSecret), or say `plain-secrets=#true` in the \
                     environment if whoever reads the repository may know it",
                ))
            }
        }
    }
}

impl std::fmt::Display for At<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "branch `{}` of `{}`", self.branch, home::shown(self.repository))
    }
}

fn holds_secret(object: &Object) -> bool {
    let held = |part: &str| object.body.get(part).and_then(|p| p.as_object()).is_some_and(|p| !p.is_empty());
    object.kind == "Secret" && object.api_version == "v1" && (held("data") || held("stringData"))
}

#[cfg(test)]
mod tests;
