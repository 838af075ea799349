//! Each sender of webhooks, and whoever would like to pass for one: without a signature, with a wrong one, with that of another
//! secret, with that of another body, with another sender's way, and with a delivery that was sent before.

use super::hooks::{SECRET, lab, signature};
use super::http::{raw, send};
use super::{CONFIG, Served};
use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

const HOOK: &str = "/hooks/hooked/app";

/// How a sender proves itself.
enum Proof {
    /// By an HMAC in that header, with that before the digits.
    Signed(&'static str, &'static str),
    /// By the secret itself in that header, with that before it.
    Said(&'static str, &'static str),
    /// By the secret in the address.
    Asked,
}

struct Sender {
    name: &'static str,
    marks: &'static [(&'static str, &'static str)],
    proof: Proof,
    /// The header that names a delivery, where one does.
    names: Option<&'static str>,
    body: &'static str,
}

const SENDERS: &[Sender] = &[
    Sender {
        name: "github",
        marks: &[("x-github-event", "push")],
        proof: Proof::Signed("x-hub-signature-256", "sha256="),
        names: Some("x-github-delivery"),
        body: r#"{"ref":"refs/heads/main"}"#,
    },
    Sender {
        name: "gitea",
        marks: &[("x-gitea-event", "push"), ("x-github-event", "push")],
        proof: Proof::Signed("x-gitea-signature", ""),
        names: Some("x-gitea-delivery"),
        body: r#"{"ref":"refs/heads/main"}"#,
    },
    Sender {
        name: "gitlab",
        marks: &[("x-gitlab-event", "Push Hook")],
        proof: Proof::Said("x-gitlab-token", ""),
        names: Some("x-gitlab-event-uuid"),
        body: r#"{"object_kind":"push"}"#,
    },
    Sender {
        name: "bitbucket",
        marks: &[("x-event-key", "repo:push")],
        proof: Proof::Signed("x-hub-signature", "sha256="),
        names: Some("x-request-uuid"),
        body: r#"{"push":{}}"#,
    },
    Sender {
        name: "docker-hub",
        marks: &[],
        proof: Proof::Asked,
        names: None,
        body: r#"{"push_data":{"tag":"1"},"repository":{"repo_name":"a/b"}}"#,
    },
    Sender {
        name: "harbor",
        marks: &[],
        proof: Proof::Said("authorization", ""),
        names: None,
        body: r#"{"type":"PUSH_ARTIFACT","occur_at":1,"event_data":{}}"#,
    },
    Sender {
        name: "distribution",
        marks: &[("content-type", "application/vnd.docker.distribution.events.v1+json")],
        proof: Proof::Said("authorization", "Bearer "),
        names: None,
        body: r#"{"events":[{"id":"e1"}]}"#,
    },
    Sender {
        name: "generic",
        marks: &[],
        proof: Proof::Signed("x-lockgate-signature", "sha256="),
        names: Some("x-lockgate-delivery"),
        body: "{}",
    },
];

