//! A day by itself: changes come, gates hold, people say yes, and what is cut off goes on.

use super::{CONFIG, Served};
use crate::lab::{Lab, signal, wait_for};
use lockgate::adapters::sqlite::Sqlite;
use lockgate::engine::Book;
use lockgate::plan::memory::Hold;
use lockgate::run::Event;
use rustix::process::Signal;
use serde_json::json;

#[test]
fn a_change_goes_to_dev_and_waits_for_people_before_it_goes_on() {
    let served = Served::example();
    served.waits_at("staging");
    let first = served.has("dev").expect("dev has it");
    served.lab.write("app/new", "something new\n");
    wait_for("the change in dev", || served.has("dev").is_some_and(|has| has != first));
    let second = served.has("dev");
    served.settled();
    assert_eq!(served.has("staging"), None, "nobody has said yes");
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging") == second);
    served.waits_at("prod");
    served.approve("sam", "prod").is(200).says("approved");
    served.settled();
    assert_eq!(served.has("prod"), None, "one of two");
    served.approve("sue", "prod").is(200);
    wait_for("prod", || served.has("prod") == second);
    // Nothing was done twice, and each run has its end.
    served.settled();
    assert_eq!(served.events("run-started").len(), served.events("run-finished").len());
}

#[test]
fn what_is_killed_goes_on_and_forgets_nobody() {
    let mut served = Served::example();
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    // The yes was answered, so it is on the disk.
    served.restart(&[]);
    wait_for("staging", || served.has("staging").is_some());
    served.waits_at("prod");
    served.approve("sam", "prod").is(200);
    served.restart(&[]);
    served.approve("sam", "prod").is(409).says("already");
    served.approve("sue", "prod").is(200);
    served.restart(&[]);
    wait_for("prod", || served.has("prod").is_some());
    let deployed = served.events("deployed-there");
    assert_eq!(deployed.len(), 3, "one deploy an environment: {deployed:#?}");
}

#[test]
fn it_stops_when_it_is_told_to_and_nobody_else_may_write_meanwhile() {
    let mut served = Served::example();
    let second = served.lab.run(&["serve", "--listen", "127.0.0.1:0", "--config", "server.kdl", "--state", "state"]);
    second.exits(1).says(&["another lockgate"]);
    // Who comes to the state is told where to go.
    let address = format!("http://{}", served.address);
    served.lab.run(&["apply", "--state", "state"]).exits(1).says(&["another lockgate", "--server", &address]);
    served.lab.run(&["status", "--state", "state"]).exits(0).says(&["dev"]);
    signal(&served.child, Signal::TERM);
    let ended = served.child.wait().expect("it ends");
    assert!(ended.success(), "{ended}");
    served.lab.run(&["plan", "--state", "state"]).exits(2);
}

#[test]
fn without_a_configuration_it_serves_this_machine_only() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.run(&["serve", "--listen", "0.0.0.0:0"]).exits(1).says(&["can be reached by others", "--config"]);
    lab.run(&["serve", "--config", "nowhere.kdl"]).exits(1).says(&["nowhere.kdl"]);
    lab.write("bad.kdl", "users ann\n");
    lab.run(&["serve", "--config", "bad.kdl"]).exits(1).says(&["`users` cannot stand", "user"]);
}

#[test]
fn a_name_is_looked_for_in_a_bounded_part_of_a_long_history() {
    let lab = Lab::copy_of("examples/01-first-light");
    let journal = Sqlite::open_for_writing(&lab.at("state")).expect("a journal");
    let mut book = Book::open(Box::new(journal)).expect("a book");
    let word = Hold { by: "ann".into(), reason: "x".into(), at: 1 };
    book.say(1, 0, vec![Event::HoldSet { environment: "long-gone".into(), word }]).expect("written");
    for _ in 0..51 {
        let one = || Event::Refused { call: "x".into(), by: "ann".into(), reason: "y".into() };
        book.say(2, 0, std::iter::repeat_with(one).take(1000).collect()).expect("written");
    }
    drop(book);
    let served = Served::of(lab, CONFIG, &[]);
    served.waits_at("staging");
    let ask = |query: &str| {
        let answer = served.get("viv", &format!("/api/v1/pipelines/{}/history?{query}", served.name())).is(200);
        let older = answer.head.lines().find_map(|l| l.to_lowercase().strip_prefix("lockgate-older: ")?.parse().ok());
        (answer.body, older)
    };
    let (body, older) = ask("name=long-gone");
    let older: u64 = older.expect("it says where it stopped");
    assert!(body.is_empty() && older > 1_000, "{older}: {body}");
    assert!(
        ask("name=long-gone&format=text")
            .0
            .contains(&format!("before event {older} was not looked through; `--before {older}` goes on"))
    );
    let (body, end) = ask(&format!("name=long-gone&before={older}"));
    assert!(body.contains("long-gone") && body.lines().count() == 1 && end.is_none(), "{end:?}: {body}");
    let (body, end) = ask("name=staging&number=1");
    assert!(body.lines().count() == 1 && end.is_none(), "{end:?}: {body}");
    let (body, end) = ask("before=3&number=5");
    assert!(body.lines().count() == 2 && end.is_none(), "{end:?}: {body}");
}

