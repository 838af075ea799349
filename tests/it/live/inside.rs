//! Lockgate in a cluster: the image that it makes of itself, installed with its own chart by itself, deploys from there.

use super::kube::Namespace;
use super::{busybox, is_live, registry, unique};
use crate::lab::{Lab, PROGRAM, Ran, copy, repository, wait_for};
use lockgate::server::tokens::{Scope, new_token};
use serde_json::json;
use std::path::PathBuf;
use std::process::Command;

/// What makes and installs the server. `roots` is what a program of this machine needs to run.
const OUTER: &str = r#"lockgate 1
pipeline outer {
    source dist { folder "./dist" }
    source roots { image "REGISTRY/install/ROOTS" tag="1.*" }
    source chart { helm "./chart" }
    source values { folder "./values" }
    build image {
        context dist
        arg BASE="{roots}"
        push "REGISTRY/install/IMAGE" tag="{dist.short}"
    }
    release lockgate {
        chart chart
        values values "values.yaml"
        set image="{image}"
    }
    environment ops {
        cluster CONTEXT namespace=HOME create-namespace=#false
        deploy lockgate
        timeout "90s"
    }
}
"#;

const ROOTS: &str = r#"lockgate 1
pipeline roots {
    source libraries { folder "./files" }
    build roots {
        context libraries
        push "REGISTRY/install/ROOTS" tag="1.0.0"
    }
}
"#;

/// What the server keeps going.
const INNER: &str = r#"lockgate 1
pipeline inner {
    source chart { helm "/srv/chart" }
    release web { chart chart }
    environment dev {
        cluster in-cluster namespace=DEV create-namespace=#false
        deploy web
    }
    environment prod after=dev {
        gate { approve 1 from=managers }
        cluster in-cluster namespace=PROD create-namespace=#false
        deploy web
    }
}
"#;

const WEB: &str = r#"apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      automountServiceAccountToken: false
      containers:
      - name: web
        image: BUSYBOX
        command: [/bin/httpd, -f, -p, "8080", -h, /www]
        readinessProbe:
          httpGet: {path: /, port: 8080}
          periodSeconds: 1
"#;

/// The libraries of this machine that the program is linked with, by their paths.
fn libraries() -> Vec<PathBuf> {
    let said = Command::new("ldd").arg(PROGRAM).output().expect("ldd");
    let text = String::from_utf8_lossy(&said.stdout).into_owned();
    let paths = text.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    paths.collect()
}

/// Puts the program and what it needs into the laboratory; without what only a debugger reads.
fn pack(lab: &Lab) {
    std::fs::create_dir_all(lab.at("dist")).expect("a folder");
    let stripped = Command::new("strip").args(["-o", &lab.at("dist/lockgate").display().to_string(), PROGRAM]).status();
    if !stripped.is_ok_and(|status| status.success()) {
        std::fs::copy(PROGRAM, lab.at("dist/lockgate")).expect("copied");
    }
    std::fs::copy(repository().join("packaging/image/Dockerfile"), lab.at("dist/Dockerfile")).expect("copied");
    for library in libraries() {
        let to = lab.at("roots/files").join(library.strip_prefix("/").expect("absolute"));
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("made");
        std::fs::copy(&library, to).expect("copied");
    }
    lab.write("roots/files/Dockerfile", "FROM scratch\nCOPY lib /lib/\nCOPY lib64 /lib64/\n");
}

/// Whether the server's account may do that there.
fn may(home: &str, verb: &str, what: &str, namespace: &str) -> bool {
    let account = format!("system:serviceaccount:{home}:lockgate");
    let asked = Command::new("kubectl").args(["auth", "can-i", verb, what, "-n", namespace, "--as", &account]).output();
    String::from_utf8_lossy(&asked.expect("kubectl").stdout).trim() == "yes"
}

