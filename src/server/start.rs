//! From what was said at the start to pipelines that are kept going.

use super::config::{Config, Role, TokenHash, User};
use super::routes::Shared;
use super::site::Site;
use super::tokens::{self, Scope};
use crate::adapters::sqlite::register::Register;
use crate::app::checkout::Checkout;
use crate::app::keeper::{self, Behind, Keeping, Opened};
use crate::app::serving::Serving;
use crate::app::telling::Telling;
use crate::app::watching::Watching;
use crate::app::{Failure, Keeper, Settings, load, session};
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::model::TriggerKind;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where it listens unless said.
const LISTEN: &str = "127.0.0.1:8080";

/// Threads behind pipelines; more come when a file is mended.
pub(super) type Threads = Arc<Mutex<Vec<Behind>>>;

/// A server that has begun.
pub(super) struct Started {
    /// What all requests share.
    pub site: Shared,
    /// The threads behind the pipelines.
    pub behind: Threads,
    /// With what whoever started it logs in, where there is no configuration that says who may.
    pub login: Option<String>,
}

/// The configuration: what the file says, or nothing.
pub(super) fn config(serving: &Serving) -> Result<Config, Failure> {
    match &serving.config {
        Some(path) => Config::read(path),
        None => Ok(Config::default()),
    }
}

/// Where it listens. Without a configuration that says who may do what, it is this machine only.
pub(super) fn address(serving: &Serving, config: &Config) -> Result<String, Failure> {
    let address = serving.listen.clone().or_else(|| config.listen.clone()).unwrap_or_else(|| LISTEN.to_string());
    let of_others = address.to_socket_addrs().ok().and_then(|mut all| all.find(|a| !a.ip().is_loopback()));
    if serving.config.is_none()
        && let Some(other) = of_others
    {
        let message = format!("nothing says who may do what, and {} can be reached by others", other.ip());
        let fault = Diagnostic::new(&codes::REFUSED, message);
        return Err(Failure::plain(fault.help("name users in a file and say `--config FILE`, or listen on 127.0.0.1")));
    }
    Ok(address)
}

/// Opens everything and starts keeping it.
pub(super) fn start(serving: &Serving, mut config: Config, at: std::net::SocketAddr) -> Result<Started, Failure> {
    let checkouts = checkouts(serving, &config)?;
    let files = files(serving, &config, &checkouts)?;
    let opener = Opener {
        serving: serving.clone(),
        parallel: config.limits.parallel,
        grace: config.limits.grace,
        is_one: files.len() == 1,
        register: Arc::new(open_register(serving, &files)?),
        runtime: tokio::runtime::Handle::current(),
        telling: super::telling::telling(&config, at)?,
        watching: Watching::default(),
    };
    let register = opener.register.clone();
    let (mut all, mut faulty) = (Vec::new(), Vec::new());
    let before = serving.state.as_deref().map(keeper::Before::read);
    for (file, settings) in files.iter().zip(at_once(&files, |file| opener.settings(file, before.as_ref()))) {
        match settings {
            Ok(settings) => all.extend(settings),
            Err(failure) => faulty.push((file.clone(), failure)),
        }
    }
    let (keepers, behind): (Vec<_>, Vec<_>) = opener.keep(all, &[])?.into_iter().unzip();
    if keepers.is_empty() && faulty.is_empty() {
        let name = serving.pipeline.clone().unwrap_or_default();
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no pipeline named `{name}`"));
        return Err(Failure::plain(fault));
    }
    checkouts.into_iter().try_for_each(follow)?;
    let (mut local, mut login) = (None, None);
    if serving.config.is_none() {
        let name = serving.person.clone().unwrap_or_else(session::current_user);
        let (shown, token) = tokens::new_token(&name, &Scope::ALL, "", 0, None).map_err(|e| no(e, "token"))?;
        let hash = TokenHash { id: token.id, hash: token.hash, scopes: token.scopes, expires: None };
        let user = User { name: name.clone(), role: Role::Admin, tokens: vec![hash], ..User::default() };
        config.users.insert(name.clone(), user);
        (local, login) = (Some(name), Some(shown));
    }
    let site = Arc::new(Site::new(keepers, register, config, local).map_err(|e| no(e, "thread"))?);
    super::upkeep::begin(&site).map_err(|e| no(e, "thread"))?;
    site.recount().map_err(|e| Failure::of(&e, "the state"))?;
    let behind = Arc::new(Mutex::new(behind));
    if !faulty.is_empty() {
        mend(opener, &site, &behind, faulty)?;
    }
    Ok(Started { site, behind, login })
}

