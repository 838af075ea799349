//! The server's own configuration: who may do what, and within which bounds. It is no part of any pipeline file, so that whoever
//! may change a pipeline cannot give themselves a right by it.

mod spec;

use crate::app::Failure;
use crate::app::load::read_bounded;
use crate::app::upkeep::prune::Keep;
use crate::diag::{Diagnostic, any_error, codes};
use crate::model::duration;
use crate::ports::{Fault, PortError};
use crate::source::Sources;
use crate::syntax::{Document, Limits as TextLimits, Node, parse, text_of};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What somebody may do; each may what those before may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See everything, and approve what asks for one of their groups.
    #[default]
    Viewer,
    /// Also start runs, hold, release, pin, ban and roll back.
    Developer,
    /// Also see who did what to the server, and its tokens.
    Admin,
}

impl Role {
    /// The role in a word.
    pub fn word(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Developer => "developer",
            Role::Admin => "admin",
        }
    }

    fn of(word: &str) -> Role {
        match word {
            "admin" => Role::Admin,
            "developer" => Role::Developer,
            _ => Role::Viewer,
        }
    }
}

/// Somebody who may log in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct User {
    /// Who.
    pub name: String,
    /// What they may do.
    pub role: Role,
    /// The groups they are of.
    pub groups: Vec<String>,
    /// Other names of theirs.
    pub also: Vec<String>,
    /// Tokens by their hashes.
    pub tokens: Vec<TokenHash>,
}

/// A token in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenHash {
    /// What names it.
    pub id: String,
    /// The hash of its secret.
    pub hash: String,
    /// What it may be used for.
    pub scopes: Vec<String>,
    /// When it stops counting, in milliseconds since 1970.
    pub expires: Option<i64>,
}

/// A pipeline that is kept going.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The path of the file.
    pub path: PathBuf,
    /// The repository it is taken from.
    pub git: Option<Repository>,
}

/// A repository that a pipeline file is taken from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// Its URL.
    pub url: String,
    /// The branch that is trusted.
    pub branch: String,
    /// The variable with what opens it.
    pub credentials: Option<String>,
    /// How often it is looked at.
    pub poll: Duration,
}

/// A login with OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oidc {
    /// The URL of the provider.
    pub issuer: String,
    /// The id under which it knows us.
    pub client: String,
    /// Where our secret is.
    pub secret: Option<SecretAt>,
    /// The claim with the groups.
    pub groups: String,
    /// The claim with the name.
    pub name: String,
    /// What else is asked for.
    pub scopes: Vec<String>,
}

/// A server that takes mails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Its host.
    pub host: String,
    /// Its port, where it is not the usual one.
    pub port: Option<u16>,
    /// Whether the way to it is encrypted: `whole`, `starttls` or `none`.
    pub tls: String,
    /// Who we are to it.
    pub user: Option<String>,
    /// Where the password is.
    pub password: Option<SecretAt>,
    /// Who the mails are from.
    pub from: String,
}

/// Where a secret of the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretAt {
    /// A variable of the environment.
    Env(String),
    /// A file.
    File(PathBuf),
}

impl SecretAt {
    /// The secret, without the line end of a file; `what` names it where it cannot be had.
    pub fn read(&self, what: &str) -> Result<String, PortError> {
        match self {
            SecretAt::Env(name) => std::env::var(name)
                .map_err(|_| PortError::new(Fault::NotFound, format!("{what}: the variable {name} is not set"))),
            SecretAt::File(path) => {
                std::fs::read_to_string(path).map(|text| text.trim_end_matches(['\n', '\r']).to_string()).map_err(|e| {
                    PortError::new(Fault::NotFound, format!("{what}: {} cannot be read: {e}", path.display()))
                })
            }
        }
    }
}

/// Bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The largest body of a request, in bytes.
    pub body: usize,
    /// The largest body with artifacts, in bytes.
    pub artifacts: usize,
    /// Connections at once.
    pub connections: usize,
    /// Requests a minute of one person.
    pub requests: u32,
    /// How long a request may take.
    pub timeout: Duration,
    /// How long running steps may take to their end when the server stops.
    pub grace: Duration,
    /// Steps of a pipeline at once.
    pub parallel: Option<usize>,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body: 1 << 20,
            artifacts: 32 << 20,
            connections: 1024,
            requests: 1200,
            timeout: Duration::from_secs(30),
            grace: Duration::from_secs(20),
            parallel: None,
        }
    }
}

