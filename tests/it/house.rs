//! The house as `docs/architecture.md` draws it: who may know whom. Adding a room is a line in the picture there and one here.

use crate::lab::{repository, walk};
use std::path::Path;

/// The floors from the ground up. A room knows those below its floor, and those before it on its own.
const FLOORS: &[&[&str]] = &[
    &["digest", "source", "diag"],
    &["syntax", "model", "graph", "check"],
    &["ports", "health", "helm", "values", "image", "plan", "run", "rehearse"],
    &["engine", "adapters", "report", "ide"],
    &["app"],
    &["cli", "lsp", "server"],
];

/// Floors whose rooms do not know one another.
const APART: &[usize] = &[3, 5];

/// Rooms in which the same input always gives the same output: no files, clock, environment, threads of their own will, nor async.
/// (`check` lets scoped threads share its work, and puts what they find in order.)
const PURE: &[&str] =
    &["digest", "syntax", "model", "graph", "check", "ports", "health", "values", "plan", "run", "rehearse"];

/// Whatever makes an answer depend on more than the question.
const IMPURE: &[&str] = &[
    "std::fs",
    "SystemTime",
    "std::time::Instant",
    "Instant::now",
    "std::env",
    "TcpStream",
    "TcpListener",
    "std::process",
    "tokio",
    "thread::spawn",
    "jiff::Timestamp::now",
    "Zoned::now",
];

/// Crates that one room alone knows, so that they can be replaced there.
const ALONE: &[(&str, &str)] = &[
    ("petgraph::", "src/graph/"),
    ("miette::", "src/diag/render"),
    ("rusqlite::", "src/adapters/sqlite/"),
    ("git2::", "src/adapters/git/"),
    ("clap::", "src/cli/"),
];

/// Every line of code: path from the root of the repository, number, text. Comments and tests are left out.
fn lines(visit: &mut dyn FnMut(&str, usize, &str)) {
    walk(&repository().join("src"), &mut |path| {
        let name = path.strip_prefix(repository()).expect("inside").to_string_lossy().replace('\\', "/");
        let is_test = name.ends_with("/tests.rs") || name.contains("/tests/") || name.contains("/contract/");
        if !name.ends_with(".rs") || is_test {
            return;
        }
        let text = std::fs::read_to_string(path).expect("a text");
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (number, line) in code.lines().enumerate() {
            if !line.trim_start().starts_with("//") {
                visit(&name, number + 1, line);
            }
        }
    });
}

/// The room of a file: the first name below `src`. The porch and the list of rooms are none.
fn room(path: &str) -> Option<&str> {
    let rest = path.strip_prefix("src/")?;
    let room = rest.split('/').next()?;
    Some(room.strip_suffix(".rs").unwrap_or(room)).filter(|r| !matches!(*r, "lib" | "main"))
}

fn place(room: &str) -> Option<(usize, usize)> {
    FLOORS.iter().enumerate().find_map(|(floor, rooms)| Some((floor, rooms.iter().position(|r| *r == room)?)))
}

/// The rooms that a line names: `crate::room::…`, and each of `crate::{a, b::c}`.
fn named(line: &str) -> Vec<&str> {
    let mut rooms = Vec::new();
    for rest in line.split("crate::").skip(1) {
        let word = |text: &'_ str| text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
        match rest.strip_prefix('{') {
            Some(list) => rooms.extend(list.split(',').map(|r| r.trim()).map(|r| &r[..word(r)])),
            None => rooms.push(&rest[..word(rest)]),
        }
    }
    rooms.retain(|r| place(r).is_some());
    rooms
}

#[test]
fn every_room_stands_on_a_floor() {
    let mut strangers = Vec::new();
    lines(&mut |path, _, _| {
        if let Some(room) = room(path).filter(|r| place(r).is_none()) {
            strangers.push(room.to_string());
        }
    });
    strangers.dedup();
    assert_eq!(strangers, Vec::<String>::new(), "rooms that are in no picture");
}

#[test]
fn nobody_knows_a_room_above() {
    let mut faults = Vec::new();
    lines(&mut |path, number, line| {
        let Some((floor, at)) = room(path).and_then(place) else { return };
        for other in named(line) {
            let Some((its_floor, its_place)) = place(other) else { continue };
            let is_own = (its_floor, its_place) == (floor, at);
            let apart = its_floor == floor && APART.contains(&floor);
            if !is_own && (its_floor > floor || apart || (its_floor == floor && its_place > at)) {
                faults.push(format!("{path}:{number}: {other}"));
            }
        }
    });
    assert!(faults.is_empty(), "these look up:\n{}", faults.join("\n"));
}

#[test]
fn the_pure_rooms_are_pure() {
    let mut faults = Vec::new();
    lines(&mut |path, number, line| {
        if room(path).is_some_and(|r| PURE.contains(&r)) {
            faults.extend(IMPURE.iter().filter(|w| line.contains(**w)).map(|w| format!("{path}:{number}: {w}")));
        }
    });
    assert!(faults.is_empty(), "these are not pure:\n{}", faults.join("\n"));
}

#[test]
fn what_one_room_knows_alone_no_other_names() {
    let mut faults = Vec::new();
    lines(&mut |path, number, line| {
        for (name, home) in ALONE.iter().filter(|(_, home)| !path.starts_with(home)) {
            let is_word = line
                .split(name)
                .next()
                .is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == '_'));
            if line.contains(name) && is_word {
                faults.push(format!("{path}:{number}: {name} belongs into {home}"));
            }
        }
        if line.contains("kdl::") && !line.contains("lockgate.kdl") {
            faults.push(format!("{path}:{number}: the kdl crate is a judge in tests"));
        }
    });
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn the_picture_names_every_room() {
    let picture = std::fs::read_to_string(repository().join("docs/architecture.md")).expect("the picture");
    let names = |room: &&&str| (Path::new("src").join(room).join("mod.rs").exists()) && !picture.contains(**room);
    let missing: Vec<_> = FLOORS.iter().flat_map(|f| f.iter()).filter(names).collect();
    assert_eq!(missing, Vec::<&&str>::new());
}
