//! A Docker engine: builds that run programs, and steps in containers.

use super::is_live;
use crate::lab::{Lab, Ran, signal, wait_for};
use rustix::process::Signal;
use std::process::{Command, Stdio};

/// An image with a shell out of nothing but one program of this machine, so that no registry is needed.
const BASE: &str = "FROM scratch\nCOPY busybox /bin/busybox\nRUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\n";

/// A pipeline with a build by an engine; `more` stands in the build, `rest` behind it.
fn lab(dockerfile: &str, more: &str, rest: &str) -> Lab {
    let pipeline = format!(
        "lockgate 1\npipeline demo {{\n    source app {{\n        folder \"./app\"\n    }}\n    build image {{\n        context app\n        \
         builder docker\n        {more}\n        push \"./registry\" tag=\"{{candidate}}\"\n    }}\n{rest}}}\n",
    );
    let lab = Lab::with(&[
        ("lockgate.kdl", &pipeline),
        ("app/Dockerfile", &format!("{BASE}{dockerfile}")),
        ("app/hello.txt", "hello from the source\n"),
        ("app/README.md", "nobody copies this\n"),
        ("app/.dockerignore", "README.md\n"),
    ]);
    std::fs::copy("/bin/busybox", lab.at("app/busybox")).expect("a busybox");
    lab
}

/// A pipeline with a task in a container of an image that it builds first.
fn task(line: &str, more: &str) -> Lab {
    let rest = format!(
        "    task work {{\n        shell \"{line}\" image=\"{{image}}\"\n        in app\n        input \"hello.txt\"\n        {more}\n    }}\n"
    );
    lab("", "", &rest)
}

fn log_of(lab: &Lab, step: &str) -> String {
    let runs = std::fs::read_dir(lab.at(".lockgate/logs")).expect("logs").flatten().count();
    let logs: Vec<String> = (1..=runs + 8)
        .filter(|run| lab.has(&format!(".lockgate/logs/{run}/{step}.log")))
        .map(|run| String::from_utf8_lossy(&lab.read_bytes(&format!(".lockgate/logs/{run}/{step}.log"))).into_owned())
        .collect();
    logs.last().unwrap_or_else(|| panic!("{step} has no log")).clone()
}

fn docker(args: &[&str]) -> String {
    let done = Command::new("docker").args(args).output().expect("docker");
    String::from_utf8_lossy(&done.stdout).trim().to_string()
}

/// Containers of ours, running or not.
fn containers() -> String {
    docker(&["ps", "-a", "--filter", "label=lockgate.key", "--format", "{{.Names}} {{.Status}}"])
}

#[test]
fn a_dockerfile_that_runs_programs_is_built_tested_in_its_own_image_and_pushed_by_digest() {
    if !is_live("a_dockerfile_that_runs_programs") {
        return;
    }
    let lab = lab(
        "ARG WHO\nCOPY hello.txt /hello.txt\nRUN echo \"made for $WHO\" > /made\n",
        "arg WHO=\"{pipeline}\"\n        label \"team\"=\"blue\"\n        \
         test sh \"-c\" \"cat /made hello.txt; test -f /hello.txt\" image=\"{image}\"",
        "",
    );
    lab.run(&["plan"]).exits(2).says(&["build.image", "test.image", "push.image"]);
    lab.run(&["apply"]).exits(0);
    let log = log_of(&lab, "test.image");
    assert!(log.contains("made for demo") && log.contains("hello from the source"), "{log}");
    let index: serde_json::Value = serde_json::from_str(&lab.read("registry/index.json")).expect("an index");
    let digest = index["manifests"][0]["digest"].as_str().expect("a digest").to_string();
    let json = lab.run(&["history", "--json"]);
    assert!(json.out.contains(&digest), "the digest that was pushed is the one that was built:\n{}", json.out);
    let manifest = lab.read(&format!("registry/blobs/sha256/{}", digest.trim_start_matches("sha256:")));
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("a manifest");
    let config = manifest["config"]["digest"].as_str().expect("a digest").trim_start_matches("sha256:");
    let config: serde_json::Value =
        serde_json::from_str(&lab.read(&format!("registry/blobs/sha256/{config}"))).expect("JSON");
    assert_eq!(config["config"]["Labels"]["team"], "blue");

    // What is not copied does not count, and what was built is not built again.
    lab.edit("app/README.md", "nobody", "still nobody");
    lab.run(&["apply"]).exits(0);
    let again: serde_json::Value = serde_json::from_str(&lab.read("registry/index.json")).expect("an index");
    let digests: std::collections::BTreeSet<&str> =
        again["manifests"].as_array().expect("images").iter().filter_map(|m| m["digest"].as_str()).collect();
    assert_eq!(digests.into_iter().collect::<Vec<_>>(), [digest.as_str()]);
    assert!(!lab.has(".lockgate/logs/2/build.image.log"), "nothing was built");
    assert!(lab.at(".lockgate/scratch").read_dir().expect("a folder").next().is_none(), "nothing is left lying about");
}

