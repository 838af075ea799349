//! The objects of a Job: itself, the Secret with its environment, the ConfigMaps with its files.

use super::files::{File, parts};
use crate::adapters::kube::kinds::Resource;
use crate::digest::Digest;
use crate::ports::shell::{Container, Program};
use crate::ports::sources::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use std::path::Path;

/// The label with the key of the step.
pub const KEY: &str = "lockgate.dev/key";
/// The container that runs the program.
pub(super) const STEP: &str = "step";
/// Where the program works.
const WORK: &str = "/lockgate/work";
/// Where its files come from.
const FILES: &str = "/lockgate/files";
/// The file that takes the lines it tells. The cluster hands its end to us, up to 4096 bytes.
const TOLD: &str = "/lockgate/told";
/// How much a program can tell, in bytes: what the kubelet keeps.
pub(super) const TELLS: usize = 4_096;
/// How long what is left of a Job may stay where nobody came to fetch its end, in seconds.
const KEPT: u64 = 24 * 60 * 60;
/// For so much longer than its program may take a Job may wait for a node and an image, in seconds.
const STARTING: u64 = 10 * 60;

/// What is to run.
pub(super) struct Order<'a> {
    pub program: &'a Program,
    pub container: &'a Container,
    pub namespace: &'a str,
    pub name: &'a str,
}

/// The name of the Job of an attempt.
pub(super) fn name(key: Digest, attempt: u32) -> String {
    format!("lockgate-{}-{attempt}", short(key))
}

/// The attempt that is in the name of a Job; 0 where none is.
pub(super) fn attempt(name: &str) -> u32 {
    name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// The Jobs of a key, as a query of labels.
pub(super) fn labelled(key: Digest) -> String {
    format!("{KEY}={}", short(key))
}

fn short(key: Digest) -> String {
    key.hex().chars().take(20).collect()
}

pub(super) fn jobs() -> Resource {
    Resource::known("batch/v1", "Job", "jobs", true)
}

impl Order<'_> {
    fn labels(&self) -> Value {
        json!({"app.kubernetes.io/managed-by": "lockgate", KEY: short(self.container.key)})
    }

    fn metadata(&self, name: &str) -> Value {
        json!({"name": name, "namespace": self.namespace, "labels": self.labels()})
    }

    fn environment_name(&self) -> String {
        format!("{}-env", self.name)
    }

    fn pull_name(&self) -> String {
        format!("{}-pull", self.name)
    }

    fn files_name(&self, part: usize) -> String {
        format!("{}-files-{part}", self.name)
    }

    /// The objects that it needs, without itself: their kinds' plurals and bodies.
    pub fn belongings(&self, files: &[File]) -> Vec<(Resource, Value)> {
        let secrets = Resource::known("v1", "Secret", "secrets", true);
        let maps = Resource::known("v1", "ConfigMap", "configmaps", true);
        let environment: Map<String, Value> =
            self.program.env.iter().map(|(name, value)| (name.clone(), json!(STANDARD.encode(value)))).collect();
        let mut objects = vec![(
            secrets.clone(),
            json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": self.metadata(&self.environment_name()), "data": environment}),
        )];
        if let Some(credentials) = &self.container.credentials {
            let config = docker_config(&self.container.image, credentials);
            objects.push((
                secrets,
                json!({"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/dockerconfigjson",
                    "metadata": self.metadata(&self.pull_name()),
                    "data": {".dockerconfigjson": STANDARD.encode(config.to_string())}}),
            ));
        }
        for (number, part) in parts(files).into_iter().enumerate() {
            let data: Map<String, Value> = part
                .iter()
                .enumerate()
                .map(|(at, file)| (format!("f{at}"), json!(STANDARD.encode(&file.content))))
                .collect();
            let body = json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": self.metadata(&self.files_name(number)), "binaryData": data});
            objects.push((maps.clone(), body));
        }
        objects
    }

    /// The Job.
    pub fn job(&self, files: &[File]) -> Value {
        let seconds = self.program.timeout.map(|timeout| timeout.as_secs().max(1));
        let below = self.program.cwd.strip_prefix(&self.container.root).unwrap_or(Path::new(""));
        let cwd = if below.as_os_str().is_empty() { WORK.to_string() } else { format!("{WORK}/{}", below.display()) };
        let work = json!({"name": "work", "mountPath": WORK});
        let mut pod = json!({
            "restartPolicy": "Never",
            "terminationGracePeriodSeconds": 10,
            "enableServiceLinks": true,
            "containers": [{
                "name": STEP,
                "image": self.container.image,
                "command": self.program.argv,
                "workingDir": cwd,
                "envFrom": [{"secretRef": {"name": self.environment_name()}}],
                "env": [{"name": "LOCKGATE_OUTPUT", "value": TOLD}],
                "terminationMessagePath": TOLD,
                "volumeMounts": [work],
            }],
            "volumes": [{"name": "work", "emptyDir": {}}],
        });
        if let Some(seconds) = seconds {
            // The pod's own bound leaves the pod and its log; the Job's would delete them.
            pod["activeDeadlineSeconds"] = json!(seconds);
        }
        if self.container.credentials.is_some() {
            pod["imagePullSecrets"] = json!([{"name": self.pull_name()}]);
        }
        if !files.is_empty() {
            // The folder is mounted below the volume's root, where there are no links of the kubelet's among the files.
            pod["initContainers"] = json!([{
                "name": "files",
                "image": self.container.image,
                "command": ["cp", "-R", format!("{FILES}/."), format!("{WORK}/")],
                "volumeMounts": [work, {"name": "files", "mountPath": FILES, "subPath": "f", "readOnly": true}],
            }]);
            if let Some(volumes) = pod["volumes"].as_array_mut() {
                volumes.push(json!({"name": "files", "projected": {"sources": self.sources(files)}}));
            }
        }
        let mut spec = json!({
            "backoffLimit": 0, "completions": 1, "parallelism": 1, "ttlSecondsAfterFinished": KEPT,
            "template": {"metadata": {"labels": self.labels()}, "spec": pod},
        });
        if let Some(seconds) = seconds {
            spec["activeDeadlineSeconds"] = json!(seconds + STARTING);
        }
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": self.metadata(self.name), "spec": spec})
    }

    fn sources(&self, files: &[File]) -> Vec<Value> {
        let item = |(at, file): (usize, &File)| {
            let mode = if file.is_program { 0o755 } else { 0o644 };
            json!({"key": format!("f{at}"), "path": format!("f/{}", file.path), "mode": mode})
        };
        let source = |(number, part): (usize, &[File])| {
            let items: Vec<Value> = part.iter().enumerate().map(item).collect();
            json!({"configMap": {"name": self.files_name(number), "items": items}})
        };
        parts(files).into_iter().enumerate().map(source).collect()
    }
}