/// That something cannot be had which the system gives.
fn no(error: std::io::Error, what: &str) -> Failure {
    Failure::of(&PortError::new(Fault::Unavailable, format!("no {what} can be made: {error}")), "the server")
}

/// The pipeline files: those of the command line, then those of the configuration.
fn files(serving: &Serving, config: &Config, checkouts: &[Followed]) -> Result<Vec<PathBuf>, Failure> {
    let here = config.pipelines.iter().filter(|k| k.git.is_none()).map(|k| &k.path);
    let elsewhere = checkouts.iter().map(|c| &c.path);
    let named: Vec<&PathBuf> = serving.files.iter().chain(here).chain(elsewhere).collect();
    if named.is_empty() {
        return Ok(vec![load::find(None)?]);
    }
    named.into_iter().map(|path| load::find(Some(path))).collect()
}

/// What opening pipelines needs, at the start and when a file is mended.
struct Opener {
    serving: Serving,
    parallel: Option<usize>,
    grace: Duration,
    /// There is one file.
    is_one: bool,
    register: Arc<Register>,
    runtime: tokio::runtime::Handle,
    telling: Telling,
    watching: Watching,
}

impl Opener {
    /// How the pipelines of a file are opened. A faulty file is opened as it was when it last counted, if it ever did: `before` is
    /// what counted, unless that is beside the file.
    fn settings(&self, path: &Path, before: Option<&keeper::Before>) -> Result<Vec<Settings>, Failure> {
        let loaded = load::load(path);
        let before = match before {
            Some(before) => before.of(path),
            None => keeper::Before::read(&load::state_of(None, &loaded.root)).of(path),
        };
        let names: Vec<String> = match loaded.checked() {
            Ok(checked) => checked.graphs().iter().map(|g| g.pipeline().name.value.to_string()).collect(),
            Err(failure) if before.is_empty() => return Err(failure),
            Err(_) => return Ok(self.known(path, before)),
        };
        let wanted = |name: &String| self.serving.pipeline.as_ref().is_none_or(|p| p == name);
        let is_several = names.len() > 1;
        // One file alone has its state where `apply` has it; of several each has a folder of its own. What had a state before
        // goes on with that, however many there are by now.
        let state = |name: &str| {
            let state = self.serving.state.as_ref()?;
            if let Some(before) = before.iter().find(|known| known.name == name) {
                return Some(before.state.clone());
            }
            Some(if self.is_one || is_several { state.clone() } else { state.join(name) })
        };
        Ok(names.into_iter().filter(wanted).map(|name| self.of(path, state(&name), name)).collect())
    }

    fn known(&self, path: &Path, known: Vec<keeper::Counted>) -> Vec<Settings> {
        let wanted = |k: &keeper::Counted| self.serving.pipeline.as_ref().is_none_or(|p| *p == k.name);
        known.into_iter().filter(wanted).map(|k| self.of(path, Some(k.state), k.name)).collect()
    }

    fn of(&self, path: &Path, state: Option<PathBuf>, name: String) -> Settings {
        Settings {
            path: Some(path.to_path_buf()),
            state,
            pipeline: Some(name),
            person: self.serving.person.clone(),
            parallel: self.parallel,
        }
    }