#[test]
fn a_faulty_file_does_not_count_and_the_one_before_goes_on() {
    let served = Served::example();
    let good = served.lab.read("lockgate.kdl");
    served.lab.write("lockgate.kdl", &good.replace("deploy mi", "deploy nothing-of-that-name"));
    let fault = || served.get("viv", "/api/v1/pipelines").json()["pipelines"][0]["file_fault"].clone();
    wait_for("the fault to be told", || fault().is_string());
    let before = served.has("dev");
    served.lab.write("app/new", "new\n");
    wait_for("the change in dev all the same", || served.has("dev") != before);
    served.lab.write("lockgate.kdl", &good);
    wait_for("the fault to be gone", || fault().is_null());
}

#[test]
fn apply_hastens_and_says_why_nothing_is_done() {
    let served = Served::example();
    served.waits_at("staging");
    served.say("dev", "apply", json!({})).is(200).says("waits at the gate of staging");
    served.say("dev", "apply", json!({"rerun": ["image"]})).is(200).says("\"run\":");
    served.say("dev", "apply", json!({"rerun": ["imagee"]})).is(422).says("did you mean `image`");
    served.settled();
    served.say("dev", "hold", json!({"environment": "dev", "reason": "freeze"})).is(200);
    served.say("dev", "hold", json!({"environment": "dev"})).is(422).says("say why");
    let before = served.has("dev");
    served.lab.edit("app/Dockerfile", "good morning", "good evening");
    // What is asked for while a file changes is refused, as it would be by hand, and asked for again.
    wait_for("it to be done", || served.say("dev", "apply", json!({})).status == 200);
    served.settled();
    assert_eq!(served.has("dev"), before, "it is held");
    served.say("dev", "release", json!({"environment": "dev"})).is(200);
    wait_for("dev", || served.has("dev") != before);
}

#[test]
fn an_edit_that_makes_a_gate_weaker_waits_for_those_whom_it_asks() {
    let mut served = Served::example();
    served.waits_at("staging");
    let good = served.lab.read("lockgate.kdl");
    served.lab.write("lockgate.kdl", &good.replace("approve 2 from=sre", "approve 1 from=developers"));
    let edit = |served: &Served| served.get("viv", "/api/v1/pipelines/first-light/edit");
    wait_for("the edit to wait", || edit(&served).status == 200);
    let file = edit(&served).says("2 approvals from sre are not asked any more").json()["file"].clone();
    // A restart does not take it in either.
    served.restart(&[]);
    assert_eq!(edit(&served).is(200).json()["file"], file);
    served.lab.run(&["status", "--state", "state"]).exits(0);
    let yes = |served: &Served, who: &str| served.say(who, "edit/approve", json!({"file": file}));
    yes(&served, "rita").is(409).says("not of sre");
    yes(&served, "sam").is(200);
    yes(&served, "sam").is(409).says("already");
    assert_eq!(edit(&served).is(200).json()["file"], file, "one of two");
    let before = served.events("candidate-formed").len();
    yes(&served, "sue").is(200);
    wait_for("the edit to count", || edit(&served).status == 404);
    wait_for("a candidate of the new file", || served.events("candidate-formed").len() > before);
    // The other way it is stricter, and nobody is asked.
    served
        .lab
        .write("lockgate.kdl", &good.replace("approve 2 from=sre", "approve 1 from=developers; approve 2 from=sre"));
    wait_for("a stricter one to count", || served.events("candidate-formed").len() > before + 1);
    assert_eq!(edit(&served).status, 404);
}

#[test]
fn a_pipeline_file_is_taken_from_its_repository() {
    let lab = Lab::copy_of("examples/01-first-light");
    lab.commit(".", "one");
    let origin = Lab::with(&[]);
    let url = format!("file://{}", origin.at("repository").display());
    origin.git(".", &["clone", "-q", &lab.path().display().to_string(), "repository"]);
    let config = format!("{}\npipeline \"lockgate.kdl\" git=\"{url}\" branch=main poll=\"1s\"\n", super::CONFIG);
    let served = Served::of_repository(&origin, &config);
    served.waits_at("staging");
    let before = served.has("dev");
    origin.edit("repository/app/Dockerfile", "good morning", "good evening");
    origin.commit("repository", "two");
    wait_for("the change in dev", || served.has("dev") != before);
}

