//! Helm's record of a release, with the real Helm as judge.

use super::kube::{Namespace, context};
use super::{is_live, shared};
use lockgate::adapters::kube::adopt;
use lockgate::adapters::kube::releases::{Moment, Release};
use lockgate::helm::record::{Record, Status};
use lockgate::ports::bundle::{Bundle, Object, Origin};
use lockgate::ports::{Fault, PortError};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

/// A Python that has the real Helm's SDK; made where there is none.
fn python() -> PathBuf {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    let made = || {
        let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("helm-oracle");
        if !venv.join("bin/python").exists() {
            let setup = shared("helm-oracle/setup.sh").expect("the oracle's script");
            let out = Command::new(setup).env("VENV", &venv).output().expect("a program");
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        }
        venv.join("bin/python")
    };
    PYTHON.get_or_init(made).clone()
}

/// What the real Helm says.
fn helm(namespace: &str, arguments: &[&str]) -> Value {
    let script = crate::lab::repository().join("tests/live/helm.py");
    let out = Command::new(python()).arg(script).arg(namespace).args(arguments).output().expect("a program");
    assert!(out.status.success(), "helm {arguments:?}: {}", String::from_utf8_lossy(&out.stderr));
    serde_json::from_slice(&out.stdout).expect("JSON")
}

/// A release of one ConfigMap with that text.
fn bundle(namespace: &str, text: &str) -> Bundle {
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-a"}, "data": {"text": text}});
    let object = Object {
        api_version: "v1".into(),
        kind: "ConfigMap".into(),
        namespace: None,
        name: "web-a".into(),
        template: "app/templates/a.yaml".into(),
        text: format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web-a\ndata:\n  text: {text}\n"),
        body,
    };
    Bundle {
        release: "web".into(),
        namespace: namespace.into(),
        chart: "app-1.2.0".into(),
        objects: vec![object],
        notes: "Enjoy.".into(),
        origin: Some(Origin {
            chart: json!({"name": "app", "version": "1.2.0", "appVersion": "9", "apiVersion": "v2"}),
            defaults: json!({"text": "hello"}),
            values: json!({"text": text}),
        }),
        ..Bundle::default()
    }
}

/// Begins and ends a deploy of that bundle; gives what it was, its number, and what was said.
fn deployed(namespace: &Namespace, bundle: &Bundle, failed: Option<&str>) -> Result<(Moment, u32, String), PortError> {
    let cluster = namespace.clusters.cluster(&context())?;
    let said = Mutex::new(String::new());
    let say = |line: &str| said.lock().expect("said").push_str(line);
    let (moment, revision) = namespace.clusters.wait(async {
        let mut release = Release::read(&cluster, &namespace.name, "web", &say).await?;
        let begun = release.begin(bundle, bundle.digest(), &say).await?;
        let told = (begun.moment, begun.revision);
        release.end(begun, failed).await?;
        Ok(told)
    })?;
    Ok((moment, revision, said.into_inner().expect("said")))
}

#[test]
fn helm_sees_our_releases() {
    if !is_live("helm_sees_our_releases") {
        return;
    }
    let namespace = Namespace::new("rollout-record");
    let name = namespace.name.as_str();
    let (one, two) = (bundle(name, "one"), bundle(name, "two"));
    assert_eq!(deployed(&namespace, &one, None).expect("deployed").0, Moment::Install);
    assert_eq!(deployed(&namespace, &two, None).expect("deployed").0, Moment::Upgrade);
    assert_eq!(deployed(&namespace, &bundle(name, "bad"), Some("no")).expect("failed").0, Moment::Upgrade);
    assert_eq!(deployed(&namespace, &one, None).expect("deployed").0, Moment::Rollback { to: 1 });
    let list = helm(name, &["list"]);
    assert_eq!(
        (&list[0]["name"], &list[0]["revision"], &list[0]["status"]),
        (&json!("web"), &json!(4), &json!("deployed"))
    );
    assert_eq!((&list[0]["chart_name"], &list[0]["chart_version"]), (&json!("app"), &json!("1.2.0")));
    let history = helm(name, &["history", "web"]);
    let mut statuses: Vec<_> =
        history.as_array().expect("a list").iter().map(|r| (r["revision"].as_i64(), r["status"].as_str())).collect();
    statuses.sort_unstable();
    let expected = [(1, "superseded"), (2, "superseded"), (3, "failed"), (4, "deployed")];
    assert_eq!(statuses, expected.map(|(n, s)| (Some(n), Some(s))));
    let all = helm(name, &["all", "web"]);
    assert!(
        all["summary"]["manifest"].as_str().expect("a manifest").contains("# Source: app/templates/a.yaml"),
        "{all}"
    );
    assert_eq!(all["config"], json!({"text": "one"}));
    for n in 0..10 {
        deployed(&namespace, &bundle(name, &format!("more {n}")), None).expect("deployed");
    }
    assert_eq!(
        helm(name, &["history", "web"]).as_array().expect("a list").len(),
        10,
        "no more are kept than Helm keeps"
    );
}

