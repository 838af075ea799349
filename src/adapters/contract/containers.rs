//! Programs in containers.

use crate::adapters::fake::{Deed, FakeWorld, Scene};
use crate::digest::Digest;
use crate::ports::shell::{Container, Exit, Program, Shell, Status, Ticket};
use crate::ports::workshop::Workshop as _;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

/// How long the end of a container may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn program(root: &Path, image: &str, key: &str, attempt: u32, line: &str) -> Program {
    let argv = ["sh", "-c", line].map(String::from).to_vec();
    let mut program = Program::new(argv, root, root.join("log"));
    program.timeout = Some(PATIENCE);
    program.container = Some(Box::new(Container {
        image: image.to_string(),
        credentials: None,
        from: Vec::new(),
        key: Digest::of(key),
        attempt,
        root: root.to_path_buf(),
        ignore: false,
        outputs: vec!["out".to_string()],
        told: None,
        job: None,
    }));
    program
}

/// The end of a program.
fn end(shell: &dyn Shell, program: Program) -> Exit {
    let (sender, receiver) = mpsc::channel();
    shell.submit(Ticket(7), program, Box::new(move |exit| drop(sender.send(exit))));
    receiver.recv_timeout(PATIENCE).expect("it ends").expect("it starts")
}

/// `starts` counts what was started. A program `echo N > out; exit N` ends with that code and leaves that file.
fn keeps_its_promises(
    shell: &dyn Shell,
    image: &str,
    unique: &str,
    root: &Path,
    is: &dyn Fn(&Path, &str) -> bool,
    starts: &dyn Fn() -> Option<usize>,
) {
    let key = |name: &str| format!("{unique} {name}");
    let run = |name: &str, attempt, line: &str| end(shell, program(root, image, &key(name), attempt, line));
    let line = |n: u32| format!("echo {n} > out; exit {n}");
    let before = starts();

    let first = run("a", 1, &line(0));
    assert_eq!(first.status, Status::Code(0), "{}", String::from_utf8_lossy(&first.tail));
    assert!(is(&root.join("out"), "0\n"), "what it made is copied out");
    assert_eq!(run("a", 1, &line(0)).status, Status::Code(0));
    assert_eq!(run("b", 1, &line(3)).status, Status::Code(3), "another key, another container");
    assert_eq!(run("b", 1, &line(3)).status, Status::Code(3), "asked again, it says how it ended");
    assert_eq!(starts().zip(before).map(|(now, then)| now - then), before.map(|_| 2), "nothing runs twice");

    assert_eq!(run("b", 2, &line(4)).status, Status::Code(4), "a second attempt is another program");
    assert_eq!(run("b", 2, &line(4)).status, Status::Code(4));
    for name in ["a", "b"] {
        shell.forget(Digest::of(key(name)));
    }
    shell.cancel(Ticket(99));
}

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    for n in 0..5 {
        let line = format!("echo {n} > out; exit {n}");
        let scene = Scene::code(n).writing("out", format!("{n}\n"));
        world.containers.on(&["sh", "-c", &line], [scene]);
    }
    let is = |path: &Path, content: &str| world.workshop.digest(path) == Ok(Digest::of(content));
    let starts = || Some(world.ledger.of(Deed::Start).len());
    keeps_its_promises(&*world.containers, "any", "x", Path::new("/nowhere/work"), &is, &starts);
}

/// A container goes on when the process dies that started it.
#[test]
fn of_the_fake_over_a_crash() {
    let world = FakeWorld::new("/nowhere");
    world.containers.hold(true);
    let at = Path::new("/nowhere/work");
    world.containers.submit(
        Ticket(1),
        program(at, "any", "k", 1, "true"),
        Box::new(|_| panic!("nobody is there to hear")),
    );
    world.crash();
    world.containers.finish();
    world.restart();
    assert_eq!(end(&*world.containers, program(at, "any", "k", 1, "true")).status, Status::Code(0));
    assert_eq!(world.ledger.of(Deed::Start).len(), 1);
}

/// The real engine, where it is there: `LOCKGATE_LIVE=1`, and an image with a shell.
#[cfg(feature = "docker")]
#[test]
fn of_a_docker_engine() {
    use crate::adapters::docker::{Containers, Engine};
    use std::sync::Arc;
    let live = std::env::var_os("LOCKGATE_LIVE").is_some_and(|v| v == "1");
    let image = std::env::var("LOCKGATE_LIVE_IMAGE").unwrap_or_else(|_| "127.0.0.1:5000/live/busybox:1".to_string());
    if !live {
        eprintln!("skipped: of_a_docker_engine (it needs an engine; LOCKGATE_LIVE=1 says that it is there)");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Arc::new(Engine::of_this_machine());
    let images = Arc::new(crate::adapters::layout::Layouts);
    let containers = Containers::new(engine, images, &dir.path().join("store"), Arc::new(|_| Ok(None)));
    let is = |path: &Path, content: &str| std::fs::read_to_string(path).is_ok_and(|text| text == content);
    let unique = dir.path().display().to_string();
    keeps_its_promises(&containers, &image, &unique, dir.path(), &is, &|| None);
}
