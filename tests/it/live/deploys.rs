//! A pipeline that deploys to a cluster, with the program as users have it.

use super::is_live;
use super::kube::{Namespace, context};
use crate::lab::{Lab, Ran, signal, wait_for};
use serde_json::json;

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\n";
const VALUES: &str = "text: hello\n";
const MORE: &str = "replicas: 1\ncommand: sleep 3600\n";
const MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  text: {{ .Values.text | quote }}
"#;
const DEPLOYMENT: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas | int }}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
        - name: app
          image: {{ .Values.image }}
          command: [sh, -c, {{ .Values.command | quote }}]
"#;

/// A pipeline with one environment in a namespace of its own.
struct Stage {
    lab: Lab,
    namespace: Namespace,
}

impl Stage {
    /// With these properties of `cluster`, and these lines in the environment.
    fn new(prefix: &str, properties: &str, more: &str) -> Stage {
        let namespace = Namespace::unmade(prefix);
        let (name, context) = (&namespace.name, context());
        let file = format!(
            "lockgate 1\n\npipeline shop {{\n    source chart {{\n        helm \"./chart\"\n    }}\n    source config {{\n        \
             folder \"config\"\n    }}\n    release web {{\n        chart chart\n        values config \"values.yaml\"\n    \
             }}\n    environment dev {{\n        cluster {context} namespace={name} {properties}\n        deploy web\n{more}    \
             }}\n}}\n"
        );
        let lab = Lab::with(&[
            ("lockgate.kdl", &file),
            ("chart/Chart.yaml", CHART),
            ("chart/values.yaml", "{}\n"),
            ("chart/templates/map.yaml", MAP),
            ("config/values.yaml", VALUES),
        ]);
        Stage { lab, namespace }
    }

    /// The same with pods.
    fn with_pods(prefix: &str, properties: &str, more: &str) -> Stage {
        let stage = Stage::new(prefix, properties, more);
        stage.lab.write("chart/templates/deployment.yaml", DEPLOYMENT);
        stage.lab.write("config/values.yaml", &format!("{VALUES}{MORE}image: {}\n", super::busybox()));
        stage
    }

    /// Runs the program.
    fn run(&self, args: &[&str]) -> Ran {
        let ran = self.counted(args, "calls");
        eprintln!("$ lockgate {}\n{}{}", args.join(" "), ran.out, ran.err);
        ran
    }

    fn counted(&self, args: &[&str], name: &str) -> Ran {
        let mut command = self.lab.command(args);
        command.env("LOCKGATE_KUBE_LOG", self.lab.at(name));
        Ran::new(args, command.output().expect("the program starts"))
    }

    /// Runs the program and gives how many requests were made: those that read, and those that may write.
    fn calls(&self, args: &[&str]) -> (Ran, usize, usize) {
        let name = super::unique("calls");
        let begin = std::time::Instant::now();
        let ran = self.counted(args, &name);
        let log = if self.lab.has(&name) { self.lab.read(&name) } else { String::new() };
        let count = |kind: &str| log.lines().filter(|l| l.starts_with(kind)).count();
        let (reads, writes) = (count("read"), count("write"));
        let took = begin.elapsed();
        eprintln!(
            "$ lockgate {} ({reads} reads, {writes} writes, {took:?})\n{}{}\n{log}",
            args.join(" "),
            ran.out,
            ran.err
        );
        (ran, reads, writes)
    }

    fn text(&self) -> String {
        let map = self.namespace.get("v1", "ConfigMap", "web-settings").expect("it is there");
        map["data"]["text"].as_str().expect("a text").to_string()
    }
}