#[test]
fn helm_goes_on_where_we_were_and_we_where_helm_was() {
    if !is_live("helm_goes_on_where_we_were_and_we_where_helm_was") {
        return;
    }
    let namespace = Namespace::new("rollout-adopt");
    let name = namespace.name.as_str();
    let chart = crate::lab::repository().join("tests/live/chart");
    let chart = chart.to_str().expect("a text");
    helm(name, &["install", "web", chart, r#"{"text": "helm"}"#]);
    let cluster = namespace.clusters.cluster(&context()).expect("a cluster");
    let release = || Release::read(&cluster, name, "web", &|_| {});
    let read = namespace.clusters.wait(release()).expect("read");
    let record = read.helms().expect("Helm's");
    assert_eq!((record.revision(), record.chart().as_str()), (1, "app-1.2.0"));
    let objects: Vec<_> = record.objects().into_iter().map(|o| o.name).collect();
    assert_eq!(objects, ["web-a", "web-b", "web-keep"]);
    assert_eq!(record.values()["text"], "helm");

    // Its fields become ours: what we leave out goes.
    let map = namespace.get("v1", "ConfigMap", "web-a").expect("there");
    assert_eq!(adopt::release_of(&map), Some(("web", name)));
    let at = namespace.clusters.wait(cluster.needed_kind("v1", "ConfigMap")).expect("a kind").at(name, "web-a");
    assert!(namespace.clusters.wait(adopt::take_over(&cluster, &at, &map)).expect("taken over"));
    namespace.apply(
        &json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-a"}, "data": {"text": "ours"}}),
    );
    let map = namespace.get("v1", "ConfigMap", "web-a").expect("there");
    assert_eq!(map["data"], json!({"text": "ours"}), "`extra` was Helm's, and we do not render it");
    assert!(!namespace.clusters.wait(adopt::take_over(&cluster, &at, &map)).expect("nothing left"));

    // What it had and we do not render is left over; what is to stay is not.
    let left = namespace.clusters.wait(adopt::leftovers(&cluster, record, std::slice::from_ref(&at))).expect("looked");
    assert_eq!(left.iter().map(|(at, _)| at.shown()).collect::<Vec<_>>(), ["ConfigMap/web-b"]);

    let (moment, revision, _) = deployed(&namespace, &bundle(name, "ours"), None).expect("deployed");
    assert_eq!((moment, revision), (Moment::Upgrade, 2));
    assert!(namespace.clusters.wait(release()).expect("read").helms().is_none());
    // And back: the same text is no conflict for Helm, which goes on with the number after ours.
    helm(name, &["upgrade", "web", chart, r#"{"text": "ours"}"#]);
    assert_eq!(helm(name, &["status", "web"])["revision"], 3);
    helm(name, &["rollback", "web", "2"]);
    assert_eq!(namespace.get("v1", "ConfigMap", "web-a").expect("there")["data"], json!({"text": "ours"}));
    assert_eq!(deployed(&namespace, &bundle(name, "new"), None).expect("deployed").1, 5);
}

#[test]
fn a_release_that_is_stuck_is_repaired() {
    if !is_live("a_release_that_is_stuck_is_repaired") {
        return;
    }
    let namespace = Namespace::new("rollout-stuck");
    let name = namespace.name.as_str();
    deployed(&namespace, &bundle(name, "one"), None).expect("deployed");
    let stuck = |at: &str| {
        let secret = "sh.helm.release.v1.web.v1";
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let there = namespace.get("v1", "Secret", secret).expect("a record");
        let text = STANDARD.decode(there["data"]["release"].as_str().expect("data")).expect("base64");
        let record = Record::decode(&text).expect("a record").with_status(Status::PendingUpgrade, None);
        let json = serde_json::to_string(&record).expect("JSON").replace(record.last_deployed(), at);
        let record: Record = serde_json::from_str(&json).expect("JSON");
        let data = STANDARD.encode(record.encode().expect("packed"));
        let labels = json!({"status": "pending-upgrade", "lockgate.dev/bundle": null});
        namespace.merge("v1", "Secret", secret, &json!({"metadata": {"labels": labels}, "data": {"release": data}}));
    };
    stuck(&jiff::Timestamp::now().to_string());
    let error = deployed(&namespace, &bundle(name, "two"), None).expect_err("Helm may be at work");
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains("revision 1 is pending-upgrade since"), "{error}");
    stuck("2026-01-01T00:00:00Z");
    let (_, revision, said) = deployed(&namespace, &bundle(name, "two"), None).expect("deployed");
    assert_eq!(revision, 2);
    assert!(
        said.contains("release `web` was stuck: revision 1 is pending-upgrade since 2026-01-01T00:00:00Z"),
        "{said}"
    );
    assert_eq!(helm(name, &["status", "web"])["status"], "deployed");
}

#[test]
fn a_deploy_that_was_cut_off_goes_on_under_its_number() {
    if !is_live("a_deploy_that_was_cut_off_goes_on_under_its_number") {
        return;
    }
    let namespace = Namespace::new("rollout-cut");
    let bundle = bundle(&namespace.name, "one");
    let cluster = namespace.clusters.cluster(&context()).expect("a cluster");
    let begin = || async {
        let mut release = Release::read(&cluster, &namespace.name, "web", &|_| {}).await?;
        release.begin(&bundle, bundle.digest(), &|_| {}).await.map(|begun| (begun.moment, begun.revision))
    };
    assert_eq!(namespace.clusters.wait(begin()).expect("begun"), (Moment::Install, 1));
    assert_eq!(namespace.clusters.wait(begin()).expect("goes on"), (Moment::Install, 1));
    assert_eq!(deployed(&namespace, &bundle, None).expect("ended").1, 1);
    assert_eq!(helm(&namespace.name, &["status", "web"])["status"], "deployed");
}

#[test]
fn a_release_of_helm_is_taken_over_by_a_pipeline() {
    if !is_live("a_release_of_helm_is_taken_over_by_a_pipeline") {
        return;
    }
    let namespace = Namespace::new("rollout-move");
    let name = namespace.name.as_str();
    let chart = crate::lab::repository().join("tests/live/chart");
    helm(name, &["install", "web", chart.to_str().expect("a text"), "{}"]);
    let pipeline = |adopt: &str| {
        format!(
            "lockgate 1\npipeline shop {{\n    source app {{\n        folder \"./app\"\n    }}\n    release web {{\n        chart app chart\n    }}\n    environment dev {{\n        cluster \"{}\" namespace=\"{name}\"{adopt}\n        deploy web\n    }}\n}}\n",
            context()
        )
    };
    let lab = crate::lab::Lab::with(&[
        ("lockgate.kdl", &pipeline("")),
        ("app/chart/Chart.yaml", "apiVersion: v2\nname: app\nversion: 2.0.0\n"),
        (
            "app/chart/templates/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web-a\ndata:\n  text: ours\n",
        ),
    ]);
    let refused = lab.run(&["plan"]);
    let said = format!("{}{}", refused.out, refused.err);
    assert!(refused.code == Some(1) && said.contains(&format!("belongs to release {name}/web of Helm")), "{said}");
    lab.write("lockgate.kdl", &pipeline(" adopt=#true"));
    let plan = lab.run(&["plan"]);
    assert!(plan.code == Some(2) && plan.out.contains("ConfigMap/web-b"), "{}{}", plan.out, plan.err);
    lab.run(&["apply", "--yes"]).exits(0);
    assert_eq!(namespace.get("v1", "ConfigMap", "web-a").expect("there")["data"], json!({"text": "ours"}));
    assert!(namespace.get("v1", "ConfigMap", "web-b").is_none(), "what Helm had and we do not render goes");
    assert!(namespace.get("v1", "ConfigMap", "web-keep").is_some(), "what is to stay stays");
    let list = helm(name, &["list"]);
    assert_eq!((&list[0]["revision"], &list[0]["chart_version"]), (&json!(2), &json!("2.0.0")));
    lab.run(&["plan"]).exits(0);
}
