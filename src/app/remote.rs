//! Another Lockgate, over the network: the server that keeps a pipeline going.

use super::Failure;
use crate::adapters::registry::is_loopback;
use crate::diag::{Diagnostic, codes};
use crate::model::format::parse_url;
use crate::ports::{Fault, PortError};
use crate::report::Style;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

/// How long an answer may take that is no stream.
const PATIENCE: Duration = Duration::from_secs(120);
/// How large an answer may be that is no stream.
const LIMIT: usize = 256 << 20;

/// A server, and the pipeline that is meant there.
pub struct Server {
    base: String,
    token: Option<String>,
    pipeline: String,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    /// The server at a URL, with the token that was said or that `lockgate login` kept; the pipeline need not be said where there
    /// is one. Without TLS a token goes to this machine only, unless `plain` says that nobody listens on the way.
    pub fn open(url: &str, token: Option<String>, pipeline: Option<&str>, plain: bool) -> Result<Server, Failure> {
        let base = url.trim_end_matches('/').to_string();
        if !base.starts_with("http://") && !base.starts_with("https://") {
            let fault = Diagnostic::new(&codes::BAD_URL, format!("`{url}` is no URL of a server"));
            return Err(Failure::plain(fault.help("it begins with `https://` or `http://`")));
        }
        // Whoever was first has chosen the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let failed = |what: String| unreachable(&base, &what);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|e| failed(e.to_string()))?;
        let client = reqwest::Client::builder().connect_timeout(Duration::from_secs(10)).build();
        let client = client.map_err(|e| failed(chain(&e)))?;
        let token = token.or_else(|| kept(&base)).map(|t| t.trim().to_string()).filter(|t| !t.is_empty());
        if token.is_some() && !plain && is_overheard(&base) {
            let message = format!("without TLS everyone on the way to {base} can read the token");
            let fault = Diagnostic::new(&codes::DENIED, message);
            return Err(Failure::plain(
                fault.help("put TLS before the server and say `https://`; where nobody listens, `--plain-http` sends it all the same"),
            ));
        }
        let mut server = Server { base, token, pipeline: String::new(), client, runtime };
        server.pipeline = match pipeline {
            Some(name) => name.to_string(),
            None => server.only()?,
        };
        Ok(server)
    }

    /// The name of the pipeline.
    pub fn pipeline(&self) -> &str {
        &self.pipeline
    }

    fn only(&self) -> Result<String, Failure> {
        let all: Value = self.answer(self.ask(reqwest::Method::GET, "/api/v1/pipelines"))?;
        let name = |p: &Value| Some(p.get("name")?.as_str()?.to_string());
        let names: Vec<String> =
            all.get("pipelines").and_then(Value::as_array).into_iter().flatten().filter_map(name).collect();
        match names.as_slice() {
            [one] => Ok(one.clone()),
            several => {
                let message = format!("{} keeps several pipelines; say which with --pipeline", self.base);
                let fault = Diagnostic::new(&codes::UNKNOWN_NAME, message);
                Err(Failure::plain(fault.help(format!("there are: {}", several.join(", ")))))
            }
        }
    }

    /// Asks for something of the pipeline, as text for people.
    pub fn text(&self, what: &str, query: &[(&str, String)], style: Style, typed: &str) -> Result<String, Failure> {
        let mut request = self.of(reqwest::Method::GET, what).query(query).query(&[("format", "text")]);
        request = request.query(&[("width", style.width.to_string()), ("color", style.color.to_string())]);
        let zone = jiff::tz::TimeZone::system();
        request = request.query(&[("zone", zone.iana_name().unwrap_or("UTC")), ("typed", typed)]);
        self.body(request)
    }

    /// Asks for something of the pipeline, as JSON.
    pub fn json(&self, what: &str, query: &[(&str, String)]) -> Result<String, Failure> {
        self.body(self.of(reqwest::Method::GET, what).query(query))
    }

    /// Asks for something of the pipeline, and reads it.
    pub fn value(&self, what: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        self.answer(self.of(reqwest::Method::GET, what).query(query))
    }

    /// Says something.
    pub fn say(&self, what: &str, body: &Value) -> Result<Value, Failure> {
        self.answer(self.of(reqwest::Method::POST, what).json(body))
    }

