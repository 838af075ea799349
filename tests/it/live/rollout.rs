//! Waiting for what was applied, and hooks.

use super::is_live;
use super::kube::{Namespace, context};
use lockgate::adapters::kube::hooks::Hooks;
use lockgate::adapters::kube::rollout::{Within, wait};
use lockgate::digest::Digest;
use lockgate::ports::bundle::{Hook, Object};
use lockgate::ports::{Fault, PortError};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A runnable image of the test registry: a shell and the usual programs.
fn image() -> String {
    super::busybox()
}

/// A Deployment of one pod that runs that line of a shell.
fn deployment(name: &str, line: &str) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name}}, "spec": {"terminationGracePeriodSeconds": 0,
            "containers": [{"name": "app", "image": image(), "command": ["sh", "-c", line]}]}}}})
}

/// What came of waiting, and what was said.
struct Waited {
    result: Result<(), PortError>,
    said: String,
    took: Duration,
}

/// Applies an object and waits for it.
fn rolled(namespace: &Namespace, body: &Value, timeout: Duration, stop: &AtomicBool) -> Waited {
    namespace.apply(body);
    let cluster = namespace.clusters.cluster(&context()).expect("a cluster");
    let text = |at: &str| body.pointer(at).and_then(Value::as_str).unwrap_or_default();
    let said = Mutex::new(String::new());
    let begin = Instant::now();
    let say = |line: &str| said.lock().expect("said").push_str(&format!("{line}\n"));
    let result = namespace.clusters.wait(async {
        let at =
            cluster.needed_kind(text("/apiVersion"), text("/kind")).await?.at(&namespace.name, text("/metadata/name"));
        let within = Within { deadline: Instant::now() + timeout, stop: &|| stop.load(Ordering::Relaxed), say: &say };
        wait(&cluster, &[at], within).await
    });
    let took = begin.elapsed();
    let said = said.into_inner().expect("said");
    eprintln!("--- {} after {took:?}: {result:?}\n{said}", text("/metadata/name"));
    Waited { result, said, took }
}

fn waited(namespace: &Namespace, body: &Value) -> Waited {
    rolled(namespace, body, Duration::from_secs(120), &AtomicBool::new(false))
}

fn failed(waited: &Waited) -> &str {
    let error = waited.result.as_ref().expect_err("it cannot succeed");
    assert_eq!(error.fault, Fault::Invalid, "{error}");
    &error.message
}

#[test]
fn a_deployment_that_works_is_seen_at_once() {
    if !is_live("a_deployment_that_works_is_seen_at_once") {
        return;
    }
    let namespace = Namespace::new("rollout-good");
    let good = waited(&namespace, &deployment("web", "sleep 600"));
    good.result.expect("healthy");
    assert!(good.said.contains("Deployment/web: healthy"), "{}", good.said);
    let again = waited(&namespace, &deployment("web", "sleep 600"));
    assert!(again.result.is_ok() && again.said.is_empty() && again.took < Duration::from_secs(2), "{}", again.said);
    let mut none = deployment("none", "exit 1");
    none["spec"]["replicas"] = json!(0);
    waited(&namespace, &none).result.expect("no pods are wanted");
    let mut paused = deployment("paused", "exit 1");
    paused["spec"]["paused"] = json!(true);
    let paused = waited(&namespace, &paused);
    assert!(paused.result.is_ok() && paused.said.contains("it is paused"), "{}", paused.said);
}

#[test]
fn a_crash_loop_ends_the_wait_with_the_pods_log() {
    if !is_live("a_crash_loop_ends_the_wait_with_the_pods_log") {
        return;
    }
    let namespace = Namespace::new("rollout-crash");
    waited(&namespace, &deployment("web", "sleep 600")).result.expect("the version before works");
    let crash = waited(&namespace, &deployment("web", "echo starting; echo no database; exit 3"));
    let words = failed(&crash);
    assert!(words.contains("CrashLoopBackOff: exit code 3, restarted 2 times"), "{words}");
    assert!(words.ends_with("it last said: no database"), "{words}");
    assert!(crash.said.contains("| starting"), "{}", crash.said);
    assert!(crash.took < Duration::from_secs(60), "{:?}", crash.took);
}

#[test]
fn an_image_that_is_not_there_ends_the_wait() {
    if !is_live("an_image_that_is_not_there_ends_the_wait") {
        return;
    }
    let namespace = Namespace::new("rollout-image");
    let mut missing = deployment("web", "true");
    missing["spec"]["template"]["spec"]["containers"][0]["image"] = json!("127.0.0.1:5000/rollout-no-such-image:1");
    let missing = waited(&namespace, &missing);
    let words = failed(&missing);
    assert!(words.contains("ImagePullBackOff") && words.contains("manifest unknown"), "{words}");
}

