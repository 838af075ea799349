//! One repository of a registry, with what lets us in. The first request goes without; when the registry asks who we are, we
//! say so, and remember what it gave us for the next.

use super::address::{Address, is_loopback};
use super::challenge::Challenge;
use super::faults;
use super::login::{DockerConfig, Login};
use crate::adapters::web::{Answer, Web, host_of};
use crate::digest::Digest;
use crate::ports::images::Repository;
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use reqwest::{Method, RequestBuilder, Url};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// The largest answer with a token.
const TOKEN: u64 = 1 << 20;
/// How long a token lasts that doesn't say; the distribution project's word.
const LASTS: Duration = Duration::from_secs(60);
/// How long before its end a token is no longer used.
const MARGIN: Duration = Duration::from_secs(5);
/// How many tokens are remembered.
const TOKENS: usize = 1000;

/// What all repositories share.
pub(crate) struct Shared {
    pub(crate) web: Web,
    pub(crate) docker: DockerConfig,
    proofs: Mutex<BTreeMap<Key, Proof>>,
}

type Key = (String, String, Option<Digest>);

/// What a request is let in with.
#[derive(Clone)]
struct Proof {
    header: String,
    until: Option<Instant>,
    /// Whose it is; nothing for anybody's.
    who: Option<String>,
}

impl Shared {
    pub(crate) fn new(web: Web, docker: DockerConfig) -> Shared {
        Shared { web, docker, proofs: Mutex::default() }
    }
}

/// One repository.
pub(crate) struct Client<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) address: Address,
    said: Option<Credentials>,
    scope: String,
}

#[derive(serde::Deserialize)]
struct Token {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
    expires_in: Option<u64>,
}

