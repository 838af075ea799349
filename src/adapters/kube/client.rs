//! One cluster: the requests that are made of it, each counted, bounded in time, and refused in words.

use super::fault::{Ask, Refusal};
use super::kinds::{Kinds, Resource};
use crate::ports::{Fault, PortError};
use kube::api::{
    DeleteParams, GetParams, ListParams, Patch, PatchParams, PostParams, Preconditions, PropagationPolicy,
};
use kube::core::Request;
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Who says that a field is ours.
pub const MANAGER: &str = "lockgate";
/// How long one request may take. Admission may ask others, who have up to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(40);

/// A connection to the cluster of a context.
pub struct Cluster {
    /// The context of the kubeconfig.
    pub context: String,
    /// The user as the kubeconfig names them.
    pub user: String,
    /// The server's URL.
    pub server: String,
    client: kube::Client,
    pub(super) kinds: Kinds,
    reads: AtomicU64,
    writes: AtomicU64,
}

/// An object of a cluster, which may be there or not.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct At {
    /// What kind of thing it is.
    pub resource: Resource,
    /// Its namespace; nothing for what belongs to the whole cluster.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applying {
    /// Whether fields that others set are taken from them.
    pub force: bool,
    /// Whether nothing is written: the answer is what would be there.
    pub rehearse: bool,
}

/// How many requests were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// Those that change nothing, rehearsals among them.
    pub reads: u64,
    /// Those that may change something.
    pub writes: u64,
}

enum Call<'a> {
    Get,
    List(ListParams),
    Apply(&'a Value, Applying),
    Merge(&'a Value),
    Create(&'a Value),
    Delete(DeleteParams),
}

impl Call<'_> {
    fn verb(&self) -> &'static str {
        match self {
            Call::Get => "get",
            Call::List(_) => "list",
            Call::Apply(..) | Call::Merge(_) => "patch",
            Call::Create(_) => "create",
            Call::Delete(_) => "delete",
        }
    }

    fn writes(&self) -> bool {
        !matches!(self, Call::Get | Call::List(_) | Call::Apply(_, Applying { rehearse: true, .. }))
    }
}

impl At {
    /// What people call it: `Deployment/web`.
    pub fn shown(&self) -> String {
        format!("{}/{}", self.resource.kind, self.name)
    }

    /// The path of its collection.
    fn collection(&self) -> String {
        self.resource.path(self.namespace.as_deref())
    }

    fn ask(&self, verb: &'static str) -> Ask<'_> {
        Ask { verb, resource: &self.resource, namespace: self.namespace.as_deref(), name: &self.name }
    }
}

impl Cluster {
    pub(super) fn new(context: &str, user: &str, server: &str, client: kube::Client) -> Cluster {
        Cluster {
            context: context.to_string(),
            user: user.to_string(),
            server: server.to_string(),
            client,
            kinds: Kinds::default(),
            reads: AtomicU64::new(0),
            writes: AtomicU64::new(0),
        }
    }

    /// How many requests were made so far.
    pub fn calls(&self) -> Calls {
        Calls { reads: self.reads.load(Ordering::Relaxed), writes: self.writes.load(Ordering::Relaxed) }
    }

    /// The client itself, for what streams: logs and watches. Whoever uses it says so with [`Cluster::count`].
    pub fn client(&self) -> kube::Client {
        self.client.clone()
    }

    /// Counts a request, and notes it where `LOCKGATE_KUBE_LOG` names a file.
    pub fn count(&self, verb: &str, path: &str, writes: bool) {
        let counter = if writes { &self.writes } else { &self.reads };
        counter.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(cluster = self.context, verb, path, writes, "request");
        if let Some(file) = std::env::var_os("LOCKGATE_KUBE_LOG") {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(file);
            // Whoever counts sees that nothing is there; a deploy does not fail for it.
            let kind = if writes { "write" } else { "read" };
            let line = format!("{kind} {} {verb} {path}\n", self.context);
            drop(file.and_then(|mut file| std::io::Write::write_all(&mut file, line.as_bytes())));
        }
    }

    /// An object as it is; nothing where it is not there.
    pub async fn get(&self, at: &At) -> Result<Option<Value>, PortError> {
        match self.send(&at.ask("get"), &at.collection(), Call::Get).await {
            Ok(value) => Ok(Some(value)),
            Err(refusal) if refusal.code == 404 => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// All objects of a kind in a namespace (nothing: everywhere) with those labels (`a=b,c=d`; empty: all), as its items.
    pub async fn list(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        labels: &str,
    ) -> Result<Vec<Value>, PortError> {
        const PAGE: u32 = 500;
        let ask = Ask { verb: "list", resource, namespace, name: "" };
        let (mut items, mut next) = (Vec::new(), String::new());
        loop {
            let mut params = ListParams::default().labels(labels).limit(PAGE);
            if !next.is_empty() {
                params = params.continue_token(&next);
            }
            let mut page = self.send(&ask, &resource.path(namespace), Call::List(params)).await.map_err(|r| r.error)?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found.into_iter().map(|item| typed(item, resource)));
            }
            match page.pointer("/metadata/continue").and_then(Value::as_str) {
                Some(token) if !token.is_empty() => next = token.to_string(),
                _ => return Ok(items),
            }
        }
    }

