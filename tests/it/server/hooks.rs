//! Webhooks: of each sender, signed and not, once and a thousand times; and what a deployer is sent.

use super::http::{Answer, send};
use super::{CONFIG, Served};
use crate::lab::{Lab, wait_for};
use base64::Engine as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

pub(super) const SECRET: &str = "a secret of some length";

const PIPELINE: &str = r#"
lockgate 1
allow open-self-approval reason="a test"
pipeline hooked {
    secret hook { env HOOK_SECRET }
    source app {
        git "./app" branch=main
        trigger webhook=hook
    }
    source chart { helm "./chart" }
    release web {
        chart chart
        set app="{app.short}"
    }
    environment dev {
        folder "./out/dev"
        deploy web
    }
}
"#;

pub(super) fn lab() -> Lab {
    let lab = Lab::with(&[
        ("lockgate.kdl", PIPELINE),
        ("app/file", "one\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/values.yaml", "app: none\nextra: none\n"),
        (
            "chart/templates/c.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  app: {{ .Values.app }}\n  extra: {{ .Values.extra }}\n",
        ),
    ]);
    lab.commit("app", "one");
    lab
}

pub(super) fn signature(body: &str, secret: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
}

fn github(served: &Served, delivery: &str, body: &str, secret: &str) -> Answer {
    let signed = format!("sha256={}", signature(body, secret));
    let headers = [("x-github-event", "push"), ("x-github-delivery", delivery), ("x-hub-signature-256", &signed)];
    send(&served.address, "POST", "/hooks/hooked/app", &headers, body.as_bytes())
}

fn outcome(served: &Served, delivery: &str) -> Option<String> {
    let all = served.get("viv", "/api/v1/pipelines/hooked/deliveries").json();
    let all = all["deliveries"].as_array()?.clone();
    let one = all.into_iter().find(|d| d["delivery"] == delivery)?;
    one["outcome"].as_str().map(str::to_string)
}

#[test]
fn a_signed_hint_hastens_a_look_and_nothing_else_does() {
    let served = Served::of(lab(), CONFIG, &[("HOOK_SECRET", SECRET)]);
    let first = served.has("dev").expect("the first look is a baseline");
    served.lab.write("app/file", "two\n");
    served.lab.commit("app", "two");
    served.settled();
    assert_eq!(served.has("dev").as_ref(), Some(&first), "nothing has said that it moved");
    let body = r#"{"ref":"refs/heads/main"}"#;
    // Wrong, missing, foreign; another pipeline and another source: the same words.
    let words = github(&served, "d1", body, "another secret").is(401).body;
    let plain = |path: &str, headers: &[(&str, &str)]| send(&served.address, "POST", path, headers, body.as_bytes());
    let signed = format!("sha256={}", signature(body, SECRET));
    for (path, headers) in [
        ("/hooks/hooked/app", vec![("x-github-event", "push")]),
        ("/hooks/hooked/app", vec![("x-github-event", "push"), ("x-hub-signature-256", "sha256=zz")]),
        ("/hooks/hooked/app", vec![("x-hub-signature", signed.as_str())]),
        ("/hooks/hooked/app", vec![("x-gitlab-event", "Push Hook"), ("x-gitlab-token", "another")]),
        ("/hooks/hooked/app?token=another", vec![]),
        ("/hooks/hooked/chart", vec![("x-github-event", "push"), ("x-hub-signature-256", signed.as_str())]),
        ("/hooks/hooked/nothing", vec![("x-github-event", "push"), ("x-hub-signature-256", signed.as_str())]),
        ("/hooks/nothing/app", vec![("x-github-event", "push"), ("x-hub-signature-256", signed.as_str())]),
    ] {
        assert_eq!(plain(path, &headers).is(401).body, words, "{path} {headers:?}");
    }
    assert!(
        served.get("viv", "/api/v1/pipelines/hooked/deliveries").json()["deliveries"]
            .as_array()
            .expect("a list")
            .is_empty()
    );
    github(&served, "d1", body, SECRET).is(202).says("\"known\":false");
    wait_for("the change in dev", || served.has("dev").is_some_and(|has| has != first));
    wait_for("what came of it", || outcome(&served, "d1").is_some());
    assert_eq!(outcome(&served, "d1").as_deref(), Some("run 2"));
    // Sent again, it is known; another one finds nothing new, and says so.
    github(&served, "d1", body, SECRET).is(200).says("\"known\":true");
    github(&served, "d2", body, SECRET).is(202);
    wait_for("what came of it", || outcome(&served, "d2").is_some());
    assert!(outcome(&served, "d2").is_some_and(|o| o.contains("nothing new")));
    assert_eq!(served.events("run-started").len(), 2);
}

