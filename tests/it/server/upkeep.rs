//! Copies of what was written down, bringing one back, and letting old things go, while a server works and without one.

use super::Served;
use crate::lab::{Lab, signal, wait_for};
use lockgate::app::upkeep::prune::{Keep, alone};
use rustix::process::Signal;
use std::time::Duration;

fn verified(lab: &Lab) -> serde_json::Value {
    lab.run(&["state", "verify", "--json", "--state", "state"]).exits(0).json()["journals"][0].clone()
}

#[test]
fn a_copy_is_made_while_the_server_works_and_comes_back_as_it_was() {
    let mut served = Served::example();
    served.waits_at("staging");
    served.lab.run(&["state", "backup", "copy.tar.gz", "--state", "state"]).exits(0).says(&["copy.tar.gz", "events"]);
    served
        .lab
        .run(&["state", "backup", "copy.tar.gz", "--state", "state"])
        .exits(1)
        .says(&["there already", "--force"]);
    served.lab.run(&["state", "backup", "state/x", "--state", "state"]).exits(1).says(&["part of the state"]);
    // Nobody brings a copy back under a server.
    served.lab.run(&["state", "restore", "copy.tar.gz", "--state", "state"]).exits(1).says(&["another lockgate"]);
    served
        .lab
        .run(&["state", "restore", "copy.tar.gz", "--force", "--state", "state"])
        .exits(1)
        .says(&["another lockgate"]);
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
    served.settled();
    signal(&served.child, Signal::KILL);
    served.child.wait().expect("it ends");
    // More has happened since: not without saying so.
    served.lab.run(&["state", "restore", "copy.tar.gz", "--state", "state"]).exits(1).says(&["is newer", "--force"]);
    let newest = verified(&served.lab);
    served.lab.run(&["state", "backup", "later.tar.gz", "--state", "state"]).exits(0);
    let before = served.lab.run(&["state", "restore", "copy.tar.gz", "--force", "--state", "state"]).exits(0);
    before.says(&["as it was", "state.before-"]);
    let old = verified(&served.lab);
    assert!(old["number"].as_u64() < newest["number"].as_u64());
    served.lab.run(&["why", "staging", "--state", "state"]).exits(0).says(&["approval"]);
    // The later one knows all that the older one does, and comes back without a word.
    served.lab.run(&["state", "restore", "later.tar.gz", "--state", "state"]).exits(0);
    assert_eq!(verified(&served.lab), newest);
    // A server goes on with it, and still knows everybody.
    served.restart(&[]);
    assert!(served.has("staging").is_some());
    served.get("viv", "/api/v1/whoami").is(200);
}

#[test]
fn a_copy_that_is_none_or_damaged_changes_nothing() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["apply"]).exits(3);
    lab.run(&["state", "verify"]).exits(0).says(&["whole: ", "events"]);
    lab.run(&["state", "backup", "copy.tar.gz"]).exits(0);
    let whole = lab.run(&["state", "verify", "--json"]).exits(0).json();
    lab.write("text.tar.gz", "no archive");
    lab.run(&["state", "restore", "text.tar.gz"]).exits(1).says(&["is no copy of a state"]);
    lab.run(&["state", "restore", "nowhere.tar.gz"]).exits(1).says(&["nowhere.tar.gz"]);
    let bytes = lab.read_bytes("copy.tar.gz");
    for cut in [bytes.len() / 3, bytes.len() - 9] {
        std::fs::write(lab.at("cut.tar.gz"), &bytes[..cut]).expect("written");
        lab.run(&["state", "restore", "cut.tar.gz"]).exits(1);
    }
    // A path that leads out of it.
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(1);
    header.as_gnu_mut().expect("a header").name[..5].copy_from_slice(b"../up");
    header.set_cksum();
    builder.append(&header, &b"x"[..]).expect("an entry");
    let evil = builder.into_inner().and_then(|gz| gz.finish()).expect("an archive");
    std::fs::write(lab.at("evil.tar.gz"), evil).expect("written");
    lab.run(&["state", "restore", "evil.tar.gz"]).exits(1).says(&["no plain file"]);
    assert!(!lab.has("up"));
    assert_eq!(lab.run(&["state", "verify", "--json"]).exits(0).json(), whole);
    let left: Vec<String> = std::fs::read_dir(lab.path())
        .expect("a folder")
        .filter_map(|e| e.expect("an entry").file_name().into_string().ok())
        .filter(|n| n.contains("lockgate-tmp") || n.contains("before"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
    // Another history is not overwritten by accident.
    let other = Lab::copy_of("examples/01-first-light");
    other.run(&["apply"]).exits(3);
    std::fs::copy(lab.at("copy.tar.gz"), other.at("copy.tar.gz")).expect("copied");
    other.run(&["state", "restore", "copy.tar.gz"]).exits(1).says(&["--force"]);
    other.remove(".lockgate");
    other.run(&["state", "restore", "copy.tar.gz"]).exits(0);
    other.run(&["status"]).exits(0).says(&["staging"]);
    // One row that somebody changed is found.
    let journal = other.at(".lockgate/journal.db");
    let mut bytes = std::fs::read(&journal).expect("read");
    let needle = b"\"by\":";
    // Wherever it is: a page that is not used any more may have it, too.
    let places: Vec<usize> = (0..bytes.len() - needle.len()).filter(|at| bytes[*at..].starts_with(needle)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at + 1] = b'B');
    std::fs::write(&journal, bytes).expect("written");
    let _ = std::fs::remove_file(other.at(".lockgate/journal.db-wal"));
    other.run(&["state", "verify"]).exits(1).says(&["not as it was written"]);
}