/// The configuration of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Where it listens.
    pub listen: Option<String>,
    /// Under which URL people reach it, without a slash at its end.
    pub url: Option<String>,
    /// Pipelines besides those named on the command line.
    pub pipelines: Vec<Kept>,
    /// Who may log in, by name.
    pub users: BTreeMap<String, User>,
    /// Roles of groups.
    pub grants: Vec<(Role, String)>,
    /// Whether whoever reaches the server may look.
    pub anyone_reads: bool,
    /// Whether whoever reaches the server may read `/metrics`.
    pub anyone_measures: bool,
    /// A login with OpenID Connect.
    pub oidc: Option<Oidc>,
    /// The server that takes mails.
    pub mail: Option<Mail>,
    /// For how long what is kept.
    pub keep: Keep,
    /// Bounds.
    pub limits: Limits,
}

impl Config {
    /// Reads a configuration, or says everything that is wrong with it.
    pub fn read(path: &Path) -> Result<Config, Failure> {
        let bytes = read_bounded(path).map_err(|e| {
            let message = format!("the configuration {} cannot be read: {e}", path.display());
            Failure::plain(Diagnostic::new(&codes::FILE_UNREADABLE, message))
        })?;
        let base = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let mut sources = Sources::new();
        let (config, diagnostics) = Config::of(bytes, path, base.parent().unwrap_or(Path::new("/")), &mut sources);
        if any_error(&diagnostics) { Err(Failure { diagnostics, sources }) } else { Ok(config) }
    }

    fn of(bytes: Vec<u8>, path: &Path, base: &Path, sources: &mut Sources) -> (Config, Vec<Diagnostic>) {
        let limits = TextLimits::default();
        let (text, mut faults) = text_of(crate::source::FileId::default(), bytes, &limits);
        let file = sources.add(path.to_path_buf(), text.clone());
        let (tree, found) = parse(file, text, &limits);
        faults.extend(found);
        let document = Document::from(tree);
        faults.extend(crate::model::check_shape(&document, &spec::FILE));
        let mut config = Config::default();
        for node in document.roots() {
            config.take(node, base, &mut faults);
        }
        (config, faults)
    }

    fn take(&mut self, node: Node<'_>, base: &Path, faults: &mut Vec<Diagnostic>) {
        match node.name() {
            "listen" => self.listen = arg(node, 0),
            "url" => self.url = arg(node, 0).map(|u| u.trim_end_matches('/').to_string()),
            "pipeline" => self.pipelines.extend(pipeline(node, base)),
            "user" => {
                let Some(user) = user(node, faults) else { return };
                if self.users.contains_key(&user.name) {
                    let message = format!("there is a user `{}` already", user.name);
                    faults.push(Diagnostic::new(&codes::REPEATED_NODE, message).at(node.header_span(), "a second one"));
                    return;
                }
                self.users.insert(user.name.clone(), user);
            }
            "grant" => {
                let role = Role::of(&arg(node, 0).unwrap_or_default());
                self.grants.extend(texts(node).skip(1).map(|group| (role, group)));
            }
            "read" => self.anyone_reads = arg(node, 0).is_some_and(|w| w == "anyone"),
            "metrics" => self.anyone_measures = arg(node, 0).is_some_and(|w| w == "anyone"),
            "oidc" => self.oidc = oidc(node, base),
            "mail" => self.mail = mail(node, base),
            "keep" => self.keep = keep(node),
            "limits" => self.limits = bounds(node),
            _ => {}
        }
    }

    /// The role of somebody: their own, or the highest that one of their groups has.
    pub fn role(&self, own: Role, groups: &[String]) -> Role {
        let granted = self.grants.iter().filter(|(_, group)| groups.contains(group)).map(|(role, _)| *role);
        granted.chain([own]).max().unwrap_or(own)
    }
}

fn arg(node: Node<'_>, number: usize) -> Option<String> {
    node.arg(number).and_then(|v| v.as_str()).filter(|t| !t.is_empty()).map(str::to_string)
}

fn texts(node: Node<'_>) -> impl Iterator<Item = String> {
    node.args().filter_map(|v| v.as_str()).map(str::to_string)
}