#[test]
fn a_change_is_planned_field_by_field_and_applied_once() {
    if !is_live("a_change_is_planned_field_by_field_and_applied_once") {
        return;
    }
    let stage = Stage::with_pods("kube-change", "", "");
    let name = &stage.namespace.name;
    stage.run(&["plan"]).exits(2).says(&[
        &format!("+ Namespace/{name}"),
        "+ ConfigMap/web-settings",
        "+ Deployment/web",
    ]);
    let (ran, reads, writes) = stage.calls(&["apply"]);
    ran.exits(0);
    assert!(writes <= 8, "{reads} reads, {writes} writes");
    assert_eq!(stage.text(), "hello");
    let (ran, reads, writes) = stage.calls(&["plan"]);
    ran.exits(0).says(&["has it, nothing to do"]);
    assert_eq!(writes, 0);
    assert!(reads <= 6, "{reads} reads for two objects");
    let (ran, _, writes) = stage.calls(&["apply"]);
    ran.exits(0);
    assert_eq!(writes, 0, "nothing is written where nothing changes");
    stage.lab.edit("config/values.yaml", "text: hello", "text: bye");
    let planned = stage.run(&["plan"]).exits(2).says(&["~ ConfigMap/web-settings", "data.text hello → bye"]);
    assert!(!planned.out.contains("Deployment/web"), "what stays is not told: {}", planned.out);
    assert_eq!(stage.run(&["plan", "--json"]).out, stage.run(&["plan", "--json"]).out, "two plans of one state");
    let (ran, reads, writes) = stage.calls(&["apply"]);
    ran.exits(0);
    assert!(reads <= 20 && writes <= 8, "{reads} reads, {writes} writes for one object that changes");
    assert_eq!(stage.text(), "bye");
    stage.run(&["log", "dev"]).exits(0).says(&["ConfigMap/web-settings changed"]);
    stage.lab.remove("chart/templates/map.yaml");
    stage.lab.edit("config/values.yaml", "text: bye\n", "");
    stage.run(&["plan"]).exits(2).says(&["- ConfigMap/web-settings"]);
    stage.run(&["apply"]).exits(0);
    assert!(stage.namespace.get("v1", "ConfigMap", "web-settings").is_none());
    stage.run(&["plan"]).exits(0);
}

#[test]
fn what_somebody_changed_is_told_and_put_right() {
    if !is_live("what_somebody_changed_is_told_and_put_right") {
        return;
    }
    let stage = Stage::with_pods("kube-drift", "", "");
    stage.run(&["apply"]).exits(0);
    let scaled = json!({"spec": {"replicas": 2}});
    stage.namespace.patch_as("kubectl-scale", "apps/v1", "Deployment", "web", &scaled);
    stage.namespace.delete("v1", "ConfigMap", "web-settings");
    let planned =
        stage.run(&["plan"]).exits(2).says(&["spec.replicas 2 → 1", "+ ConfigMap/web-settings", "is missing"]);
    assert!(planned.out.contains("kubectl-scale"), "who did it: {}", planned.out);
    stage.run(&["apply"]).exits(0);
    let web = stage.namespace.get("apps/v1", "Deployment", "web").expect("there");
    assert_eq!((web["spec"]["replicas"].as_i64(), stage.text().as_str()), (Some(1), "hello"));
    stage.run(&["plan"]).exits(0);
}

#[test]
fn what_is_somebody_elses_is_named_and_taken_over_only_when_that_is_said() {
    if !is_live("what_is_somebody_elses_is_named_and_taken_over_only_when_that_is_said") {
        return;
    }
    let stage = Stage::new("kube-foreign", "", "");
    stage.namespace.make();
    let foreign = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web-settings"},
                         "data": {"text": "theirs", "more": "kept"}});
    stage.namespace.create_as("kubectl-create", &foreign);
    let told = ["cannot be planned", "ConfigMap/web-settings is there already", "`kubectl-create`", "adopt=#true"];
    stage.run(&["plan"]).exits(1).says(&told);
    stage.run(&["apply"]).exits(1).says(&["dev cannot be planned"]);
    assert_eq!(stage.text(), "theirs");
    stage.lab.edit(
        "lockgate.kdl",
        &format!("namespace={} ", stage.namespace.name),
        &format!("namespace={} adopt=#true", stage.namespace.name),
    );
    stage.run(&["plan"]).exits(2).says(&["data.text theirs → hello"]);
    stage.run(&["apply"]).exits(0);
    assert_eq!(stage.text(), "hello");
    stage.run(&["plan"]).exits(0);
}

