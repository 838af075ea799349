//! People and programs that do not mean well, or not the same thing.

use super::Served;
use super::http::{raw, send};
use crate::lab::{signal, wait_for};
use rustix::process::Signal;
use serde_json::json;
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

#[test]
fn an_approval_is_of_what_was_seen_by_whom_it_is_asked_of_and_counts_once() {
    let served = Served::example();
    served.waits_at("staging");
    let seen = served.subplan("staging");
    let yes =
        |who: &str, subplan: &str| served.say(who, "approve", json!({"environment": "staging", "subplan": subplan}));
    yes("viv", &seen).is(409).says("not of release-managers");
    yes("sam", &seen).is(409).says("not of release-managers");
    yes("adm", &seen).is(409);
    let other = format!("sha256:{}", "0".repeat(64));
    yes("rita", &other).is(409).says("not what was looked at").says("differs");
    served.say("rita", "approve", json!({"environment": "staging"})).is(422).says("subplan");
    served.say("rita", "approve", json!({"environment": "stagin", "subplan": seen})).is(422).says("did you mean");
    // By GET nothing is said, whoever asks.
    let path = format!("/api/v1/pipelines/{}/approve?environment=staging&subplan={seen}", served.name());
    served.get("rita", &path).is(404);
    assert!(served.events("approved").is_empty());
    assert_eq!(served.events("refused").len(), 4, "each call leaves its row");
}

#[test]
fn a_stale_page_approves_nothing() {
    let served = Served::example();
    served.waits_at("staging");
    let stale = served.subplan("staging");
    served.lab.edit("app/Dockerfile", "good morning", "good evening");
    wait_for("another plan at the gate", || served.subplan("staging") != stale);
    let body = json!({"environment": "staging", "subplan": stale});
    let said = served.say("rita", "approve", body).is(409).says("not what was looked at");
    assert!(said.json()["differs"].as_array().is_some_and(|d| !d.is_empty()), "{}", said.body);
    served.settled();
    assert_eq!(served.has("staging"), None);
}

#[test]
fn a_no_is_final_and_two_at_once_are_one() {
    let served = Served::example();
    served.waits_at("staging");
    let seen = served.subplan("staging");
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
    served.waits_at("prod");
    let seen_prod = served.subplan("prod");
    assert_ne!(seen, seen_prod);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = || served.say("sam", "approve", json!({"environment": "prod", "subplan": seen_prod})).status;
        let all: Vec<_> = (0..8).map(|_| scope.spawn(ask)).collect();
        all.into_iter().map(|t| t.join().expect("it ends")).collect()
    });
    assert_eq!(statuses.iter().filter(|s| **s == 200).count(), 1, "{statuses:?}");
    served.say("sue", "reject", json!({"environment": "prod"})).is(422).says("say why");
    served.say("sue", "reject", json!({"environment": "prod", "reason": "too slow"})).is(200);
    served.say("sue", "approve", json!({"environment": "prod", "subplan": seen_prod})).is(409).says("rejected");
    served.settled();
    assert_eq!(served.has("prod"), None);
}

#[test]
fn who_left_the_group_has_not_approved() {
    let served = Served::example();
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
    served.waits_at("prod");
    served.approve("sam", "prod").is(200);
    let config = served.lab.read("server.kdl").replace("user sam { groups sre }", "user sam");
    served.lab.write("server.kdl", &config);
    signal(&served.child, Signal::HUP);
    wait_for("the approval to be taken back", || !served.events("withdrawn").is_empty());
    served.approve("sue", "prod").is(200);
    served.settled();
    assert_eq!(served.has("prod"), None, "one of two");
    served.approve("sam", "prod").is(409).says("not of sre");
    served.approve("adm", "prod").is(200);
    wait_for("prod", || served.has("prod").is_some());
}

