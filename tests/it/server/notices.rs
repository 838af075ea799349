//! Those who are told: over the wire, with receivers that refuse and servers that are killed.

use super::Served;
use super::http::Answer;
use crate::lab::{Lab, wait_for};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

/// A receiver of notices that answers as a test wants. It stops when the test program ends.
pub(super) struct Receiver {
    pub(super) address: SocketAddr,
    status: Arc<AtomicU16>,
    got: Arc<Mutex<Vec<Got>>>,
}

#[derive(Clone, Debug)]
pub(super) struct Got {
    pub(super) path: String,
    id: String,
    signature: Option<String>,
    pub(super) body: Value,
    status: u16,
}

impl Receiver {
    pub(super) fn start() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (status, got) = (Arc::new(AtomicU16::new(200)), Arc::<Mutex<Vec<Got>>>::default());
        let (answers, log) = (status.clone(), got.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answers, log) = (answers.clone(), log.clone());
                std::thread::spawn(move || drop(take(stream, &answers, &log)));
            }
        });
        Receiver { address, status, got }
    }

    fn answers(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(super) fn got(&self) -> Vec<Got> {
        self.got.lock().expect("a log").clone()
    }

    fn of(&self, event: &str) -> Vec<Got> {
        self.got().into_iter().filter(|g| g.body["event"] == event).collect()
    }
}

fn take(mut stream: TcpStream, answers: &AtomicU16, log: &Mutex<Vec<Got>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let (mut first, mut id, mut signature, mut length) = (String::new(), String::new(), None, 0);
    reader.read_line(&mut first)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "x-lockgate-notice" => id = value.trim().to_string(),
            "x-lockgate-signature" => signature = Some(value.trim().to_string()),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let status = answers.load(Ordering::Relaxed);
    let path = first.split(' ').nth(1).unwrap_or_default().to_string();
    let body = serde_json::from_slice(&body).unwrap_or_default();
    log.lock().expect("a log").push(Got { path, id, signature, body, status });
    stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").as_bytes())
}

/// The first example, with somebody who is told.
fn lab(receiver: &Receiver) -> Lab {
    let lab = Lab::copy_of("examples/01-first-light");
    let told = format!(
        "    secret way {{\n        env WAY\n    }}\n    secret key {{\n        env KEY\n    }}\n    notify team {{\n        webhook \"http://{}/{{way}}\" sign=key\n        on waiting verified failed approved\n    }}\n    notify chat {{\n        slack \"http://{}/{{way}}-chat\"\n        on waiting\n    }}\n",
        receiver.address, receiver.address
    );
    lab.edit("lockgate.kdl", "    // Where, in which order", &format!("{told}    // Where, in which order"));
    lab
}

const SECRETS: [(&str, &str); 2] = [("WAY", "pl4nted-way"), ("KEY", "pl4nted-key")];

fn untold(served: &Served) -> Answer {
    served.get("viv", "/api/v1/pipelines/first-light/notices").is(200)
}

#[test]
fn those_who_are_named_are_told_with_a_link_and_a_receiver_that_fails_blocks_nobody() {
    let receiver = Receiver::start();
    let config = format!("{}\nurl \"https://lockgate.example.com/\"\n", super::CONFIG);
    let mut served = Served::of(lab(&receiver), &config, &SECRETS);
    served.waits_at("staging");
    wait_for("the notice", || !receiver.of("waiting").is_empty());
    let waiting = receiver.of("waiting").remove(0);
    assert_eq!(waiting.path, "/pl4nted-way");
    assert_eq!(waiting.body["url"], "https://lockgate.example.com/p/first-light/gates/staging");
    assert_eq!(
        (&waiting.body["environment"], &waiting.body["id"]),
        (&"staging".into(), &Value::from(waiting.id.clone()))
    );
    assert!(waiting.signature.as_ref().is_some_and(|s| s.starts_with("sha256=") && s.len() == 71));
    wait_for("the chat", || receiver.got().iter().any(|g| g.path == "/pl4nted-way-chat"));
    let chat = receiver.got().into_iter().find(|g| g.path == "/pl4nted-way-chat").expect("a message");
    assert!(
        chat.body["text"].as_str().is_some_and(|t| t.contains("staging") && t.contains("/gates/staging")),
        "{chat:?}"
    );
    // It does not take anything any more; the run goes on all the same.
    receiver.answers(500);
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
    wait_for("the fault to be told", || untold(&served).body.contains("HTTP 500"));
    served.get("viv", "/p/first-light").is(200).says("could not be told");
    let failed: Vec<String> = receiver.of("approved").iter().map(|g| g.id.clone()).collect();
    assert!(!failed.is_empty() && failed.iter().all(|id| *id == failed[0]), "{failed:?}");
    // Killed, and started again: what was not told is told now, as the same.
    receiver.answers(204);
    served.restart(&SECRETS);
    wait_for("it to be told", || receiver.of("approved").iter().any(|g| g.status == 204));
    let told: Vec<Got> = receiver.of("approved").into_iter().filter(|g| g.status == 204).collect();
    assert!(told.iter().all(|g| g.id == failed[0]), "{told:?}");
    wait_for("all to be told", || untold(&served).json()["untold"].as_array().is_some_and(Vec::is_empty));
    // Nothing was told twice of what was taken.
    let mut ids: Vec<(String, String)> =
        receiver.got().into_iter().filter(|g| g.status < 300).map(|g| (g.path, g.id)).collect();
    let all = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), all);
    // No secret went out, and none is kept.
    let everything =
        format!("{:?} {}", receiver.got().iter().map(|g| g.body.clone()).collect::<Vec<_>>(), untold(&served).body);
    assert!(!everything.contains("pl4nted"), "{everything}");
    for (path, bytes) in served.lab.tree("state") {
        assert!(!String::from_utf8_lossy(&bytes).contains("pl4nted"), "in {path}");
    }
}

#[test]
fn apply_tells_too_and_says_whom_it_could_not() {
    let receiver = Receiver::start();
    let lab = lab(&receiver);
    let run = |args: &[&str]| {
        let mut command = lab.command(args);
        command.envs(SECRETS);
        crate::lab::Ran::new(args, command.output().expect("it starts"))
    };
    run(&["apply", "--no-notify"]).exits(3);
    assert!(receiver.got().is_empty(), "nobody is told");
    run(&["approve", "staging", "--as", "rita"]).exits(0);
    assert_eq!(receiver.of("approved").len(), 1);
    run(&["apply"]).exits(3);
    assert_eq!((receiver.of("waiting").len(), receiver.of("verified").len()), (1, 1), "{:?}", receiver.got());
    assert_eq!(receiver.of("waiting")[0].body["environment"], "prod");
    receiver.answers(503);
    lab.edit("app/Dockerfile", "good morning", "good evening");
    run(&["apply"]).exits(3).says(&["team could not be told: the receiver answers HTTP 503", "tried again"]);
    run(&["status"]).exits(0).says(&["team could not be told"]);
    // A word that is missing is told, and the run is as it would be.
    lab.edit("app/Dockerfile", "good evening", "good night");
    lab.run(&["apply"]).exits(3).says(&["could not be told: secret `way`"]);
}
