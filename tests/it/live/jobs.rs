//! Programs as Jobs, and secrets of clusters.

use super::kube::{Namespace, context};
use super::{busybox, is_live};
use lockgate::adapters::kube::Clusters;
use lockgate::adapters::kube::jobs::Jobs;
use lockgate::adapters::kube::secrets::AllSecrets;
use lockgate::digest::Digest;
use lockgate::ports::secrets::{Origin, Secrets as _};
use lockgate::ports::shell::{Container, Exit, JobPlace, Program, Shell as _, Status, Ticket};
use lockgate::ports::{Fault, PortError};
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A program in the namespace, with a folder that it works in and that its log lies beside.
fn program(namespace: &Namespace, folder: &Path, argv: &[&str]) -> Program {
    let root = folder.join("root");
    std::fs::create_dir_all(&root).expect("made");
    let mut program = Program::new(argv.iter().map(|a| a.to_string()).collect(), &root, folder.join("log"));
    program.timeout = Some(Duration::from_secs(60));
    program.container = Some(Box::new(Container {
        image: busybox(),
        credentials: None,
        from: Vec::new(),
        key: Digest::of(format!("{}{argv:?}", namespace.name)),
        attempt: 1,
        root,
        ignore: false,
        outputs: Vec::new(),
        told: Some(folder.join("told")),
        job: Some(JobPlace { context: context(), namespace: Some(namespace.name.clone()) }),
    }));
    program
}

fn jobs() -> Jobs {
    Jobs::new(Arc::new(Clusters::new()))
}

fn submit(jobs: &Jobs, program: &Program) -> Receiver<Result<Exit, PortError>> {
    let (sender, receiver) = channel();
    jobs.submit(Ticket(1), program.clone(), Box::new(move |result| drop(sender.send(result))));
    receiver
}

fn ended(receiver: &Receiver<Result<Exit, PortError>>) -> Result<Exit, PortError> {
    receiver.recv_timeout(Duration::from_secs(120)).expect("an end")
}

fn run(program: &Program) -> Result<Exit, PortError> {
    ended(&submit(&jobs(), program))
}

/// What it printed, without what was said while it waited for its pod on a busy machine.
fn log(program: &Program) -> String {
    let text = std::fs::read_to_string(&program.log).unwrap_or_default();
    text.lines().filter(|line| !line.starts_with("[waiting for its pod")).map(|line| format!("{line}\n")).collect()
}

/// The name of its Job.
fn name(program: &Program) -> String {
    let container = program.container.as_ref().expect("a container");
    format!("lockgate-{}-{}", &container.key.hex()[..20], container.attempt)
}