/// What a sender sends with that secret, its signature being over that body.
fn proven(sender: &Sender, secret: &str, body: &str, delivery: &str) -> (String, Vec<(&'static str, String)>) {
    let mut headers: Vec<(&'static str, String)> = sender.marks.iter().map(|(n, v)| (*n, v.to_string())).collect();
    headers.extend(sender.names.map(|name| (name, delivery.to_string())));
    let mut path = HOOK.to_string();
    match sender.proof {
        Proof::Signed(name, before) => headers.push((name, format!("{before}{}", signature(body, secret)))),
        Proof::Said(name, before) => headers.push((name, format!("{before}{secret}"))),
        Proof::Asked => path = format!("{HOOK}?token={}", secret.replace(' ', "%20")),
    }
    (path, headers)
}

fn post(served: &Served, path: &str, headers: &[(&str, String)], body: &[u8]) -> super::http::Answer {
    let headers: Vec<(&str, &str)> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
    send(&served.address, "POST", path, &headers, body)
}

#[test]
fn each_sender_is_believed_when_it_proves_itself_and_only_then() {
    let served = Served::of(lab(), CONFIG, &[("HOOK_SECRET", SECRET)]);
    let words = send(&served.address, "POST", HOOK, &[], b"{}").is(401).body;
    for (number, sender) in SENDERS.iter().enumerate() {
        let name = sender.name;
        let refused = |path: &str, headers: &[(&str, String)], body: &str, what: &str| {
            assert_eq!(post(&served, path, headers, body.as_bytes()).is(401).body, words, "{name}: {what}");
        };
        // Missing.
        let marks: Vec<(&str, String)> = sender.marks.iter().map(|(n, v)| (*n, v.to_string())).collect();
        refused(HOOK, &marks, sender.body, "nothing");
        // Of another secret, of a part of the secret, and empty.
        for secret in ["another secret", &SECRET[..SECRET.len() - 1], &format!("{SECRET}x"), ""] {
            let (path, headers) = proven(sender, secret, sender.body, "f1");
            refused(&path, &headers, sender.body, secret);
        }
        // Malformed, and of another body.
        if let Proof::Signed(header, before) = sender.proof {
            let (path, headers) = proven(sender, SECRET, "another body", "f2");
            refused(&path, &headers, sender.body, "another body");
            let good = signature(sender.body, SECRET);
            for wrong in [
                "",
                "sha256=",
                "sha256=zz",
                &good[..63],
                &format!("{good}0"),
                &format!("sha1={good}"),
                &"0".repeat(5000),
            ] {
                let mut headers = marks.clone();
                headers.push((header, format!("{before}{wrong}")));
                refused(HOOK, &headers, sender.body, wrong);
            }
        }
        // In the way of every other sender.
        for other in SENDERS.iter().filter(|o| o.name != name) {
            let (path, all) = proven(other, SECRET, sender.body, "f3");
            let mut headers = marks.clone();
            headers.extend(
                all.into_iter()
                    .filter(|(n, _)| other.marks.iter().all(|(m, _)| m != n) && other.names.is_none_or(|m| m != *n)),
            );
            // Who has the same header in the same form has proven itself; a generic one may also say it openly.
            let answer = post(&served, &path, &headers, sender.body.as_bytes());
            let is_same = match (&sender.proof, &other.proof) {
                (Proof::Signed(a, _), Proof::Signed(b, _)) | (Proof::Said(a, _), Proof::Said(b, _)) => a == b,
                (Proof::Signed(a, _), Proof::Said(b, _)) => *a == "x-lockgate-signature" && *b == "authorization",
                _ => false,
            };
            assert_eq!(answer.status, if is_same { 202 } else { 401 }, "{name} as {}: {answer:?}", other.name);
        }
        // As it is meant; and sent again, it is known, whatever else it says by then.
        let (path, headers) = proven(sender, SECRET, sender.body, &format!("d{number}"));
        let first = post(&served, &path, &headers, sender.body.as_bytes());
        assert!(matches!(first.status, 200 | 202) && first.body.contains(name), "{name}: {first:?}");
        let again = post(&served, &path, &headers, sender.body.as_bytes());
        assert_eq!((again.status, again.body.contains("\"known\":true")), (200, true), "{name}: {again:?}");
    }
    served.settled();
    assert_eq!(served.events("run-started").len(), 1, "nothing moved, so nothing ran");
}

#[test]
fn bodies_of_every_shape_harm_nobody() {
    let served = Served::of(lab(), CONFIG, &[("HOOK_SECRET", SECRET)]);
    let deep = "[".repeat(300_000);
    let wide = format!("{{{}\"a\":1}}", "\"k\":{},".repeat(50_000));
    let shapes: [&[u8]; 9] = [
        b"",
        b"{",
        b"null",
        b"\xff\xfe\x00",
        b"\x1f\x8b\x08\x00",
        b"{\"events\":7}",
        b"{\"events\":[null,{}]}",
        deep.as_bytes(),
        wide.as_bytes(),
    ];
    for sender in SENDERS {
        for shape in shapes {
            let body = String::from_utf8_lossy(shape).into_owned();
            // Of those who sign, the signature is over these very bytes; what cannot be told apart any more is generic.
            let (path, headers) = proven(sender, SECRET, &body, "");
            let answer = post(&served, &path, &headers, body.as_bytes());
            assert!(matches!(answer.status, 200 | 202 | 401), "{}: {}", sender.name, answer.status);
            // Without the secret it is the same as ever.
            let marks: Vec<(&str, String)> = sender.marks.iter().map(|(n, v)| (*n, v.to_string())).collect();
            post(&served, HOOK, &marks, shape).is(401);
        }
        let (path, headers) = proven(sender, SECRET, "x", "");
        let large = vec![b'x'; (1 << 20) + 1];
        assert_eq!(post(&served, &path, &headers, &large).status, 413, "{}", sender.name);
        // One that says it is small, and is not; one that never says how large it is, and drips.
        let head: String = headers.iter().map(|(n, v)| format!("{n}: {v}\r\n")).collect();
        let text =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{head}content-length: 2\r\n\r\nxxxxxxxx");
        assert!(raw(&served.address, text.as_bytes()).is_none_or(|a| matches!(a.status, 200 | 202 | 400 | 401)));
        let mut stream = TcpStream::connect(&served.address).expect("it listens");
        let text = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{head}transfer-encoding: chunked\r\n\r\n");
        stream.write_all(text.as_bytes()).expect("it is sent");
        let start = Instant::now();
        while stream.write_all(b"1\r\nx\r\n").is_ok() {
            assert!(start.elapsed() < Duration::from_secs(30), "{}: it listens for ever", sender.name);
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    served.get("viv", "/healthz").is(200);
    served.settled();
    assert_eq!(served.events("run-started").len(), 1);
}
