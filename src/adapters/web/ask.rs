//! Asking a URL until it answers as wanted.

use super::{Web, Worker, faults};
use crate::ports::shell::Ticket;
use crate::ports::web::{self, Ask};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use reqwest::{Client, Url};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(10);
/// The pause before the second try; it doubles up to the longest.
const PAUSE: Duration = Duration::from_millis(250);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(5);
/// How much of a body is looked through.
const BODY: usize = 1 << 20;

/// Who asks.
pub struct Asker {
    web: Web,
    asking: Mutex<BTreeMap<Ticket, Arc<Notify>>>,
}

/// What one try came to.
enum Tried {
    /// The wanted answer.
    Good,
    /// Another one, which may become the wanted.
    NotYet(String),
    /// One that cannot.
    Never(PortError),
}

impl Default for Asker {
    fn default() -> Asker {
        Asker { web: Web::new(), asking: Mutex::default() }
    }
}

impl web::Web for Asker {
    fn ask(&self, ticket: Ticket, ask: &Ask) -> Result<u32, PortError> {
        let url = parse(&ask.url)?;
        let host = super::host_of(&url).unwrap_or_default();
        let client = if (300..400).contains(&ask.status) {
            self.web.client_that_stays(&host)?
        } else {
            self.web.client(&host)?
        };
        let stop = Arc::new(Notify::new());
        self.asking.lock().insert(ticket, stop.clone());
        let done = Worker::get()?.wait(async {
            tokio::select! {
                biased;
                () = stop.notified() => Err(PortError::new(Fault::Cancelled, format!("asking {} was stopped", shown(&url)))),
                done = until_good(&client, &url, &host, ask) => done,
            }
        });
        self.asking.lock().remove(&ticket);
        done.map_err(|error| clean(error, &ask.redact))
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some(stop) = self.asking.lock().get(&ticket) {
            // Whoever does not wait yet finds it when it does.
            stop.notify_one();
        }
    }
}

impl Asker {}

async fn until_good(client: &Client, url: &Url, host: &str, ask: &Ask) -> Result<u32, PortError> {
    let start = Instant::now();
    let mut pause = PAUSE;
    for number in 1.. {
        let left = ask.timeout.saturating_sub(start.elapsed());
        let why = match once(client, url, host, ask, left.clamp(Duration::from_millis(100), TRY)).await {
            Tried::Good => return Ok(number),
            Tried::Never(error) => return Err(error),
            Tried::NotYet(why) => why,
        };
        let left = ask.timeout.saturating_sub(start.elapsed());
        if left.is_zero() {
            let (times, time) = (if number == 1 { "try" } else { "tries" }, in_words(ask.timeout));
            let message = format!("{} does not answer as it should: {why} ({number} {times} in {time})", shown(url));
            return Err(PortError::new(Fault::Invalid, message));
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LONGEST);
    }
    Err(PortError::new(Fault::Limit, "asked too often"))
}

async fn once(client: &Client, url: &Url, host: &str, ask: &Ask, time: Duration) -> Tried {
    let mut answer = match client.get(url.clone()).timeout(time).send().await {
        Ok(answer) => answer,
        Err(error) => {
            let fault = faults::unreachable(host, &error);
            // A certificate or a redirection does not become better by asking.
            return if fault.fault == Fault::Invalid { Tried::Never(fault) } else { Tried::NotYet(fault.message) };
        }
    };
    let status = answer.status().as_u16();
    if status != ask.status {
        return Tried::NotYet(format!("HTTP {status}, not {}", ask.status));
    }
    let Some(wanted) = &ask.contains else { return Tried::Good };
    let mut body = Vec::new();
    while body.len() < BODY {
        match answer.chunk().await {
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Ok(None) => break,
            Err(error) => return Tried::NotYet(faults::unreachable(host, &error).message),
        }
    }
    body.truncate(BODY);
    match memchr::memmem::find(&body, wanted.as_bytes()) {
        Some(_) => Tried::Good,
        None => Tried::NotYet(format!("HTTP {status}, and `{wanted}` is not in its body")),
    }
}

fn parse(text: &str) -> Result<Url, PortError> {
    let bad = |why: &str| PortError::new(Fault::Invalid, format!("what is to be asked {why}"));
    let url = Url::parse(text).map_err(|_| bad("is no URL"))?;
    match (url.scheme(), url.host_str()) {
        ("http" | "https", Some(_)) => Ok(url),
        (scheme, _) => Err(bad(&format!("is of `{scheme}:`; only `http:` and `https:` can be"))),
    }
}

