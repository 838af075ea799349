//! Deploying: looks around first, so that what would be refused is known before anything is changed; then applies in order,
//! takes away what is no longer rendered, and waits.

use super::client::{At, Cluster};
use super::diary::Diary;
use super::hooks::Hooks;
use super::inventory::{self, Entry, Inventory};
use super::owner::{self, Home, Owner};
use super::releases::{Begun, Release};
use super::rollout::{self, Within};
use super::survey::{self, AT_ONCE, Fate, Obsolete, Surveyed};
use super::wanted::wanted;
use super::{adopt, namespace, pull};
use crate::ports::PortError;
use crate::ports::bundle::Hook;
use crate::ports::places::{Deployment, Target};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use std::time::Duration;

/// A deploy that is under way.
struct Deploying<'a> {
    cluster: &'a Cluster,
    deployment: &'a Deployment<'a>,
    home: &'a Home,
    diary: &'a Diary<'a>,
    /// Whether what others made is taken over.
    adopt: bool,
    /// The secret with which pods fetch images.
    pull: Option<String>,
}

/// What a deploy has to do.
struct Task {
    surveyed: Vec<Surveyed>,
    /// Which of them are to be applied.
    apply: Vec<bool>,
    obsolete: Vec<Obsolete>,
}

/// Brings the cluster to a bundle.
pub(super) async fn deploy(cluster: &Cluster, deployment: &Deployment<'_>, diary: &Diary<'_>) -> Result<(), PortError> {
    let Target::Cluster { namespace, create_namespace, pull_secret, adopt, .. } = deployment.target else {
        return Ok(());
    };
    let gone = deployment.bundle.is_empty();
    let home = &Home { namespace: namespace.clone(), release: deployment.bundle.release.clone() };
    let before = diary.patiently(async || inventory::read(cluster, home).await).await?;
    if gone && before.is_none() {
        return Ok(());
    }
    let state = match gone {
        true => namespace::State::There,
        false => diary.patiently(async || namespace::look(cluster, namespace, *create_namespace).await).await?,
    };
    let ready = state == namespace::State::There;
    let pull = pull_secret.as_ref().map(|_| pull::name(&home.release));
    let deploying = Deploying { cluster, deployment, home, diary, adopt: *adopt, pull };
    let task = deploying.task(before.as_ref(), ready).await?;
    if before.as_ref().is_some_and(|b| deploying.is_done(b, &task)) {
        diary.line(format!("{} has it already, and nothing is written", deployment.target));
        return deploying.settled(&task).await;
    }
    if !ready {
        diary.patiently(async || namespace::make(cluster, namespace).await).await?;
        diary.line(format!("Namespace/{namespace} made"));
    }
    deploying.begin(before.as_ref(), &task).await?;
    if gone {
        return deploying.remove(&task).await;
    }
    deploying.bring(&task).await?;
    let done = Inventory::of(deployment, task.surveyed.iter().map(Surveyed::entry).collect());
    diary.patiently(async || inventory::write(cluster, home, &done).await).await
}

