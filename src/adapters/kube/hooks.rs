//! Helm's hooks, run as Helm runs them: those of a moment one after the other, by weight, kind and name; each is made anew,
//! waited for where it can end, and deleted when its policy says so.
//!
//! A hook carries the key of the deploy that it belongs to. After a crash, one that runs or has succeeded under that key is
//! taken over and not run again.

use super::around::{pods, text};
use super::client::{At, Cluster};
use super::logs;
use super::rollout::{Within, pause, watch};
use crate::digest::{Digest, Hasher};
use crate::health::{self, Health};
use crate::helm::order::by_install_order;
use crate::ports::bundle::Hook;
use crate::ports::{Fault, PortError};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::channel;

/// The annotation that says which deploy a hook belongs to.
pub const KEY: &str = "lockgate.dev/key";
/// How long an object may take to go that stands in the way of a hook.
const GOING: Duration = Duration::from_secs(120);

const BEFORE: &str = "before-hook-creation";
const SUCCEEDED: &str = "hook-succeeded";
const FAILED: &str = "hook-failed";

/// The hooks of a deploy.
#[derive(Clone, Copy)]
pub struct Hooks<'a> {
    /// All of the bundle.
    pub all: &'a [Hook],
    /// The namespace of those that name none.
    pub namespace: &'a str,
    /// What names this deploy: the same after a crash, another for the next one.
    pub key: Digest,
}

impl Hooks<'_> {
    /// Runs those of a moment, such as `pre-upgrade`.
    ///
    /// # Errors
    /// The hook that failed, and why; what comes after it is not run.
    pub async fn run(&self, cluster: &Cluster, moment: &str, within: Within<'_>) -> Result<(), PortError> {
        let hooks = of_moment(self.all, moment);
        let mut done = Vec::new();
        for hook in &hooks {
            let id = hook.object.id();
            (within.say)(&format!("{moment} hook {id}"));
            let object = &hook.object;
            let resource = cluster.needed_kind(&object.api_version, &object.kind).await?;
            let at = resource.at(object.namespace.as_deref().unwrap_or(self.namespace), &object.name);
            let ended = match self.start(cluster, hook, &at, moment, within).await {
                Ok(()) => end(cluster, &at, within).await,
                Err(error) => Err(error),
            };
            if let Err(error) = ended {
                if hook.delete.iter().any(|policy| policy == FAILED) && error.fault != Fault::Cancelled {
                    cluster.delete(&at, None).await?;
                }
                let message = format!("the {moment} hook {id} failed: {}", error.message);
                return Err(PortError { message, ..error });
            }
            done.push((hook, at));
        }
        for (hook, at) in done.iter().rev() {
            if hook.delete.iter().any(|policy| policy == SUCCEEDED) {
                cluster.delete(at, None).await?;
            }
        }
        Ok(())
    }

    /// What names one hook of this deploy.
    fn key_of(&self, hook: &Hook, moment: &str) -> String {
        let mut hasher = Hasher::new("hook");
        hasher.digest(self.key).field(moment).field(hook.object.id());
        hasher.finish().hex()
    }

    /// Makes the hook's object, unless this deploy has made it before.
    async fn start(
        &self,
        cluster: &Cluster,
        hook: &Hook,
        at: &At,
        moment: &str,
        within: Within<'_>,
    ) -> Result<(), PortError> {
        let key = self.key_of(hook, moment);
        if let Some(there) = cluster.get(at).await? {
            let is_ours = there.pointer("/metadata/annotations").and_then(|a| a.get(KEY)).and_then(Value::as_str)
                == Some(key.as_str());
            let is_usable = !matches!(health::of(&there, &health::Around::default()), Health::Failed(_));
            if is_ours && is_usable && text(&there, "/metadata/deletionTimestamp").is_empty() {
                (within.say)("  it was begun before, and is taken over");
                return Ok(());
            }
            // What Helm calls the default: nothing said is `before-hook-creation`.
            if is_ours || hook.delete.is_empty() || hook.delete.iter().any(|policy| policy == BEFORE) {
                remove(cluster, at, text(&there, "/metadata/uid"), within).await?;
            }
        }
        let mut body = hook.object.body.clone();
        if let Some(metadata) = body.get_mut("metadata").and_then(Value::as_object_mut) {
            let annotations = metadata.entry("annotations").or_insert_with(|| json!({}));
            if let Some(annotations) = annotations.as_object_mut() {
                annotations.insert(KEY.to_string(), json!(key));
            }
        }
        match cluster.create(at, &body).await {
            Ok(_) => Ok(()),
            Err(refusal) if refusal.code == 409 => {
                let message = format!("{} is there already, and its policy is not to delete it before", at.shown());
                Err(PortError::new(Fault::Moved, message)
                    .help("delete it, or give it `helm.sh/hook-delete-policy: before-hook-creation`"))
            }
            Err(refusal) => Err(refusal.error),
        }
    }
}

/// The hooks of a moment in the order in which they run.
fn of_moment<'a>(all: &'a [Hook], moment: &str) -> Vec<&'a Hook> {
    let mut hooks: Vec<&Hook> = all.iter().filter(|hook| hook.is_of(moment)).collect();
    hooks.sort_by(|a, b| {
        let kinds = by_install_order(&a.object.kind, &b.object.kind);
        a.weight.cmp(&b.weight).then(kinds).then(a.object.name.cmp(&b.object.name))
    });
    hooks
}