#[test]
fn whoever_is_not_known_learns_nothing() {
    let served = Served::example();
    let name = served.name();
    let ask = |path: &str, headers: &[(&str, &str)]| send(&served.address, "GET", path, headers, b"");
    let nothing = ask("/api/v1/pipelines/nowhere/status", &[]).is(401).body;
    for path in [
        format!("/api/v1/pipelines/{name}/status"),
        "/api/v1/audit".to_string(),
        "/nowhere".to_string(),
        format!("/api/v1/pipelines/{name}/../../audit"),
        format!("/api/v1/pipelines/%2e%2e/{name}/status"),
        "//api/v1/audit".to_string(),
        "/API/v1/audit".to_string(),
        "/api/v1/audit/".to_string(),
        "/api/v1/audit%00".to_string(),
        "/api/v1/audit;x=y".to_string(),
    ] {
        assert_eq!(ask(&path, &[]).is(401).body, nothing, "{path}");
    }
    // What is too long is refused before anybody looks at it.
    for long in [format!("/{}", "a".repeat(70_000)), format!("/p/{}", "%2e%2e%2f".repeat(5000)), "/..".repeat(10_000)] {
        let said = ask(&long, &[]);
        assert!(matches!(said.status, 401 | 414 | 431), "{}: {said:?}", &long[..20]);
    }
    for token in ["", "lg_", "lg_aaaaaaaa_bbbb", "Bearer", &"x".repeat(7000)] {
        let said = ask("/api/v1/whoami", &[("authorization", &format!("Bearer {token}"))]);
        assert_eq!(said.is(401).body, nothing, "{token}");
    }
    // Who is known and may not hears what is said of nothing.
    let absent = served.get("viv", "/nowhere").is(404).body;
    assert_eq!(served.get("viv", "/api/v1/audit").is(404).body, absent);
    assert_eq!(served.say("viv", "hold", json!({"environment": "dev", "reason": "x"})).is(404).body, absent);
    assert_eq!(served.say("viv", "apply", json!({})).is(404).body, absent);
    served.get("adm", "/api/v1/audit").is(200);
    assert!(served.events("hold-set").is_empty());
}

#[test]
fn large_endless_malformed_and_slow_bodies_end() {
    let served = Served::example();
    let bearer = format!("Bearer {}", served.tokens["dev"]);
    let path = format!("/api/v1/pipelines/{}/hold", served.name());
    let json = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    let large = vec![b' '; (1 << 20) + 1];
    send(&served.address, "POST", &path, &json, &large).is(413);
    for body in
        ["", "{", "[]", "{\"environment\":1}", "{\"environment\":\"dev\",\"extra\":1,\"reason\":\"x\"}", "\u{0}\u{1}"]
    {
        let said = send(&served.address, "POST", &path, &json, body.as_bytes());
        assert!(matches!(said.status, 400 | 422), "{body}: {said:?}");
    }
    send(&served.address, "POST", &path, &[("authorization", &bearer)], b"{}").is(415);
    // Chunks that never end.
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n"
    );
    let mut stream = TcpStream::connect(&served.address).expect("it listens");
    stream.set_write_timeout(Some(Duration::from_secs(10))).expect("a timeout");
    stream.write_all(head.as_bytes()).expect("sent");
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x10000], b"\r\n"].concat();
    let start = Instant::now();
    while stream.write_all(&chunk).is_ok() {
        assert!(start.elapsed() < Duration::from_secs(30), "it takes for ever");
    }
    // A body that does not come.
    let start = Instant::now();
    let slow = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: {bearer}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{{"
    );
    let said = raw(&served.address, slow.as_bytes());
    assert!(said.is_none_or(|s| s.status == 408) && start.elapsed() < Duration::from_secs(30));
    raw(&served.address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03");
    raw(&served.address, b"GET / HTTP/1.1\r\nhost: x\r\nauthorization: \xff\xfe\r\nconnection: close\r\n\r\n");
    served.get("viv", "/healthz").is(200);
}