impl Deploying<'_> {
    /// Looks around: what is there, what of it changes, what goes, and whether the cluster will have it.
    async fn task(&self, before: Option<&Inventory>, ready: bool) -> Result<Task, PortError> {
        let Deploying { cluster, deployment, home, diary, adopt, .. } = *self;
        let mut objects = wanted(deployment.bundle, home, self.pull.as_deref())?;
        if let Some(secret) = deployment.pull.filter(|_| !objects.is_empty()) {
            let mut object = pull::object(&home.release, secret, &objects)?;
            owner::mark(&mut object.body, home);
            objects.insert(0, object);
        }
        let surveyed = diary.patiently(async || survey::survey(cluster, home, objects.clone()).await).await?;
        let fate = |one: &Surveyed| {
            let one = one.clone();
            async move { diary.patiently(async || survey::fate(cluster, home, adopt, ready, &one).await).await }
        };
        let fates: Vec<Fate> = stream::iter(&surveyed).map(fate).buffered(AT_ONCE).try_collect().await?;
        for (one, fate) in surveyed.iter().zip(&fates) {
            if let Fate::Left(why) = fate {
                diary.line(format!("{} is left as it is: {why}", one.wanted.id));
            }
        }
        let apply = fates.iter().map(|f| matches!(f, Fate::Comes | Fate::Changes(_))).collect();
        let obsolete = match before {
            Some(before) => diary.patiently(async || survey::obsolete(cluster, home, before, &surveyed).await).await?,
            None => Vec::new(),
        };
        let left = async || survey::left_by_helm(cluster, home, before, &surveyed).await;
        let obsolete = match adopt && !deployment.bundle.is_empty() {
            true => [obsolete, diary.patiently(left).await?].concat(),
            false => obsolete,
        };
        Ok(Task { surveyed, apply, obsolete })
    }

    /// Says what is about to be done, where it can be found after a crash.
    async fn begin(&self, before: Option<&Inventory>, task: &Task) -> Result<(), PortError> {
        let mut entries: Vec<Entry> = task.surveyed.iter().map(Surveyed::entry).collect();
        let more = before.iter().flat_map(|b| b.objects.iter()).filter(|e| !entries.contains(e));
        entries.extend(more.cloned().collect::<Vec<_>>());
        let begun = Inventory {
            bundle: before.and_then(|b| b.bundle),
            unfinished: Some(self.deployment.digest),
            ..Inventory::of(self.deployment, entries)
        };
        self.diary.patiently(async || inventory::write(self.cluster, self.home, &begun).await).await
    }

    /// Whether everything is as this very deploy left it.
    fn is_done(&self, before: &Inventory, task: &Task) -> bool {
        let goes = task.obsolete.iter().any(|o| matches!(o, Obsolete::Goes(..)));
        let same = before.bundle == Some(self.deployment.digest) && before.key == self.deployment.key;
        same && before.unfinished.is_none() && !goes && !task.apply.contains(&true)
    }

    /// Does it, with Helm's record of it.
    async fn bring(&self, task: &Task) -> Result<(), PortError> {
        let Deploying { cluster, deployment, home, diary, .. } = *self;
        let say = |line: &str| diary.line(line);
        let read = async || Release::read(cluster, &home.namespace, &home.release, &say).await;
        let mut release = diary.patiently(read).await?;
        let begun = release.begin(deployment.bundle, deployment.digest, &say).await?;
        let outcome = self.carry_out(task, &begun).await;
        // Whatever is in the way of writing it down, why the deploy failed is what is to be told.
        let ended = release.end(begun, outcome.as_ref().err().map(|e| e.message.as_str())).await;
        outcome.and(ended)
    }

    async fn carry_out(&self, task: &Task, begun: &Begun) -> Result<(), PortError> {
        let moment = begun.moment.word();
        let is_pull = |one: &&Surveyed| Some(&one.wanted.name) == self.pull.as_ref() && one.wanted.kind == "Secret";
        let due: Vec<&Surveyed> =
            task.surveyed.iter().zip(&task.apply).filter(|(_, apply)| **apply).map(|(one, _)| one).collect();
        let (pull, due): (Vec<&Surveyed>, Vec<&Surveyed>) = due.into_iter().partition(is_pull);
        self.apply_all(&pull).await?;
        self.hooks(&self.deployment.bundle.hooks, &format!("pre-{moment}")).await?;
        self.apply_all(&due).await?;
        self.prune(&task.obsolete).await?;
        self.settled(task).await?;
        self.hooks(&self.deployment.bundle.hooks, &format!("post-{moment}")).await
    }

    /// Takes the release away.
    async fn remove(&self, task: &Task) -> Result<(), PortError> {
        let Deploying { cluster, deployment, home, diary, .. } = *self;
        let hooks = deployment.before.map(|b| b.hooks.as_slice()).unwrap_or_default();
        self.hooks(hooks, "pre-delete").await?;
        self.prune(&task.obsolete).await?;
        self.hooks(hooks, "post-delete").await?;
        let say = |line: &str| diary.line(line);
        let forget = async || Release::read(cluster, &home.namespace, &home.release, &say).await?.forget().await;
        diary.patiently(forget).await?;
        diary.patiently(async || inventory::drop(cluster, home).await).await
    }

    /// Runs the hooks of a moment.
    async fn hooks(&self, hooks: &[Hook], moment: &str) -> Result<(), PortError> {
        let mut hooks = hooks.to_vec();
        for hook in &mut hooks {
            super::wanted::add_pull_secret(&hook.object.kind, &mut hook.object.body, self.pull.as_deref());
        }
        let hooks = Hooks { all: &hooks, namespace: &self.home.namespace, key: self.deployment.key };
        self.within(async |within| hooks.run(self.cluster, moment, within).await).await
    }

    /// Waits until everything is as it should be.
    async fn settled(&self, task: &Task) -> Result<(), PortError> {
        let places: Vec<At> = task.surveyed.iter().filter_map(|one| one.at.clone()).collect();
        self.within(async |within| rollout::wait(self.cluster, &places, within).await).await
    }

    /// Does something that waits, within what is left of the time.
    async fn within(&self, work: impl AsyncFnOnce(Within<'_>) -> Result<(), PortError>) -> Result<(), PortError> {
        let stop = || self.diary.is_stopped();
        let say = |line: &str| self.diary.line(line);
        work(Within { deadline: self.diary.deadline(), stop: &stop, say: &say }).await
    }

    /// Applies kind after kind, in the order in which Helm installs; those of one kind at once.
    async fn apply_all(&self, due: &[&Surveyed]) -> Result<(), PortError> {
        for batch in due.chunk_by(|a, b| a.wanted.kind == b.wanted.kind) {
            let apply = |one: &&Surveyed| {
                let one = (*one).clone();
                async move { self.apply_one(&one).await }
            };
            stream::iter(batch).map(apply).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
            for one in batch.iter().filter(|one| one.wanted.kind == "CustomResourceDefinition") {
                self.established(one).await?;
            }
        }
        Ok(())
    }

    async fn apply_one(&self, one: &Surveyed) -> Result<(), PortError> {
        let Deploying { cluster, home, diary, adopt, .. } = *self;
        let Surveyed { wanted, live, .. } = one;
        let at = match &one.at {
            Some(at) => at.clone(),
            None => {
                let kind = async || cluster.needed_kind(&wanted.api_version, &wanted.kind).await;
                let resource = diary.patiently(kind).await?;
                resource.at(wanted.namespace.as_deref().unwrap_or(&home.namespace), &wanted.name)
            }
        };
        if let Some(live) = live.as_ref().filter(|live| adopt && owner::owner(live, home) != Owner::Us)
            && adopt::take_over(cluster, &at, live).await?
        {
            diary.line(format!("{} taken over from Helm", wanted.id));
        }
        let apply = async || survey::apply(cluster, home, &at, &wanted.body, live.as_ref(), adopt, false).await;
        let (_, taken) = diary.patiently(apply).await?;
        diary.line(format!("{} {}", wanted.id, if live.is_some() { "changed" } else { "made" }));
        for (who, field) in taken {
            diary.line(format!("{}: {field} taken back from `{who}`", wanted.id));
        }
        Ok(())
    }

    /// Waits until a definition is one: what it defines can be made from then on.
    async fn established(&self, one: &Surveyed) -> Result<(), PortError> {
        const BEAT: Duration = Duration::from_millis(200);
        let Some(at) = &one.at else { return Ok(()) };
        let is = |object: &Value, kind: &str| {
            let conditions = object.pointer("/status/conditions").and_then(Value::as_array);
            conditions.into_iter().flatten().any(|c| c["type"] == kind && c["status"] == "True")
        };
        loop {
            let found = self.diary.patiently(async || self.cluster.get(at).await).await?;
            if found.is_some_and(|object| is(&object, "Established") && is(&object, "NamesAccepted")) {
                break;
            }
            self.diary.pause(BEAT).await?;
        }
        let text = |path: &str| one.wanted.body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let versions = one.wanted.body.pointer("/spec/versions").and_then(Value::as_array);
        for version in versions.into_iter().flatten().filter_map(|v| v.get("name")?.as_str()) {
            self.cluster.forget_kinds(&format!("{}/{version}", text("/spec/group")));
        }
        self.served(one).await
    }

    /// Waits until the kind of a definition is served, which comes a little later.
    async fn served(&self, one: &Surveyed) -> Result<(), PortError> {
        const BEAT: Duration = Duration::from_millis(200);
        let text = |path: &str| one.wanted.body.pointer(path).and_then(Value::as_str).unwrap_or_default();
        let versions = one.wanted.body.pointer("/spec/versions").and_then(Value::as_array);
        let is_served = |v: &&Value| v.get("served").and_then(Value::as_bool).unwrap_or(true);
        let first = versions.into_iter().flatten().find(is_served).and_then(|v| v.get("name")?.as_str());
        let Some(version) = first.map(|v| format!("{}/{v}", text("/spec/group"))) else { return Ok(()) };
        loop {
            let kind = async || self.cluster.kind(&version, text("/spec/names/kind")).await;
            if self.diary.patiently(kind).await?.is_some() {
                return Ok(());
            }
            self.cluster.forget_kinds(&version);
            self.diary.pause(BEAT).await?;
        }
    }

    /// Takes away what is no longer rendered, the last made first.
    async fn prune(&self, obsolete: &[Obsolete]) -> Result<(), PortError> {
        for one in obsolete.iter().rev() {
            match one {
                Obsolete::Kept(id, why) => self.diary.line(format!("{id} is no longer rendered and is kept: {why}")),
                Obsolete::Goes(at, id, live) => {
                    let delete = async |at: &At| self.cluster.delete(at, survey::uid(live)).await;
                    self.diary.patiently(async || delete(at).await).await?;
                    self.diary.line(format!("{id} removed"));
                }
            }
        }
        Ok(())
    }
}
