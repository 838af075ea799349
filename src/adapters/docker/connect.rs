//! Where the engine is, and the one client for it.

use super::faults;
use crate::ports::{Fault, PortError};
use bollard::{API_DEFAULT_VERSION, Docker};
use parking_lot::Mutex;
use sha2::Digest as _;
use std::future::Future;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Where an engine listens when nobody says otherwise.
const DEFAULT: &str = "unix:///var/run/docker.sock";
/// How long one answer may take: all but builds, pulls and copies are answered at once, however busy the engine is.
const PATIENCE: u64 = 60;
/// How long the first byte of an answer may take where the engine works before it answers, in seconds. What is done
/// then has bounds of its own, or comes to its end by itself.
const LONG: u64 = 24 * 60 * 60;
/// Threads that wait for the engine. Two, so that one that writes a log does not hold up the other.
const THREADS: usize = 2;
/// How long what is under way may go on when the session ends: removing a container takes a second.
const FAREWELL: Duration = Duration::from_secs(10);

/// An engine that may not have been spoken with yet.
pub struct Engine {
    host: String,
    runtime: OnceLock<Runtime>,
    docker: Mutex<Option<Docker>>,
}

impl Engine {
    /// The engine that this machine's Docker client would use: `DOCKER_HOST`, then the current context, then the usual
    /// socket. Nothing is asked yet.
    pub fn of_this_machine() -> Engine {
        Engine::at(host())
    }

    /// The engine at an address: `unix://PATH`, `tcp://HOST:PORT`, `http://…` or `https://…`.
    pub fn at(host: impl Into<String>) -> Engine {
        Engine { host: host.into(), runtime: OnceLock::new(), docker: Mutex::new(None) }
    }

    /// Where the waiting is done. Made when it is needed: most of what Lockgate does needs no engine.
    fn runtime(&self) -> Result<&Runtime, PortError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        let failed = |e: std::io::Error| {
            PortError::new(Fault::Unavailable, format!("threads for the Docker engine cannot be made: {e}"))
        };
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(THREADS).thread_name("docker").enable_all().build().map_err(failed)?;
        // The provider of TLS is the same for the whole program; that somebody set it before is as good.
        drop(rustls::crypto::ring::default_provider().install_default());
        // Of two that were made at once, one is dropped, by whoever waits for nothing.
        if let Err(surplus) = self.runtime.set(runtime) {
            surplus.shutdown_background();
        }
        self.runtime.get().ok_or_else(|| PortError::new(Fault::Unavailable, "there is no thread for the Docker engine"))
    }

    /// The address.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The client, once the engine has answered: it says which version both speak.
    pub(super) async fn docker(&self) -> Result<Docker, PortError> {
        if let Some(docker) = self.known() {
            return Ok(docker);
        }
        let docker = connect(&self.host).map_err(|e| faults::no_engine(&self.host, &e))?;
        let docker = docker.negotiate_version().await.map_err(|e| faults::no_engine(&self.host, &e))?;
        *self.docker.lock() = Some(docker.clone());
        Ok(docker)
    }

    /// The client for what takes its time before it answers.
    pub(super) async fn patient(&self) -> Result<Docker, PortError> {
        Ok(self.docker().await?.with_timeout(Duration::from_secs(LONG)))
    }

    fn known(&self) -> Option<Docker> {
        self.docker.lock().clone()
    }

    /// Waits for something on this thread.
    pub(super) fn wait<T>(&self, what: impl Future<Output = T>) -> Result<T, PortError> {
        Ok(self.runtime()?.block_on(what))
    }

    /// Begins something that ends with the engine.
    pub(super) fn spawn(&self, what: impl Future<Output = ()> + Send + 'static) -> Result<(), PortError> {
        self.runtime()?.spawn(what);
        Ok(())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            match tokio::runtime::Handle::try_current() {
                // One runtime may not wait for another.
                Ok(_) => runtime.shutdown_background(),
                Err(_) => runtime.shutdown_timeout(FAREWELL),
            }
        }
    }
}

fn connect(host: &str) -> Result<Docker, bollard::errors::Error> {
    match host {
        unix if unix.starts_with("unix://") => Docker::connect_with_unix(unix, PATIENCE, API_DEFAULT_VERSION),
        other => Docker::connect_with_host(other).map(|docker| docker.with_timeout(Duration::from_secs(PATIENCE))),
    }
}

/// The address of the engine, as Docker's own client finds it.
fn host() -> String {
    let said = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    said("DOCKER_HOST").or_else(|| context(said("DOCKER_CONTEXT"))).unwrap_or_else(|| DEFAULT.to_string())
}

/// The address of the context that is in use, if that is another one than the default.
fn context(name: Option<String>) -> Option<String> {
    let home = std::env::var_os("DOCKER_CONFIG").map(PathBuf::from);
    let folder = home.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".docker")))?;
    let read = |path: PathBuf| serde_json::from_slice::<serde_json::Value>(&std::fs::read(path).ok()?).ok();
    let current = || Some(read(folder.join("config.json"))?.get("currentContext")?.as_str()?.to_string());
    let name = name.or_else(current).filter(|name| name != "default")?;
    let id = crate::digest::Digest(sha2::Sha256::digest(&name).into()).hex();
    let meta = read(folder.join("contexts/meta").join(id).join("meta.json"))?;
    Some(meta.pointer("/Endpoints/docker/Host")?.as_str()?.to_string())
}