#[test]
fn a_saved_plan_is_refused_only_where_what_it_changes_moved() {
    if !is_live("a_saved_plan_is_refused_only_where_what_it_changes_moved") {
        return;
    }
    let stage = Stage::with_pods("kube-saved", "", "");
    stage.run(&["apply"]).exits(0);
    stage.lab.edit("config/values.yaml", "text: hello", "text: bye");
    stage.run(&["plan", "--out", "a.plan"]).exits(2);
    let note = json!({"metadata": {"annotations": {"note": "of somebody's"}}});
    stage.namespace.patch_as("kubectl-annotate", "apps/v1", "Deployment", "web", &note);
    stage.run(&["apply", "a.plan"]).exits(0);
    assert_eq!(stage.text(), "bye");
    stage.lab.edit("config/values.yaml", "text: bye", "text: again");
    stage.run(&["plan", "--out", "b.plan"]).exits(2);
    let moved = json!({"data": {"text": "meddled"}});
    stage.namespace.patch_as("kubectl-edit", "v1", "ConfigMap", "web-settings", &moved);
    stage.run(&["apply", "b.plan"]).exits(1).says(&["ConfigMap/web-settings is not as it was"]);
    assert_eq!(stage.text(), "meddled");
}

#[test]
fn a_bad_version_is_told_and_what_ran_before_comes_back() {
    if !is_live("a_bad_version_is_told_and_what_ran_before_comes_back") {
        return;
    }
    let stage = Stage::with_pods("kube-bad", "", "        timeout \"60s\"\n");
    stage.run(&["apply"]).exits(0);
    stage.lab.edit("config/values.yaml", "command: sleep 3600", "command: echo it cannot start; exit 3");
    stage.lab.edit("config/values.yaml", "text: hello", "text: bad");
    stage.run(&["apply"]).exits(1).says(&["it cannot start"]);
    assert_eq!(stage.text(), "hello", "what was verified last is back");
    let command = stage.namespace.get("apps/v1", "Deployment", "web").expect("there");
    assert_eq!(command["spec"]["template"]["spec"]["containers"][0]["command"][2], "sleep 3600");
    stage.run(&["plan"]).says(&["failed here and may not enter"]);
    stage.lab.edit("config/values.yaml", "command: echo it cannot start; exit 3", "command: sleep 3600");
    stage.run(&["apply"]).exits(0);
    assert_eq!(stage.text(), "bad");
    stage.run(&["rollback", "dev", "--reason", "to see it"]).exits(0);
    stage.run(&["apply"]).exits(0);
    assert_eq!(stage.text(), "hello");
}

#[test]
fn a_cluster_that_is_not_there_concerns_its_environment_alone() {
    if !is_live("a_cluster_that_is_not_there_concerns_its_environment_alone") {
        return;
    }
    let stage = Stage::new("kube-away", "", "");
    let more = "    environment other {\n        cluster nowhere namespace=x\n        deploy web\n    }\n    environment typo \
                {\n        cluster tset namespace=x\n        deploy web\n    }\n}\n";
    let text = stage.lab.read("lockgate.kdl");
    stage.lab.write("lockgate.kdl", &format!("{}{more}", text.strip_suffix("}\n").expect("a block")));
    let config = std::fs::read_to_string(std::env::var("KUBECONFIG").expect("a kubeconfig")).expect("a file");
    let dir = std::path::PathBuf::from(std::env::var("KUBECONFIG").expect("a kubeconfig"));
    let added = add_context(&config, dir.parent().expect("a folder"));
    stage.lab.write("kubeconfig", &added);
    let mut command = stage.lab.command(&["apply"]);
    command.env("KUBECONFIG", stage.lab.at("kubeconfig"));
    let ran = Ran::new(&["apply"], command.output().expect("the program starts"));
    eprintln!("{}{}", ran.out, ran.err);
    ran.exits(1).says(&["cannot be reached", "did you mean `test`?"]);
    assert_eq!(stage.text(), "hello", "the others go on");
}

