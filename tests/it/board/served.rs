//! A server that serves a copy of an example, and people who may speak with it.

use super::driver::{Answer, send};
use crate::lab::Lab;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// Who is of which group.
const PEOPLE: &[(&str, &str)] =
    &[("rita", "release-managers"), ("sam", "sre"), ("sue", "sre"), ("ivan", "interns"), ("dora", "developers")];

/// A server, gone with its last use.
pub(super) struct Served {
    pub lab: Lab,
    pub port: u16,
    tokens: Vec<(String, String)>,
    server: Child,
}

impl Served {
    /// A server for those people.
    pub fn new(lab: Lab) -> Served {
        Served::with(lab, "", &[])
    }

    /// The same with more in the configuration, and with variables.
    pub fn with(lab: Lab, more: &str, env: &[(&str, &str)]) -> Served {
        let users: String = PEOPLE.iter().map(|(n, g)| format!("user {n} {{\n    groups {g}\n}}\n")).collect();
        let users = format!("{users}grant developer developers\n");
        lab.write("server.kdl", &format!("{users}{more}"));
        let token = |name: &str| {
            let ran = lab.run(&["token", "new", name, "--config", "server.kdl"]).exits(0);
            let word = ran.out.split_whitespace().find(|w| w.starts_with("lg_"));
            word.unwrap_or_else(|| panic!("no token in {}", ran.out)).to_string()
        };
        let tokens = PEOPLE.iter().map(|(name, _)| (name.to_string(), token(name))).collect();
        let (server, port, _) = start(&lab, &["serve", "--config", "server.kdl", "--listen", "127.0.0.1:0"], env);
        Served { lab, port, tokens, server }
    }

    /// The token of somebody.
    pub fn token(&self, name: &str) -> &str {
        self.tokens.iter().find(|(n, _)| n == name).map(|(_, t)| t.as_str()).expect("one of them")
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Asks as a browser would that somebody signed in with.
    pub fn get(&self, path: &str, cookie: &str) -> Answer {
        send(self.port, "GET", path, &[("Accept", "text/html"), ("Cookie", cookie)], "")
    }

    /// Sends a form as a browser would.
    pub fn post(&self, path: &str, headers: &[(&str, &str)], form: &str) -> Answer {
        let mut all = vec![("Accept", "text/html"), ("Content-Type", "application/x-www-form-urlencoded")];
        all.extend_from_slice(headers);
        send(self.port, "POST", path, &all, form)
    }

    /// Signs somebody in; gives the cookie.
    pub fn cookie(&self, name: &str) -> String {
        let answer = self.post("/login", &[], &format!("token={}", self.token(name)));
        assert_eq!(answer.status, 303, "{}{}", answer.head, answer.body);
        answer.header("set-cookie").split(';').next().unwrap_or_default().to_string()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        stop(&mut self.server);
    }
}

/// Starts a server; gives its port and what it said.
pub(super) fn start(lab: &Lab, args: &[&str], env: &[(&str, &str)]) -> (Child, u16, Vec<String>) {
    let mut command = lab.command(args);
    command.stdout(Stdio::piped()).stderr(Stdio::null()).envs(env.iter().copied());
    let mut server = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(server.stdout.take().expect("an output")).lines().map_while(Result::ok);
    let mut said = Vec::new();
    let port = loop {
        let line = lines.next().unwrap_or_else(|| panic!("the server ended: {said:?}"));
        let found = line
            .split_once("http://127.0.0.1:")
            .and_then(|(_, rest)| rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
        said.push(line);
        if let Some(port) = found {
            break port;
        }
    };
    // Without a configuration it says how to sign in, too.
    if !args.contains(&"--config") {
        said.extend(lines.next());
    }
    (server, port, said)
}

/// Stops a server as somebody who cannot wait.
pub(super) fn stop(server: &mut Child) {
    let _ = server.kill();
    let _ = server.wait();
}