#[test]
fn the_command_line_speaks_with_it_from_elsewhere() {
    let served = Served::example();
    served.waits_at("staging");
    let elsewhere = Lab::with(&[]);
    let url = format!("http://{}", served.address);
    let run = |who: &str, args: &[&str]| {
        let mut command = elsewhere.command(args);
        command.env("LOCKGATE_SERVER", &url).env("LOCKGATE_TOKEN", &served.tokens[who]);
        crate::lab::Ran::new(args, command.output().expect("it starts"))
    };
    run("viv", &["status"]).exits(0).says(&["dev", "staging", "waits for 1 approval"]);
    assert_eq!(run("viv", &["status", "--json"]).exits(0).json()["pipeline"], "first-light");
    run("viv", &["plan"]).exits(2).says(&["staging"]);
    run("viv", &["why", "prod"]).exits(0).says(&["staging does not have it yet"]);
    run("viv", &["approve", "staging"]).exits(1).says(&["not of release-managers"]);
    run("rita", &["approve", "staging", "--reason", "CHG-1"]).exits(0).says(&["approved"]);
    wait_for("staging", || served.has("staging").is_some());
    run("viv", &["history", "-n", "50"]).exits(0).says(&["approved", "CHG-1"]);
    run("viv", &["log", "test.image"]).exits(0);
    run("viv", &["hold", "prod", "--reason", "x"]).exits(1).says(&["nothing that you may see"]);
    run("dev", &["hold", "prod", "--reason", "freeze"]).exits(0).says(&["held"]);
    run("dev", &["release", "prod"]).exits(0);
    served.settled();
    run("dev", &["apply"]).exits(0).says(&["No run", "waits at the gate of prod"]);
    run("dev", &["apply", "--rerun", "image"]).exits(3).says(&["waits at a gate"]);
    run("sam", &["reject", "prod", "--reason", "not now"]).exits(0);
    run("dev", &["rollback", "staging", "--reason", "x"]).exits(1).says(&["no other candidate"]);
    let mut nobody = elsewhere.command(&["status", "--server", &url]);
    let ran = crate::lab::Ran::new(&["status"], nobody.env("HOME", elsewhere.path()).output().expect("it starts"));
    ran.exits(1).says(&["say who you are", "lockgate login"]);
    elsewhere.run(&["status", "--server", "http://127.0.0.1:1"]).exits(1).says(&["127.0.0.1:1"]);
    served.get("viv", "/badge/first-light/dev.svg").is(200).says("<svg");
    served.get("viv", "/feed/first-light").is(200).says("<feed");
}

#[test]
fn a_pipeline_file_that_is_reached_by_links_is_taken_in_when_they_change() {
    use std::os::unix::fs::symlink;
    let lab = Lab::copy_of("examples/01-first-light");
    // As the volume of a ConfigMap is laid out: what counts changes by moving one link.
    let text = lab.read("lockgate.kdl");
    let note = |number: u32| format!("{text}// number {number}\n");
    let point = |lab: &Lab, number: u32| {
        lab.write(&format!("..{number}/lockgate.kdl"), &note(number));
        symlink(format!("..{number}"), lab.at("..new")).expect("a link");
        std::fs::rename(lab.at("..new"), lab.at("..data")).expect("moved");
    };
    point(&lab, 1);
    std::fs::create_dir(lab.at("away")).expect("a folder");
    lab.remove("lockgate.kdl");
    symlink("..data/lockgate.kdl", lab.at("lockgate.kdl")).expect("a link");
    let served = Served::of(lab, CONFIG, &[]);
    let lab = &served.lab;
    let shows = |text: &str| served.get("viv", &format!("/p/{}/file", served.name())).is(200).body.contains(text);
    assert!(shows("// number 1"));
    point(lab, 2);
    wait_for("the file that is pointed to", || shows("// number 2"));
    lab.write("..2/lockgate.kdl", &note(3));
    wait_for("what is written where the links lead", || shows("// number 3"));
    // Written by another name, which no watch tells of: it is read again now and then.
    std::fs::hard_link(lab.at("..2/lockgate.kdl"), lab.at("away/other")).expect("a second name");
    lab.write("away/other", &note(4));
    wait_for("what nobody tells of", || shows("// number 4"));
}