#[test]
fn whatever_goes_the_plan_is_the_same_and_the_way_back_stays_open() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["apply"]).exits(3);
    for (from, to) in [("good morning", "good evening"), ("good evening", "good night"), ("good night", "hello")] {
        lab.edit("app/Dockerfile", from, to);
        lab.run(&["apply"]).exits(3);
    }
    lab.run(&["approve", "staging", "--as", "rita"]).exits(0);
    lab.run(&["apply"]).exits(3);
    let plan = || {
        let mut plan = lab.run(&["plan", "--json"]).json();
        plan.as_object_mut().expect("an object").remove("at");
        plan
    };
    let (before, status) = (plan(), lab.run(&["status", "--json"]).exits(0).json());
    lab.run(&["state", "prune"]).exits(1).says(&["--logs 30d"]);
    lab.run(&["state", "prune", "--logs", "1s", "--dry-run"]).exits(0).says(&["would go"]);
    assert!(lab.has(".lockgate/logs/1"));
    std::thread::sleep(Duration::from_millis(1100));
    let second = Some(Duration::from_secs(1));
    let keep = Keep { runs: second, logs: second, cache: 0, left: 0, ..Keep::default() };
    let now = jiff::Timestamp::now().as_millisecond();
    let pruned = alone(&lab.at(".lockgate"), &keep, now, false).expect("pruned");
    assert!(pruned.events > 50 && pruned.logs > 3, "{pruned:?}");
    assert!(!lab.has(".lockgate/logs/1"));
    assert_eq!(plan(), before);
    assert_eq!(lab.run(&["status", "--json"]).exits(0).json(), status);
    lab.run(&["state", "verify"]).exits(0).says(&["were let go"]);
    lab.run(&["history"]).exits(0);
    lab.run(&["state", "backup", "copy.tar.gz"]).exits(0);
    lab.run(&["state", "restore", "copy.tar.gz"]).exits(0);
    // What dev had before is brought back, of which nothing but the state still tells.
    let had = lab.run(&["rollback", "dev", "--reason", "x"]).exits(0);
    drop(had);
    lab.run(&["apply"]).exits(3);
    assert!(lab.run(&["plan", "--json"]).json() != before);
    lab.run(&["state", "verify"]).exits(0);
}

#[test]
fn of_a_journal_that_was_cut_no_page_shows_what_comes_later() {
    let mut served = Served::example();
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").is_some());
    served.settled();
    signal(&served.child, Signal::KILL);
    served.child.wait().expect("it ends");
    std::thread::sleep(Duration::from_millis(5));
    let keep = Keep { runs: Some(Duration::from_millis(1)), left: 3, ..Keep::default() };
    let now = jiff::Timestamp::now().as_millisecond();
    alone(&served.lab.at("state"), &keep, now, false).expect("pruned");
    served.restart(&[]);
    let name = served.name();
    let numbers = |path: &str| -> Vec<u64> {
        let page = served.get("viv", &format!("/p/{name}/{path}")).is(200).body;
        page.split("title=\"event ").skip(1).filter_map(|p| p.split('"').next()?.parse().ok()).collect()
    };
    let all = numbers("history");
    let (newest, oldest) = (*all.first().expect("an event"), *all.last().expect("an event"));
    assert!(oldest > 1 && newest >= oldest + 2, "something was cut off and something is left: {all:?}");
    for before in 2..=newest + 1 {
        let wanted: Vec<u64> = (oldest..before).rev().collect();
        assert_eq!(numbers(&format!("history?before={before}")), wanted, "before {before}");
    }
    let told = served.get("viv", &format!("/api/v1/pipelines/{name}/history?number=10000")).is(200).body;
    assert_eq!(told.lines().count(), all.len());
    served.get("viv", &format!("/api/v1/pipelines/{name}/log?step=nothing")).is(404);
}

#[test]
fn killed_at_any_moment_the_state_is_whole() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["apply"]).exits(3);
    lab.run(&["state", "backup", "first.tar.gz"]).exits(0);
    lab.edit("app/Dockerfile", "good morning", "good evening");
    lab.run(&["apply"]).exits(3);
    lab.run(&["state", "backup", "second.tar.gz"]).exits(0);
    let number = || lab.run(&["state", "verify", "--json"]).exits(0).json()["journals"][0]["number"].as_u64();
    lab.run(&["state", "restore", "first.tar.gz", "--force"]).exits(0);
    let first = number();
    lab.run(&["state", "restore", "second.tar.gz"]).exits(0);
    let second = number();
    assert!(first < second);
    let killed = |args: &[&str], after: u64| {
        let mut child = lab.command(args).stdout(std::process::Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(Duration::from_millis(after));
        signal(&child, Signal::KILL);
        child.wait().expect("it ends");
    };
    for (turn, after) in [0, 3, 6, 10, 15, 22, 30, 45].into_iter().enumerate() {
        let copy = if turn % 2 == 0 { "first.tar.gz" } else { "second.tar.gz" };
        killed(&["state", "restore", copy, "--force"], after);
        let now = number();
        assert!(now == first || now == second, "{now:?}");
        killed(&["state", "backup", "third.tar.gz", "--force"], after);
        if lab.has("third.tar.gz") {
            let other = Lab::with(&[("lockgate.kdl", "")]);
            std::fs::copy(lab.at("third.tar.gz"), other.at("copy.tar.gz")).expect("copied");
            other.run(&["state", "restore", "copy.tar.gz"]).exits(0);
        }
        killed(&["state", "prune", "--runs", "1s", "--logs", "1s"], after);
        assert_eq!(number(), now);
    }
}
