//! What is wanted of a cluster: the rendered objects, with our marks on them and with what the environment adds.

use super::owner::{self, Home};
use crate::digest::Digest;
use crate::ports::bundle::{Bundle, Object};
use crate::ports::{Fault, PortError};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// An object that is to be there.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// What the plan calls it: `Deployment/web`, with its namespace if it names one.
    pub id: String,
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace that it names itself.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
    /// Whether it comes from a chart's `crds/`, whose definitions several releases may share.
    pub shared: bool,
    /// The object as it is applied.
    pub body: Value,
}

impl Wanted {
    /// What names the object as it was applied; written on it.
    pub fn stamp(&self) -> Option<&str> {
        self.body.pointer("/metadata/annotations")?.get(owner::APPLIED)?.as_str()
    }
}

/// The objects of a bundle in their order. `pull` names the secret with which pods fetch their images.
pub fn wanted(bundle: &Bundle, home: &Home, pull: Option<&str>) -> Result<Vec<Wanted>, PortError> {
    let mut objects = Vec::new();
    for object in &bundle.objects {
        expand(object, &object.body, &mut objects)?;
    }
    let scaled = scaled(&objects);
    let mut seen = BTreeSet::new();
    for object in &mut objects {
        let key = (group(&object.api_version), object.kind.clone(), object.namespace.clone(), object.name.clone());
        if !seen.insert(key) {
            let message = format!("{} is rendered twice, and one would overwrite the other", object.id);
            return Err(PortError::new(Fault::Invalid, message).help("leave one of them out, or give it another name"));
        }
        if scaled.contains(&(object.kind.clone(), object.name.clone())) {
            // Whoever scales it decides; applying a number would take it back each time.
            remove(&mut object.body, "spec", "replicas");
        }
        add_pull_secret(&object.kind, &mut object.body, pull);
        name_protocols(&object.kind, &mut object.body);
        owner::mark(&mut object.body, home);
    }
    Ok(objects)
}

fn group(api_version: &str) -> String {
    api_version.split_once('/').map_or("", |(group, _)| group).to_string()
}

/// A list is its items. What gets its name from the server could never be found again.
fn expand(object: &Object, body: &Value, out: &mut Vec<Wanted>) -> Result<(), PortError> {
    let text = |path: &str| body.pointer(path).and_then(Value::as_str).unwrap_or_default().to_string();
    let kind = text("/kind");
    if let Some(items) = body.get("items").and_then(Value::as_array).filter(|_| kind.ends_with("List")) {
        return items.iter().try_for_each(|item| expand(object, item, out));
    }
    let name = text("/metadata/name");
    let from = if object.template.is_empty() { String::new() } else { format!(" of {}", object.template) };
    if name.is_empty() {
        let message = match text("/metadata/generateName") {
            prefix if prefix.is_empty() => format!("a {kind}{from} has no name"),
            prefix => format!("a {kind}{from} has `generateName: {prefix}`, and would be another one with each deploy"),
        };
        return Err(PortError::new(Fault::Invalid, message).help("give it a `metadata.name`"));
    }
    let namespace = Some(text("/metadata/namespace")).filter(|n| !n.is_empty());
    let id = match &namespace {
        Some(namespace) => format!("{kind}/{namespace}/{name}"),
        None => format!("{kind}/{name}"),
    };
    let shared = kind == "CustomResourceDefinition" && object.template.contains("crds/");
    let mut body = body.clone();
    // What the server alone may say is not ours to apply.
    if let Some(fields) = body.as_object_mut() {
        fields.remove("status");
    }
    if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ["creationTimestamp", "managedFields", "resourceVersion", "uid", "generation", "selfLink"] {
            metadata.remove(field);
        }
    }
    out.push(Wanted { id, api_version: text("/apiVersion"), kind, namespace, name, shared, body });
    Ok(())
}

/// What autoscalers of the same release scale: kind and name.
fn scaled(objects: &[Wanted]) -> BTreeSet<(String, String)> {
    let target = |object: &Wanted| {
        let to = object.body.pointer("/spec/scaleTargetRef").filter(|_| object.kind == "HorizontalPodAutoscaler")?;
        Some((to.get("kind")?.as_str()?.to_string(), to.get("name")?.as_str()?.to_string()))
    };
    objects.iter().filter_map(target).collect()
}

fn remove(body: &mut Value, part: &str, field: &str) {
    if let Some(part) = body.get_mut(part).and_then(Value::as_object_mut) {
        part.remove(field);
    }
}

/// Where an object of that kind has the pods that it makes.
fn pod_spec<'b>(kind: &str, body: &'b mut Value) -> Option<&'b mut Map<String, Value>> {
    let path = match kind {
        "Pod" => "/spec",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "ReplicationController" | "Job" => {
            "/spec/template/spec"
        }
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        _ => return None,
    };
    body.pointer_mut(path)?.as_object_mut()
}

