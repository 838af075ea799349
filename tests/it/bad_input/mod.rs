//! Bad input: each is an error with a code, a place and a help, exit 1, and nothing is changed. A new case is a row in a table.

mod machine;

use crate::lab::Lab;
use lockgate::diag::codes;

const PIPELINE: &str = r#"
lockgate 1
pipeline small {
    source app { folder "app" }
    source config { folder "config" }
    source chart { helm "./chart" }
    build image {
        context app
        push "./registry" tag="{app.short}"
    }
    release web {
        chart chart
        values config "values.yaml"
        set image="{image}"
    }
    environment dev {
        folder "./out/dev"
        deploy web
    }
}
"#;

/// A pipeline that could be applied.
fn good() -> Lab {
    Lab::with(&[
        ("lockgate.kdl", PIPELINE),
        ("app/Dockerfile", "FROM scratch\nCOPY hello /\n"),
        ("app/hello", "hello\n"),
        ("config/values.yaml", "greeting: hello\n"),
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("chart/values.yaml", "greeting: none\nimage: none\n"),
        ("chart/templates/config.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.greeting }}\n"),
    ])
}

/// The same with its app in a git repository.
fn with_git() -> Lab {
    let lab = good();
    lab.edit("lockgate.kdl", "folder \"app\"", "git \"./app\" branch=main");
    lab.commit("app", "first");
    lab
}

/// All but what is kept for speed.
fn tree(lab: &Lab) -> std::collections::BTreeMap<String, Vec<u8>> {
    let mut tree = lab.tree("");
    tree.retain(|path, _| !path.starts_with(".lockgate/") && !path.contains("/.git/"));
    tree
}

/// `plan` and `apply` fail with all of this, and nothing is other than before.
#[track_caller]
fn fails(lab: &Lab, path: &[&str], says: &[&str]) {
    let before = tree(lab);
    for verb in ["plan", "apply"] {
        let args = [&[verb], path].concat();
        let ran = lab.run(&args).exits(1).says(says);
        let code = ran.err.split(|c: char| !c.is_ascii_alphanumeric()).find_map(codes::find);
        assert!(code.is_some(), "no code is named:\n{}", ran.err);
        assert!(ran.err.contains("help: "), "no help is given:\n{}", ran.err);
    }
    let after = tree(lab);
    assert_eq!(before.keys().collect::<Vec<_>>(), after.keys().collect::<Vec<_>>());
    assert!(before == after, "something was changed");
    if lab.run(&["check"]).code == Some(0) {
        assert_eq!(lab.run(&["history", "--json"]).out, "", "nothing happened");
    }
}

/// What is done to a good pipeline, and what is said then.
struct Case {
    name: &'static str,
    spoil: fn(&Lab),
    says: &'static [&'static str],
}

#[track_caller]
fn all_fail(good: fn() -> Lab, cases: &[Case]) {
    good().run(&["plan"]).exits(2);
    for case in cases {
        let lab = good();
        (case.spoil)(&lab);
        println!("{}", case.name);
        fails(&lab, &[], case.says);
    }
}

#[test]
fn pipeline_files() {
    let cases = [
        Case {
            name: "that do not parse",
            spoil: |lab| lab.write("lockgate.kdl", "lockgate 1\npipeline small {\n    source app { folder \"app }\n"),
            says: &["LG00", "lockgate.kdl:3"],
        },
        Case {
            name: "with an include of a file that is not there",
            spoil: |lab| lab.write("lockgate.kdl", "lockgate 1\ninclude \"more.kdl\"\n"),
            says: &["LG0001", "lockgate.kdl:2", "more.kdl"],
        },
        Case {
            name: "with an include of a folder",
            spoil: |lab| lab.write("lockgate.kdl", "lockgate 1\ninclude \"app\"\n"),
            says: &["LG0001", "lockgate.kdl:2", "app"],
        },
    ];
    all_fail(good, &cases);
    let lab = good();
    fails(&lab, &["nowhere.kdl"], &["LG0001", "nowhere.kdl"]);
    fails(&lab, &["app"], &["LG0001", "lockgate.kdl in app"]);
}

