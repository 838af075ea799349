//! URLs.

use crate::adapters::fake::FakeWorld;
use crate::adapters::web::Asker;
use crate::adapters::web::server::{Reply, Request, Server};
use crate::ports::Fault;
use crate::ports::shell::Ticket;
use crate::ports::web::{Ask, Web};
use std::time::Duration;

/// Below `root`, `/up` answers with 200 and `/down` with 503.
fn keeps_its_promises(web: &dyn Web, root: &str) {
    let ask = |path: &str, status: u16| {
        let (url, timeout) = (format!("{root}{path}"), Duration::from_millis(50));
        web.ask(Ticket(1), &Ask { url, status, contains: None, timeout, redact: Vec::new() })
    };
    web.cancel(Ticket(1));
    assert_eq!(ask("/up", 200), Ok(1));
    assert_eq!(ask("/down", 503), Ok(1), "whatever is wanted is good");
    let error = ask("/down", 200).expect_err("down");
    assert_eq!(error.fault, Fault::Invalid);
    assert!(
        error.message.starts_with(&format!("{root}/down does not answer as it should: HTTP 503, not 200")),
        "{error}"
    );
}

#[test]
fn of_a_server() {
    let server = Server::start(|r: &Request| Reply::new(if r.path == "/up" { 200 } else { 503 }));
    keeps_its_promises(&Asker::default(), &format!("http://{}", server.address));
}

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    world.web.set("http://x.org/down", 503);
    keeps_its_promises(&*world.web, "http://x.org");
}
