//! What the window to receivers promises.

use crate::adapters::fake::{FakeNotices, Power};
use crate::adapters::notices::Sender;
use crate::adapters::web::server::{Reply, Request, Server};
use crate::ports::Fault;
use crate::ports::notices::{Notices, Parcel, To};

fn parcel(url: String) -> Parcel {
    Parcel { id: "abc".into(), to: To::Post { url: url.into(), body: "{}".into(), key: None } }
}

/// Sent is sent; what may pass is `Unavailable`, and what was refused is not.
fn promises(notices: &dyn Notices, good: &Parcel, busy: &Parcel, refusing: &Parcel) {
    assert_eq!(notices.send(busy).expect_err("busy").fault, Fault::Unavailable);
    let refused = notices.send(refusing).expect_err("refused");
    assert!(matches!(refused.fault, Fault::Denied | Fault::Invalid), "{refused}");
    assert_eq!(notices.send(good), Ok(()));
    assert_eq!(notices.send(good), Ok(()), "it may be sent again");
}

#[test]
fn real_receivers_keep_it() {
    let server = Server::start(|request: &Request| match request.path.as_str() {
        "/busy" => Reply::new(500),
        "/no" => Reply::new(401),
        _ => Reply::new(200),
    });
    let at = |path: &str| parcel(format!("http://{}/{path}", server.address));
    promises(&Sender::new(None), &at("hook"), &at("busy"), &at("no"));
}

#[test]
fn those_in_memory_keep_it() {
    let notices = FakeNotices::new(Power::default());
    notices.fail(Fault::Unavailable);
    notices.fail(Fault::Denied);
    let one = parcel("http://x/".into());
    promises(&notices, &one, &one, &one);
    assert_eq!(notices.taken().len(), 2);
}