/// A URL without what should not be seen of it: who asks, and what it is asked with.
fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // A URL with a host has these parts.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url.set_fragment(None);
    url.to_string().replace("%E2%80%A6", "…")
}

fn in_words(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        return format!("{} ms", time.as_millis());
    }
    crate::model::duration::format(time)
}

fn clean(mut error: PortError, redact: &[String]) -> PortError {
    for secret in redact.iter().filter(|secret| !secret.is_empty()) {
        error.message = error.message.replace(secret.as_str(), "***");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::web::server::{Reply, Request, Server};
    use crate::ports::web::Web as _;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn ask(url: String, status: u16, timeout: u64) -> Ask {
        Ask { url, status, contains: None, timeout: Duration::from_millis(timeout), redact: Vec::new() }
    }

    #[test]
    fn until_it_is_up() {
        let asked = AtomicU32::new(0);
        let server = Server::start(move |_: &Request| match asked.fetch_add(1, Ordering::Relaxed) {
            0 => Reply::new(503),
            1 => Reply::new(200).body("starting"),
            _ => Reply::new(200).body("all is well"),
        });
        let url = format!("http://{}/health?token=abc", server.address);
        let wanted = Ask { contains: Some("well".into()), ..ask(url, 200, 20_000) };
        assert_eq!(Asker::default().ask(Ticket(1), &wanted), Ok(3));
    }

    #[test]
    fn given_up_in_words() {
        let server = Server::start(|request: &Request| match request.path.as_str() {
            "/moved" => Reply::new(302).header("Location", "/other"),
            "/away" => Reply::new(302).header("Location", "ftp://x/y"),
            "/cut" => Reply::new(200).body("half").cut(1),
            _ => Reply::new(503),
        });
        let asker = Asker::default();
        let url = |path: &str| format!("http://ann:pw@{}{path}", server.address);
        let error = |ask: &Ask| asker.ask(Ticket(1), ask).expect_err("not up");
        let down = error(&ask(url("/?token=abc"), 200, 600));
        let start = format!("http://{}/?… does not answer as it should: HTTP 503, not 200 (", server.address);
        assert!(down.message.starts_with(&start) && down.message.ends_with(" tries in 600 ms)"), "{down}");
        assert_eq!(down.fault, Fault::Invalid);
        let cut = error(&Ask { contains: Some("whole".into()), ..ask(url("/cut"), 200, 100) });
        assert!(cut.message.contains("cut the connection"), "{cut}");
        assert_eq!(asker.ask(Ticket(1), &ask(url("/moved"), 302, 100)), Ok(1), "a redirection that is wanted");
        assert!(error(&ask(url("/moved"), 200, 100)).message.contains("HTTP 503"), "one that is followed");
        assert!(error(&ask(url("/away"), 200, 60_000)).message.contains("it sends us to `ftp:`"), "at once");
        let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
        let refused = error(&ask(format!("http://{free}/"), 200, 100));
        assert!(refused.message.contains(&format!("{free} cannot be reached: connection refused")), "{refused}");
        for bad in ["", "x", "ftp://x/", "http://"] {
            assert_eq!(error(&ask(bad.into(), 200, 100)).fault, Fault::Invalid, "{bad}");
        }
        let hidden = error(&Ask { redact: vec!["127.0.0.1".into()], ..ask(url("/"), 200, 100) });
        assert!(!hidden.message.contains("127.0.0.1"), "{hidden}");
    }

    #[test]
    fn stopped_when_asked() {
        let server = Server::start(|_: &Request| Reply::new(503));
        let (asker, wanted) = (Asker::default(), ask(format!("http://{}/", server.address), 200, 600_000));
        asker.cancel(Ticket(7));
        std::thread::scope(|scope| {
            let asking = scope.spawn(|| asker.ask(Ticket(7), &wanted));
            while server.asked().is_empty() {
                std::thread::sleep(Duration::from_millis(5));
            }
            asker.cancel(Ticket(7));
            assert_eq!(asking.join().expect("an end").expect_err("stopped").fault, Fault::Cancelled);
        });
    }
}