    /// Keeps pipelines beside those that are kept. Nothing is done for any of them before all are open, and where one cannot be
    /// opened, none is kept.
    fn keep(&self, all: Vec<Settings>, others: &[Arc<Keeper>]) -> Result<Vec<(Arc<Keeper>, Behind)>, Failure> {
        let mut names: BTreeSet<&str> = others.iter().map(|k| k.name.as_str()).collect();
        if let Some(name) = all.iter().filter_map(|s| s.pipeline.as_deref()).find(|name| !names.insert(name)) {
            let message = format!("two pipelines are named `{name}`");
            return Err(Failure::plain(Diagnostic::new(&codes::REPEATED_NODE, message).help("rename one of them")));
        }
        let opened: Result<Vec<Opened>, Failure> = at_once(&all, |settings| self.open(settings)).into_iter().collect();
        let mut kept = Vec::new();
        for opened in opened? {
            match opened.start() {
                Ok(one) => kept.push(one),
                Err(failure) => {
                    kept.iter().for_each(|(keeper, _): &(Arc<Keeper>, Behind)| keeper.stop());
                    kept.into_iter().for_each(|(_, behind)| behind.join());
                    return Err(failure);
                }
            }
        }
        Ok(kept)
    }

    fn open(&self, settings: &Settings) -> Result<Opened, Failure> {
        let opened = Keeper::open(Keeping {
            settings: settings.clone(),
            register: self.register.clone(),
            runtime: self.runtime.clone(),
            grace: self.grace,
            telling: self.telling.clone(),
            watching: self.watching.clone(),
        })?;
        secrets_of_triggers(opened.keeper())?;
        Ok(opened)
    }
}

/// What comes of each, in their order, of as many at once as there are processors, and some more: they wait for the disk as well.
fn at_once<T: Sync, R: Send>(all: &[T], make: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let threads = std::thread::available_parallelism().map_or(4, |n| n.get() * 4).min(all.len());
    let (next, made) = (AtomicUsize::new(0), Mutex::new(Vec::with_capacity(all.len())));
    let work = || {
        while let Some((at, one)) = Some(next.fetch_add(1, Ordering::Relaxed)).and_then(|at| Some((at, all.get(at)?))) {
            let one = make(one);
            made.lock().push((at, one));
        }
    };
    std::thread::scope(|scope| {
        // The one that is here does what no other does.
        for _ in 1..threads {
            let _ = std::thread::Builder::new().name("opening".to_string()).spawn_scoped(scope, work);
        }
        work();
    });
    let mut made = made.into_inner();
    made.sort_unstable_by_key(|(at, _)| *at);
    made.into_iter().map(|(_, one)| one).collect()
}

/// How often files that are at fault are looked at.
const MENDING: Duration = Duration::from_secs(1);

/// Says what is wrong with files that cannot be taken in, and takes them in when they are mended.
fn mend(opener: Opener, site: &Shared, behind: &Threads, faulty: Vec<(PathBuf, Failure)>) -> Result<(), Failure> {
    let first = |f: &Failure| f.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
    let mut files: Vec<(PathBuf, Option<Digest>)> = Vec::new();
    for (path, failure) in faulty {
        tracing::error!("{} is not served until it is mended: {}", path.display(), first(&failure));
        site.set_faulty(&path, Some(failure));
        files.push((path, None));
    }
    let (site, behind) = (site.clone(), behind.clone());
    let look = move || {
        while !files.is_empty() && !site.is_stopping() {
            std::thread::sleep(MENDING);
            files.retain_mut(|(path, seen)| {
                let now = load::load(path).digest;
                if seen.replace(now) == Some(now) {
                    return true;
                }
                match take_in(&opener, &site, &behind, path) {
                    Ok(()) => {
                        tracing::info!("{} was mended, and is served", path.display());
                        site.set_faulty(path, None);
                    }
                    Err(failure) => {
                        site.set_faulty(path, Some(failure));
                        return true;
                    }
                }
                false
            });
        }
    };
    std::thread::Builder::new().name("mending".to_string()).spawn(look).map(drop).map_err(|e| no(e, "thread"))
}

fn take_in(opener: &Opener, site: &Shared, behind: &Threads, path: &Path) -> Result<(), Failure> {
    let before = opener.serving.state.as_deref().map(keeper::Before::read);
    let (keepers, threads): (Vec<_>, Vec<_>) =
        opener.keep(opener.settings(path, before.as_ref())?, &site.keepers())?.into_iter().unzip();
    behind.lock().extend(threads);
    site.join(keepers);
    Ok(())
}