#[test]
fn a_program_that_fails_names_its_line_and_shows_what_it_printed() {
    if !is_live("a_program_that_fails") {
        return;
    }
    for buildkit in ["1", "0"] {
        let lab = lab("RUN echo the reason is this; exit 7\n", "", "");
        let done = lab.command(&["apply"]).env("DOCKER_BUILDKIT", buildkit).output().expect("a program");
        let ran = Ran::new(&["apply"], done).exits(1);
        ran.says(&["Dockerfile:4", "RUN echo the reason is this", "exit status 7", "the reason is this"]);
        assert!(!lab.has("registry"), "nothing was pushed");
    }
}

#[test]
fn a_secret_of_a_build_is_in_no_layer_and_no_log() {
    if !is_live("a_secret_of_a_build") {
        return;
    }
    let secret = "correct-horse-battery";
    let rest = "    secret token {\n        env LIVE_TOKEN\n    }\n";
    // What an engine did once with a secret it does not do again for another: so it is another line each time.
    let line = format!(
        "RUN --mount=type=secret,id=npm cat /run/secrets/npm; wc -c < /run/secrets/npm > /size-{}\n",
        super::unique("live")
    );
    let lab = lab(&line, "secret token id=npm", rest);
    let run = |buildkit: &str| {
        let mut command = lab.command(&["apply"]);
        let done = command.env("LIVE_TOKEN", secret).env("DOCKER_BUILDKIT", buildkit).output().expect("a program");
        Ran::new(&["apply"], done)
    };
    run("0").exits(1).says(&["only BuildKit"]);
    run("1").exits(0);
    assert!(log_of(&lab, "build.image").contains("***"), "{}", log_of(&lab, "build.image"));
    let needle = secret.as_bytes();
    for (path, bytes) in lab.tree(".") {
        let mut text = bytes.clone();
        if bytes.starts_with(&[0x1f, 0x8b]) {
            text.clear();
            std::io::Read::read_to_end(&mut flate2::read::MultiGzDecoder::new(&bytes[..]), &mut text).expect("gzip");
        }
        assert!(!text.windows(needle.len()).any(|window| window == needle), "the secret is in {path}");
    }
}

#[test]
fn a_build_that_takes_too_long_is_ended() {
    if !is_live("a_build_that_takes_too_long") {
        return;
    }
    let lab = lab("RUN sleep 4321\n", "timeout \"3s\"", "");
    lab.run(&["apply"]).exits(1).says(&["longer than 3s", "RUN sleep 4321"]);
    wait_for("the end of the build", || !runs("sleep 4321"));
}

#[test]
fn ctrl_c_ends_a_build_and_a_container_and_leaves_nothing() {
    if !is_live("ctrl_c_ends_a_build") {
        return;
    }
    let lab = lab("RUN sleep 4322\n", "", "");
    interrupted(&lab, "sleep 4322");
    let lab = task("sleep 4323", "");
    interrupted(&lab, "sleep 4323");
}