impl<'a> Client<'a> {
    /// To read a repository.
    pub(crate) fn to_pull(shared: &'a Shared, at: &Repository) -> Result<Client<'a>, PortError> {
        Client::new(shared, at, |path| format!("repository:{path}:pull"))
    }

    /// To write it, and to take blobs from others of the same registry.
    pub(crate) fn to_push(shared: &'a Shared, at: &Repository, mounted: &[String]) -> Result<Client<'a>, PortError> {
        let others: String = mounted.iter().map(|path| format!(" repository:{path}:pull")).collect();
        Client::new(shared, at, |path| format!("repository:{path}:pull,push{others}"))
    }

    fn new(shared: &'a Shared, at: &Repository, scope: impl Fn(&str) -> String) -> Result<Client<'a>, PortError> {
        if at.layout {
            let message = format!("`{}` is an OCI layout, not a repository of a registry", at.name);
            return Err(PortError::new(Fault::Invalid, message));
        }
        let address = Address::of(at, &shared.web)?;
        let scope = scope(&address.path);
        Ok(Client { shared, address, said: at.credentials.clone(), scope })
    }

    /// Asks until there is an answer that does not pass by itself.
    pub(crate) fn send(
        &self,
        method: Method,
        url: &Url,
        make: &dyn Fn(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, PortError> {
        let ask = |proof: Option<&Proof>| {
            let make =
                |client: &reqwest::Client| self.sign(make(client.request(method.clone(), url.clone())), url, proof);
            self.shared.web.send(&self.address.host, &make)
        };
        let proof = self.proof();
        let answer = ask(proof.as_ref())?;
        if answer.status() != 401 || !self.is_own(url) {
            return Ok(answer);
        }
        let proof = self.let_in(&answer)?;
        let answer = ask(Some(&proof))?;
        if answer.status() == 401 {
            self.forget();
            return Err(faults::denied(&self.address, proof.who.as_deref()));
        }
        Ok(answer)
    }

    /// Sends once, with what was got for an earlier request.
    pub(crate) fn send_once(
        &self,
        method: Method,
        url: &Url,
        make: impl FnOnce(RequestBuilder) -> RequestBuilder,
    ) -> Result<Answer, PortError> {
        let proof = self.proof();
        let answer = self.shared.web.send_once(&self.address.host, |client| {
            self.sign(make(client.request(method, url.clone())), url, proof.as_ref())
        })?;
        if answer.status() == 401 {
            self.forget();
        }
        Ok(answer)
    }

    /// The fault that an answer tells.
    pub(crate) fn fault(&self, what: &str, answer: Answer) -> PortError {
        let who = self.proof().and_then(|proof| proof.who);
        faults::of(&self.address, what, who.as_deref(), answer)
    }

    /// Where an answer sends us for more. A registry behind a proxy may not know that it is reached with TLS.
    pub(crate) fn location(&self, answer: &Answer) -> Result<Url, PortError> {
        let none = || {
            let message = format!("{} does not say where to upload to", self.address.registry);
            PortError::new(Fault::Invalid, message)
        };
        let text = answer.header("location").ok_or_else(none)?;
        let mut url = answer.url().join(text).map_err(|_| none())?;
        if url.scheme() == "http" && !self.address.plain && self.host_of(&url) == self.host_of(&self.address.root()?) {
            url.set_scheme("https").map_err(|()| none())?;
        }
        let good = url.scheme() == "https" || (url.scheme() == "http" && self.address.plain);
        if good { Ok(url) } else { Err(none()) }
    }

    /// What the pipeline says that we are let in with.
    pub(crate) fn said(&self) -> Option<&Credentials> {
        self.said.as_ref()
    }

    fn host_of(&self, url: &Url) -> Option<String> {
        url.host_str().map(|host| host.to_ascii_lowercase())
    }

    /// Whether a URL is of the registry itself: nobody else gets to see what lets us in.
    fn is_own(&self, url: &Url) -> bool {
        let same = |root: Url| {
            root.host_str() == url.host_str()
                && root.port_or_known_default() == url.port_or_known_default()
                && root.scheme() == url.scheme()
        };
        self.address.root().is_ok_and(same)
    }

    fn sign(&self, request: RequestBuilder, url: &Url, proof: Option<&Proof>) -> RequestBuilder {
        match proof.filter(|_| self.is_own(url)) {
            Some(proof) => request.header("authorization", proof.header.as_str()),
            None => request,
        }
    }

    fn key(&self) -> Key {
        let said = self.said.clone().map(|c| Login::Password(c).fingerprint());
        (self.address.host.clone(), self.scope.clone(), said)
    }

    fn proof(&self) -> Option<Proof> {
        let proofs = self.shared.proofs.lock();
        let proof = proofs.get(&self.key())?;
        proof.until.is_none_or(|until| Instant::now() < until).then(|| proof.clone())
    }

    fn forget(&self) {
        self.shared.proofs.lock().remove(&self.key());
    }

    /// Does what the registry asks for.
    fn let_in(&self, answer: &Answer) -> Result<Proof, PortError> {
        let login = match &self.said {
            Some(said) => Some(Login::Password(said.clone())),
            None => self.shared.docker.login(&self.address.registry)?,
        };
        let who = login.as_ref().map(Login::who);
        let proof = match Challenge::best(&answer.headers("www-authenticate")) {
            Some(Challenge::Bearer { realm, service, scope }) => {
                let scope = if self.scope.is_empty() { scope.unwrap_or_default() } else { self.scope.clone() };
                let (token, lasts) = self.token(&realm, service.as_deref(), &scope, login.as_ref())?;
                let until = Instant::now() + lasts.saturating_sub(MARGIN);
                Proof { header: format!("Bearer {token}"), until: Some(until), who }
            }
            Some(Challenge::Basic) => match login {
                Some(Login::Password(c)) => Proof { header: basic(&c), until: None, who },
                _ => return Err(faults::denied(&self.address, who.as_deref())),
            },
            None => return Err(faults::denied(&self.address, who.as_deref())),
        };
        let mut proofs = self.shared.proofs.lock();
        if proofs.len() >= TOKENS {
            proofs.clear();
        }
        proofs.insert(self.key(), proof.clone());
        Ok(proof)
    }

    /// Gets a token, and how long it lasts.
    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<&Login>,
    ) -> Result<(String, Duration), PortError> {
        let invalid = |why: &str| {
            let message = format!("{} sends us for a token to `{realm}`, {why}", self.address.registry);
            PortError::new(Fault::Invalid, message)
        };
        let mut url = Url::parse(realm).map_err(|_| invalid("which is no URL"))?;
        let host = host_of(&url).ok_or_else(|| invalid("which has no host"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && (self.address.plain || is_loopback(&host))) {
            return Err(invalid("which is not encrypted"));
        }
        let rights: Vec<(&str, &str)> =
            service.map(|s| ("service", s)).into_iter().chain(scope.split(' ').map(|s| ("scope", s))).collect();
        let answer = match login {
            Some(Login::Identity(token)) => {
                let fields = [("grant_type", "refresh_token"), ("client_id", "lockgate"), ("refresh_token", token)];
                // Here the rights stand in one field.
                let fields = fields.into_iter().chain(service.map(|s| ("service", s))).chain([("scope", scope)]);
                let form = form(fields);
                self.shared.web.send(&host, &|client| {
                    let request = client.post(url.clone()).body(form.clone());
                    request.header("content-type", "application/x-www-form-urlencoded")
                })?
            }
            login => {
                url.query_pairs_mut().extend_pairs(rights);
                let header = match login {
                    Some(Login::Password(c)) => {
                        if !c.username.is_empty() {
                            url.query_pairs_mut().append_pair("account", &c.username);
                        }
                        Some(basic(c))
                    }
                    _ => None,
                };
                self.shared.web.send(&host, &|client| match &header {
                    Some(header) => client.get(url.clone()).header("authorization", header),
                    None => client.get(url.clone()),
                })?
            }
        };
        match answer.status() {
            200..300 => {}
            401 | 403 => return Err(faults::denied(&self.address, login.map(Login::who).as_deref())),
            _ => return Err(faults::of(&self.address, "a token", None, answer)),
        }
        let bytes = answer.bytes("the token", TOKEN)?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| invalid("which answers with no token"))?;
        let text = if token.token.is_empty() { token.access_token } else { token.token };
        let odd = text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic());
        let lasts = token.expires_in.map_or(LASTS, Duration::from_secs);
        if odd { Err(invalid("which answers with no token")) } else { Ok((text, lasts)) }
    }
}

fn basic(credentials: &Credentials) -> String {
    use base64::Engine as _;
    let text = format!("{}:{}", credentials.username, credentials.password);
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text))
}

fn form<'f>(fields: impl Iterator<Item = (&'f str, &'f str)>) -> String {
    // A URL's query is written as a form is.
    let mut url = Url::parse("http://form").ok();
    let text = url.as_mut().map(|url| {
        url.query_pairs_mut().extend_pairs(fields);
        url.query().unwrap_or_default().to_string()
    });
    text.unwrap_or_default()
}