#[test]
fn repositories() {
    let cases = [
        Case {
            name: "that are not there",
            spoil: |lab| lab.edit("lockgate.kdl", "\"./app\" branch", "\"/nowhere/app.git\" branch"),
            says: &["LG0601", "lockgate.kdl:4", "/nowhere/app.git"],
        },
        Case {
            name: "that are no repository",
            spoil: |lab| lab.edit("lockgate.kdl", "\"./app\" branch", "\"./config\" branch"),
            says: &["LG060", "lockgate.kdl:4", "config"],
        },
        Case {
            name: "without the branch",
            spoil: |lab| lab.edit("lockgate.kdl", "branch=main", "branch=mian"),
            says: &["LG0601", "lockgate.kdl:4", "mian", "main"],
        },
        Case {
            name: "without a commit",
            spoil: |lab| {
                lab.remove("app/.git");
                lab.git("app", &["init", "-q"]);
            },
            says: &["LG060", "lockgate.kdl:4", "app"],
        },
    ];
    all_fail(with_git, &cases);
}

#[test]
fn a_commit_that_disappeared() {
    let lab = with_git();
    lab.write("app/hello", "second\n");
    let commit = lab.commit("app", "second");
    lab.run(&["plan", "--out", "saved"]).exits(2);
    lab.git("app", &["reset", "-q", "--hard", "HEAD~1"]);
    lab.git("app", &["reflog", "expire", "--expire=now", "--all"]);
    lab.git("app", &["gc", "-q", "--prune=now"]);
    if lab.has(".lockgate") {
        lab.remove(".lockgate");
    }
    let before = tree(&lab);
    lab.run(&["apply", "saved"]).exits(1).says(&["LG0601", &commit[..7], "help: "]);
    assert!(tree(&lab) == before);
}

#[test]
fn charts_and_values() {
    let cases = [
        Case {
            name: "a chart without Chart.yaml",
            spoil: |lab| lab.remove("chart/Chart.yaml"),
            says: &["LG0504", "lockgate.kdl:12", "Chart.yaml"],
        },
        Case {
            name: "a Chart.yaml that is not YAML",
            spoil: |lab| lab.write("chart/Chart.yaml", "name: [\nversion: 1.0.0\n"),
            says: &["LG07", "Chart.yaml"],
        },
        Case {
            name: "values that are not YAML",
            spoil: |lab| lab.write("config/values.yaml", "greeting: hello\nmore: [1, 2\n"),
            says: &["LG0702", "values.yaml", "line"],
        },
        Case {
            name: "values that are a list",
            spoil: |lab| lab.write("config/values.yaml", "- greeting\n"),
            says: &["LG0702", "values.yaml"],
        },
        Case {
            name: "a template that fails",
            spoil: |lab| {
                lab.edit("chart/templates/config.yaml", "{{ .Values.greeting }}", "{{ fail \"no greeting\" }}")
            },
            says: &["LG0701", "templates/config.yaml:4", "no greeting"],
        },
        Case {
            name: "a template that does not parse",
            spoil: |lab| lab.edit("chart/templates/config.yaml", "{{ .Values.greeting }}", "{{ .Values.greeting"),
            says: &["LG0701", "templates/config.yaml:4"],
        },
        Case {
            name: "a template that makes no YAML",
            spoil: |lab| lab.edit("chart/templates/config.yaml", "name: ", "name: [ "),
            says: &["LG0701", "templates/config.yaml"],
        },
    ];
    all_fail(good, &cases);
}

#[test]
fn dockerfiles() {
    fn line(lab: &Lab, line: &str) {
        lab.write("app/Dockerfile", &format!("FROM scratch\n{line}\n"));
    }
    let cases = [
        Case {
            name: "with a word that there is not",
            spoil: |lab| line(lab, "COPPY hello /"),
            says: &["LG0704", "Dockerfile:2", "COPPY"],
        },
        Case {
            name: "that run something",
            spoil: |lab| line(lab, "RUN true"),
            says: &["LG0704", "Dockerfile:2", "RUN"],
        },
        Case {
            name: "that copy what is not there",
            spoil: |lab| line(lab, "COPY nothing /"),
            says: &["LG0704", "Dockerfile:2", "nothing"],
        },
        Case {
            name: "that copy from above",
            spoil: |lab| line(lab, "COPY ../config/values.yaml /"),
            says: &["LG0704", "Dockerfile:2", ".."],
        },
        Case {
            name: "that copy from anywhere",
            spoil: |lab| line(lab, "COPY /etc/passwd /"),
            says: &["LG0704", "Dockerfile:2", "/etc/passwd"],
        },
        Case {
            name: "that copy through a link",
            spoil: |lab| {
                std::os::unix::fs::symlink("/etc", lab.at("app/outside")).expect("a link");
                line(lab, "COPY outside/passwd /");
            },
            says: &["LG0704", "Dockerfile:2", "outside"],
        },
    ];
    all_fail(good, &cases);
}