/// A repository that a pipeline file is taken from.
struct Followed {
    checkout: Checkout,
    /// Where the file is on this machine.
    path: PathBuf,
    poll: std::time::Duration,
}

/// The repositories of the configuration, as their branches are now.
fn checkouts(serving: &Serving, config: &Config) -> Result<Vec<Followed>, Failure> {
    let mut all = Vec::new();
    for kept in &config.pipelines {
        let Some(repository) = &kept.git else { continue };
        let what = format!("the repository {}", repository.url);
        let Some(state) = &serving.state else {
            let fault = Diagnostic::new(&codes::REFUSED, format!("{what} has to be kept somewhere"));
            return Err(Failure::plain(fault.help("say where: `--state DIR`")));
        };
        let credentials = match &repository.credentials {
            None => None,
            Some(name) => {
                let missing = |_| PortError::new(Fault::NotFound, format!("the variable {name} is not set"));
                let value = std::env::var(name).map_err(|e| Failure::of(&missing(e), &what))?;
                Some(crate::engine::credentials(&value))
            }
        };
        // Two branches of one repository are two folders.
        let name = Digest::of(format!("{} {}", repository.url, repository.branch)).hex();
        let name = name.get(..16).unwrap_or(&name).to_string();
        let (folder, cache) = (state.join("checkouts").join(&name), state.join("cache").join("checkouts"));
        let folder = std::path::absolute(&folder).unwrap_or(folder);
        let checkout = Checkout::new(&repository.url, &repository.branch, credentials, &folder, &cache);
        checkout.refresh().map_err(|e| Failure::of(&e, &what))?;
        let path = checkout.at(&kept.path).map_err(|e| Failure::of(&e, &what))?;
        all.push(Followed { checkout, path, poll: repository.poll });
    }
    Ok(all)
}

/// Looks at a branch again and again. What comes of it is seen by whoever watches the folder.
fn follow(followed: Followed) -> Result<(), Failure> {
    let look = move || {
        let mut failures = 0;
        loop {
            std::thread::sleep(followed.poll.saturating_mul(1 << failures));
            match followed.checkout.refresh() {
                Ok(_) => failures = 0,
                Err(error) => {
                    failures = (failures + 1).min(6);
                    tracing::warn!("the pipeline file cannot be taken from its repository: {error}");
                }
            }
        }
    };
    std::thread::Builder::new().name("checkout".to_string()).spawn(look).map(drop).map_err(|e| no(e, "thread"))
}

/// The register: in the folder that was said, or in that of the first pipeline.
fn open_register(serving: &Serving, files: &[PathBuf]) -> Result<Register, Failure> {
    let beside = || files.first().and_then(|p| p.parent()).unwrap_or(Path::new("")).join(".lockgate");
    let folder = serving.state.clone().unwrap_or_else(beside);
    let failed = |e: PortError| Failure::of(&e, "the server's register");
    Register::open(&folder).map_err(failed)
}

/// The secrets that sign webhooks have to be there, and not be empty: a signature by nothing is nobody's.
fn secrets_of_triggers(keeper: &Keeper) -> Result<(), Failure> {
    let session = keeper.session();
    for source in &session.graph.pipeline().sources {
        for trigger in &source.triggers {
            if let TriggerKind::Webhook(secret) = &trigger.kind {
                session.secret(secret).map_err(|e| {
                    Failure::of(&e, &format!("the secret that signs webhooks of source `{}`", source.name.value))
                })?;
            }
        }
    }
    Ok(())
}

/// Reads the configuration anew. A faulty one does not count, and the one before goes on.
pub(super) fn reload(site: &Shared, serving: &Serving) {
    let Some(path) = &serving.config else { return };
    match Config::read(path) {
        Ok(config) => match site.reconfigure(config) {
            Ok(()) => tracing::info!("the configuration was read anew"),
            Err(error) => tracing::error!("approvals could not be counted anew: {error}"),
        },
        Err(failure) => {
            let first = failure.diagnostics.first().map(|d| d.message.clone()).unwrap_or_default();
            tracing::error!("the new configuration does not count: {first}");
        }
    }
}