/// The kubeconfig with a context at which nobody listens.
fn add_context(config: &str, folder: &std::path::Path) -> String {
    let mut config: serde_json::Value = yaml(config);
    let list = |config: &mut serde_json::Value, name: &str, item: serde_json::Value| {
        config[name].as_array_mut().expect("a list").push(item);
    };
    for item in config["clusters"].as_array_mut().expect("a list").iter_mut() {
        absolute(&mut item["cluster"], "certificate-authority", folder);
    }
    for item in config["users"].as_array_mut().expect("a list").iter_mut() {
        absolute(&mut item["user"], "client-certificate", folder);
        absolute(&mut item["user"], "client-key", folder);
    }
    list(&mut config, "clusters", json!({"name": "nowhere", "cluster": {"server": "https://127.0.0.1:1"}}));
    let user = config["users"][0]["name"].clone();
    list(&mut config, "contexts", json!({"name": "nowhere", "context": {"cluster": "nowhere", "user": user}}));
    config.to_string()
}

fn absolute(part: &mut serde_json::Value, name: &str, folder: &std::path::Path) {
    if let Some(path) = part.get(name).and_then(|p| p.as_str()).map(str::to_string) {
        part[name] = json!(folder.join(path));
    }
}

/// A kubeconfig as a value.
fn yaml(text: &str) -> serde_json::Value {
    let read = lockgate::helm::manifest::read("kubeconfig", text).expect("YAML").expect("a document");
    read.object.expect("an object").to_json()
}

#[test]
fn who_may_not_is_told_what_on_what_and_nothing_is_done() {
    if !is_live("who_may_not_is_told_what_on_what_and_nothing_is_done") {
        return;
    }
    let stage = Stage::new("kube-rbac", "", "");
    stage.namespace.make();
    let path = std::path::PathBuf::from(std::env::var("KUBECONFIG").expect("a kubeconfig"));
    let config = std::fs::read_to_string(&path).expect("a file");
    let mut config: serde_json::Value =
        serde_json::from_str(&add_context(&config, path.parent().expect("a folder"))).expect("JSON");
    config["users"][0]["user"]["as"] = json!("mallory");
    stage.lab.write("kubeconfig", &config.to_string());
    let mut command = stage.lab.command(&["plan"]);
    command.env("KUBECONFIG", stage.lab.at("kubeconfig"));
    let ran = Ran::new(&["plan"], command.output().expect("the program starts"));
    eprintln!("{}{}", ran.out, ran.err);
    let told = format!("user `mallory` may not get configmaps in namespace `{}`", stage.namespace.name);
    ran.exits(1).says(&[&told, "bind them a Role"]);
}

#[test]
fn a_field_that_a_kind_does_not_have_is_named_before_anything_is_done() {
    if !is_live("a_field_that_a_kind_does_not_have_is_named_before_anything_is_done") {
        return;
    }
    let stage = Stage::with_pods("kube-field", "", "");
    stage.namespace.make();
    stage.lab.edit("chart/templates/deployment.yaml", "  replicas: {{", "  replics: 3\n  replicas: {{");
    stage.run(&["plan"]).exits(1).says(&["Deployment/web has fields that its kind does not have: spec.replics"]);
    stage.run(&["apply"]).exits(1);
    assert!(stage.namespace.get("v1", "ConfigMap", "web-settings").is_none());
}

