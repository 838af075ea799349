//! Git over ssh, against OpenSSH's server on a port of its own; passed over where it is not installed.

use crate::lab::{Lab, Ran, free_port, wait_for};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const SERVER: &str = "/usr/sbin/sshd";

const PIPELINE: &str = r#"lockgate 1

pipeline shop {
    secret deploy-key { file "deploy-key"; }
    source app {
        git "URL" branch=main
        CREDENTIALS
    }
    task read { run cat "a"; in app; }
}
"#;

/// A server, a repository behind it, and a person with a home.
struct Fixture {
    lab: Lab,
    server: Child,
    port: u16,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        drop(self.server.kill());
        drop(self.server.wait());
    }
}

fn run(program: &str, args: &[&str]) -> String {
    let done = Command::new(program).args(args).stdin(Stdio::null()).output().expect("the program starts");
    assert!(done.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_string()
}

fn new_key(path: &Path) {
    run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &path.display().to_string()]);
}

impl Fixture {
    /// Nothing where there is no server to be had.
    fn new() -> Option<Fixture> {
        if !Path::new(SERVER).exists() {
            eprintln!("skipped: there is no {SERVER} here (Debian's openssh-server has it)");
            return None;
        }
        let lab = Lab::with(&[("work/a", "one\n")]);
        lab.commit("work", "First");
        std::fs::create_dir_all(lab.at("home/.ssh")).expect("a home");
        for key in ["host", "deploy-key", "other-key"] {
            new_key(&lab.at(key));
        }
        lab.write("authorized", &lab.read("deploy-key.pub"));
        let port = free_port();
        let config = format!(
            "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nStrictModes no\n\
             UsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin prohibit-password\n",
            lab.at("host").display(),
            lab.at("authorized").display()
        );
        lab.write("sshd_config", &config);
        if run("id", &["-u"]) == "0" {
            // Where it puts away what it no longer may see; the system makes it when the service starts.
            std::fs::create_dir_all("/run/sshd").expect("a folder of the server's");
        }
        let server = Command::new(SERVER)
            .args(["-D", "-e", "-f"])
            .arg(lab.at("sshd_config"))
            .stdin(Stdio::null())
            .stderr(std::fs::File::create(lab.at("sshd.log")).expect("a log"))
            .spawn()
            .expect("the server starts");
        let fixture = Fixture { lab, server, port };
        wait_for("the ssh server", || TcpStream::connect(("127.0.0.1", port)).is_ok());
        fixture.knows("host");
        Some(fixture)
    }

    fn url(&self, repository: &str) -> String {
        format!("ssh://{}@127.0.0.1:{}{}", run("id", &["-un"]), self.port, self.lab.at(repository).display())
    }

    /// The person's `known_hosts` has that key of the server, and no other.
    fn knows(&self, key: &str) {
        let public = self.lab.read(&format!("{key}.pub"));
        self.lab.write("home/.ssh/known_hosts", &format!("[127.0.0.1]:{} {public}", self.port));
    }

    fn write(&self, url: &str, credentials: &str) {
        self.lab.write("lockgate.kdl", &PIPELINE.replace("URL", url).replace("CREDENTIALS", credentials));
    }

    fn plan(&self, set: &[(&str, &Path)]) -> Ran {
        let mut command = self.lab.command(&["plan"]);
        command.env("HOME", self.lab.at("home")).env_remove("SSH_AUTH_SOCK").envs(set.iter().copied());
        Ran::new(&["plan"], command.output().expect("the program starts"))
    }
}

#[test]
fn a_key_of_a_secret_opens_it() {
    let Some(fixture) = Fixture::new() else { return };
    fixture.write(&fixture.url("work"), "credentials deploy-key");
    let mut command = fixture.lab.command(&["apply"]);
    command.env("HOME", fixture.lab.at("home")).env_remove("SSH_AUTH_SOCK");
    Ran::new(&["apply"], command.output().expect("the program starts")).exits(0);
    fixture.plan(&[]).exits(0);
    fixture.lab.write("work/a", "two\n");
    let commit = fixture.lab.commit("work", "Second");
    fixture.plan(&[]).exits(2).says(&[&commit[..7]]);
    // As `ssh-keygen -H` leaves it.
    run("ssh-keygen", &["-q", "-H", "-f", &fixture.lab.at("home/.ssh/known_hosts").display().to_string()]);
    fixture.plan(&[]).exits(2);
}

