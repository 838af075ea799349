//! What ships to install Lockgate with, and the newcomer's first two commands.

use crate::lab::{Lab, copy, repository, walk};
use std::process::Command;

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The image as `docs/install.md` makes it: by Lockgate itself, without an engine.
#[test]
fn the_image_is_made_without_an_engine() {
    let lab = Lab::with(&[]);
    copy(&repository().join("packaging"), &lab.at("packaging"));
    for file in [".gitignore", "packaging/image/Dockerfile"] {
        lab.write(file, &read(file));
    }
    // A program of our own, and a base that is here.
    lab.write("dist/lockgate", "not run here\n");
    lab.write("dist/Dockerfile", &read("packaging/image/Dockerfile"));
    lab.git(".", &["init", "-q"]);
    lab.edit("packaging/image/lockgate.kdl", "context dist", "context dist\n        arg BASE=scratch");
    lab.run(&["check", "packaging/image"]).exits(0).says_nothing_of(&["warning"]);
    lab.run(&["apply", "packaging/image", "--yes"]).exits(0);
    let config = config_of(&lab, "dist/image");
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(config["config"]["Entrypoint"][0], "/usr/bin/lockgate");
    assert_eq!(config["config"]["Cmd"][0], "serve");
    lab.run(&["plan", "packaging/image"]).exits(0);
}

/// The configuration of the only image of a layout.
fn config_of(lab: &Lab, layout: &str) -> serde_json::Value {
    let json = |path: &str| -> serde_json::Value { serde_json::from_str(&lab.read(path)).expect("JSON") };
    let blob = |digest: &serde_json::Value| {
        let (_, hex) = digest.as_str().and_then(|d| d.split_once(':')).expect("a digest");
        json(&format!("{layout}/blobs/sha256/{hex}"))
    };
    let manifest = blob(&json(&format!("{layout}/index.json"))["manifests"][0]["digest"]);
    blob(&manifest["config"]["digest"])
}

/// The unit is one that systemd takes, and it says of it what `docs/install.md` does.
#[test]
fn the_unit_is_one_of_systemd() {
    let unit = read("packaging/systemd/lockgate.service");
    let said = |name: &str| unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    for (name, value) in [
        ("DynamicUser", "yes"),
        ("StateDirectory", "lockgate"),
        ("ProtectSystem", "strict"),
        ("NoNewPrivileges", "yes"),
        ("CapabilityBoundingSet", ""),
    ] {
        assert_eq!(said(name), Some(value), "{name}");
    }
    let command = said("ExecStart").expect("a command");
    let words: Vec<&str> = command.split_whitespace().collect();
    assert_eq!(words[1], "serve");
    // All flags are ones that the program knows: it gets as far as the file that is not there.
    let lab = Lab::with(&[]);
    let args: Vec<String> = words[1..].iter().map(|w| w.replace("/etc", "etc").replace("/var", "var")).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    lab.run(&args).exits(1).says(&["etc/lockgate/server.kdl"]);
    let Ok(version) = Command::new("systemd-analyze").arg("--version").output() else {
        eprintln!("left out: there is no systemd-analyze on this machine");
        return;
    };
    assert!(version.status.success());
    lab.write("lockgate.service", &unit.replace("/usr/local/bin/lockgate", "/bin/true"));
    let path = lab.at("lockgate.service").display().to_string();
    let verified = Command::new("systemd-analyze").args(["verify", &path]).output().expect("systemd-analyze");
    let told = String::from_utf8_lossy(&verified.stderr).into_owned();
    assert!(verified.status.success() && !told.contains("lockgate.service"), "{told}");
    let secure = Command::new("systemd-analyze").args(["security", "--offline=true", "--threshold=20", &path]).output();
    let secure = secure.expect("systemd-analyze");
    assert!(secure.status.success(), "{}", String::from_utf8_lossy(&secure.stdout));
}

/// Everything that the Dockerfile copies is there, and it makes a user that is not root.
#[test]
fn the_image_from_sources_copies_what_is_there() {
    let text = read("packaging/image/Dockerfile.source");
    let copied = text.lines().filter_map(|line| line.strip_prefix("COPY ")).filter(|rest| !rest.starts_with("--from"));
    for line in copied {
        let words: Vec<&str> = line.split_whitespace().collect();
        for path in &words[..words.len() - 1] {
            assert!(repository().join(path).exists(), "{path}");
        }
    }
    assert!(text.contains("\nUSER 65532:65532\n"));
}

