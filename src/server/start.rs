//! From what was said at the start to pipelines that are kept going.

use super::config::{Config, Kept, Role, TokenHash, User};
use super::routes::Shared;
use super::site::Site;
use super::tokens::{self, Scope};
use crate::adapters::sqlite::register::Register;
use crate::app::checkout::Checkout;
use crate::app::keeper::{Behind, Keeping};
use crate::app::serving::Serving;
use crate::app::{Failure, Keeper, Settings, load, session};
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::model::TriggerKind;
use crate::ports::{Fault, PortError};
use std::net::ToSocketAddrs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where it listens unless said.
const LISTEN: &str = "127.0.0.1:8080";

/// A server that has begun.
pub(super) struct Started {
    /// What all requests share.
    pub site: Shared,
    /// The threads behind the pipelines.
    pub behind: Vec<Behind>,
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
    let settings = all_settings(serving, &config, &checkouts)?;
    let folder = register_folder(serving, &settings);
    let register = Arc::new(Register::open(&folder).map_err(|e| Failure::of(&e, "the server's register"))?);
    register.tidy(jiff::Timestamp::now().as_millisecond()).map_err(|e| Failure::of(&e, "the server's register"))?;
    let telling = super::telling::telling(&config, at)?;
    let (mut keepers, mut behind): (Vec<Arc<Keeper>>, Vec<Behind>) = (Vec::new(), Vec::new());
    for settings in settings {
        let keeping = Keeping {
            settings,
            register: register.clone(),
            runtime: tokio::runtime::Handle::current(),
            grace: config.limits.grace,
            telling: telling.clone(),
        };
        let (keeper, thread) = Keeper::start(keeping)?;
        if keepers.iter().any(|k| k.name == keeper.name) {
            let message = format!("two pipelines are named `{}`", keeper.name);
            return Err(Failure::plain(Diagnostic::new(&codes::REPEATED_NODE, message).help("rename one of them")));
        }
        secrets_of_triggers(&keeper)?;
        keepers.push(keeper);
        behind.push(thread);
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
    site.recount().map_err(|e| Failure::of(&e, "the state"))?;
    Ok(Started { site, behind, login })
}

/// How each pipeline is opened: those of the command line, then those of the configuration.
fn all_settings(serving: &Serving, config: &Config, checkouts: &[Followed]) -> Result<Vec<Settings>, Failure> {
    let named = serving.files.iter().map(|path| Kept { path: path.clone(), git: None });
    let here = config.pipelines.iter().filter(|k| k.git.is_none()).cloned();
    let elsewhere = checkouts.iter().map(|c| Kept { path: c.path.clone(), git: None });
    let mut kept: Vec<Kept> = named.chain(here).chain(elsewhere).collect();
    if kept.is_empty() {
        kept.push(Kept { path: load::find(None)?, git: None });
    }
    let is_one = kept.len() == 1;
    let mut all = Vec::new();
    for one in kept {
        let path = load::find(Some(&one.path))?;
        let loaded = load::load(&path);
        let names: Vec<String> = loaded.checked()?.graphs().iter().map(|g| g.pipeline().name.value.clone()).collect();
        let wanted = |name: &String| serving.pipeline.as_ref().is_none_or(|p| p == name);
        let is_several = names.len() > 1;
        for name in names.into_iter().filter(wanted) {
            // One file alone has its state where `apply` has it; of several each has a folder of its own.
            let state = serving.state.as_ref().map(|s| if is_one || is_several { s.clone() } else { s.join(&name) });
            all.push(Settings {
                path: Some(path.clone()),
                state,
                pipeline: Some(name),
                person: serving.person.clone(),
                parallel: config.limits.parallel,
            });
        }
    }
    if all.is_empty() {
        let name = serving.pipeline.clone().unwrap_or_default();
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no pipeline named `{name}`"));
        return Err(Failure::plain(fault));
    }
    Ok(all)
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

/// Where the register is: in the folder that was said, or in that of the first pipeline.
fn register_folder(serving: &Serving, settings: &[Settings]) -> PathBuf {
    let beside = || {
        let path = settings.first().and_then(|s| s.path.clone()).unwrap_or_default();
        path.parent().unwrap_or(Path::new("")).join(".lockgate")
    };
    serving.state.clone().unwrap_or_else(beside)
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