#[test]
fn a_host_that_is_not_the_one_it_was_is_refused() {
    let Some(fixture) = Fixture::new() else { return };
    fixture.write(&fixture.url("work"), "credentials deploy-key");
    let name = format!("`[127.0.0.1]:{}`", fixture.port);
    fixture.knows("other-key");
    let another = format!("{name} shows another host key than `~/.ssh/known_hosts` has");
    let print = run("ssh-keygen", &["-l", "-f", &fixture.lab.at("host.pub").display().to_string()]);
    let print = print.split(' ').find(|word| word.starts_with("SHA256:")).expect("a fingerprint").to_string();
    fixture.plan(&[]).exits(1).says(&[&another, &print, "ssh-keygen -R"]);
    run("ssh-keygen", &["-q", "-H", "-f", &fixture.lab.at("home/.ssh/known_hosts").display().to_string()]);
    fixture.plan(&[]).exits(1).says(&[&another]);
    fixture.lab.remove("home/.ssh/known_hosts");
    fixture.plan(&[]).exits(1).says(&[&format!("the host key of {name} is not in"), "ssh-keyscan -p"]);
}

#[test]
fn a_key_of_the_person_and_one_of_an_agent_open_it_too() {
    let Some(fixture) = Fixture::new() else { return };
    fixture.write(&fixture.url("work"), "");
    fixture.plan(&[]).exits(1).says(&["wants credentials", "ssh agent"]);
    fixture.lab.write("home/.ssh/id_ed25519", &fixture.lab.read("deploy-key"));
    fixture.plan(&[]).exits(2);
    fixture.lab.remove("home/.ssh/id_ed25519");
    let socket = fixture.lab.at("agent");
    let mut agent = Command::new("ssh-agent")
        .args(["-D", "-a"])
        .arg(&socket)
        .stdout(Stdio::null())
        .spawn()
        .expect("the agent starts");
    wait_for("the agent", || socket.exists());
    let added = Command::new("ssh-add")
        .args(["-q"])
        .arg(fixture.lab.at("deploy-key"))
        .env("SSH_AUTH_SOCK", &socket)
        .status()
        .expect("the program starts");
    let planned = fixture.plan(&[("SSH_AUTH_SOCK", &socket)]);
    drop(agent.kill());
    drop(agent.wait());
    assert!(added.success());
    planned.exits(2);
}

#[test]
fn what_is_in_the_way_is_named() {
    let Some(fixture) = Fixture::new() else { return };
    fixture.write(&fixture.url("work"), "credentials deploy-key");
    fixture.lab.write("deploy-key", &fixture.lab.read("other-key"));
    let refused = fixture.plan(&[]).exits(1).says(&["refuses the credentials", "without a passphrase"]);
    refused.says_nothing_of(&["PRIVATE KEY"]);
    fixture
        .lab
        .write("deploy-key", "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90aGluZw==\n-----END OPENSSH PRIVATE KEY-----\n");
    fixture.plan(&[]).exits(1).says(&["refuses the credentials"]);
    let closed = free_port();
    fixture.write(&fixture.url("work").replace(&format!(":{}/", fixture.port), &format!(":{closed}/")), "");
    fixture.plan(&[]).exits(1).says(&["cannot be reached", &closed.to_string()]);
}

#[test]
fn a_repository_that_is_not_there_is_named() {
    let Some(fixture) = Fixture::new() else { return };
    fixture.write(&fixture.url("nowhere.git"), "credentials deploy-key");
    fixture.plan(&[]).exits(1).says(&[
        "let us in and closed the connection",
        "nowhere.git",
        "a git repository at that path",
    ]);
}
