//! The tests that a chart brings, run in a cluster after its deploy.

use super::is_live;
use super::kube::{Namespace, context};
use crate::lab::{Lab, Ran};

const MAP: &str = r#"apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  text: {{ .Values.text | quote }}
"#;

/// A pod that goes when it has succeeded, and behind it a Job that stays.
const TESTS: &str = r#"apiVersion: v1
kind: Pod
metadata:
  name: {{ .Release.Name }}-greets
  annotations:
    helm.sh/hook: test
    helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
spec:
  restartPolicy: Never
  containers:
    - name: test
      image: {{ .Values.image }}
      command: [sh, -c, 'echo "it says $TEXT"; test "$TEXT" = hello']
      env:
        - name: TEXT
          valueFrom:
            configMapKeyRef: {name: {{ .Release.Name }}-settings, key: text}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-counts
  annotations:
    helm.sh/hook: test
    helm.sh/hook-weight: "5"
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers:
        - name: test
          image: {{ .Values.image }}
          command: [sh, -c, 'echo counted']
"#;

fn stage(namespace: &Namespace) -> Lab {
    let file = format!(
        r#"lockgate 1

pipeline shop {{
    source chart {{ helm "./chart"; }}
    source config {{ folder "config"; }}
    release web {{
        chart chart
        values config "values.yaml"
    }}
    environment dev {{
        cluster {} namespace={}
        deploy web
        verify {{
            helm-test web
            timeout "2m"
        }}
    }}
}}
"#,
        context(),
        namespace.name
    );
    Lab::with(&[
        ("lockgate.kdl", &file),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/values.yaml", "{}\n"),
        ("chart/templates/map.yaml", MAP),
        ("chart/templates/tests/all.yaml", TESTS),
        ("config/values.yaml", &format!("text: hello\nimage: {}\n", super::busybox())),
    ])
}

fn run(lab: &Lab, args: &[&str]) -> Ran {
    let ran = lab.run(args);
    eprintln!("$ lockgate {}\n{}{}", args.join(" "), ran.out, ran.err);
    ran
}

#[test]
fn tests_of_a_chart_verify_a_deploy() {
    if !is_live("tests_of_a_chart_verify_a_deploy") {
        return;
    }
    let namespace = Namespace::unmade("speed-tests");
    let lab = stage(&namespace);
    run(&lab, &["plan"]).exits(2).says(&["run the tests of web"]);
    run(&lab, &["apply"]).exits(0);
    run(&lab, &["log", "verify.dev"]).exits(0).says(&["test hook Pod/web-greets", "it says hello", "counted"]);
    assert!(namespace.get("v1", "Pod", "web-greets").is_none(), "it went when it had succeeded");
    assert!(namespace.get("batch/v1", "Job", "web-counts").is_some(), "its policy says nothing of that");
    run(&lab, &["plan"]).exits(0).says_nothing_of(&["run the tests"]);
    run(&lab, &["apply"]).exits(0);

    lab.edit("config/values.yaml", "hello", "good day");
    run(&lab, &["apply"]).exits(1).says(&["the test hook Pod/web-greets failed", "it says good day"]);
    let map = namespace.get("v1", "ConfigMap", "web-settings").expect("it is there");
    assert_eq!(map["data"]["text"], "hello", "what did not pass is taken back");
    let pod = namespace.get("v1", "Pod", "web-greets").expect("what failed stays to be looked at");
    assert_eq!(pod["status"]["phase"], "Failed");

    lab.edit("config/values.yaml", "good day", "hello");
    lab.edit("chart/templates/map.yaml", "  text:", "  more: more\n  text:");
    run(&lab, &["apply"]).exits(0);

    lab.remove("chart/templates/tests");
    lab.edit("config/values.yaml", &format!("image: {}\n", super::busybox()), "");
    run(&lab, &["plan"]).exits(2).says(&["LG0706", "brings no tests"]);
}
