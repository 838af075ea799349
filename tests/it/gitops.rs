//! A branch as an environment, through the program: what is planned is committed, who meddles is seen, and what was is brought
//! back.

use crate::lab::{Lab, wait_for};

const PIPELINE: &str = r#"lockgate 1
pipeline shop {
    source app { folder "app" }
    source config { folder "config" }
    source chart { helm "./chart" }
    build image {
        context app
        push "./registry" tag="{app.short}"
    }
    release web {
        chart chart
        values config "values-{environment}.yaml"
        set image="{image}"
    }
    environment dev {
        git "./manifests.git" folder="dev" namespace=shop-dev
        deploy web
        verify config "test.sh"
    }
    environment prod after=dev {
        gate { approve 1 from=managers }
        git "./manifests.git" branch=live
        deploy web
    }
}
"#;

const TEMPLATE: &str = "apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  namespace: {{ .Release.Namespace }}
data:
  greeting: {{ .Values.greeting | quote }}
  image: {{ .Values.image | quote }}
";

/// Fails where the values say so, and wants to know where it is.
const TEST: &str = "#!/bin/sh\ntest \"$LOCKGATE_BRANCH $LOCKGATE_FOLDER\" = 'main dev' || exit 2\n\
    ! git --git-dir \"$LOCKGATE_REPOSITORY\" grep -q broken main -- dev\n";

fn lab() -> Lab {
    let lab = Lab::with(&[
        ("lockgate.kdl", PIPELINE),
        ("app/Dockerfile", "FROM scratch\nCOPY hello /\n"),
        ("app/hello", "hello\n"),
        ("config/test.sh", TEST),
        ("config/values-dev.yaml", "greeting: hello\n"),
        ("config/values-prod.yaml", "greeting: good day\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/values.yaml", "greeting: none\nimage: none\n"),
        ("chart/templates/config.yaml", TEMPLATE),
    ]);
    lab.git("manifests.git", &["init", "-q", "--bare"]);
    lab
}

/// What a file of the branch holds.
fn show(lab: &Lab, what: &str) -> String {
    lab.git("manifests.git", &["show", what])
}

fn commits(lab: &Lab, branch: &str) -> Vec<String> {
    lab.git("manifests.git", &["log", "--format=%s", branch]).lines().map(ToString::to_string).collect()
}

/// Somebody edits a manifest in a copy of their own.
fn edit(lab: &Lab, from: &str, to: &str) {
    if !lab.has("copy") {
        lab.git(".", &["clone", "-q", "--branch", "main", "manifests.git", "copy"]);
    }
    lab.git("copy", &["pull", "-q", "origin", "main"]);
    lab.edit("copy/dev/web/shop-dev_configmap_web.yaml", from, to);
    lab.commit("copy", "By hand");
    lab.git("copy", &["push", "-q", "origin", "HEAD:main"]);
}

const FILE: &str = "main:dev/web/shop-dev_configmap_web.yaml";

#[test]
fn what_is_planned_is_committed_and_what_others_do_is_seen() {
    let lab = lab();
    lab.run(&["check"]).exits(0);
    lab.run(&["plan"]).exits(2).says(&["ConfigMap/shop-dev/web"]);
    assert_eq!(lab.git("manifests.git", &["branch", "--list"]), "", "a plan commits nothing");
    lab.run(&["apply", "--yes"]).exits(3);
    assert!(show(&lab, FILE).contains("greeting: \"hello\"") && show(&lab, FILE).contains("@sha256:"));
    let subjects = commits(&lab, "main");
    assert!(subjects.len() == 1 && subjects[0].starts_with("dev: web as "), "{subjects:?}");
    lab.run(&["plan"]).exits(2).says(&["prod"]).says_nothing_of(&["deploy.dev"]);
    lab.run(&["approve", "prod", "--as", "rita"]).exits(0);
    lab.run(&["apply", "--yes"]).exits(0);
    assert!(show(&lab, "live:prod/web/prod_configmap_web.yaml").contains("good day"));
    lab.run(&["plan"]).exits(0);

    edit(&lab, "\"hello\"", "\"by hand\"");
    let plan = lab.run(&["plan"]).exits(2).says(&["data.greeting", "by hand", "hello"]);
    assert!(plan.out.contains("was changed on the branch"), "{}", plan.out);
    lab.run(&["apply", "--yes"]).exits(0);
    assert!(show(&lab, FILE).contains("greeting: \"hello\""));
    assert_eq!(commits(&lab, "main").len(), 3);

    lab.write("config/values-dev.yaml", "greeting: planned\n");
    lab.run(&["plan", "--out", "saved"]).exits(2);
    edit(&lab, "\"hello\"", "\"meanwhile\"");
    lab.run(&["apply", "saved", "--yes"]).exits(1).says(&["ConfigMap/shop-dev/web is not as it was"]);
    assert_eq!(commits(&lab, "main").len(), 4, "nothing was done");
}

