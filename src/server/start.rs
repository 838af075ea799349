//! From what was said at the start to pipelines that are kept going.

use super::config::{Config, Role, TokenHash, User};
use super::routes::Shared;
use super::site::Site;
use super::tokens::{self, Scope};
use crate::adapters::sqlite::register::Register;
use crate::app::checkout::Checkout;
use crate::app::keeper::{self, Behind, Keeping};
use crate::app::serving::Serving;
use crate::app::telling::Telling;
use crate::app::{Failure, Keeper, Settings, load, session};
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::model::TriggerKind;
use crate::ports::{Fault, PortError};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
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
    };
    let register = opener.register.clone();
    let (mut keepers, mut behind, mut faulty) = (Vec::new(), Vec::new(), Vec::new());
    for file in files {
        match opener.settings(&file) {
            Ok(all) => {
                for settings in all {
                    let (keeper, thread) = opener.keep(settings, &keepers)?;
                    keepers.push(keeper);
                    behind.push(thread);
                }
            }
            Err(failure) => faulty.push((file, failure)),
        }
    }
    if keepers.is_empty() && faulty.is_empty() {
        let name = serving.pipeline.clone().unwrap_or_default();
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no pipeline named `{name}`"));
        return Err(Failure::plain(fault));
    }
    checkouts.into_iter().try_for_each(follow)?;
    let (mut local, mut login) = (None, None);
    if serving.config.is_none() {
        let name = serving.person.clone().unwrap_or_else(session::current_user);
        let failed = |e: std::io::Error| {
            let fault = PortError::new(Fault::Unavailable, format!("no token can be made: {e}"));
            Failure::of(&fault, "the server")
        };
        let (shown, token) = tokens::new_token(&name, &Scope::ALL, "", 0, None).map_err(failed)?;
        let hash = TokenHash { id: token.id, hash: token.hash, scopes: token.scopes, expires: None };
        let user = User { name: name.clone(), role: Role::Admin, tokens: vec![hash], ..User::default() };
        config.users.insert(name.clone(), user);
        (local, login) = (Some(name), Some(shown));
    }
    let site = Site::new(keepers, register, config, local).map_err(|e| {
        Failure::of(&PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}")), "the server")
    })?;
    let site = Arc::new(site);
    super::upkeep::begin(&site).map_err(|e| {
        Failure::of(&PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}")), "the server")
    })?;
    site.recount().map_err(|e| Failure::of(&e, "the state"))?;
    let behind = Arc::new(Mutex::new(behind));
    if !faulty.is_empty() {
        mend(opener, &site, &behind, faulty)?;
    }
    Ok(Started { site, behind, login })
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
}

impl Opener {
    /// How the pipelines of a file are opened. A faulty file is opened as it was when it last counted, if it ever did.
    fn settings(&self, path: &Path) -> Result<Vec<Settings>, Failure> {
        let loaded = load::load(path);
        let names: Vec<String> = match loaded.checked() {
            Ok(checked) => checked.graphs().iter().map(|g| g.pipeline().name.value.clone()).collect(),
            Err(failure) => {
                let known = keeper::counted(path, self.serving.state.as_deref());
                return if known.is_empty() { Err(failure) } else { Ok(self.known(path, known)) };
            }
        };
        let wanted = |name: &String| self.serving.pipeline.as_ref().is_none_or(|p| p == name);
        let is_several = names.len() > 1;
        let before = keeper::counted(path, self.serving.state.as_deref());
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

    /// Keeps a pipeline beside those that are kept.
    fn keep(&self, settings: Settings, others: &[Arc<Keeper>]) -> Result<(Arc<Keeper>, Behind), Failure> {
        let (register, runtime, telling) = (self.register.clone(), self.runtime.clone(), self.telling.clone());
        let taken = |name: &str| others.iter().any(|k| k.name == name);
        if let Some(name) = settings.pipeline.as_deref().filter(|name| taken(name)) {
            let message = format!("two pipelines are named `{name}`");
            return Err(Failure::plain(Diagnostic::new(&codes::REPEATED_NODE, message).help("rename one of them")));
        }
        let (keeper, thread) = Keeper::start(Keeping { settings, register, runtime, grace: self.grace, telling })?;
        if let Err(failure) = secrets_of_triggers(&keeper) {
            keeper.stop();
            return Err(failure);
        }
        Ok((keeper, thread))
    }
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
    let failed = |e: std::io::Error| {
        let fault = PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}"));
        Failure::of(&fault, "the server")
    };
    std::thread::Builder::new().name("mending".to_string()).spawn(look).map(|_| ()).map_err(failed)
}

fn take_in(opener: &Opener, site: &Shared, behind: &Threads, path: &Path) -> Result<(), Failure> {
    for settings in opener.settings(path)? {
        let (keeper, thread) = opener.keep(settings, &site.keepers())?;
        behind.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        site.join(vec![keeper]);
    }
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
    let failed = |e: std::io::Error| {
        let fault = PortError::new(Fault::Unavailable, format!("a thread cannot be made: {e}"));
        Failure::of(&fault, "the server")
    };
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
    std::thread::Builder::new().name("checkout".to_string()).spawn(look).map(|_| ()).map_err(failed)
}

/// The register: in the folder that was said, or in that of the first pipeline.
fn open_register(serving: &Serving, files: &[PathBuf]) -> Result<Register, Failure> {
    let beside = || files.first().and_then(|p| p.parent()).unwrap_or(Path::new("")).join(".lockgate");
    let folder = serving.state.clone().unwrap_or_else(beside);
    let failed = |e: PortError| Failure::of(&e, "the server's register");
    let register = Register::open(&folder).map_err(failed)?;
    register.tidy(jiff::Timestamp::now().as_millisecond()).map_err(failed)?;
    Ok(register)
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