#[test]
fn it_installs_itself_and_deploys_from_inside() {
    if !is_live("Lockgate in a cluster") {
        return;
    }
    let (home, dev, prod) = (Namespace::new("install"), Namespace::new("install-dev"), Namespace::new("install-prod"));
    let names = |text: &str| {
        let text = text.replace("REGISTRY", &registry()).replace("CONTEXT", &super::kube::context());
        let text = text.replace("HOME", &home.name).replace("DEV", &dev.name).replace("PROD", &prod.name);
        text.replace("BUSYBOX", &busybox())
    };
    let (roots, image) = (unique("roots"), unique("lockgate"));
    let named = |text: &str| names(text).replace("ROOTS", &roots).replace("IMAGE", &image);
    let lab = Lab::with(&[("lockgate.kdl", &named(OUTER)), ("roots/lockgate.kdl", &named(ROOTS))]);
    pack(&lab);
    copy(&repository().join("charts/lockgate"), &lab.at("chart"));

    // What the inner pipeline deploys comes along as a ConfigMap.
    home.apply(&json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "inner-chart"},
        "data": {"Chart.yaml": "apiVersion: v2\nname: web\nversion: 1.0.0\n", "web.yaml": names(WEB)},
    }));
    let (shown, token) = new_token("rita", &Scope::ALL, "", 1, None).expect("a token");
    let mount =
        |key: &str, path: &str| json!({"name": "chart", "mountPath": format!("/srv/chart/{path}"), "subPath": key});
    let values = json!({
        "pipelines": {"inner": {"file": names(INNER)}},
        "users": {"rita": {"role": "developer", "groups": ["managers"], "tokens": [format!("{}:{}", token.id, token.hash)]}},
        "rbac": {"namespaces": [dev.name, prod.name]},
        "persistence": {"enabled": false},
        "volumes": [{"name": "chart", "configMap": {"name": "inner-chart"}}],
        "volumeMounts": [mount("Chart.yaml", "Chart.yaml"), mount("web.yaml", "templates/web.yaml")],
    });
    lab.write("values/values.yaml", &values.to_string());

    lab.run(&["apply", "--yes", "roots/lockgate.kdl"]).exits(0);
    let plan = lab.run(&["plan"]).exits(2).says(&["StatefulSet/lockgate", "Role/"]);
    assert!(!plan.out.contains(&shown), "no token in a plan");
    lab.run(&["apply", "--yes"]).exits(0);
    lab.run(&["plan"]).exits(0);

    let pod = home.get("v1", "Pod", "lockgate-0").expect("a pod");
    let container = &pod["spec"]["containers"][0];
    assert!(container["image"].as_str().is_some_and(|image| image.contains("@sha256:")), "{container}");
    assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
    for (verb, what, namespace, may_it) in [
        ("create", "deployments.apps", &dev.name, true),
        ("create", "deployments.apps", &home.name, false),
        ("get", "secrets", &home.name, false),
        ("create", "roles.rbac.authorization.k8s.io", &dev.name, false),
        ("list", "nodes", &dev.name, false),
    ] {
        assert_eq!(may(&home.name, verb, what, namespace), may_it, "{verb} {what} in {namespace}");
    }

    let service = home.get("v1", "Service", "lockgate").expect("a service");
    let address = format!("http://{}:8080", service["spec"]["clusterIP"].as_str().expect("an address"));
    let ask = |args: &[&str]| {
        // The cluster is this machine.
        let mut command = lab.command(&[args, &["--plain-http"]].concat());
        let done = command.env("LOCKGATE_SERVER", &address).env("LOCKGATE_TOKEN", &shown).output();
        Ran::new(args, done.expect("the program starts"))
    };
    let is_ready = |namespace: &Namespace| {
        let web = namespace.get("apps/v1", "Deployment", "web");
        web.is_some_and(|web| web["status"]["readyReplicas"] == 1)
    };
    wait_for("what the server deploys by itself", || is_ready(&dev));
    wait_for("what stands at the gate", || ask(&["why", "prod"]).out.contains("managers"));
    assert!(prod.get("apps/v1", "Deployment", "web").is_none(), "nobody has said yes");
    ask(&["approve", "prod"]).exits(0);
    wait_for("what was approved", || is_ready(&prod));
    wait_for("the end of its run", || ask(&["plan"]).code == Some(0));
    ask(&["history"]).exits(0).says(&["rita"]);
}