/// What the sources include at compile time is part of what the image is made of.
#[test]
fn the_image_from_sources_has_all_that_is_included() {
    let text = read("packaging/image/Dockerfile.source");
    let mut folders: Vec<String> = Vec::new();
    walk(&repository().join("src"), &mut |path| {
        let name = path.display().to_string();
        if !name.ends_with(".rs") || name.contains("tests") {
            return;
        }
        let code = std::fs::read_to_string(path).expect("a text");
        for part in code.split("include_str!(").skip(1) {
            let inside = part.split(')').next().unwrap_or_default();
            let above = inside.split('"').nth(1).unwrap_or_default();
            folders.extend(
                above
                    .trim_start_matches("../")
                    .split('/')
                    .next()
                    .filter(|_| above.starts_with("../../"))
                    .map(Into::into),
            );
        }
    });
    assert!(!folders.is_empty());
    for folder in folders {
        assert!(text.contains(&format!("COPY {folder} {folder}")), "{folder} is included, and not copied");
    }
}

/// A second pipeline beside the first takes nothing from it: what it has stays where it was.
#[cfg(feature = "server")]
#[test]
fn a_second_pipeline_leaves_the_state_of_the_first() {
    let lab = Lab::with(&[]);
    for name in ["one", "two"] {
        copy(&repository().join("examples/01-first-light"), &lab.at(name));
        lab.edit(&format!("{name}/lockgate.kdl"), "pipeline first-light", &format!("pipeline {name}"));
    }
    let served = |files: &[&str]| {
        let args = [&["serve", "--state", "state", "--listen", "127.0.0.1:0"], files].concat();
        let mut child = lab.command(&args).stdout(std::process::Stdio::piped()).spawn().expect("it starts");
        let link = link(&mut child);
        let (address, token) = link.split_once("/login#").expect("a token");
        let has = || {
            let bearer = format!("Bearer {token}");
            let path = "/api/v1/pipelines/one/status";
            let status = crate::server::http::send(address, "GET", path, &[("authorization", &bearer)], b"");
            let dev = status.json()["environments"].as_array()?.iter().find(|e| e["name"] == "dev")?.clone();
            dev["candidate_name"].as_str().map(ToString::to_string)
        };
        crate::lab::wait_for("what dev has", || has().is_some());
        child.kill().expect("stopped");
        let _ = child.wait();
    };
    served(&["one"]);
    let before = lab.tree("state/shelf").len();
    served(&["one", "two"]);
    assert!(!lab.has("state/one") && lab.has("state/two"), "the first goes on where it was");
    assert!(lab.tree("state/shelf").len() >= before);
}

/// Where to sign in, as the server says it.
#[cfg(feature = "server")]
fn link(child: &mut std::process::Child) -> String {
    use std::io::{BufRead as _, BufReader};
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let address =
        |line: String| Some(line.split_once("http://")?.1.trim().to_string()).filter(|l| l.contains("/login#"));
    lines.map_while(Result::ok).find_map(address).expect("where to sign in")
}

/// README: from nothing to a board in the browser in two commands, as they stand there.
#[cfg(feature = "server")]
#[test]
fn two_commands_lead_to_the_board() {
    let page = read("README.md");
    let section = page.split("## From nothing to a board in the browser").nth(1).expect("the section");
    let block = section.split("```sh\n").nth(1).and_then(|rest| rest.split("```").next()).expect("commands");
    let commands: Vec<&str> = block.lines().collect();
    let [build, serve] = commands.as_slice() else { panic!("{commands:?}") };
    assert_eq!(*build, "cargo build", "which has made what is tried here");
    let args = serve.strip_prefix("target/debug/lockgate ").expect("what was built");
    let lab = Lab::with(&[]);
    copy(&repository().join("examples/01-first-light"), &lab.at("examples/01-first-light"));
    let mut command = lab.command(&args.split_whitespace().collect::<Vec<_>>());
    // The port of the page may be taken on this machine.
    command.env("LOCKGATE_LISTEN", "127.0.0.1:0").stdout(std::process::Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let link = link(&mut child);
    let (address, token) = link.split_once("/login#").expect("a token");
    let get = |path: &str| {
        let bearer = format!("Bearer {token}");
        crate::server::http::send(address, "GET", path, &[("authorization", &bearer)], b"")
    };
    get("/login").is(200);
    crate::lab::wait_for("the example on the board", || {
        let board = get("/");
        board.status == 200 && board.body.contains("first-light") && board.body.contains("staging")
    });
    child.kill().expect("stopped");
    let _ = child.wait();
}
