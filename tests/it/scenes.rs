//! The first pipeline of a newcomer, from its first minute on: every scene with the program itself, on a copy of the example.

use crate::lab::{Lab, Ran, signal, wait_for};
use rustix::process::Signal;
use std::process::{Child, Stdio};

fn example() -> Lab {
    Lab::copy_of("examples/01-first-light")
}

/// The example with the candidate in all environments.
fn delivered() -> Lab {
    let lab = example();
    lab.run(&["apply"]).exits(3);
    deliver_on(&lab);
    lab
}

/// Says yes at both gates.
fn deliver_on(lab: &Lab) {
    lab.run(&["approve", "staging", "--as", "rita"]).exits(0);
    lab.run(&["apply"]).exits(3);
    lab.run(&["approve", "prod", "--as", "sam"]).exits(0);
    lab.run(&["approve", "prod", "--as", "sue"]).exits(0);
    lab.run(&["apply"]).exits(0);
}

/// The command that a run tells to type, without the program's own name.
fn told(ran: &Ran, verb: &str) -> Vec<String> {
    let line =
        ran.out.lines().find_map(|l| l.split_once(&format!(" {verb} ")).map(|(_, rest)| format!("{verb} {rest}")));
    let line = line.unwrap_or_else(|| panic!("no command `{verb}` is told:\n{}", ran.out));
    line.split_whitespace().map(ToString::to_string).collect()
}

#[test]
fn scene_1_it_deploys_dev_and_stops_before_staging_telling_what_to_type() {
    let lab = example();
    let path = lab.path().display().to_string();
    let ran = lab.run(&["apply", &path]).exits(3).says(&["image", "dev", "staging", "release-managers"]);
    assert!(lab.read("out/dev/mi/deployment_apps_mi.yaml").contains("./out/registry@sha256:"));
    assert!(lab.read("out/dev/mi/configmap_mi.yaml").contains("good morning from dev"));
    assert!(!lab.has("out/staging"), "nothing is deployed behind a closed gate");
    assert_eq!(told(&ran, "approve")[..2], ["approve", "staging"]);
}