/// Applies, waits until the program runs, and asks twice to stop.
fn interrupted(lab: &Lab, program: &str) {
    let child = lab.command(&["apply"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a program");
    wait_for(program, || runs(program));
    signal(&child, Signal::INT);
    std::thread::sleep(std::time::Duration::from_millis(300));
    signal(&child, Signal::INT);
    let done = child.wait_with_output().expect("its end");
    assert!(!done.status.success(), "{}", String::from_utf8_lossy(&done.stdout));
    wait_for("the end of the program", || !runs(program));
    let left = containers();
    assert!(!left.contains(program), "{left}");
}

/// Whether a program runs on this machine, in whichever container.
fn runs(program: &str) -> bool {
    let words: Vec<&str> = program.split(' ').collect();
    let is_it = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        line.trim_end().ends_with(&words.join(" ")) && !line.contains("lockgate")
    };
    std::fs::read_dir("/proc").expect("proc").flatten().any(is_it)
}

#[test]
fn a_container_is_found_again_after_kill_9_and_nothing_runs_twice() {
    if !is_live("a_container_is_found_again") {
        return;
    }
    let lab = task(
        "cat /proc/sys/kernel/random/uuid; sleep 6; echo made > out.txt; echo told=42 >> $LOCKGATE_OUTPUT",
        "output file \"out.txt\"\n        output told",
    );
    let mut child = lab.command(&["apply"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program");
    wait_for("the program's first line", || {
        let path = lab.at(".lockgate/logs/1/task.work.log");
        std::fs::read_to_string(path).is_ok_and(|text| text.contains('-'))
    });
    let first = lab.read(".lockgate/logs/1/task.work.log");
    signal(&child, Signal::KILL);
    child.wait().expect("its end");
    assert!(containers().contains("Up"), "it goes on by itself");
    lab.run(&["apply"]).exits(0);
    let second = lab.read(".lockgate/logs/2/task.work.log");
    assert_eq!(second.lines().last(), first.lines().last(), "it is the same container");
    assert_eq!(lab.read("app/out.txt"), "made\n");
    wait_for("the container's removal", || !containers().contains("Exited"));
}

#[test]
fn a_container_that_fails_or_prints_too_much_says_so() {
    if !is_live("a_container_that_fails") {
        return;
    }
    let failing = task("echo before the end; exit 3", "");
    failing.run(&["apply"]).exits(1).says(&["exit status 3"]);
    assert!(log_of(&failing, "task.work").contains("before the end"));

    let loud = task(&format!("yes {} | head -c 90000000; echo; echo the last line", "x".repeat(500)), "");
    loud.run(&["apply"]).exits(0);
    let log = log_of(&loud, "task.work");
    assert!(log.len() < 70 << 20 && log.contains("left out here") && log.ends_with("the last line\n"), "{}", log.len());

    let slow = task("sleep 4324", "timeout \"2s\"");
    slow.run(&["apply"]).exits(1).says(&["longer than 2s"]);

    let missing = task("true", "");
    missing.edit("lockgate.kdl", "image=\"{image}\"", "image=\"127.0.0.1:5000/no/such:1\"");
    missing.run(&["apply"]).exits(1).says(&["127.0.0.1:5000/no/such:1"]);

    let absent = lab("", "", "    task work {\n        run nothing-of-the-kind image=\"{image}\"\n    }\n");
    absent.run(&["apply"]).exits(1).says(&["there is no program `nothing-of-the-kind`"]);
}

#[test]
fn an_image_that_needed_no_engine_is_tested_in_one_and_says_for_which_machine_it_is() {
    if !is_live("an_image_that_needed_no_engine") {
        return;
    }
    let lab = lab(
        "",
        "platform \"linux/arm64\"\n        test \"/bin/busybox\" sh \"-c\" \"cat hello.txt\" image=\"{image}\"",
        "",
    );
    lab.write("app/Dockerfile", "FROM scratch\nCOPY busybox /bin/busybox\n");
    lab.edit("lockgate.kdl", "        builder docker\n", "");
    lab.run(&["apply"]).exits(0);
    let log = log_of(&lab, "test.image");
    assert!(log.contains("loading ./registry@sha256:") && log.contains("is for linux/arm64"), "{log}");
    assert!(log.ends_with("hello from the source\n"), "{log}");
}

#[test]
fn a_build_that_was_cut_off_by_kill_9_goes_on() {
    if !is_live("a_build_that_was_cut_off") {
        return;
    }
    let line = format!("RUN echo {}; sleep 5\n", super::unique("live"));
    let lab = lab(&line, "", "");
    let mut child = lab.command(&["apply"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a program");
    let log = lab.at(".lockgate/logs/1/build.image.log");
    wait_for("the program in the build", || std::fs::read_to_string(&log).is_ok_and(|t| t.contains("RUN echo live")));
    signal(&child, Signal::KILL);
    child.wait().expect("its end");
    lab.run(&["apply"]).exits(0);
    let index: serde_json::Value = serde_json::from_str(&lab.read("registry/index.json")).expect("an index");
    assert_eq!(index["manifests"].as_array().map(Vec::len), Some(1), "one image, one push");
    lab.run(&["plan"]).exits(0);
}

#[test]
fn an_engine_that_goes_away_in_a_build_is_told_and_the_next_apply_goes_on() {
    if !is_live("an_engine_that_goes_away") {
        return;
    }
    let line = format!("RUN echo {}; sleep 5\n", super::unique("live"));
    let lab = lab(&line, "", "");
    let socket = lab.at("engine.sock");
    let away = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    relay(&socket, away.clone());
    let apply = || {
        let mut command = lab.command(&["apply"]);
        command
            .env("DOCKER_HOST", format!("unix://{}", socket.display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command.spawn().expect("a program")
    };
    let child = apply();
    let log = lab.at(".lockgate/logs/1/build.image.log");
    wait_for("the program in the build", || std::fs::read_to_string(&log).is_ok_and(|t| t.contains("RUN echo live")));
    away.store(true, std::sync::atomic::Ordering::SeqCst);
    let ran = Ran::new(&["apply"], child.wait_with_output().expect("its end")).exits(1);
    ran.says(&["went away", "apply"]);
    assert!(!lab.has("registry"));
    away.store(false, std::sync::atomic::Ordering::SeqCst);
    Ran::new(&["apply"], apply().wait_with_output().expect("its end")).exits(0);
    assert!(lab.has("registry/index.json"));
}

/// Stands between a program and the engine; while it is `away`, every line is cut.
fn relay(socket: &std::path::Path, away: std::sync::Arc<std::sync::atomic::AtomicBool>) {
    use std::os::unix::net::{UnixListener, UnixStream};
    let listener = UnixListener::bind(socket).expect("a socket");
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let is_away = || away.load(std::sync::atomic::Ordering::SeqCst);
            if is_away() {
                continue;
            }
            let far = UnixStream::connect("/var/run/docker.sock").expect("the engine");
            let copy = |mut from: UnixStream, mut to: UnixStream| {
                std::thread::spawn(move || {
                    // How a line ends is told by the end of the other.
                    let _ = std::io::copy(&mut from, &mut to);
                    let _ = to.shutdown(std::net::Shutdown::Write);
                })
            };
            copy(near.try_clone().expect("a copy"), far.try_clone().expect("a copy"));
            copy(far.try_clone().expect("a copy"), near.try_clone().expect("a copy"));
            let away = away.clone();
            std::thread::spawn(move || {
                while !away.load(std::sync::atomic::Ordering::SeqCst) {
                    std::thread::sleep(std::time::Duration::from_millis(50));
                }
                let _ = near.shutdown(std::net::Shutdown::Both);
                let _ = far.shutdown(std::net::Shutdown::Both);
            });
        }
    });
}

#[test]
fn an_engine_that_is_not_there_is_told_with_what_to_do() {
    let lab = Lab::with(&[
        (
            "lockgate.kdl",
            "lockgate 1\npipeline demo {\n    task work {\n        run sh image=\"busybox:1\"\n    }\n}\n",
        ),
        ("x", ""),
    ]);
    let mut command = lab.command(&["apply"]);
    let done = command.env("DOCKER_HOST", "unix:///nowhere/docker.sock").output().expect("a program");
    Ran::new(&["apply"], done).exits(1).says(&["there is no Docker engine", "/nowhere/docker.sock", "DOCKER_HOST"]);
}

#[test]
fn a_dockerfile_that_runs_programs_needs_an_engine_and_the_error_says_how() {
    let lab = Lab::with(&[
        (
            "lockgate.kdl",
            "lockgate 1\npipeline demo {\n    source app {\n        folder \"./app\"\n    }\n    build image {\n        context app\n        push \"./registry\"\n    }\n}\n",
        ),
        ("app/Dockerfile", "FROM scratch\nRUN make\n"),
    ]);
    lab.run(&["plan"]).exits(1).says(&["LG0704", "Dockerfile:2", "`builder docker`"]);
    lab.edit("lockgate.kdl", "        push", "        secret token\n        push");
    lab.edit("lockgate.kdl", "    build image", "    secret token {\n        env TOKEN\n    }\n    build image");
    lab.run(&["check"]).exits(1).says(&["LG0110", "`builder docker`"]);
}
