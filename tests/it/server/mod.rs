//! The server as others meet it: over the wire, well-meaning or not.

mod attacks;
mod day;
mod hanging;
mod hooks;
pub(crate) mod http;
mod measured;
mod metrics;
mod notices;
pub(crate) mod oidc;
#[cfg(feature = "otel")]
mod otel;
mod rights;
mod secrets;
mod senders;
mod together;
mod upkeep;

use crate::lab::{Lab, wait_for};
use http::{Answer, send};
use lockgate::adapters::sqlite::register::Register;
use lockgate::server::tokens::{Scope, new_token};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

/// Who may do what in these tests.
const CONFIG: &str = r#"
user viv
user dev role=developer
user rita { groups release-managers; also "rita@example.com" }
user sam { groups sre }
user sue { groups sre }
user adm role=admin { groups sre }
limits timeout="3s" grace="5s" requests=1000000
"#;

/// The variable that names the file for what a server tells, as JSON.
const TOLD: &str = "TEST_TOLD";

/// A server with a pipeline of its own.
pub(crate) struct Served {
    pub(crate) lab: Lab,
    child: Child,
    address: String,
    tokens: BTreeMap<String, String>,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Served {
    /// A server of the first example.
    pub(crate) fn example() -> Served {
        Served::of(Lab::copy_of("examples/01-first-light"), CONFIG, &[])
    }

    /// A server of what is in a laboratory.
    fn of(lab: Lab, config: &str, env: &[(&str, &str)]) -> Served {
        let served = Served::begun(lab, config, env);
        served.settled();
        served
    }

    /// The same, of what does not come to rest by itself.
    fn unsettled(lab: Lab, config: &str) -> Served {
        Served::begun(lab, config, &[])
    }

    fn begun(lab: Lab, config: &str, env: &[(&str, &str)]) -> Served {
        lab.write("server.kdl", config);
        let register = Register::open(&lab.at("state")).expect("a register");
        let mut tokens = BTreeMap::new();
        for name in ["viv", "dev", "rita", "sam", "sue", "adm"] {
            let (shown, token) = new_token(name, &Scope::ALL, "", 1, None).expect("a token");
            register.add_token(&token).expect("kept");
            tokens.insert(name.to_string(), shown);
        }
        drop(register);
        let (child, address) = start(&lab, env);
        Served { lab, child, address, tokens }
    }

    /// A server whose pipeline is in a repository.
    fn of_repository(_: &Lab, config: &str) -> Served {
        Served::of(Lab::with(&[]), config, &[])
    }

    /// Kills it, and starts another one on the same state.
    fn restart(&mut self, env: &[(&str, &str)]) {
        self.child.kill().expect("it is killed");
        let _ = self.child.wait();
        (self.child, self.address) = start(&self.lab, env);
        self.settled();
    }

    /// The same, while it has something to go on with.
    fn restart_unsettled(&mut self, env: &[(&str, &str)]) {
        self.child.kill().expect("it is killed");
        let _ = self.child.wait();
        (self.child, self.address) = start(&self.lab, env);
    }

    /// Waits until all was looked at once and nothing runs.
    #[track_caller]
    pub(crate) fn settled(&self) {
        wait_for("the pipeline to come to rest", || {
            let all = self.get("adm", "/api/v1/pipelines").json();
            let one = &all["pipelines"][0];
            one["ready"] == true && one["running"] == false
        });
    }

    fn get(&self, who: &str, path: &str) -> Answer {
        let bearer = format!("Bearer {}", self.tokens[who]);
        send(&self.address, "GET", path, &[("authorization", &bearer)], b"")
    }

    fn post(&self, who: &str, path: &str, body: &serde_json::Value) -> Answer {
        let bearer = format!("Bearer {}", self.tokens[who]);
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(&self.address, "POST", path, &headers, body.to_string().as_bytes())
    }

    fn say(&self, who: &str, what: &str, body: serde_json::Value) -> Answer {
        self.post(who, &format!("/api/v1/pipelines/{}/{what}", self.name()), &body)
    }

    fn name(&self) -> String {
        self.get("adm", "/api/v1/pipelines").json()["pipelines"][0]["name"].as_str().expect("a name").to_string()
    }

    /// What stands at a gate: the hash of its sub-plan.
    #[track_caller]
    fn subplan(&self, environment: &str) -> String {
        let gate = self.get("viv", &format!("/api/v1/pipelines/{}/gate/{environment}", self.name())).is(200).json();
        gate["subplan"].as_str().expect("a sub-plan").to_string()
    }

    pub(crate) fn approve(&self, who: &str, environment: &str) -> Answer {
        let body = serde_json::json!({"environment": environment, "subplan": self.subplan(environment)});
        self.say(who, "approve", body)
    }

    /// The name of what an environment has.
    pub(crate) fn has(&self, environment: &str) -> Option<String> {
        let status = self.get("viv", &format!("/api/v1/pipelines/{}/status", self.name())).json();
        let all = status["environments"].as_array()?.clone();
        let one = all.into_iter().find(|e| e["name"] == environment)?;
        one["candidate_name"].as_str().map(str::to_string)
    }

    #[track_caller]
    pub(crate) fn waits_at(&self, environment: &str) {
        let path = format!("/api/v1/pipelines/{}/gate/{environment}", self.name());
        wait_for("something at the gate", || self.get("viv", &path).status == 200);
    }

    /// All events with that name.
    fn events(&self, name: &str) -> Vec<serde_json::Value> {
        let path = format!("/api/v1/pipelines/{}/history?number=10000", self.name());
        let all = self.get("viv", &path).is(200).body;
        let lines = all.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("an event"));
        lines.filter(|e| e["event"] == name).collect()
    }
}

fn start(lab: &Lab, env: &[(&str, &str)]) -> (Child, String) {
    let args = ["serve", "--listen", "127.0.0.1:0", "--config", "server.kdl", "--state", "state"];
    let mut command = lab.command(&args);
    command.stdout(Stdio::piped()).stderr(Stdio::inherit()).envs(env.iter().copied());
    // Whoever wants to read what it tells names a file.
    if let Some((_, file)) = env.iter().find(|(name, _)| *name == TOLD) {
        let file = std::fs::OpenOptions::new().create(true).append(true).open(lab.at(file)).expect("a file");
        command.stderr(file).args(["--log", "json"]);
    }
    let mut child = command.spawn().expect("the server starts");
    let mut line = String::new();
    let out = child.stdout.take().expect("its output");
    BufReader::new(out).read_line(&mut line).expect("a line");
    let address = line.trim().strip_prefix("listening on http://").unwrap_or_else(|| panic!("it said `{line}`"));
    (child, address.to_string())
}