#[test]
fn templates_look_into_the_cluster() {
    if !is_live("templates_look_into_the_cluster") {
        return;
    }
    let stage = Stage::new("kube-lookup", "", "");
    let template = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: found
data:
  minor: {{ .Capabilities.KubeVersion.Minor | quote }}
  deployments: {{ .Capabilities.APIVersions.Has "apps/v1/Deployment" | quote }}
  widgets: {{ .Capabilities.APIVersions.Has "example.com/v1" | quote }}
  text: {{ (lookup "v1" "ConfigMap" .Release.Namespace "theirs").data.text | default "none" | quote }}
  missing: {{ lookup "v1" "ConfigMap" .Release.Namespace "nothing" | empty | quote }}
"#;
    stage.lab.write("chart/templates/found.yaml", template);
    stage.namespace.make();
    let theirs =
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "theirs"}, "data": {"text": "1"}});
    stage.namespace.create_as("somebody", &theirs);
    stage.run(&["apply"]).exits(0);
    let data = stage.namespace.get("v1", "ConfigMap", "found").expect("there")["data"].clone();
    let version = stage.namespace.version();
    let want = json!({"minor": version, "deployments": "true", "widgets": "false", "text": "1", "missing": "true"});
    assert_eq!(data, want);
    stage.namespace.merge("v1", "ConfigMap", "theirs", &json!({"data": {"text": "2"}}));
    stage.run(&["plan"]).exits(2).says(&["data.text 1 → 2"]);
}

/// A probe that finds the pod ready after so many seconds; never for a number that is large.
fn ready_after(stage: &Stage, seconds: u32) {
    let probe = format!(
        "          command: [sh, -c, {{{{ .Values.command | quote }}}}]\n          readinessProbe:\n            exec: {{command: \
         [\"true\"]}}\n            initialDelaySeconds: {seconds}\n"
    );
    stage.lab.edit(
        "chart/templates/deployment.yaml",
        "          command: [sh, -c, {{ .Values.command | quote }}]\n",
        &probe,
    );
}

