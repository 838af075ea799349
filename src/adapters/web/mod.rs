//! HTTP, for the adapters that speak it: bounded in time, in size and in patience, with one TLS stack, and no following from
//! where it is encrypted to where it isn't.

mod ask;
mod body;
mod certificates;
mod faults;
mod worker;

#[cfg(test)]
pub(crate) mod server;

pub use ask::Asker;
pub(crate) use body::Body;
pub(crate) use certificates::Certificates;
pub(crate) use faults::unreachable;
pub(crate) use worker::Worker;

use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often a request may be sent elsewhere.
const REDIRECTS: usize = 5;
/// What we call ourselves.
const AGENT: &str = concat!("lockgate/", env!("CARGO_PKG_VERSION"));

/// How long is waited for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// Until a connection is there.
    pub(crate) connect: Duration,
    /// Until the next byte comes.
    pub(crate) silence: Duration,
    /// How often something is asked that failed for a reason that passes.
    pub(crate) tries: u32,
    /// How long before the second try; doubles with each.
    pub(crate) pause: Duration,
    /// The longest pause, also where a server asks for a longer one.
    pub(crate) longest: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience {
            connect: Duration::from_secs(10),
            silence: Duration::from_secs(60),
            tries: 4,
            pause: Duration::from_millis(500),
            longest: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// The pause before a try, from 2; what the server asked for counts, up to the longest.
    pub(crate) fn pause(&self, try_: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.pause.saturating_mul(1 << try_.saturating_sub(2).min(16));
        asked.unwrap_or(doubled).min(self.longest)
    }
}

/// The host of a URL, with its port where that is said.
pub(crate) fn host_of(url: &reqwest::Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_string(), |port| format!("{host}:{port}")))
}

/// Who speaks HTTP.
#[derive(Clone)]
pub(crate) struct Web {
    pub(crate) patience: Patience,
    certificates: Arc<Certificates>,
    /// One a host, since each may have certificates of its own.
    clients: Arc<Mutex<BTreeMap<String, Client>>>,
}

impl Web {
    /// As this machine is set up.
    pub(crate) fn new() -> Web {
        Web::with(Patience::default(), Certificates::of_machine())
    }

    /// With other bounds and certificates.
    pub(crate) fn with(patience: Patience, certificates: Certificates) -> Web {
        // Somebody else may have been first; it is the same provider everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Web { patience, certificates: Arc::new(certificates), clients: Arc::default() }
    }

    /// Whether there is a folder of certificates for a host, and so TLS.
    pub(crate) fn has_certificates(&self, host: &str) -> bool {
        self.certificates.folder(host).is_some()
    }

    /// Sends a request to a host until there is an answer other than one that passes by itself.
    pub(crate) fn send(&self, host: &str, make: &dyn Fn(&Client) -> RequestBuilder) -> Result<Answer, PortError> {
        let (worker, client) = (Worker::get()?, self.client(host)?);
        let mut number = 1;
        loop {
            let request = make(&client);
            let asked = match worker.wait(async move { request.send().await }) {
                Ok(response) if !passes(response.status()) || number >= self.patience.tries => {
                    return Ok(Answer { host: host.to_string(), worker, response });
                }
                Ok(response) => retry_after(response.headers()),
                Err(error) => {
                    let fault = unreachable(host, &error);
                    if fault.fault != Fault::Unavailable || number >= self.patience.tries {
                        return Err(fault);
                    }
                    None
                }
            };
            number += 1;
            std::thread::sleep(self.patience.pause(number, asked));
        }
    }

    /// Sends a request once, for what cannot be sent again as it is.
    pub(crate) fn send_once(
        &self,
        host: &str,
        make: impl FnOnce(&Client) -> RequestBuilder,
    ) -> Result<Answer, PortError> {
        let (worker, client) = (Worker::get()?, self.client(host)?);
        let request = make(&client);
        match worker.wait(async move { request.send().await }) {
            Ok(response) => Ok(Answer { host: host.to_string(), worker, response }),
            Err(error) => Err(unreachable(host, &error)),
        }
    }

    /// The client for a host.
    pub(crate) fn client(&self, host: &str) -> Result<Client, PortError> {
        let mut clients = self.clients.lock();
        if let Some(client) = clients.get(host) {
            return Ok(client.clone());
        }
        let client = self.make_client(host, &|| Policy::custom(follow))?;
        clients.insert(host.to_string(), client.clone());
        Ok(client)
    }

