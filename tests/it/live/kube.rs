//! Clusters.

use super::is_live;
use lockgate::adapters::kube::{Applying, Clusters, Resource};
use lockgate::ports::Fault;
use serde_json::{Value, json};

/// The context of the cluster that tests may use.
pub(crate) fn context() -> String {
    std::env::var("LOCKGATE_LIVE_CONTEXT").unwrap_or_else(|_| "test".to_string())
}

/// A namespace of a test's own, gone with it.
pub(crate) struct Namespace {
    pub clusters: Clusters,
    pub name: String,
}

impl Namespace {
    /// Its name begins like that; it is not made yet.
    pub fn unmade(prefix: &str) -> Namespace {
        Namespace { clusters: Clusters::new(), name: super::unique(prefix) }
    }

    /// Its name begins like that, and it is there.
    pub fn new(prefix: &str) -> Namespace {
        let namespace = Namespace::unmade(prefix);
        namespace.make();
        namespace
    }

    /// The second number of the cluster's version.
    pub fn version(&self) -> String {
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let info = self.clusters.wait(async { Ok(cluster.client().apiserver_version().await.expect("a version")) });
        info.expect("a version").minor
    }

    /// Makes it.
    pub fn make(&self) {
        self.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}));
    }

    /// Makes an object as somebody else does, by the name of a manager.
    pub fn create_as(&self, manager: &str, body: &Value) {
        let kind = body["kind"].as_str().expect("a kind");
        self.raw(manager, "create", body["apiVersion"].as_str().expect("a version"), kind, "", body);
    }

    /// Changes some fields of an object as somebody else does, by the name of a manager.
    pub fn patch_as(&self, manager: &str, api_version: &str, kind: &str, name: &str, patch: &Value) {
        self.raw(manager, "patch", api_version, kind, name, patch);
    }

    fn raw(&self, manager: &str, verb: &str, api_version: &str, kind: &str, name: &str, body: &Value) {
        use kube::api::{Patch, PatchParams, PostParams};
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let done = self.clusters.wait(async {
            let path = cluster.needed_kind(api_version, kind).await?.path(Some(&self.name));
            let url = kube::core::Request::new(path);
            let field_manager = Some(manager.to_string());
            let request = match verb {
                "create" => url.create(&PostParams { field_manager, ..PostParams::default() }, body.to_string().into()),
                _ => url.patch(name, &PatchParams { field_manager, ..PatchParams::default() }, &Patch::Merge(body)),
            };
            Ok(cluster.client().request::<Value>(request.expect("a request")).await.expect("done"))
        });
        done.expect("done");
    }

    /// An object in it, or of the whole cluster.
    pub fn get(&self, api_version: &str, kind: &str, name: &str) -> Option<Value> {
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let got = self.clusters.wait(async {
            let resource = cluster.needed_kind(api_version, kind).await?;
            cluster.get(&resource.at(&self.name, name)).await
        });
        got.expect("an answer")
    }

    /// Applies an object as somebody else would, whoever owns its fields.
    pub fn apply(&self, body: &Value) -> Value {
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let text = |path: &str| body.pointer(path).and_then(Value::as_str).expect("a text").to_string();
        let done = self.clusters.wait(async {
            let resource = cluster.needed_kind(&text("/apiVersion"), &text("/kind")).await?;
            let at = resource.at(&self.name, &text("/metadata/name"));
            Ok(cluster.apply(&at, body, Applying { force: true, rehearse: false }).await?)
        });
        done.expect("applied")
    }

    /// Changes some fields of an object behind everybody's back.
    pub fn merge(&self, api_version: &str, kind: &str, name: &str, patch: &Value) {
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let done = self.clusters.wait(async {
            let resource = cluster.needed_kind(api_version, kind).await?;
            Ok(cluster.merge(&resource.at(&self.name, name), patch).await?)
        });
        done.expect("changed");
    }

    /// Deletes an object.
    pub fn delete(&self, api_version: &str, kind: &str, name: &str) {
        let cluster = self.clusters.cluster(&context()).expect("a cluster");
        let done = self.clusters.wait(async {
            let resource = cluster.needed_kind(api_version, kind).await?;
            cluster.delete(&resource.at(&self.name, name), None).await
        });
        done.expect("deleted");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let gone = self.clusters.cluster(&context()).and_then(|cluster| {
            let at = Resource::known("v1", "Namespace", "namespaces", false).at("", &self.name);
            self.clusters.wait(async move { cluster.delete(&at, None).await })
        });
        if let Err(error) = gone {
            eprintln!("namespace {} is left: {error}", self.name);
        }
    }
}

#[test]
fn objects_come_and_go() {
    if !is_live("objects_come_and_go") {
        return;
    }
    let namespace = Namespace::new("kube-client");
    assert!(namespace.get("v1", "ConfigMap", "a").is_none());
    namespace.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}));
    assert_eq!(namespace.get("v1", "ConfigMap", "a").expect("there")["data"]["x"], "1");
    namespace.merge("v1", "ConfigMap", "a", &json!({"data": {"x": "2"}}));
    assert_eq!(namespace.get("v1", "ConfigMap", "a").expect("there")["data"]["x"], "2");
    namespace.delete("v1", "ConfigMap", "a");
    assert!(namespace.get("v1", "ConfigMap", "a").is_none());
}

#[test]
fn a_kind_that_is_not_there_is_told_with_what_is() {
    if !is_live("a_kind_that_is_not_there_is_told_with_what_is") {
        return;
    }
    let clusters = Clusters::new();
    let cluster = clusters.cluster(&context()).expect("a cluster");
    let kind = |api: &'static str, kind: &'static str| {
        clusters.wait(cluster.needed_kind(api, kind)).expect_err("no such kind").help.expect("a help")
    };
    assert_eq!(kind("apps/v1", "Deploiment"), "did you mean `Deployment`?");
    assert!(kind("example.com/v1", "Thing").contains("nothing serves"));
    let error = clusters.cluster("no-such-context").err().expect("no context");
    assert_eq!(error.fault, Fault::NotFound);
}
