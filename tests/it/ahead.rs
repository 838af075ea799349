//! Short programs, of which more are written down as started than may run at once: what has begun of them, and what has not.

use crate::lab::{Lab, signal, wait_for};
use rustix::process::Signal;
use std::process::{Child, Stdio};

/// Short tasks, and then three that wait until a file is there. Each says that it began.
fn lab() -> Lab {
    let lab = Lab::with(&[("in/file", "one\n")]);
    let at = lab.path().display().to_string();
    let short = (0..4).map(|n| (format!("a{n}"), format!("echo a{n} >>{at}/ran")));
    let waits = |n| format!("echo w{n} >>{at}/ran; while ! [ -e {at}/go ]; do sleep 0.01; done");
    let waiting = (0..3).map(|n| (format!("w{n}"), waits(n)));
    let task = |(name, line): (String, String)| format!("    task {name} {{ in files; shell \"{line}\" }}\n");
    let tasks: String = short.chain(waiting).map(task).collect();
    lab.write(
        "lockgate.kdl",
        &format!("lockgate 1\npipeline p {{\n    source files {{ folder \"./in\" }}\n{tasks}}}\n"),
    );
    lab
}

/// Begins to apply, one program at a time: the first of those that wait runs, and the others are written down as well. That is
/// so where the programs before were short; on a machine that is busy it takes more than one attempt until they were.
fn begin(lab: &Lab) -> Child {
    for _ in 0..100 {
        let child = lab.command(&["apply", "-j", "1"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("the program starts");
        wait_for("the first that waits", || lab.has("ran") && lab.read("ran").contains("w0"));
        if events(lab, "step-started").len() == 7 {
            return child;
        }
        signal(&child, Signal::KILL);
        child.wait().expect("its end");
        // The program that waits is nobody's any more, and ends with its file.
        lab.write("go", "");
        ["ran", "go", ".lockgate"].iter().for_each(|path| lab.remove(path));
    }
    panic!("programs are never short here");
}

/// The steps of which the journal has such an event, in its order.
fn events(lab: &Lab, kind: &str) -> Vec<String> {
    let ran = lab.run(&["history", "--json"]);
    let events = ran.out.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    events.filter(|e| e["event"] == kind).map(|e| e["step"].as_str().unwrap_or_default().to_string()).collect()
}

fn ran(lab: &Lab) -> Vec<String> {
    lab.read("ran").lines().map(String::from).collect()
}

#[test]
fn after_a_kill_nobody_is_asked_about_a_program_that_never_began() {
    let lab = lab();
    let mut child = begin(&lab);
    signal(&child, Signal::KILL);
    child.wait().expect("its end");
    lab.write("go", "");
    lab.run(&["apply", "-j", "1"]).exits(3).says(&["task.w0"]);
    assert_eq!(events(&lab, "indeterminate"), ["task.w0"], "what has begun");
    assert_eq!(events(&lab, "interrupted"), ["task.w1", "task.w2"], "what has not");
    assert_eq!(ran(&lab), ["a0", "a1", "a2", "a3", "w0", "w1", "w2"], "once each");
}

#[test]
fn after_the_machine_started_anew_everything_that_was_written_down_may_have_begun() {
    let lab = lab();
    let mut child = begin(&lab);
    signal(&child, Signal::KILL);
    child.wait().expect("its end");
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("Linux");
    lab.edit(".lockgate/begun", boot.trim(), "00000000-0000-0000-0000-000000000000");
    lab.write("go", "");
    lab.run(&["apply", "-j", "1"]).exits(3).says(&["task.w0", "task.w1", "task.w2"]);
    assert_eq!(events(&lab, "indeterminate"), ["task.w0", "task.w1", "task.w2"]);
    assert_eq!(ran(&lab), ["a0", "a1", "a2", "a3", "w0"]);
}

#[test]
fn ctrl_c_takes_back_what_has_not_begun() {
    let lab = lab();
    let mut child = begin(&lab);
    signal(&child, Signal::INT);
    wait_for("what waits to be taken back", || events(&lab, "interrupted") == ["task.w1", "task.w2"]);
    lab.write("go", "");
    assert_eq!(child.wait().expect("its end").code(), Some(130));
    assert_eq!(ran(&lab), ["a0", "a1", "a2", "a3", "w0"], "nothing new begins");
    lab.run(&["apply", "-j", "1"]).exits(0);
    assert_eq!(ran(&lab), ["a0", "a1", "a2", "a3", "w0", "w1", "w2"]);
}