    /// A client for a host that takes a redirection for an answer.
    pub(crate) fn client_that_stays(&self, host: &str) -> Result<Client, PortError> {
        self.make_client(host, &Policy::none)
    }

    fn make_client(&self, host: &str, policy: &dyn Fn() -> Policy) -> Result<Client, PortError> {
        let found = self.certificates.of(host)?;
        let start = |policy: Policy| {
            let builder = Client::builder().user_agent(AGENT).redirect(policy);
            let builder = builder.connect_timeout(self.patience.connect).read_timeout(self.patience.silence);
            match found.identity.clone() {
                Some(identity) => builder.identity(identity),
                None => builder,
            }
        };
        // Where the system has no certificates at all, those of the folder must do, and plain HTTP still goes.
        let _inside = Worker::get()?.enter();
        let client = start(policy()).tls_certs_merge(found.authorities.clone()).build();
        client.or_else(|_| start(policy()).tls_certs_only(found.authorities.clone()).build()).map_err(|why| {
            let why = faults::reason(&why);
            PortError::new(Fault::Invalid, format!("a connection to {host} cannot be set up: {why}"))
        })
    }
}

/// An answer, of which head and status are there, and the body is not.
pub(crate) struct Answer {
    host: String,
    worker: &'static Worker,
    response: Response,
}

impl Answer {
    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// Whether it is one of success.
    pub(crate) fn is_success(&self) -> bool {
        self.response.status().is_success()
    }

    /// A header, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    /// All headers of that name.
    pub(crate) fn headers(&self, name: &str) -> Vec<String> {
        let values = self.response.headers().get_all(name).iter();
        values.filter_map(|value| value.to_str().ok()).map(String::from).collect()
    }

    /// How long the server asks to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        retry_after(self.response.headers())
    }

    /// The URL that answered in the end.
    pub(crate) fn url(&self) -> &reqwest::Url {
        self.response.url()
    }

    /// How long the body is, where that is said.
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|text| text.parse().ok())
    }

    /// The whole body, of at most that many bytes.
    pub(crate) fn bytes(self, what: &str, limit: u64) -> Result<Vec<u8>, PortError> {
        let too_large = || {
            let message = format!("{what} from {} has more than {limit} bytes", self.host);
            PortError::new(Fault::Limit, message)
        };
        if self.length().is_some_and(|length| length > limit) {
            return Err(too_large());
        }
        let (mut response, mut bytes) = (self.response, Vec::new());
        loop {
            match self.worker.wait(response.chunk()) {
                Ok(Some(chunk)) if (bytes.len() + chunk.len()) as u64 > limit => {
                    return Err(PortError::new(
                        Fault::Limit,
                        format!("{what} from {} has more than {limit} bytes", self.host),
                    ));
                }
                Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
                Ok(None) => return Ok(bytes),
                Err(error) => return Err(unreachable(&self.host, &error)),
            }
        }
    }

    /// The first bytes of the body, whatever becomes of the rest.
    pub(crate) fn start_of_body(self, limit: usize) -> Vec<u8> {
        let (mut response, mut bytes) = (self.response, Vec::new());
        while bytes.len() < limit
            && let Ok(Some(chunk)) = self.worker.wait(response.chunk())
        {
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(limit);
        bytes
    }

    /// The body as a reader.
    pub(crate) fn into_body(self) -> Body {
        Body::new(self.host, self.worker, self.response)
    }
}

/// Whether a status is of those that pass by themselves.
pub(crate) fn passes(status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
}

/// `Retry-After` in seconds, or as a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
    let left = until.duration_since(jiff::Timestamp::now());
    Some(left.unsigned_abs()).filter(|_| left.is_positive())
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let was_encrypted = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if attempt.previous().len() > REDIRECTS {
        return attempt.error("it sends us on and on");
    }
    match attempt.url().scheme() {
        "https" => attempt.follow(),
        "http" if !was_encrypted => attempt.follow(),
        "http" => attempt.error("it sends us from where it is encrypted to where it is not"),
        other => {
            let message = format!("it sends us to `{other}:`");
            attempt.error(message)
        }
    }
}