#[test]
fn a_verification_that_fails_brings_back_what_was() {
    let lab = lab();
    lab.run(&["apply", "--yes"]).exits(3);
    lab.write("config/values-dev.yaml", "greeting: broken\n");
    lab.run(&["apply", "--yes"]).exits(1);
    assert!(show(&lab, FILE).contains("greeting: \"hello\""));
    assert_eq!(commits(&lab, "main").len(), 3, "the history has both");
    lab.write("config/values-dev.yaml", "greeting: better\n");
    lab.run(&["apply", "--yes"]).exits(3);
    assert!(show(&lab, FILE).contains("better"));
}

/// `apply` is killed while the server is busy with its push, before the branch moves and after, and goes on afterwards: one
/// commit, whatever the server did in the end.
#[test]
fn a_push_that_nobody_waits_for_any_more_is_not_made_twice() {
    use crate::sources::server::{Manner, Server, there_is_git};
    use std::os::unix::fs::PermissionsExt as _;
    if !there_is_git() {
        return;
    }
    for moment in ["pre-receive", "post-receive"] {
        let lab = lab();
        lab.git("manifests.git", &["config", "http.receivepack", "true"]);
        let server = Server::start(lab.path(), Manner::default());
        lab.edit(
            "lockgate.kdl",
            "git \"./manifests.git\" folder",
            &format!("git {:?} folder", server.url("manifests.git")),
        );
        let hook = format!("manifests.git/hooks/{moment}");
        lab.write(&hook, "#!/bin/sh\n: > reached\nwhile [ ! -e go ]; do sleep 0.02; done\n: > left\n");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(lab.at(&hook), executable).expect("executable");
        let quiet = || std::process::Stdio::null();
        let mut command = lab.command(&["apply", "--yes"]);
        let mut killed = command.stdout(quiet()).stderr(quiet()).spawn().expect("it starts");
        wait_for("the push", || lab.has("manifests.git/reached"));
        killed.kill().expect("killed");
        killed.wait().expect("gone");
        lab.write("manifests.git/go", "");
        wait_for("its end", || lab.has("manifests.git/left"));
        lab.run(&["apply", "--yes"]).exits(3);
        assert_eq!(commits(&lab, "main").len(), 1, "killed in {moment}");
        assert!(show(&lab, FILE).contains("greeting: \"hello\""));
        lab.run(&["plan"]).exits(2).says_nothing_of(&["deploy.dev", "drift"]);
    }
}

#[test]
fn places_that_cannot_be_are_told() {
    let lab = lab();
    lab.edit("lockgate.kdl", "folder=\"dev\"", "folder=\"../dev\"");
    lab.run(&["check"]).exits(1).says(&["LG0312"]);
    lab.edit("lockgate.kdl", "folder=\"../dev\"", "folder=\"prod\" branch=live");
    lab.run(&["check"]).exits(1).says(&["LG0406", "the folder `prod` of the branch `live`"]);
    lab.edit("lockgate.kdl", "folder=\"prod\" branch=live", "branch=\"a..b\"");
    lab.run(&["check"]).exits(1).says(&["LG0317"]);
    lab.edit("lockgate.kdl", "branch=\"a..b\"", "credentials=nobody");
    lab.run(&["check"]).exits(1).says(&["nobody"]);
    lab.edit("lockgate.kdl", "credentials=nobody", "");
    lab.write(
        "chart/templates/secret.yaml",
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  a: aHVudGVyMg==\n",
    );
    let plan = lab.run(&["plan"]).says(&["Secret/s would stand in branch", "plain-secrets=#true"]);
    assert!(!plan.out.contains("aHVudGVyMg"), "{}", plan.out);
    lab.remove("chart/templates/secret.yaml");
    lab.run(&["check", "--online"]).exits(0);
    lab.remove("manifests.git");
    lab.run(&["check", "--online"]).exits(1).says(&["environment `dev`", "there is no git repository at"]);
    lab.run(&["plan"]).says(&["there is no git repository at"]);
}