/// Adds the secret to those that the chart names itself, at the end, once.
pub(super) fn add_pull_secret(kind: &str, body: &mut Value, secret: Option<&str>) {
    let (Some(secret), Some(spec)) = (secret, pod_spec(kind, body)) else { return };
    let secrets = spec.entry("imagePullSecrets").or_insert_with(|| json!([]));
    if secrets.is_null() {
        *secrets = json!([]);
    }
    if let Some(secrets) = secrets.as_array_mut()
        && !secrets.iter().any(|s| s.get("name").and_then(Value::as_str) == Some(secret))
    {
        secrets.push(json!({ "name": secret }));
    }
}

/// Says `TCP` where a port does not say its protocol. It is a part of what names a port among others, and a server before
/// 1.20.3 refuses to apply a port without it on its side (kubernetes/kubernetes#92332), though it has a default.
fn name_protocols(kind: &str, body: &mut Value) {
    let name = |ports: Option<&mut Value>| {
        for port in ports.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut) {
            port.entry("protocol").or_insert_with(|| json!("TCP"));
        }
    };
    if kind == "Service" {
        name(body.pointer_mut("/spec/ports"));
    }
    let Some(spec) = pod_spec(kind, body) else { return };
    for list in ["containers", "initContainers"] {
        for container in spec.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten() {
            name(container.get_mut("ports"));
        }
    }
}

/// The registries that the images of these objects come from, in order.
pub fn registries(objects: &[Wanted]) -> BTreeSet<String> {
    let mut hosts = BTreeSet::new();
    for object in objects {
        let mut body = object.body.clone();
        let Some(spec) = pod_spec(&object.kind, &mut body) else { continue };
        for list in ["containers", "initContainers"] {
            let containers = spec.get(list).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let images = containers.iter().filter_map(|c| c.get("image").and_then(Value::as_str));
            hosts.extend(images.map(host));
        }
    }
    hosts
}

/// The registry in an image's name, as Docker reads it.
fn host(image: &str) -> String {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first.to_string(),
        _ => "https://index.docker.io/v1/".to_string(),
    }
}

/// The digest of a body, as it stands on it.
pub(super) fn stamp_of(body: &Value) -> String {
    Digest::of(body.to_string()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(bodies: &[Value]) -> Bundle {
        let object = |body: &Value| Object {
            api_version: String::new(),
            kind: String::new(),
            namespace: None,
            name: String::new(),
            template: "app/templates/x.yaml".into(),
            text: String::new(),
            body: body.clone(),
        };
        Bundle { release: "app".into(), objects: bodies.iter().map(object).collect(), ..Bundle::default() }
    }

    fn of(bodies: &[Value], pull: Option<&str>) -> Result<Vec<Wanted>, PortError> {
        wanted(&bundle(bodies), &Home { namespace: "shop".into(), release: "app".into() }, pull)
    }

    fn map(name: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}})
    }

    #[test]
    fn ports_say_their_protocol() {
        let ports = json!([{"port": 80}, {"port": 53, "protocol": "UDP"}]);
        let service =
            json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": {"ports": ports}});
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"},
            "spec": {"containers": [{"name": "web", "ports": [{"containerPort": 80}]}, {"name": "other"}]}});
        let objects = of(&[service, pod], None).expect("objects");
        let named = json!([{"port": 80, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]);
        assert_eq!(objects[0].body["spec"]["ports"], named);
        let containers = &objects[1].body["spec"]["containers"];
        assert_eq!(containers[0]["ports"], json!([{"containerPort": 80, "protocol": "TCP"}]));
        assert_eq!(containers[1], json!({"name": "other"}));
    }

    #[test]
    fn lists_are_their_items_and_names_are_needed() {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": [map("a"), map("b")]});
        let ids: Vec<String> = of(&[list], None).expect("objects").into_iter().map(|o| o.id).collect();
        assert_eq!(ids, ["ConfigMap/a", "ConfigMap/b"]);
        let unnamed = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"generateName": "x-"}});
        let error = of(&[unnamed], None).expect_err("no name");
        assert!(error.message.starts_with("a Job of app/templates/x.yaml has `generateName: x-`"), "{error}");
        assert!(of(&[map("a"), map("a")], None).expect_err("twice").message.contains("rendered twice"));
    }

    #[test]
    fn an_autoscaler_decides_on_replicas() {
        let web = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
                         "spec": {"replicas": 2}});
        let hpa = json!({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h"},
                         "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}});
        assert_eq!(of(std::slice::from_ref(&web), None).expect("objects")[0].body["spec"]["replicas"], 2);
        assert!(of(&[web, hpa], None).expect("objects")[0].body["spec"].get("replicas").is_none());
    }

    #[test]
    fn pods_get_the_pull_secret_besides_their_own() {
        let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "spec": {"template": {"spec": {"imagePullSecrets": [{"name": "own"}],
                     "containers": [{"name": "a", "image": "r.example.com:5000/x/y:1"}, {"name": "b", "image": "nginx"}]}}}});
        let objects = of(&[job, map("m")], Some("lockgate-pull")).expect("objects");
        let secrets = &objects[0].body["spec"]["template"]["spec"]["imagePullSecrets"];
        assert_eq!(*secrets, json!([{"name": "own"}, {"name": "lockgate-pull"}]));
        let hosts: Vec<String> = registries(&objects).into_iter().collect();
        assert_eq!(hosts, ["https://index.docker.io/v1/", "r.example.com:5000"]);
    }
}