#[test]
fn each_sender_is_understood() {
    let served = Served::of(lab(), CONFIG, &[("HOOK_SECRET", SECRET)]);
    let post = |path: &str, headers: &[(&str, &str)], body: &str| {
        send(&served.address, "POST", path, headers, body.as_bytes())
    };
    let body = "{}";
    let hex = signature(body, SECRET);
    let prefixed = format!("sha256={hex}");
    let bearer = format!("Bearer {SECRET}");
    let hook = "/hooks/hooked/app";
    let token = format!("{hook}?token={}", SECRET.replace(' ', "%20"));
    post(hook, &[("x-gitea-event", "push"), ("x-gitea-delivery", "1"), ("x-gitea-signature", &hex)], body)
        .is(202)
        .says("gitea");
    post(hook, &[("x-forgejo-event", "push"), ("x-forgejo-delivery", "2"), ("x-forgejo-signature", &hex)], body)
        .is(202)
        .says("gitea");
    post(hook, &[("x-gitlab-event", "Push Hook"), ("x-gitlab-event-uuid", "3"), ("x-gitlab-token", SECRET)], body)
        .is(202)
        .says("gitlab");
    post(hook, &[("x-event-key", "repo:push"), ("x-request-uuid", "4"), ("x-hub-signature", &prefixed)], body)
        .is(202)
        .says("bitbucket");
    let hub = r#"{"push_data":{"tag":"1.2"},"repository":{"repo_name":"a/b"}}"#;
    post(&token, &[], hub).is(202).says("docker-hub");
    let harbor = r#"{"type":"PUSH_ARTIFACT","occur_at":1,"event_data":{}}"#;
    post(hook, &[("authorization", SECRET)], harbor).is(202).says("harbor");
    let kind = "application/vnd.docker.distribution.events.v1+json";
    let events = r#"{"events":[{"id":"e1"}]}"#;
    post(hook, &[("content-type", kind), ("authorization", &bearer)], events).is(202).says("distribution");
    post(hook, &[("content-type", kind), ("authorization", &bearer)], events).is(200).says("\"known\":true");
    post(hook, &[("x-lockgate-signature", &prefixed)], body).is(202).says("generic");
    post(hook, &[("authorization", &bearer)], body).is(202).says("generic");
    // Bodies of every shape from those who have the secret.
    for body in ["", "{", "[[[[", "\u{0}", &"[".repeat(200_000)] {
        post(hook, &[("authorization", &bearer)], body).is(202);
    }
    post(hook, &[("authorization", &bearer)], &" ".repeat((1 << 20) + 1)).is(413);
}

#[test]
fn a_thousand_hints_for_one_commit_are_one_run() {
    let mut served = Served::of(lab(), CONFIG, &[("HOOK_SECRET", SECRET)]);
    served.lab.write("app/file", "two\n");
    served.lab.commit("app", "two");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let served = &served;
            scope.spawn(move || {
                for n in 0..125 {
                    github(served, &format!("{thread}-{n}"), "{}", SECRET).is(202);
                }
            });
        }
    });
    wait_for("the run", || served.events("run-started").len() == 2);
    wait_for("all of them to have an outcome", || {
        let all = served.get("viv", "/api/v1/pipelines/hooked/deliveries").json();
        all["deliveries"].as_array().expect("a list").iter().all(|d| d["outcome"].is_string())
    });
    served.settled();
    assert_eq!(served.events("run-started").len(), 2, "the first look, and the commit");
    // What was taken in and not looked at before a crash is looked at after it.
    served.restart(&[("HOOK_SECRET", SECRET)]);
    assert_eq!(served.events("run-started").len(), 2);
}

#[test]
fn an_empty_secret_is_refused_at_the_start() {
    let lab = lab();
    lab.write("server.kdl", CONFIG);
    let args = ["serve", "--listen", "127.0.0.1:0", "--config", "server.kdl"];
    for value in ["", " "] {
        let mut command = lab.command(&args);
        command.env("HOOK_SECRET", value.trim());
        let done = command.output().expect("it starts");
        assert_eq!(done.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&done.stderr).contains("HOOK_SECRET"), "{done:?}");
    }
    lab.run(&args).exits(1).says(&["HOOK_SECRET"]);
}

#[test]
fn what_a_deployer_is_sent_is_a_version() {
    let lab = lab();
    lab.write(
        "lockgate.kdl",
        &PIPELINE
            .replace("source app {\n        git \"./app\" branch=main", "source app {\n        webhook")
            .replace("set app", "values app \"values-{environment}.yaml\"\n        set app"),
    );
    let served = Served::of(lab, CONFIG, &[("HOOK_SECRET", SECRET)]);
    let artifact = |text: &str| {
        let reference = base64::engine::general_purpose::STANDARD.encode(text);
        json!({"type": "embedded/base64", "name": "values-dev.yaml", "reference": reference})
    };
    let send = |path: &str, body: serde_json::Value| {
        send(&served.address, "POST", path, &[("content-type", "application/json")], body.to_string().as_bytes())
    };
    let at = "/webhooks/webhook/app";
    let words = send(at, json!({"artifacts": [artifact("a: 1")]})).is(401).body;
    assert_eq!(send(at, json!({"secret": "another", "artifacts": []})).is(401).body, words);
    // Anchored: neither a part of the secret nor more than it is the secret, and no name but the source's own.
    assert_eq!(send(at, json!({"secret": SECRET[1..], "artifacts": []})).is(401).body, words);
    assert_eq!(send(at, json!({"secret": format!("{SECRET}x"), "artifacts": []})).is(401).body, words);
    assert_eq!(send("/webhooks/webhook/app-2", json!({"secret": SECRET, "artifacts": []})).is(401).body, words);
    assert_eq!(send("/webhooks/webhook/chart", json!({"secret": SECRET, "artifacts": []})).is(401).body, words);
    send(at, json!({"secret": SECRET, "artifacts": [{"type": "embedded/base64", "name": "../x", "reference": ""}]}))
        .is(422);
    assert_eq!(served.has("dev"), None);
    send(at, json!({"secret": SECRET, "artifacts": [artifact("extra: one\n")]})).is(202).says("eventId");
    wait_for("dev", || served.has("dev").is_some());
    let first = served.has("dev");
    send(at, json!({"secret": SECRET, "artifacts": [artifact("extra: two\n")]})).is(202);
    wait_for("the next", || served.has("dev") != first);
    send(at, json!({"secret": SECRET, "artifacts": [artifact("extra: two\n")]})).is(202);
    served.settled();
    assert_eq!(served.events("candidate-formed").len(), 2, "the same content is the same version");
}
