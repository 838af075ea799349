//! Who we are to a registry: what the pipeline says, else what `docker login` left.
//!
//! Docker's `config.json` is in the folder that `DOCKER_CONFIG` names, else in `~/.docker`. Of its ways, the most particular
//! counts: `credHelpers` for the registry, then `credsStore`, then `auths`.

use crate::adapters::disk;
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use base64::Engine as _;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The largest configuration and the largest answer of a helper.
const FILE: u64 = 1 << 20;
/// How long a helper may take: it may ask a cloud for a token.
const HELPER: Duration = Duration::from_secs(30);
/// What Docker Hub is called in the configuration.
const HUB_KEY: &str = "https://index.docker.io/v1/";
/// The user name with which helpers give an identity token.
const TOKEN_USER: &str = "<token>";

/// What lets us in.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// A name and a password.
    Password(Credentials),
    /// A token that is exchanged for those of single requests.
    Identity(String),
}

impl Login {
    /// What names it among the tokens that were got with it.
    pub(crate) fn fingerprint(&self) -> crate::digest::Digest {
        match self {
            Login::Password(c) => crate::digest::Digest::of(format!("p\0{}\0{}", c.username, c.password)),
            Login::Identity(token) => crate::digest::Digest::of(format!("i\0{token}")),
        }
    }

    /// Whose it is, for errors.
    pub(crate) fn who(&self) -> String {
        match self {
            Login::Password(c) if !c.username.is_empty() => format!("`{}`", c.username),
            _ => "the token".to_string(),
        }
    }
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Login({})", self.who())
    }
}

/// What Docker's client left for a registry; an identity token is the password of the user `<token>`.
pub fn docker_login(registry: &str) -> Result<Option<Credentials>, PortError> {
    let login = DockerConfig::of_machine().login(registry)?;
    Ok(login.map(|login| match login {
        Login::Password(credentials) => credentials,
        Login::Identity(token) => Credentials { username: TOKEN_USER.to_string(), password: token },
    }))
}

/// Where Docker's configuration is, and where its helpers are looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct DockerConfig {
    pub(crate) folder: Option<PathBuf>,
    pub(crate) path: Option<OsString>,
}

#[derive(serde::Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Config {
    auths: BTreeMap<String, Entry>,
    cred_helpers: BTreeMap<String, String>,
    creds_store: String,
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct Entry {
    auth: String,
    username: String,
    password: String,
    identitytoken: String,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Told {
    username: String,
    secret: String,
}

impl DockerConfig {
    /// As this machine is set up.
    pub(crate) fn of_machine() -> DockerConfig {
        let said = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = said("DOCKER_CONFIG").or_else(|| said("HOME").map(|home| home.join(".docker")));
        DockerConfig { folder, path: std::env::var_os("PATH") }
    }

    /// What there is for a registry; nothing where nobody logged in.
    pub(crate) fn login(&self, registry: &str) -> Result<Option<Login>, PortError> {
        let Some(file) = self.folder.as_ref().map(|folder| folder.join("config.json")) else { return Ok(None) };
        let bytes = match disk::read(&file, FILE) {
            Ok(bytes) => bytes,
            Err(error) if error.fault == Fault::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let config: Config = serde_json::from_slice(&bytes).map_err(|why| {
            PortError::new(Fault::Invalid, format!("`{}` is not as Docker writes it: {why}", file.display()))
        })?;
        let key = if registry == "docker.io" { HUB_KEY } else { registry };
        let helper = config.cred_helpers.iter().find(|(host, _)| host_of(host) == host_of(key)).map(|(_, name)| name);
        if let Some(name) = helper {
            return self.ask(name, key);
        }
        if !config.creds_store.is_empty()
            && let Some(login) = self.ask(&config.creds_store, key)?
        {
            return Ok(Some(login));
        }
        let entry = config
            .auths
            .get(key)
            .or_else(|| config.auths.iter().find(|(host, _)| host_of(host) == host_of(key)).map(|(_, entry)| entry));
        match entry {
            Some(entry) => entry.login().map_err(|why| {
                PortError::new(Fault::Invalid, format!("`{}`, `auths` for `{registry}`: {why}", file.display()))
            }),
            None => Ok(None),
        }
    }

    /// Asks a helper: the key on its input, an answer in JSON on its output.
    fn ask(&self, name: &str, key: &str) -> Result<Option<Login>, PortError> {
        if name.is_empty() || name.contains(['/', '\\', '\0']) || name.starts_with('.') {
            return Err(PortError::new(Fault::Invalid, format!("`{name}` is no name of a credential helper")));
        }
        let program = format!("docker-credential-{name}");
        let mut command = Command::new(&program);
        command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let mut child = command.spawn().map_err(|why| {
            PortError::new(Fault::Denied, format!("the credential helper `{program}` cannot be started: {why}"))
                .help("Docker's `config.json` names it; install it, or log in without it")
        })?;
        if let Some(mut input) = child.stdin.take() {
            // A helper that does not read its input has other reasons to fail.
            let _ = input.write_all(key.as_bytes());
        }
        let output = child.stdout.take();
        let reader = std::thread::spawn(move || {
            let mut text = Vec::new();
            if let Some(output) = output {
                let _ = std::io::Read::read_to_end(&mut std::io::Read::take(output, FILE), &mut text);
            }
            text
        });
        let start = Instant::now();
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break status,
                Ok(None) if start.elapsed() < HELPER => std::thread::sleep(Duration::from_millis(5)),
                _ => {
                    let _ = child.kill();
                    let _ = child.wait();
                    let message = format!("the credential helper `{program}` did not answer within 30 seconds");
                    return Err(PortError::new(Fault::Unavailable, message));
                }
            }
        };
        let text = reader.join().unwrap_or_default();
        if !status.success() {
            let said = String::from_utf8_lossy(&text).trim().to_string();
            if said.contains("credentials not found") {
                return Ok(None);
            }
            let message = format!("the credential helper `{program}` has nothing for `{key}`: {said}");
            return Err(PortError::new(Fault::Denied, message));
        }
        let told: Told = serde_json::from_slice(&text).map_err(|_| {
            PortError::new(Fault::Invalid, format!("the credential helper `{program}` answers with no credentials"))
        })?;
        Ok(Some(login(told.username, told.secret)))
    }
}

impl Entry {
    fn login(&self) -> Result<Option<Login>, &'static str> {
        if !self.identitytoken.is_empty() {
            return Ok(Some(Login::Identity(self.identitytoken.clone())));
        }
        if !self.auth.is_empty() {
            let decoded = base64::engine::general_purpose::STANDARD.decode(self.auth.trim());
            let text = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("its `auth` is no base64")?;
            let (user, password) = text.split_once(':').ok_or("its `auth` is no user and password")?;
            return Ok(Some(login(user.to_string(), password.trim_end_matches('\0').to_string())));
        }
        if self.username.is_empty() && self.password.is_empty() {
            return Ok(None);
        }
        Ok(Some(login(self.username.clone(), self.password.clone())))
    }
}

fn login(username: String, password: String) -> Login {
    match username.as_str() {
        TOKEN_USER => Login::Identity(password),
        _ => Login::Password(Credentials { username, password }),
    }
}

/// The host of a key, which may be a URL with a path.
fn host_of(key: &str) -> &str {
    let rest = key.split_once("://").map_or(key, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}