#[test]
fn a_job_has_its_files_and_environment_and_tells() {
    if !is_live("a_job_has_its_files_and_environment_and_tells") {
        return;
    }
    let (namespace, folder) = (Namespace::new("rollout-jobs"), tempfile::tempdir().expect("a folder"));
    let mut program = program(&namespace, folder.path(), &["./tests/run.sh", "two words"]);
    let root = folder.path().join("root");
    std::fs::create_dir_all(root.join("tests")).expect("made");
    std::fs::write(root.join("data.txt"), "some data\n").expect("written");
    let script = "#!/bin/sh\necho \"$1, $TOKEN\"; cat data.txt; touch made\necho \"url=http://there\" >> $LOCKGATE_OUTPUT\nls -a\n";
    std::fs::write(root.join("tests/run.sh"), script).expect("written");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(root.join("tests/run.sh"), std::fs::Permissions::from_mode(0o755)).expect("set");
    program.env = vec![("TOKEN".into(), "s3cret-word".into())];
    program.redact = vec!["s3cret-word".into()];
    let jobs = jobs();
    let exit = ended(&submit(&jobs, &program)).expect("it ran");
    assert!(exit.success(), "{exit:?}\n{}", log(&program));
    assert_eq!(log(&program), "two words, ***\nsome data\n.\n..\ndata.txt\nmade\ntests\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("told")).expect("told"), "url=http://there\n");
    let job = namespace.get("batch/v1", "Job", &name(&program)).expect("there until it is forgotten");
    assert!(!job.to_string().contains("s3cret-word"));
    let secret = namespace.get("v1", "Secret", &format!("{}-env", name(&program))).expect("its environment");
    assert_eq!(secret["metadata"]["ownerReferences"][0]["uid"], job["metadata"]["uid"], "it goes with the Job");
    jobs.forget(program.container.as_ref().expect("a container").key);
    let until = Instant::now() + Duration::from_secs(30);
    while namespace.get("v1", "Secret", &format!("{}-env", name(&program))).is_some() {
        assert!(Instant::now() < until, "its environment stays");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert!(namespace.get("batch/v1", "Job", &name(&program)).is_none());
}

#[test]
fn a_job_is_found_again_and_never_run_twice() {
    if !is_live("a_job_is_found_again_and_never_run_twice") {
        return;
    }
    let (namespace, folder) = (Namespace::new("rollout-again"), tempfile::tempdir().expect("a folder"));
    let program = program(&namespace, folder.path(), &["sh", "-c", "echo begun; sleep 4; echo done; exit 3"]);
    // The first life does not see the end.
    let first = submit(&jobs(), &program);
    let until = Instant::now() + Duration::from_secs(60);
    while namespace.get("batch/v1", "Job", &name(&program)).is_none() {
        assert!(Instant::now() < until, "no Job is made");
        std::thread::sleep(Duration::from_millis(50));
    }
    let uid = |n: &Namespace| n.get("batch/v1", "Job", &name(&program)).expect("there")["metadata"]["uid"].clone();
    let before = uid(&namespace);
    let mut second_program = program.clone();
    second_program.log = folder.path().join("second");
    let second = run(&second_program).expect("its end");
    assert_eq!(second.status, Status::Code(3));
    assert_eq!(log(&second_program), "begun\ndone\n", "all of the log");
    assert_eq!(uid(&namespace), before);
    assert_eq!(ended(&first).expect("its end").status, Status::Code(3));
    // Another attempt is another Job, and the one before goes.
    let mut again = program.clone();
    again.container.as_mut().expect("a container").attempt = 2;
    assert_eq!(run(&again).expect("its end").status, Status::Code(3));
    assert_ne!(namespace.get("batch/v1", "Job", &name(&again)).expect("there")["metadata"]["uid"], before);
}

#[test]
fn a_job_is_cancelled_and_ends_in_time() {
    if !is_live("a_job_is_cancelled_and_ends_in_time") {
        return;
    }
    let (namespace, folder) = (Namespace::new("rollout-stop"), tempfile::tempdir().expect("a folder"));
    let mut slow = program(&namespace, folder.path(), &["sh", "-c", "echo begun; exec sleep 600"]);
    let jobs = jobs();
    let running = submit(&jobs, &slow);
    std::thread::sleep(Duration::from_secs(4));
    jobs.cancel(Ticket(1));
    assert_eq!(ended(&running).expect("its end").status, Status::Cancelled);
    let gone = namespace.get("batch/v1", "Job", &name(&slow));
    assert!(gone.is_none_or(|job| job["metadata"].get("deletionTimestamp").is_some()), "nothing is left running");
    slow.timeout = Some(Duration::from_secs(3));
    slow.container.as_mut().expect("a container").attempt = 2;
    let late = run(&slow).expect("its end");
    assert_eq!(late.status, Status::TimedOut);
    assert!(log(&slow).contains("begun"), "its log is kept: {}", log(&slow));
}

#[test]
fn what_keeps_a_job_from_running_is_told() {
    if !is_live("what_keeps_a_job_from_running_is_told") {
        return;
    }
    let (namespace, folder) = (Namespace::new("rollout-badjob"), tempfile::tempdir().expect("a folder"));
    let mut missing = program(&namespace, folder.path(), &["true"]);
    missing.container.as_mut().expect("a container").image = "127.0.0.1:5000/rollout-no-such-image:1".into();
    let error = run(&missing).expect_err("no image");
    assert!(error.message.contains("ImagePullBackOff") && error.message.contains("manifest unknown"), "{error}");
    let nothing = program(&namespace, folder.path(), &["/no/such/program"]);
    let told = match run(&nothing) {
        Ok(exit) => exit.log_fault.map(|fault| fault.message).unwrap_or_default(),
        Err(error) => error.message,
    };
    assert!(told.contains("cannot be started") || told.contains("no such file"), "{told}");
    let mut elsewhere = program(&namespace, folder.path(), &["false"]);
    let place = JobPlace { context: context(), namespace: Some(super::unique("rollout-nowhere")) };
    elsewhere.container.as_mut().expect("a container").job = Some(place);
    let error = run(&elsewhere).expect_err("no namespace");
    assert_eq!(error.fault, Fault::NotFound, "{error}");
}

#[test]
fn secrets_are_read_from_a_cluster() {
    if !is_live("secrets_are_read_from_a_cluster") {
        return;
    }
    let namespace = Namespace::new("rollout-secret");
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "registry"},
        "stringData": {"token": "s3cret\n", "empty": ""}}));
    let secrets = AllSecrets::new(Arc::new(Clusters::new()));
    let get = |name: &str, key: &str| {
        let text = str::to_string;
        let (namespace, name, key) = (namespace.name.clone(), text(name), text(key));
        secrets.get(&Origin::Kubernetes { context: context(), namespace, name, key })
    };
    assert_eq!(get("registry", "token").expect("a value").expose_secret(), "s3cret");
    let message = |name: &str, key: &str| get(name, key).expect_err("nothing").message;
    assert!(message("registry", "tokn").contains("has no key `tokn`"), "{}", message("registry", "tokn"));
    assert!(message("registri", "token").contains("there is no Secret `registri` in namespace"));
    assert!(message("registry", "empty").ends_with("is empty"));
}