/// Starts `apply`, and gives it when the Deployment is there.
fn begun(stage: &Stage) -> std::process::Child {
    let mut command = stage.lab.command(&["apply"]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().expect("the program starts");
    wait_for("the Deployment", || stage.namespace.get("apps/v1", "Deployment", "web").is_some());
    child
}

#[test]
fn what_was_killed_goes_on_and_is_one_deploy() {
    if !is_live("what_was_killed_goes_on_and_is_one_deploy") {
        return;
    }
    let stage = Stage::with_pods("kube-kill", "", "");
    ready_after(&stage, 5);
    let mut child = begun(&stage);
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let generation = |stage: &Stage| {
        let web = stage.namespace.get("apps/v1", "Deployment", "web").expect("there");
        (web["metadata"]["uid"].clone(), web["metadata"]["generation"].clone())
    };
    let before = generation(&stage);
    stage.run(&["apply"]).exits(0);
    assert_eq!(generation(&stage), before, "the object was made once, and not changed again");
    assert!(stage.namespace.get("v1", "Secret", "sh.helm.release.v1.web.v1").is_some());
    assert!(stage.namespace.get("v1", "Secret", "sh.helm.release.v1.web.v2").is_none(), "one deploy is one revision");
    stage.run(&["plan"]).exits(0);
}

#[test]
fn whoever_stops_twice_does_not_wait_for_a_rollout() {
    if !is_live("whoever_stops_twice_does_not_wait_for_a_rollout") {
        return;
    }
    let stage = Stage::with_pods("kube-stop", "", "");
    ready_after(&stage, 500);
    let child = begun(&stage);
    let begin = std::time::Instant::now();
    signal(&child, rustix::process::Signal::INT);
    std::thread::sleep(std::time::Duration::from_millis(500));
    signal(&child, rustix::process::Signal::INT);
    let ran = Ran::new(&["apply"], child.wait_with_output().expect("it ends"));
    eprintln!("{}{}", ran.out, ran.err);
    assert!(begin.elapsed().as_secs() < 30, "{:?}", begin.elapsed());
    assert_ne!(ran.code, Some(0));
    stage.lab.edit("chart/templates/deployment.yaml", "initialDelaySeconds: 500", "initialDelaySeconds: 0");
    stage.run(&["apply"]).exits(0);
}

#[test]
fn pods_fetch_their_images_with_the_pull_secret() {
    if !is_live("pods_fetch_their_images_with_the_pull_secret") {
        return;
    }
    let stage = Stage::with_pods("kube-pull", "pull-secret=regcred", "");
    let secret = "    secret regcred {\n        file \"login\"\n    }\n    release web {";
    stage.lab.edit("lockgate.kdl", "    release web {", secret);
    let login = r#"{"auths":{"r.example.com":{"username":"ann","password":"hunter2-hunter2"}}}"#;
    stage.lab.write("login", login);
    stage.run(&["apply"]).exits(0);
    let kept = stage.namespace.get("v1", "Secret", "lockgate-pull-web").expect("there");
    assert_eq!(kept["type"], "kubernetes.io/dockerconfigjson");
    let web = stage.namespace.get("apps/v1", "Deployment", "web").expect("there");
    assert_eq!(web["spec"]["template"]["spec"]["imagePullSecrets"], json!([{"name": "lockgate-pull-web"}]));
    stage.run(&["log", "dev"]).exits(0).says(&["Secret/lockgate-pull-web made"]).says_nothing_of(&["hunter2"]);
    stage.run(&["plan"]).exits(0);
    stage.namespace.delete("v1", "Secret", "lockgate-pull-web");
    stage.run(&["plan"]).exits(2).says(&["Secret/lockgate-pull-web"]);
    stage.run(&["apply"]).exits(0);
    assert!(stage.namespace.get("v1", "Secret", "lockgate-pull-web").is_some());
}

#[test]
fn a_namespace_that_goes_is_told_and_made_anew() {
    if !is_live("a_namespace_that_goes_is_told_and_made_anew") {
        return;
    }
    let stage = Stage::new("kube-goes", "", "");
    stage.run(&["apply"]).exits(0);
    let held = json!({"apiVersion": "v1", "kind": "ConfigMap",
                      "metadata": {"name": "held", "finalizers": ["example.com/held"]}});
    stage.namespace.create_as("somebody", &held);
    stage.namespace.delete("v1", "Namespace", &stage.namespace.name);
    stage.lab.edit("config/values.yaml", "text: hello", "text: bye");
    stage.run(&["plan"]).exits(1).says(&["is being deleted"]);
    stage.run(&["apply"]).exits(1).says(&["is being deleted"]);
    stage.namespace.merge("v1", "ConfigMap", "held", &json!({"metadata": {"finalizers": null}}));
    wait_for("the end of the namespace", || stage.namespace.get("v1", "Namespace", &stage.namespace.name).is_none());
    stage.run(&["apply"]).exits(0);
    assert_eq!(stage.text(), "bye");
}

#[test]
fn what_admission_refuses_is_told_by_the_plan() {
    if !is_live("what_admission_refuses_is_told_by_the_plan") {
        return;
    }
    let stage = Stage::new("kube-quota", "", "");
    stage.namespace.make();
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none"},
                       "spec": {"hard": {"count/configmaps": "0"}}});
    stage.namespace.apply(&quota);
    wait_for("the quota", || {
        let quota = stage.namespace.get("v1", "ResourceQuota", "none");
        quota.is_some_and(|q| q["status"]["hard"].is_object())
    });
    let refused = "refuses ConfigMap/web-settings: exceeded quota: none";
    stage.run(&["plan"]).exits(1).says(&["cannot be planned", refused]);
    stage.namespace.delete("v1", "ResourceQuota", "none");
    stage.run(&["apply"]).exits(0);
}