fn prop(node: Node<'_>, key: &str) -> Option<String> {
    node.prop(key).and_then(|p| p.value().as_str()).filter(|t| !t.is_empty()).map(str::to_string)
}

fn pipeline(node: Node<'_>, base: &Path) -> Option<Kept> {
    let path = arg(node, 0)?;
    let git = prop(node, "git").map(|url| Repository {
        url,
        branch: prop(node, "branch").unwrap_or_else(|| "main".to_string()),
        credentials: prop(node, "credentials"),
        poll: prop(node, "poll").and_then(|d| duration::parse(&d).ok()).unwrap_or(Duration::from_secs(60)),
    });
    let path = if git.is_some() { PathBuf::from(path) } else { base.join(path) };
    Some(Kept { path, git })
}

fn user(node: Node<'_>, faults: &mut Vec<Diagnostic>) -> Option<User> {
    let mut user = User { name: arg(node, 0)?, ..User::default() };
    user.role = prop(node, "role").map(|r| Role::of(&r)).unwrap_or_default();
    for child in node.children() {
        match child.name() {
            "groups" => user.groups.extend(texts(child)),
            "also" => user.also.extend(texts(child)),
            "token" => match token(child) {
                Ok(token) => user.tokens.push(token),
                Err(why) => {
                    let fault = Diagnostic::new(&codes::WRONG_TYPE, format!("the token of {} {why}", user.name));
                    faults
                        .push(fault.at(child.span(), "this one").help("`lockgate token new NAME --print` writes one"));
                }
            },
            _ => {}
        }
    }
    Some(user)
}

fn token(node: Node<'_>) -> Result<TokenHash, String> {
    let text = arg(node, 0).ok_or("is empty")?;
    let (id, hash) = text.split_once(':').ok_or("has no `:` between its id and its hash")?;
    if !hash.starts_with("$argon2id$") {
        return Err("is no hash of argon2id".to_string());
    }
    let scopes = prop(node, "scope").unwrap_or_default();
    let scopes = scopes.split([',', ' ']).filter(|s| !s.is_empty()).map(str::to_string).collect();
    let expires = match prop(node, "expires") {
        None => None,
        Some(text) => {
            let moment: jiff::Timestamp = text.parse().map_err(|e| format!("expires at no moment: {e}"))?;
            Some(moment.as_millisecond())
        }
    };
    Ok(TokenHash { id: id.to_string(), hash: hash.to_string(), scopes, expires })
}

/// Where the secret of a node is, by its child of that name.
fn secret(node: Node<'_>, name: &str, base: &Path) -> Option<SecretAt> {
    let child = node.children().find(|c| c.name() == name)?;
    let file = prop(child, "file").map(|p| SecretAt::File(base.join(p)));
    prop(child, "env").map(SecretAt::Env).or(file)
}

fn mail(node: Node<'_>, base: &Path) -> Option<Mail> {
    let port = node.prop("port").and_then(|p| p.value().as_i64()).and_then(|n| u16::try_from(n).ok());
    Some(Mail {
        host: arg(node, 0)?,
        port,
        tls: prop(node, "tls").unwrap_or_else(|| "starttls".to_string()),
        user: prop(node, "user"),
        password: secret(node, "password", base),
        from: prop(node, "from")?,
    })
}

fn oidc(node: Node<'_>, base: &Path) -> Option<Oidc> {
    let secret = secret(node, "secret", base);
    let scopes = prop(node, "scopes").unwrap_or_else(|| "profile email groups".to_string());
    Some(Oidc {
        issuer: prop(node, "issuer")?,
        client: prop(node, "client")?,
        secret,
        groups: prop(node, "groups").unwrap_or_else(|| "groups".to_string()),
        name: prop(node, "name").unwrap_or_else(|| "preferred_username".to_string()),
        scopes: scopes.split_whitespace().map(str::to_string).collect(),
    })
}

fn keep(node: Node<'_>) -> Keep {
    let time = |key: &str| prop(node, key).and_then(|d| duration::parse(&d).ok());
    let cache = node.prop("cache").and_then(|p| p.value().as_i64()).and_then(|n| u64::try_from(n).ok());
    let usual = Keep::default();
    let (cache, audit) = (cache.map_or(usual.cache, |mib| mib << 20), time("audit").unwrap_or(usual.audit));
    Keep { runs: time("runs"), logs: time("logs"), cache, audit, ..usual }
}

