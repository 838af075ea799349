//! Several runs of one pipeline at once: a newer candidate comes while an older one is still rolled out.

use super::{CONFIG, Served};
use crate::lab::{Lab, wait_for};
use serde_json::{Value, json};

/// A pipeline in which nobody is asked, and whose last environment takes until a file is there.
const PIPELINE: &str = r#"lockgate 1
pipeline shop {
    source app { folder "app" }
    source chart { helm "./chart" }
    release web { chart chart; values app "values.yaml" }
    environment dev { folder "./out/dev"; deploy web; verify { shell "true" } }
    environment staging after=dev {
        gate none
        folder "./out/staging"
        deploy web
        verify { shell "until test -e '@/go'; do sleep 0.05; done" }
    }
}
"#;

/// The files of that pipeline, in a folder of a laboratory.
fn write_shop(lab: &Lab, folder: &str) -> String {
    let at = |path: &str| if folder.is_empty() { path.to_string() } else { format!("{folder}/{path}") };
    lab.write(&at("app/values.yaml"), "replicas: 1\n");
    lab.write(&at("chart/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  r: {{ .Values.replicas | quote }}\n";
    lab.write(&at("chart/templates/map.yaml"), map);
    lab.write(&at("chart/values.yaml"), "replicas: 0\n");
    PIPELINE.replace('@', &lab.path().display().to_string())
}

fn served() -> Served {
    let lab = Lab::copy_of("examples/01-first-light");
    let good = lab.read("lockgate.kdl");
    let go = lab.at("go").display().to_string();
    // Staging is slow: its verification waits for somebody.
    lab.write("config/tests/slow.sh", &format!("#!/bin/sh\nuntil test -e '{go}'; do sleep 0.05; done\n"));
    let slow = "folder \"./out/staging\"\n        deploy mi\n        verify config \"tests/slow.sh\"";
    let text =
        good.replace("folder \"./out/staging\"\n        deploy mi\n        verify config \"tests/test.sh\"", slow);
    assert_ne!(good, text, "the example has a staging");
    lab.write("lockgate.kdl", &text);
    Served::of(lab, CONFIG, &[])
}

/// The numbers of the runs that have not come to their end.
fn going(served: &Served) -> Vec<u64> {
    let of = |name: &str| -> Vec<u64> { served.events(name).iter().filter_map(|e| e["run"].as_u64()).collect() };
    let over = of("run-finished");
    of("run-started").into_iter().filter(|run| !over.contains(run)).collect()
}

#[test]
fn a_newer_candidate_comes_to_dev_while_an_older_one_is_rolled_out() {
    let served = served();
    served.waits_at("staging");
    let first = served.has("dev").expect("dev has it");
    served.approve("rita", "staging").is(200);
    wait_for("staging to be entered", || served.events("gate-passed").iter().any(|e| e["environment"] == "staging"));
    let older = going(&served);
    served.lab.edit("app/Dockerfile", "good morning", "good evening");
    wait_for("the newer one in dev", || served.has("dev").is_some_and(|has| has != first));
    assert_eq!(going(&served).first(), older.first(), "the older one is still at it");
    assert_eq!(served.has("staging"), None);
    // Both are on the board and in the status, and what is asked for meanwhile is answered.
    served.get("viv", "/p/first-light").is(200).says(&format!("Run {}", older[0]));
    let said = served.say("dev", "apply", json!({})).is(200).json();
    assert!(said["run"].is_u64() || said["reason"].is_string(), "{said}");
    served.get("viv", &format!("/p/first-light/runs/{}", older[0])).is(200).says("staging");
    served.lab.write("go", "");
    wait_for("the older one in staging", || served.has("staging").as_deref() == Some(&*first));
    // Then the newer one stands at the gate, and goes on its way.
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    wait_for("the newer one in staging", || served.has("staging") == served.has("dev"));
    served.settled();
    wait_for("each run to have its end", || going(&served).is_empty());
    let deploys: Vec<Value> = served.events("deployed-there");
    assert_eq!(deploys.len(), 4, "each once in each: {deploys:#?}");
}

#[test]
fn what_is_killed_while_two_runs_go_on_goes_on_with_both() {
    let mut served = served();
    served.waits_at("staging");
    let first = served.has("dev").expect("dev has it");
    served.approve("rita", "staging").is(200);
    wait_for("staging to be entered", || served.events("gate-passed").iter().any(|e| e["environment"] == "staging"));
    served.lab.edit("app/Dockerfile", "good morning", "good evening");
    wait_for("the newer one in dev", || served.has("dev").is_some_and(|has| has != first));
    served.restart_unsettled(&[]);
    served.lab.write("go", "");
    wait_for("the older one in staging", || served.has("staging").as_deref() == Some(&*first));
    served.waits_at("staging");
    served.settled();
    assert_eq!(going(&served).len(), 1, "the one that was killed has no end of its own");
    let pushed = served.events("step-finished").into_iter().filter(|e| e["step"].as_str() == Some("push.image"));
    assert_eq!(pushed.count(), 2, "one push for each candidate");
}

#[test]
fn where_nobody_is_asked_the_newer_one_waits_for_the_older_and_follows() {
    let lab = Lab::with(&[]);
    let text = write_shop(&lab, "");
    lab.write("lockgate.kdl", &text);
    lab.write("server.kdl", CONFIG);
    let served = Served::unsettled(lab, CONFIG);
    let entered =
        |environment: &str| served.events("gate-passed").iter().filter(|e| e["environment"] == environment).count();
    wait_for("staging to be entered", || entered("staging") == 1);
    let first = served.has("dev");
    for replicas in 2..4 {
        served.lab.write("app/values.yaml", &format!("replicas: {replicas}\n"));
        wait_for("the newer one in dev", || entered("dev") == replicas && going(&served).len() == 1);
    }
    assert_eq!(entered("staging"), 1, "one is in there");
    served.get("viv", "/api/v1/pipelines/shop/why/staging?format=text").is(200);
    served.lab.write("go", "");
    wait_for("the newest in staging", || served.has("staging") == served.has("dev"));
    served.settled();
    assert_ne!(served.has("staging"), first);
    // What was between them never entered: there was a newer one when it could have.
    assert_eq!((entered("dev"), entered("staging")), (3, 2));
}

#[test]
fn a_hold_keeps_the_other_run_out_and_a_rollback_waits_for_the_one_inside() {
    let served = served();
    served.lab.write("go", "");
    served.waits_at("staging");
    let first = served.has("dev").expect("dev has it");
    served.approve("rita", "staging").is(200);
    wait_for("staging", || served.has("staging").as_deref() == Some(&*first));
    served.lab.edit("app/Dockerfile", "good morning", "good evening");
    wait_for("dev", || served.has("dev").is_some_and(|has| has != first));
    served.waits_at("staging");
    let second = served.has("dev");
    std::fs::remove_file(served.lab.at("go")).expect("it was there");
    served.approve("rita", "staging").is(200);
    let entered = || served.events("gate-passed").iter().filter(|e| e["environment"] == "staging").count();
    wait_for("staging to be entered again", || entered() == 2);
    served.say("dev", "hold", json!({"environment": "dev", "reason": "freeze"})).is(200);
    served.lab.edit("app/Dockerfile", "good evening", "good night");
    wait_for("the change to be seen", || served.events("candidate-formed").len() == 3);
    served.say("dev", "rollback", json!({"environment": "staging", "candidate": first, "reason": "too slow"})).is(200);
    served.lab.write("go", "");
    served.settled();
    assert_eq!(served.has("dev"), second, "dev is held");
    // The way back stands at the gate, as everything does, and is let in.
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    wait_for("the way back", || served.has("staging").as_deref() == Some(&*first));
    served.settled();
    // Nobody deploys to staging while the run is inside: between two that enter, the first has come to its end.
    let of_staging = |name: &str| -> Vec<u64> {
        let there = served.events(name).into_iter().filter(|e| e["environment"] == "staging");
        there.filter_map(|e| e["number"].as_u64()).collect()
    };
    let (entered, ended) = (of_staging("gate-passed"), of_staging("has-candidate"));
    assert_eq!(entered.len(), 3, "twice, and the way back");
    for pair in entered.windows(2) {
        assert!(ended.iter().any(|end| pair[0] < *end && *end < pair[1]), "{entered:?} and {ended:?}");
    }
}

#[test]
fn a_faulty_file_at_the_start_stops_only_itself_and_is_taken_in_when_it_is_mended() {
    let lab = Lab::copy_of("examples/01-first-light");
    let other = write_shop(&lab, "other").replace("after=dev", "after=nowhere");
    lab.write("other/lockgate.kdl", &other);
    let config = format!("{CONFIG}\npipeline \"lockgate.kdl\"\npipeline \"other/lockgate.kdl\"\n");
    let served = Served::of(lab, &config, &[]);
    served.waits_at("staging");
    let all = served.get("viv", "/api/v1/pipelines").is(200).json();
    assert_eq!(all["pipelines"].as_array().map(Vec::len), Some(1));
    assert!(all["faulty"][0]["fault"].as_str().is_some_and(|f| f.contains("nowhere")), "{all}");
    served.get("viv", "/").is(200).says("not served").says("nowhere");
    served.lab.write("other/lockgate.kdl", &other.replace("after=nowhere", "after=dev"));
    wait_for("it to be taken in", || {
        served.get("viv", "/api/v1/pipelines").json()["pipelines"].as_array().is_some_and(|all| all.len() == 2)
    });
    let dev = || {
        let status = served.get("viv", "/api/v1/pipelines/shop/status").json();
        status["environments"][0]["candidate"].is_string()
    };
    wait_for("it to be in dev", dev);
    assert!(served.get("viv", "/api/v1/pipelines").json()["faulty"].is_null());
}

#[test]
fn what_was_served_goes_on_when_its_file_is_faulty_at_the_next_start() {
    let mut served = Served::example();
    served.waits_at("staging");
    let before = served.has("dev");
    let good = served.lab.read("lockgate.kdl");
    served.lab.write("lockgate.kdl", &good.replace("deploy mi", "deploy nothing-of-that-name"));
    served.restart(&[]);
    let fault = || served.get("viv", "/api/v1/pipelines").json()["pipelines"][0]["file_fault"].clone();
    assert!(fault().is_string(), "the fault is told");
    served.lab.write("app/new", "new\n");
    wait_for("the change in dev all the same", || served.has("dev") != before);
    served.lab.write("lockgate.kdl", &good);
    wait_for("the fault to be gone", || fault().is_null());
}

#[test]
fn of_a_file_that_is_mended_all_pipelines_are_taken_in_or_none() {
    let lab = Lab::copy_of("examples/01-first-light");
    let one = write_shop(&lab, "other");
    lab.write("other/lockgate.kdl", &one.replace("after=dev", "after=nowhere"));
    let config = format!("{CONFIG}\npipeline \"lockgate.kdl\"\npipeline \"other/lockgate.kdl\"\n");
    let served = Served::of(lab, &config, &[]);
    let all = || served.get("viv", "/api/v1/pipelines").json();
    // The second of two wants a secret that is not there.
    let two = one
        .replace("lockgate 1\npipeline shop {", "pipeline second {\n    secret hook { file \"hook\" }")
        .replace("folder \"app\" }", "folder \"app\"; trigger webhook=hook }");
    served.lab.write("other/lockgate.kdl", &format!("{one}{two}"));
    wait_for("what is missing to be told", || {
        all()["faulty"][0]["fault"].as_str().is_some_and(|fault| fault.contains("hook"))
    });
    assert_eq!(all()["pipelines"].as_array().map(Vec::len), Some(1), "{}", all());
    served.lab.write("other/hook", "a secret of some length");
    served.lab.write("other/lockgate.kdl", &format!("{one}\n{two}"));
    wait_for("both to be taken in", || all()["pipelines"].as_array().is_some_and(|all| all.len() == 3));
    assert!(all()["faulty"].is_null(), "{}", all());
}