/// Deletes what stands in the way, and waits until it is gone.
async fn remove(cluster: &Cluster, at: &At, uid: &str, within: Within<'_>) -> Result<(), PortError> {
    cluster.delete(at, Some(uid)).await?;
    let until = (Instant::now() + GOING).min(within.deadline);
    let (_open, mut changes) = channel(1);
    loop {
        match cluster.get(at).await? {
            Some(there) if text(&there, "/metadata/uid") == uid => {}
            _ => return Ok(()),
        }
        if Instant::now() >= until {
            let message = format!("{} of before does not go: something holds it by a finalizer", at.shown());
            return Err(PortError::new(Fault::Unavailable, message));
        }
        pause(&mut changes, Duration::from_millis(300), within).await?;
    }
}

/// Waits for the end of a Job or pod, with its log; everything else has done its part by being there.
async fn end(cluster: &Cluster, at: &At, within: Within<'_>) -> Result<(), PortError> {
    let is_pod = at.resource.kind == "Pod" && at.resource.group().is_empty();
    if !(is_pod || at.resource.kind == "Job" && at.resource.group() == "batch") {
        return Ok(());
    }
    let (changed, mut changes) = channel(1);
    let mut watches = tokio::task::JoinSet::new();
    watches.spawn(watch(cluster.client(), at.clone(), changed));
    let mut said = String::new();
    let mut told = logs::Told::default();
    let mut away = false;
    loop {
        match outcome(cluster, at, &mut told, within).await {
            Ok(Some(Ok(()))) => return Ok(()),
            Ok(Some(Err(why))) => return Err(PortError::new(Fault::Invalid, why)),
            Ok(None) => away = false,
            Err(error) if error.fault == Fault::Unavailable => {
                if !away {
                    (within.say)(&format!("  {error}; asked again until the time is over"));
                }
                away = true;
            }
            Err(error) => return Err(error),
        }
        if told.state != said {
            said.clone_from(&told.state);
            (within.say)(&format!("  {said}"));
        }
        if Instant::now() >= within.deadline {
            return Err(PortError::new(Fault::Limit, format!("it has not ended when the time was over: {said}")));
        }
        pause(&mut changes, Duration::from_secs(1), within).await?;
    }
}

/// How it ended, if it has; and what there is to tell by now.
async fn outcome(
    cluster: &Cluster,
    at: &At,
    told: &mut logs::Told,
    within: Within<'_>,
) -> Result<Option<Result<(), String>>, PortError> {
    let Some(object) = cluster.get(at).await? else {
        return Ok(Some(Err("it is gone: somebody deleted it".to_string())));
    };
    let with = cluster.belongings(at, &object).await?;
    let is_pod = at.resource == pods();
    // A pod of a hook is to end; that it runs well is not what is waited for.
    let health = match (is_pod, text(&object, "/status/phase")) {
        (true, "Running") => match health::of(&object, &with.around()) {
            Health::Healthy => Health::Progressing("it runs".to_string()),
            other => other,
        },
        _ => health::of(&object, &with.around()),
    };
    let runs: Vec<&Value> = if is_pod { vec![&object] } else { with.pods().collect() };
    Ok(match health {
        Health::Healthy => {
            told.tell(cluster, &runs, within.say).await;
            Some(Ok(()))
        }
        Health::Failed(why) => {
            told.tell(cluster, &runs, within.say).await;
            Some(Err(match told.last_line() {
                Some(line) if !why.contains(line) => format!("{why}; it last said: {line}"),
                _ => why,
            }))
        }
        Health::Progressing(why) | Health::Suspended(why) => {
            told.state = why;
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::bundle::Object;

    fn hook(kind: &str, name: &str, weight: i64, events: &[&str]) -> Hook {
        let object = Object {
            api_version: "v1".into(),
            kind: kind.into(),
            namespace: None,
            name: name.into(),
            template: String::new(),
            text: String::new(),
            body: json!({}),
        };
        Hook { object, events: events.iter().map(|e| e.to_string()).collect(), weight, delete: Vec::new() }
    }

    #[test]
    fn hooks_of_a_moment_stand_by_weight_kind_and_name() {
        let all = [
            hook("Job", "b", 0, &["pre-install", "pre-upgrade"]),
            hook("Job", "a", 0, &["pre-install"]),
            hook("ConfigMap", "z", 0, &["pre-install"]),
            hook("Job", "first", -5, &["pre-install"]),
            hook("Job", "later", 0, &["post-install"]),
        ];
        let names = |moment| of_moment(&all, moment).into_iter().map(|h| h.object.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("pre-install"), ["first", "z", "a", "b"]);
        assert_eq!(names("pre-upgrade"), ["b"]);
        assert_eq!(names("pre-delete"), Vec::<&str>::new());
    }

    #[test]
    fn a_hook_has_one_key_a_moment_and_a_deploy() {
        let hooks = |key: &str| Hooks { all: &[], namespace: "shop", key: Digest::of(key) };
        let one = hook("Job", "a", 0, &[]);
        assert_eq!(hooks("1").key_of(&one, "pre-install"), hooks("1").key_of(&one, "pre-install"));
        assert_ne!(hooks("1").key_of(&one, "pre-install"), hooks("1").key_of(&one, "post-install"));
        assert_ne!(hooks("1").key_of(&one, "pre-install"), hooks("2").key_of(&one, "pre-install"));
    }
}