#[test]
fn a_pipeline_runs_its_steps_in_a_cluster() {
    if !is_live("a_pipeline_runs_its_steps_in_a_cluster") {
        return;
    }
    let namespace = Namespace::new("rollout-steps");
    let (name, context, image) = (&namespace.name, context(), busybox());
    namespace.apply(&json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "load"}, "stringData": {"token": "s3cret-word"}}));
    let pipeline = format!(
        r#"
lockgate 1
pipeline shop {{
    source app {{
        folder "./app"
    }}
    secret token {{
        kubernetes "{context}" namespace="{name}" name=load key=token
    }}
    task load {{
        run "./load.sh" "{{app.short}}" image="{image}" cluster="{context}" namespace="{name}"
        in app
        env TOKEN="{{token}}"
        output url
    }}
    release web {{
        chart app chart
        set url="{{load.url}}"
    }}
    environment dev {{
        folder "./out"
        deploy web
        verify {{
            run cat data.txt image="{image}" cluster="{context}" namespace="{name}"
            in app
        }}
    }}
}}
"#
    );
    let lab = crate::lab::Lab::with(&[
        ("lockgate.kdl", pipeline.trim_start()),
        ("app/load.sh", "#!/bin/sh\necho \"token $TOKEN\"; sleep 3; echo \"url=http://report\" >> $LOCKGATE_OUTPUT\n"),
        ("app/data.txt", "what was there\n"),
        ("app/chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("app/chart/values.yaml", "url: none\n"),
        (
            "app/chart/templates/a.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  url: {{ .Values.url }}\n",
        ),
    ]);
    // Cut off while the Job runs.
    let mut first = lab.command(&["apply", "--yes"]).spawn().expect("started");
    let jobs = |n: &Namespace| {
        let cluster = n.clusters.cluster(&super::kube::context()).expect("a cluster");
        let kind = lockgate::adapters::kube::Resource::known("batch/v1", "Job", "jobs", true);
        n.clusters.wait(cluster.list(&kind, Some(&n.name), "")).expect("a list")
    };
    let until = Instant::now() + Duration::from_secs(60);
    while jobs(&namespace).is_empty() {
        assert!(Instant::now() < until, "no Job is made");
        std::thread::sleep(Duration::from_millis(50));
    }
    first.kill().expect("killed");
    first.wait().expect("waited for");
    let before: Vec<_> = jobs(&namespace).iter().map(|job| job["metadata"]["uid"].clone()).collect();
    let second = lab.command(&["apply", "--yes"]).output().expect("started");
    let said = format!("{}{}", String::from_utf8_lossy(&second.stdout), String::from_utf8_lossy(&second.stderr));
    assert!(second.status.success(), "{said}");
    assert!(!said.contains("s3cret-word"), "{said}");
    assert_eq!(before.len(), 1);
    let out = lab.tree("out").into_values().map(|v| String::from_utf8_lossy(&v).into_owned()).collect::<String>();
    assert!(out.contains("url: http://report"), "{out}");
    let logs =
        lab.tree(".lockgate/logs").into_values().map(|v| String::from_utf8_lossy(&v).into_owned()).collect::<String>();
    assert!(logs.contains("token ***") && logs.contains("what was there") && !logs.contains("s3cret-word"), "{logs}");
    let until = Instant::now() + Duration::from_secs(120);
    while jobs(&namespace).iter().any(|job| job["metadata"].get("deletionTimestamp").is_none()) {
        assert!(Instant::now() < until, "Jobs that are done stay");
        std::thread::sleep(Duration::from_millis(200));
    }
}