fn bounds(node: Node<'_>) -> Limits {
    let mut limits = Limits::default();
    let number = |key: &str| node.prop(key).and_then(|p| p.value().as_i64()).and_then(|n| usize::try_from(n).ok());
    let time = |key: &str| prop(node, key).and_then(|d| duration::parse(&d).ok());
    limits.body = number("body").map_or(limits.body, |n| n << 10);
    limits.artifacts = number("artifacts").map_or(limits.artifacts, |n| n << 10);
    limits.connections = number("connections").unwrap_or(limits.connections);
    limits.requests = number("requests").and_then(|n| u32::try_from(n).ok()).unwrap_or(limits.requests);
    limits.timeout = time("timeout").unwrap_or(limits.timeout);
    limits.grace = time("grace").unwrap_or(limits.grace);
    limits.parallel = number("parallel");
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Config, String> {
        let mut sources = Sources::new();
        let (config, found) =
            Config::of(text.into(), Path::new("server.kdl"), Path::new("/etc/lockgate"), &mut sources);
        if any_error(&found) {
            Err(found.iter().map(|d| d.message.clone()).collect::<Vec<_>>().join("; "))
        } else {
            Ok(config)
        }
    }

    #[test]
    fn reads_users_groups_and_roles() {
        let config = read(
            r#"
            listen "0.0.0.0:8080"
            url "https://lockgate.example.com/"
            pipeline "shop/lockgate.kdl"
            pipeline "lockgate.kdl" git="https://git.example.com/mi.git" branch=trunk
            user ann role=developer {
                groups release-managers
                also "ann@example.com"
                token "abc:$argon2id$v=19$x" scope="read,approve" expires="2027-01-01T00:00:00Z"
            }
            grant admin platform
            limits body=64 timeout="5s"
            mail "smtp.example.com" from="lockgate@example.com" user=lockgate { password file="smtp" }
            keep logs="30d" runs="365d" audit="90d"
            oidc issuer="https://id.example.com" client=lockgate { secret env=OIDC_SECRET }
            "#,
        )
        .expect("a configuration");
        let ann = &config.users["ann"];
        assert_eq!((ann.role, ann.groups.as_slice()), (Role::Developer, ["release-managers".to_string()].as_slice()));
        assert_eq!(ann.tokens[0].scopes, ["read", "approve"]);
        assert_eq!(config.url.as_deref(), Some("https://lockgate.example.com"));
        assert_eq!(config.pipelines[0].path, Path::new("/etc/lockgate/shop/lockgate.kdl"));
        assert_eq!(config.pipelines[1].git.as_ref().map(|g| g.branch.as_str()), Some("trunk"));
        let days = |n: u64| Some(Duration::from_secs(n * 86_400));
        assert_eq!((config.keep.logs, config.keep.runs, config.keep.cache), (days(30), days(365), 20 << 30));
        assert_eq!(Some(config.keep.audit), days(90));
        let mail = config.mail.as_ref().expect("a mail server");
        assert_eq!((mail.host.as_str(), mail.tls.as_str(), mail.port), ("smtp.example.com", "starttls", None));
        assert_eq!(mail.password, Some(SecretAt::File("/etc/lockgate/smtp".into())));
        assert_eq!(config.role(Role::Viewer, &["platform".into()]), Role::Admin);
        assert_eq!((config.limits.body, config.limits.timeout), (64 << 10, Duration::from_secs(5)));
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = |text: &str| read(text).expect_err("wrong");
        assert!(wrong("users ann").contains("`users` cannot stand"));
        assert!(wrong("user ann role=root").contains("root"));
        assert!(wrong("user ann\nuser ann").contains("already"));
        assert!(wrong("user ann { token \"plain\" }").contains("has no `:`"));
        assert!(wrong("user ann { token \"a:md5\" }").contains("argon2id"));
        assert!(wrong("mail \"smtp\"").contains("from"));
        assert!(wrong("mail \"smtp\" from=\"a@example.com\" tls=maybe").contains("maybe"));
        assert!(wrong("oidc issuer=\"https://x\"").contains("client"));
    }
}