#[test]
fn out_of_memory_is_told_with_the_limit() {
    if !is_live("out_of_memory_is_told_with_the_limit") {
        return;
    }
    let namespace = Namespace::new("rollout-oom");
    let mut greedy = deployment("web", "x=1234567890; while true; do x=$x$x; done");
    greedy["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "16Mi"}});
    // For a moment it does run, which is not enough.
    greedy["spec"]["minReadySeconds"] = json!(30);
    waited(&namespace, &deployment("web", "sleep 600")).result.expect("the version before works");
    let greedy = waited(&namespace, &greedy);
    let words = failed(&greedy);
    // Where the machine has no memory cgroup for containers, the shell dies of its own.
    assert!(words.contains("OOMKilled (limit 16Mi)") || words.contains("exit code"), "{words}");
}

#[test]
fn what_is_not_ready_in_time_is_told_with_its_probe() {
    if !is_live("what_is_not_ready_in_time_is_told_with_its_probe") {
        return;
    }
    let namespace = Namespace::new("rollout-ready");
    let mut unready = deployment("web", "sleep 600");
    unready["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({"exec": {"command": ["sh", "-c", "echo not yet; exit 1"]}, "periodSeconds": 1});
    let late = rolled(&namespace, &unready, Duration::from_secs(12), &AtomicBool::new(false));
    let error = late.result.expect_err("never ready");
    assert_eq!(error.fault, Fault::Limit);
    assert!(error.message.contains("Deployment/web is not healthy: 0 of 1 pods are available"), "{error}");
    assert!(error.message.contains("readiness probe failed"), "{error}");
}

#[test]
fn what_no_node_can_take_is_told_and_stopped_when_asked() {
    if !is_live("what_no_node_can_take_is_told_and_stopped_when_asked") {
        return;
    }
    let namespace = Namespace::new("rollout-large");
    let mut large = deployment("web", "sleep 600");
    large["spec"]["template"]["spec"]["containers"][0]["resources"] = json!({"requests": {"memory": "9000Gi"}});
    let stop = AtomicBool::new(false);
    let large = std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_secs(5));
            stop.store(true, Ordering::Relaxed);
        });
        rolled(&namespace, &large, Duration::from_secs(60), &stop)
    });
    assert_eq!(large.result.expect_err("stopped").fault, Fault::Cancelled);
    assert!(large.took < Duration::from_secs(15), "{:?}", large.took);
    assert!(large.said.contains("unschedulable: 0/1 nodes are available"), "{}", large.said);
}

/// A hook that runs a line of a shell as a Job.
fn hook(name: &str, weight: i64, line: &str, delete: &[&str]) -> Hook {
    let body = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {"backoffLimit": 0,
        "template": {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0,
            "containers": [{"name": "hook", "image": image(), "command": ["sh", "-c", line]}]}}}});
    let object = Object {
        api_version: "batch/v1".into(),
        kind: "Job".into(),
        namespace: None,
        name: name.into(),
        template: "app/templates/hook.yaml".into(),
        text: String::new(),
        body,
    };
    let delete = delete.iter().map(|d| d.to_string()).collect();
    Hook { object, events: vec!["pre-install".into()], weight, delete }
}

fn hooked(namespace: &Namespace, hooks: &[Hook], key: &str) -> (Result<(), PortError>, String) {
    let cluster = namespace.clusters.cluster(&context()).expect("a cluster");
    let said = Mutex::new(String::new());
    let say = |line: &str| said.lock().expect("said").push_str(&format!("{line}\n"));
    let within = Within { deadline: Instant::now() + Duration::from_secs(120), stop: &|| false, say: &say };
    let hooks = Hooks { all: hooks, namespace: &namespace.name, key: Digest::of(key) };
    let result = namespace.clusters.wait(hooks.run(&cluster, "pre-install", within));
    let said = said.into_inner().expect("said");
    eprintln!("--- {result:?}\n{said}");
    (result, said)
}

#[test]
fn hooks_run_in_order_and_once() {
    if !is_live("hooks_run_in_order_and_once") {
        return;
    }
    let namespace = Namespace::new("rollout-hooks");
    let hooks = [hook("second", 1, "echo two", &[]), hook("first", -1, "echo one", &["hook-succeeded"])];
    let (result, said) = hooked(&namespace, &hooks, "1");
    result.expect("both end well");
    assert!(said.find("| one").expect("one") < said.find("| two").expect("two"), "{said}");
    assert!(namespace.get("batch/v1", "Job", "first").is_none_or(|j| j["metadata"].get("deletionTimestamp").is_some()));
    let uid = |n: &Namespace| n.get("batch/v1", "Job", "second").expect("stays")["metadata"]["uid"].clone();
    let before = uid(&namespace);
    let (result, said) = hooked(&namespace, &hooks[..1], "1");
    result.expect("done");
    assert!(said.contains("taken over") && uid(&namespace) == before, "after a crash it is not run again: {said}");
    hooked(&namespace, &hooks[..1], "2").0.expect("runs again for the next deploy");
    assert_ne!(uid(&namespace), before);
}

#[test]
fn a_hook_that_fails_is_told_with_its_log() {
    if !is_live("a_hook_that_fails_is_told_with_its_log") {
        return;
    }
    let namespace = Namespace::new("rollout-badhook");
    let bad = hook("bad", 0, "echo migrating; echo table is locked; exit 4", &["hook-failed"]);
    let (result, said) = hooked(&namespace, &[bad, hook("never", 1, "true", &[])], "1");
    let error = result.expect_err("it fails");
    assert!(error.message.starts_with("the pre-install hook Job/bad failed: BackoffLimitExceeded"), "{error}");
    assert!(
        error.message.contains("exit code 4") && error.message.ends_with("it last said: table is locked"),
        "{error}"
    );
    assert!(said.contains("| migrating"), "{said}");
    assert!(namespace.get("batch/v1", "Job", "never").is_none(), "what comes after it is not run");
    let mut missing = hook("missing", 0, "true", &[]);
    missing.object.body["spec"]["template"]["spec"]["containers"][0]["image"] =
        json!("127.0.0.1:5000/rollout-no-such-image:1");
    let error = hooked(&namespace, &[missing], "2").0.expect_err("no image");
    assert!(error.message.contains("manifest unknown"), "{error}");
}