    /// Reads what comes, until it ends or `take` has enough.
    pub fn stream(
        &self,
        what: &str,
        query: &[(&str, String)],
        after: Option<u64>,
        take: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<(), Failure> {
        let mut request = self.of(reqwest::Method::GET, what).query(query);
        if let Some(number) = after {
            request = request.header("last-event-id", number.to_string());
        }
        self.runtime.block_on(async {
            let response = request.send().await.map_err(|e| unreachable(&self.base, &chain(&e)))?;
            let response = self.accepted(response).await?;
            let mut bytes = response.bytes_stream();
            while let Some(piece) = bytes.next().await {
                let piece = piece.map_err(|e| unreachable(&self.base, &chain(&e)))?;
                if !take(&piece) {
                    break;
                }
            }
            Ok(())
        })
    }

    fn of(&self, method: reqwest::Method, what: &str) -> reqwest::RequestBuilder {
        self.ask(method, &format!("/api/v1/pipelines/{}/{what}", self.pipeline))
    }

    fn ask(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let body = self.body(request)?;
        serde_json::from_str(&body).map_err(|e| unreachable(&self.base, &format!("it answers with no JSON: {e}")))
    }

    fn body(&self, request: reqwest::RequestBuilder) -> Result<String, Failure> {
        self.runtime.block_on(async {
            let response = request.timeout(PATIENCE).send().await.map_err(|e| unreachable(&self.base, &chain(&e)))?;
            let mut bytes = self.accepted(response).await?.bytes_stream();
            let mut body = Vec::new();
            while let Some(piece) = bytes.next().await {
                body.extend_from_slice(&piece.map_err(|e| unreachable(&self.base, &chain(&e)))?);
                if body.len() > LIMIT {
                    return Err(unreachable(&self.base, &format!("it answers with more than {LIMIT} bytes")));
                }
            }
            String::from_utf8(body).map_err(|_| unreachable(&self.base, "it answers with no text"))
        })
    }

    /// The answer, or what a refusal says.
    async fn accepted(&self, response: reqwest::Response) -> Result<reqwest::Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let said: Value = response.json().await.unwrap_or_default();
        let text = |key: &str| said.get(key).and_then(Value::as_str).map(str::to_string);
        let Some(error) = text("error") else {
            return Err(unreachable(&self.base, &format!("it answers with status {status}, and not as Lockgate does")));
        };
        let differs = said.get("differs").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        let differs: Vec<&str> = differs.collect();
        let message = if differs.is_empty() { error } else { format!("{error} ({})", differs.join("; ")) };
        let mut fault = Diagnostic::new(if status == 401 { &codes::DENIED } else { &codes::REFUSED }, message);
        fault.help = match status.as_u16() {
            401 => Some(format!("`lockgate login {}` keeps a token, or set LOCKGATE_TOKEN", self.base)),
            _ => text("help"),
        };
        Err(Failure::plain(fault))
    }
}

/// Whether others could read what goes to a server: it is not encrypted, and goes further than this machine.
fn is_overheard(base: &str) -> bool {
    let Some(url) = parse_url(base).filter(|url| url.scheme == "http") else { return false };
    let host = url.host.to_ascii_lowercase();
    let name = host.split(':').next().unwrap_or_default();
    !(is_loopback(&host) || name.ends_with(".localhost"))
}

fn unreachable(base: &str, what: &str) -> Failure {
    let fault = PortError::new(Fault::Unavailable, what.to_string());
    Failure::of(&fault, &format!("the server {base}"))
}

/// An error with what caused it: the first alone says little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}

/// Where tokens are kept, by server.
fn place() -> Option<PathBuf> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).filter(|p| p.is_absolute());
    let config = config.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".config")))?;
    Some(config.join("lockgate").join("tokens.json"))
}

fn all_kept() -> BTreeMap<String, String> {
    let bytes = place().and_then(|p| std::fs::read(p).ok()).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

fn kept(base: &str) -> Option<String> {
    all_kept().remove(base)
}

/// Keeps a token for a server once the server has said whose it is; gives their name.
pub fn login(url: &str, token: &str, plain: bool) -> Result<String, Failure> {
    let server = Server::open(url, Some(token.to_string()), Some(""), plain)?;
    let who = server.answer(server.ask(reqwest::Method::GET, "/api/v1/whoami"))?;
    let name = who.get("name").and_then(Value::as_str).unwrap_or_default().to_string();
    let failed = |what: String| Failure::of(&PortError::new(Fault::Unavailable, what), "the token cannot be kept");
    let place = place().ok_or_else(|| failed("there is no home".to_string()))?;
    let mut all = all_kept();
    all.insert(server.base.clone(), token.trim().to_string());
    let write = || {
        std::fs::create_dir_all(place.parent().unwrap_or(&place))?;
        let beside = place.with_extension("new");
        let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(json!(all).to_string().as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&beside, &place)
    };
    write().map_err(|e: std::io::Error| failed(format!("{}: {e}", place.display())))?;
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_unencrypted_to_this_machine_only() {
        for here in [
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://[::1]:8080",
            "http://a.localhost:1",
            "https://x.example",
        ] {
            assert!(!is_overheard(here), "{here}");
        }
        let there = [
            "http://lockgate.example.com",
            "http://10.0.0.1:8080",
            "http://[fe80::1]:8080",
            "http://localhost.example.com",
            "http://localhost@evil.example",
            "http://127.0.0.1.example.com/",
        ];
        for there in there {
            assert!(is_overheard(there), "{there}");
        }
    }
}