#[test]
fn scene_2_what_is_told_approves_and_prod_wants_two_people() {
    let lab = example();
    let ran = lab.run(&["apply"]).exits(3);
    let command = told(&ran, "approve");
    lab.run(&command.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
    lab.run(&["apply"]).exits(3).says(&["prod", "2 approvals from sre"]);
    assert!(lab.has("out/staging/mi/deployment_apps_mi.yaml"));
    assert!(!lab.has("out/prod"));
    lab.run(&["approve", "prod", "--as", "sam"]).exits(0).says(&["1 approval from sre"]);
    lab.run(&["approve", "prod", "--as", "sam"]).exits(1).says(&["LG0803", "counts once"]);
    lab.run(&["apply"]).exits(3).says(&["1 more approval from sre"]);
    lab.run(&["approve", "prod", "--as", "sue"]).exits(0);
    lab.run(&["apply"]).exits(0);
    assert!(lab.has("out/prod/mi/deployment_apps_mi.yaml"));
    lab.run(&["plan"]).exits(0);
    lab.run(&["apply"]).exits(0);
}

#[test]
fn scene_3_a_change_of_values_for_staging_is_one_field_there_and_nothing_in_dev() {
    let lab = delivered();
    lab.edit("config/values-staging.yaml", "replicas: 1", "replicas: 2");
    let plan = lab.run(&["plan", "--json"]).exits(2).json();
    let of = |name: &str| {
        let all = plan["environments"].as_array().expect("environments");
        all.iter().find(|e| e["name"] == name).unwrap_or_else(|| panic!("{name} is not in {plan:#}")).clone()
    };
    assert_eq!(of("dev")["changes"].as_array().map(Vec::len), Some(0), "{:#}", of("dev"));
    assert_eq!(of("prod")["changes"].as_array().map(Vec::len), Some(0), "{:#}", of("prod"));
    assert_eq!(of("staging")["changes"].as_array().map(Vec::len), Some(1), "{:#}", of("staging"));
    lab.run(&["plan"]).exits(2).says(&["spec.replicas", "1 → 2"]).says_nothing_of(&["good morning"]);
    lab.run(&["apply"]).exits(3);
    assert!(lab.read("out/staging/mi/deployment_apps_mi.yaml").contains("replicas: 1"), "the gate is closed");
}

#[test]
fn scene_3_the_digest_of_a_changed_artifact_is_told_before_it_is_built_and_is_the_one_that_is_built() {
    let lab = delivered();
    lab.edit("app/services/greet.sh", "hello", "hello, world");
    let plan = lab.run(&["plan"]).exits(2);
    let digests: Vec<&str> =
        plan.out.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').filter(|w| w.starts_with("sha256:")).collect();
    lab.run(&["apply"]).exits(3);
    let deployment = lab.read("out/dev/mi/deployment_apps_mi.yaml");
    let built =
        deployment.split("@sha256:").nth(1).and_then(|rest| rest.get(..64)).expect("an image by digest").to_string();
    let foretold = digests.iter().any(|d| d.len() > 12 && format!("sha256:{built}").starts_with(d));
    assert!(foretold, "{built} is not in\n{}", plan.out);
}

#[test]
fn scene_4_a_saved_plan_is_done_exactly_or_refused_by_name() {
    let lab = delivered();
    let before = lab.read("config/values-dev.yaml");
    lab.edit("config/values-dev.yaml", "replicas: 1", "replicas: 2");
    lab.run(&["plan", "--out", "p"]).exits(2);
    let planned = lab.read("config/values-dev.yaml");

    lab.edit("config/values-dev.yaml", "replicas: 2", "replicas: 4");
    let out = lab.tree("out");
    lab.run(&["apply", "p"]).exits(1).says(&["config"]);
    assert_eq!(lab.tree("out"), out, "what is refused changes nothing");

    // Something else is deployed in between.
    lab.write("config/values-dev.yaml", &before.replace("from dev", "from the new dev"));
    lab.run(&["apply"]).exits(0);
    lab.write("config/values-dev.yaml", &planned);
    lab.run(&["apply", "p"]).exits(1).says(&["LG0802", "dev", "another candidate"]);

    // A plan that fits is done.
    lab.run(&["plan", "--out", "q"]).exits(2);
    lab.run(&["apply", "q"]).exits(0);
    assert!(lab.read("out/dev/mi/deployment_apps_mi.yaml").contains("replicas: 2"));
}

#[test]
fn scene_4_what_moved_and_came_back_is_as_it_was() {
    let lab = example();
    lab.run(&["plan", "--out", "p"]).exits(2);
    let before = lab.read("app/services/greet.sh");
    lab.write("app/services/greet.sh", "#!/bin/sh\necho other\n");
    lab.run(&["apply", "p"]).exits(1).says(&["app"]);
    assert!(!lab.has("out"));
    lab.write("app/services/greet.sh", &before);
    lab.run(&["apply", "p"]).exits(3);
    assert!(lab.has("out/dev/mi/deployment_apps_mi.yaml"));
}

#[test]
fn two_plans_of_one_state_are_the_same_bytes() {
    let lab = example();
    for _ in 0..2 {
        let (one, two) = (lab.run(&["plan", "--json"]), lab.run(&["plan", "--json"]));
        assert_eq!(one.out, two.out);
        let (one, two) = (lab.run(&["plan"]), lab.run(&["plan"]));
        assert_eq!(one.out, two.out);
        lab.run(&["apply"]).exits(3);
    }
}

#[test]
fn planning_changes_nothing() {
    let lab = example();
    let before = lab.tree("");
    lab.run(&["plan"]).exits(2);
    lab.run(&["check"]).exits(0);
    lab.run(&["status"]).exits(0);
    lab.run(&["history"]).exits(0);
    let mut after = lab.tree("");
    after.retain(|path, _| !path.starts_with(".lockgate/"));
    assert_eq!(after, before);
}

/// The example with a test of the image that says that it runs and waits until a file is there.
fn waiting() -> Lab {
    let lab = example();
    let wait = format!("#!/bin/sh\ntouch {0}/runs\nwhile ! [ -e {0}/go ]; do sleep 0.01; done\n", lab.path().display());
    lab.write("app/tests/unit.sh", &wait);
    lab
}

fn begin(lab: &Lab) -> Child {
    let mut command = lab.command(&["apply"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    wait_for("the test of the image", || lab.has("runs"));
    child
}

fn end(child: Child) -> Ran {
    Ran::new(&["apply"], child.wait_with_output().expect("it ends"))
}

#[test]
fn a_second_apply_on_one_state_is_refused_while_the_first_goes_on() {
    let lab = waiting();
    let first = begin(&lab);
    lab.run(&["apply"]).exits(1).says(&["LG0"]);
    lab.run(&["status"]).exits(0);
    lab.write("go", "");
    end(first).exits(3);
    lab.run(&["apply"]).exits(3);
}

#[test]
fn ctrl_c_once_lets_what_runs_come_to_its_end_and_the_next_apply_goes_on() {
    let lab = waiting();
    let first = begin(&lab);
    signal(&first, Signal::INT);
    wait_for("the request to stop in the journal", || lab.run(&["history"]).out.contains("asked to stop"));
    lab.write("go", "");
    end(first).exits(130);
    assert!(!lab.has("out"), "nothing new begins");
    lab.run(&["apply"]).exits(3);
    assert!(lab.has("out/dev/mi/deployment_apps_mi.yaml"));
    assert_eq!(times(&lab, "test.image", "succeeded"), 1, "what came to its end is not done again");
}

#[test]
fn ctrl_c_twice_stops_what_runs_and_the_next_apply_goes_on() {
    let lab = waiting();
    let first = begin(&lab);
    signal(&first, Signal::INT);
    wait_for("the request to stop in the journal", || lab.run(&["history"]).out.contains("asked to stop"));
    signal(&first, Signal::INT);
    end(first).exits(130);
    assert!(!lab.has("out"));
    lab.write("go", "");
    lab.run(&["apply"]).exits(3);
    assert!(lab.has("out/dev/mi/deployment_apps_mi.yaml"));
}

/// How often a step came to that end.
fn times(lab: &Lab, step: &str, is: &str) -> usize {
    let ran = lab.run(&["history", "--json"]).exits(0);
    let events = ran.out.lines().map(|l| serde_json::from_str::<serde_json::Value>(l).expect("a line of JSON"));
    events.filter(|e| e["event"] == "step-finished" && e["step"] == step && e["outcome"]["is"] == is).count()
}