    /// Applies an object, and gives it as it is then, or would be.
    pub async fn apply(&self, at: &At, body: &Value, how: Applying) -> Result<Value, Refusal> {
        self.send(&at.ask("patch"), &at.collection(), Call::Apply(body, how)).await
    }

    /// Makes an object; that it is there already is refused with 409.
    pub async fn create(&self, at: &At, body: &Value) -> Result<Value, Refusal> {
        self.send(&at.ask("create"), &at.collection(), Call::Create(body)).await
    }

    /// Changes some fields of an object, by JSON merge patch.
    pub async fn merge(&self, at: &At, patch: &Value) -> Result<Value, Refusal> {
        self.send(&at.ask("patch"), &at.collection(), Call::Merge(patch)).await
    }

    /// Deletes an object, and what belongs to it in the background. Where `uid` is given, only that very one. That it is not
    /// there, or is another one by now, is no fault; says whether it was.
    pub async fn delete(&self, at: &At, uid: Option<&str>) -> Result<bool, PortError> {
        let params = DeleteParams {
            propagation_policy: Some(PropagationPolicy::Background),
            preconditions: uid.map(|uid| Preconditions { uid: Some(uid.to_string()), resource_version: None }),
            ..DeleteParams::default()
        };
        match self.send(&at.ask("delete"), &at.collection(), Call::Delete(params)).await {
            Ok(_) => Ok(true),
            Err(refusal) if matches!(refusal.code, 404 | 409) => Ok(false),
            Err(refusal) => Err(refusal.error),
        }
    }

    /// What stands at a path of the server that is no object: `/version`, `/apis/apps/v1`. Nothing where nothing is there.
    pub(super) async fn read(&self, path: &str) -> Result<Option<Value>, PortError> {
        let (parent, last) = path.rsplit_once('/').unwrap_or(("", path));
        let resource = Resource::unnamed(path);
        let ask = Ask { verb: "get", resource: &resource, namespace: None, name: last };
        match self.send(&ask, parent, Call::Get).await {
            Ok(value) => Ok(Some(value)),
            Err(refusal) if refusal.code == 404 => Ok(None),
            Err(refusal) => Err(refusal.error),
        }
    }

    async fn send(&self, ask: &Ask<'_>, path: &str, call: Call<'_>) -> Result<Value, Refusal> {
        self.count(call.verb(), &format!("{path}/{}", ask.name), call.writes());
        let url = Request::new(path);
        let patching = |how: Applying| PatchParams {
            force: how.force,
            dry_run: how.rehearse,
            field_manager: Some(MANAGER.to_string()),
            ..PatchParams::default()
        };
        let request = match call {
            Call::Get => url.get(ask.name, &GetParams::default()),
            Call::List(params) => url.list(&params),
            Call::Apply(body, how) => url.patch(ask.name, &patching(how), &Patch::Apply(body)),
            Call::Merge(patch) => {
                let params = PatchParams { field_manager: Some(MANAGER.to_string()), ..PatchParams::default() };
                url.patch(ask.name, &params, &Patch::Merge(patch))
            }
            Call::Create(body) => {
                let params = PostParams { field_manager: Some(MANAGER.to_string()), ..PostParams::default() };
                url.create(&params, serde_json::to_vec(body).unwrap_or_default())
            }
            Call::Delete(params) => url.delete(ask.name, &params),
        };
        let unusable = |e: kube::core::request::Error| {
            let message = format!("`{}` cannot be asked for: {e}", ask.name.escape_debug());
            Refusal::plain(PortError::new(Fault::Invalid, message))
        };
        let request = request.map_err(unusable)?;
        match tokio::time::timeout(PATIENCE, self.client.request::<Value>(request)).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Refusal::of(self, ask, error)),
            Err(_) => Err(Refusal::silent(self, PATIENCE)),
        }
    }
}

/// Items of a list do not say what they are; this one does.
fn typed(mut item: Value, resource: &Resource) -> Value {
    if let Some(fields) = item.as_object_mut() {
        fields.insert("apiVersion".to_string(), resource.api_version.clone().into());
        fields.insert("kind".to_string(), resource.kind.clone().into());
    }
    item
}