/// What makes an object go with its Job.
pub(super) fn owned_by(job: &Value) -> Value {
    let uid = job.pointer("/metadata/uid").cloned().unwrap_or_default();
    let name = job.pointer("/metadata/name").cloned().unwrap_or_default();
    json!({"metadata": {"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid}]}})
}

/// A Docker configuration that lets in to the registry of an image.
fn docker_config(image: &str, credentials: &Credentials) -> Value {
    let host = match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "https://index.docker.io/v1/",
    };
    let auth = STANDARD.encode(format!("{}:{}", credentials.username, credentials.password));
    let mut auths = Map::new();
    auths.insert(
        host.to_string(),
        json!({"username": credentials.username, "password": credentials.password, "auth": auth}),
    );
    json!({"auths": auths})
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn with(check: impl FnOnce(&Order<'_>)) {
        let container = Container {
            image: "r.example.com/app@sha256:00".into(),
            credentials: Some(Credentials { username: "u".into(), password: "p".into() }),
            from: Vec::new(),
            key: Digest::of("key"),
            attempt: 1,
            root: "/tmp/x".into(),
            ignore: false,
            outputs: Vec::new(),
            told: None,
            job: None,
        };
        let mut program = Program::new(vec!["./tests/unit.sh".into(), "a b".into()], "/tmp/x/sub", "/tmp/log");
        program.env = vec![("TOKEN".into(), "s3cret".into())];
        program.timeout = Some(Duration::from_secs(60));
        check(&Order { program: &program, container: &container, namespace: "shop", name: &name(container.key, 1) });
    }

    fn file(path: &str, is_program: bool) -> File {
        File { path: path.into(), is_program, content: b"x".to_vec() }
    }

    #[test]
    fn a_job_runs_its_program_once_and_without_a_shell() {
        with(|order| {
            let job = order.job(&[]);
            let pod = &job["spec"]["template"]["spec"];
            assert_eq!((&job["spec"]["backoffLimit"], &pod["restartPolicy"]), (&json!(0), &json!("Never")));
            assert_eq!(pod["containers"][0]["command"], json!(["./tests/unit.sh", "a b"]));
            assert_eq!(pod["containers"][0]["workingDir"], "/lockgate/work/sub");
            assert_eq!(
                (&pod["activeDeadlineSeconds"], &job["spec"]["activeDeadlineSeconds"]),
                (&json!(60), &json!(660))
            );
            assert!(pod.get("initContainers").is_none(), "there are no files to bring in");
            assert!(name(order.container.key, 123).len() <= 52, "with what is added to it, a label takes it");
        });
    }

    #[test]
    fn nothing_secret_stands_in_the_job() {
        with(|order| {
            let files = [file("run.sh", true)];
            assert!(!order.job(&files).to_string().contains("s3cret"));
            let objects = order.belongings(&files);
            let kinds: Vec<_> =
                objects.iter().map(|(kind, body)| (kind.kind.as_str(), body["type"].as_str())).collect();
            let config = Some("kubernetes.io/dockerconfigjson");
            assert_eq!(kinds, [("Secret", Some("Opaque")), ("Secret", config), ("ConfigMap", None)]);
            assert_eq!(objects[0].1["data"]["TOKEN"], STANDARD.encode("s3cret"));
            let pulls = &order.job(&files)["spec"]["template"]["spec"]["imagePullSecrets"];
            assert_eq!(*pulls, json!([{"name": order.pull_name()}]));
        });
    }

    #[test]
    fn files_are_brought_in_with_their_paths_and_modes() {
        with(|order| {
            let job = order.job(&[file("a b/ü.txt", false), file("run.sh", true)]);
            let pod = &job["spec"]["template"]["spec"];
            let items = &pod["volumes"][1]["projected"]["sources"][0]["configMap"]["items"];
            assert_eq!(
                *items,
                json!([
                {"key": "f0", "path": "f/a b/ü.txt", "mode": 0o644}, {"key": "f1", "path": "f/run.sh", "mode": 0o755}])
            );
            assert_eq!(pod["initContainers"][0]["command"][0], "cp");
        });
    }
}
