//! Environments: what would be deployed and verified there, the difference, and the sub-plan that approvals are of.

use super::beside::Aside;
use super::diff::{Options, Walk};
use super::memory::{Has, Memory, Place};
use super::observed::{Answer, Query, RehearsalQuery, TargetAnswer};
use super::programs::Parts;
use super::recipe::Recipe;
use super::reference::{EnvironmentScope, Scope};
use super::releases::Rendered;
use super::targets::{Target, gate_plan};
use super::work::{DeployWork, TargetPlan, clean, millis};
use super::{
    Action, Bundle, Change, Effect, EnvironmentPlan, Fields, ObjectChange, Plan, RenderedRelease, Step, Verdict, Work,
};
use crate::digest::{Digest, Hasher};
use crate::graph::{Graph, NodeId};
use crate::model::source::is_path;
use crate::model::{Environment, GateRule};
use crate::ports::places::Rehearsal;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a deploy may take unless the file says otherwise, in milliseconds.
const DEPLOY_TIMEOUT: u64 = 600_000;

/// What is put together of an environment.
pub(super) struct Draft<'a> {
    pub node: NodeId,
    pub environment: &'a Environment,
    pub place: Place,
    pub target: TargetPlan,
    pub scope: Scope,
    pub steps: Vec<u32>,
    pub deploys: Vec<u32>,
    pub needs: Vec<u32>,
    pub changes: Vec<Change>,
    pub drift: BTreeMap<String, String>,
    pub stamps: BTreeMap<String, Digest>,
    pub bundles: BTreeMap<String, Option<Digest>>,
    pub contents: BTreeMap<String, String>,
    pub failed: bool,
    /// Why nobody can tell what would happen there.
    pub unplanned: Option<String>,
}

/// What is where a release goes.
struct There {
    seen: TargetAnswer,
    /// What would change object by object, where the place was asked.
    rehearsed: Option<Arc<Rehearsal>>,
}

impl Walk<'_> {
    /// Plans an environment for this walk's candidate.
    pub(super) fn environment(&mut self, id: NodeId, target: &Target) -> EnvironmentPlan {
        let graph = self.graph;
        let environment = environment_of(graph, id);
        let place = self.memory.environments.get(environment.name.value.as_str()).cloned().unwrap_or_default();
        let to = target_plan(environment, &self.options.root);
        let scope = scope_of(environment, &to);
        let mut draft = Draft {
            node: id,
            environment,
            place,
            target: to,
            scope,
            steps: Vec::new(),
            deploys: Vec::new(),
            needs: Vec::new(),
            changes: Vec::new(),
            drift: BTreeMap::new(),
            stamps: BTreeMap::new(),
            bundles: BTreeMap::new(),
            contents: BTreeMap::new(),
            failed: false,
            unplanned: None,
        };
        draft.needs = self.waits_for(environment);
        for release in self.releases_of(environment, &draft.place) {
            self.deploy(&mut draft, &release, target.rollback.as_ref());
        }
        for (number, verify) in environment.verifies.iter().enumerate() {
            self.verify(&mut draft, number, verify);
        }
        self.conclude(draft, target)
    }

    /// The steps of tasks and builds that the environment waits for.
    fn waits_for(&self, environment: &Environment) -> Vec<u32> {
        let step = |name: &crate::model::Spanned<crate::model::Said>| self.nodes[self.graph.find(name)?.at()].done;
        environment.after.iter().filter_map(step).collect()
    }

    /// The releases of the environment, and those that are deployed there and no longer wanted.
    fn releases_of(&self, environment: &Environment, place: &Place) -> Vec<String> {
        let mut names: Vec<String> = environment.deploys.iter().map(|d| d.value.to_string()).collect();
        let gone: Vec<String> = place.deployed.keys().filter(|r| !names.contains(r)).cloned().collect();
        names.extend(gone);
        names
    }

    fn deploy(&mut self, draft: &mut Draft<'_>, release: &str, rollback: Option<&Has>) {
        let Some(rendered) = self.wanted(draft, release, rollback) else {
            draft.failed = true;
            return;
        };
        let Rendered { bundle, request, known, parts } = rendered;
        let digest = known.then(|| bundle.digest());
        let name = bundle.release.clone();
        let deployed = draft.place.deployed.get(release).cloned();
        let key = digest.map(|d| deploy_key(&draft.target, &name, d, self.generation(&draft.environment.name)));
        let unknowns = request.as_ref().map(|r| r.unknowns.clone()).unwrap_or_default();
        let is_last = key.is_some() && deployed.as_ref().map(|d| d.key) == key;
        let Some(There { seen: mut there, rehearsed }) =
            self.what_is_there(draft, &bundle, deployed.as_ref().map(|d| d.bundle), is_last, unknowns)
        else {
            draft.failed = true;
            return;
        };
        let id = self.step_id(format!("deploy.{}.{release}", draft.environment.name.value));
        if matches!(draft.target, TargetPlan::Cluster { .. }) && self.options.done.contains(&*id) {
            there.drift.clear();
        }
        let nothing = bundle.is_empty() && deployed.is_none() && there.bundle.is_none();
        let is_there = nothing
            || key.is_some()
                && deployed.as_ref().map(|d| d.key) == key
                && there.bundle == digest
                && there.drift.is_empty();
        draft.drift.extend(there.drift.iter().cloned());
        match &rehearsed {
            Some(rehearsed) if !is_there => rehearsed_changes(draft, release, rehearsed),
            None if !is_there => {
                self.differences(draft, release, &bundle, deployed.as_ref().map(|d| d.bundle), &there);
            }
            _ => {}
        }
        let mut reasons = Vec::new();
        if !is_there {
            let labels: Vec<String> = parts.labels.iter().map(|l| self.label(l)).collect();
            reasons = self.deploy_reasons(&id, &parts.recipe, &labels, deployed.is_some(), &there, rollback.is_some());
        }
        let mut needs =
            [parts.needs, draft.needs.clone(), draft.deploys.last().copied().into_iter().collect()].concat();
        needs.sort_unstable();
        needs.dedup();
        let work = DeployWork {
            environment: draft.environment.name.value.to_string(),
            release: release.to_string(),
            name,
            target: draft.target.clone(),
            bundle: digest,
            candidate: self.candidate.id,
            timeout: draft.environment.timeout.as_ref().map_or(DEPLOY_TIMEOUT, |t| millis(t.value)),
        };
        let rendered = RenderedRelease { bundle: bundle.clone(), request };
        self.rendered.insert((draft.environment.name.value.to_string(), release.to_string()), rendered);
        if let Some(digest) = digest {
            self.bundles.insert(digest, bundle);
        }
        draft
            .contents
            .insert(format!("release {release}"), digest.map_or_else(|| "not known yet".to_string(), |d| d.short()));
        draft.bundles.insert(release.to_string(), digest);
        let action = if is_there {
            Action::Reuse
        } else if key.is_some() {
            Action::Run
        } else {
            Action::Maybe
        };
        let step = self.push_step(Step {
            id,
            node: draft.node,
            environment: None,
            needs,
            action,
            key,
            recipe: parts.recipe,
            reasons,
            effect: Effect::CompareAndSet,
            replan: key.is_none(),
            work: if is_there { Work::None } else { Work::Deploy(work) },
            outputs: Fields::new(),
        });
        draft.steps.push(step);
        draft.deploys.push(step);
    }

    /// The objects that are to be there: rendered, those of before for a rollback, none for a release that goes.
    fn wanted(&mut self, draft: &mut Draft<'_>, release: &str, rollback: Option<&Has>) -> Option<Rendered> {
        let namespace = draft.target.namespace().to_string();
        let none = Bundle { release: release.to_string(), namespace: namespace.clone(), ..Bundle::default() };
        let plain = |bundle: Arc<Bundle>| {
            Some(Rendered { bundle, request: None, known: true, parts: Parts::new(Digest::default()) })
        };
        if let Some(has) = rollback {
            return match has.bundles.get(release) {
                Some(digest) => plain(self.bundle(*digest, draft)?),
                None => plain(Arc::new(none)),
            };
        }
        if !draft.environment.deploys.iter().any(|d| d.value == release) {
            return plain(Arc::new(none));
        }
        let graph = self.graph;
        let model = graph.find_release(release).and_then(|id| graph.release(id))?;
        let scope = draft.scope.clone();
        self.render(model, &scope, &namespace, draft)
    }

    fn bundle(&mut self, digest: Digest, draft: &Draft<'_>) -> Option<Arc<Bundle>> {
        match self.ask(Query::Bundle(digest), draft.environment.span, "what was deployed before") {
            Some(Answer::Bundle(bundle)) => Some(bundle.clone()),
            _ => None,
        }
    }

    /// What is there. A cluster or branch is asked what would change as well, unless it is known to have the bundle: `is_last`.
    fn what_is_there(
        &mut self,
        draft: &mut Draft<'_>,
        bundle: &Arc<Bundle>,
        before: Option<Digest>,
        is_last: bool,
        unknowns: Vec<String>,
    ) -> Option<There> {
        let target = Query::Target { target: draft.target.clone(), release: bundle.release.clone(), bundle: before };
        if !draft.target.rehearses() {
            let span = draft.environment.target.as_ref().map_or(draft.environment.span, crate::model::Target::span);
            return match self.ask(target, span, &format!("environment `{}`", draft.environment.name.value)) {
                Some(Answer::Target(answer)) => Some(There { seen: answer.clone(), rehearsed: None }),
                _ => None,
            };
        }
        let mut seen = TargetAnswer::default();
        if is_last || bundle.is_empty() {
            seen = match self.ask_place(draft, target)? {
                Answer::Target(answer) => answer,
                _ => return None,
            };
            let has_it = seen.bundle == Some(bundle.digest()) || bundle.is_empty() && seen.bundle.is_none();
            if has_it && seen.drift.is_empty() {
                return Some(There { seen, rehearsed: None });
            }
        }
        let (target, digest, bundle) = (draft.target.clone(), bundle.digest(), bundle.clone());
        let query = Query::Rehearsal(RehearsalQuery { target, digest, bundle, unknowns });
        match self.ask_place(draft, query)? {
            Answer::Rehearsal(rehearsed) => {
                seen.bundle = rehearsed.bundle;
                Some(There { seen, rehearsed: Some(rehearsed) })
            }
            _ => None,
        }
    }

    /// Asks a cluster or branch. That it cannot be asked, or refuses, concerns its environment alone.
    pub(super) fn ask_place(&mut self, draft: &mut Draft<'_>, query: Query) -> Option<Answer> {
        match self.observed.get(&query) {
            Some(Ok(answer)) => Some(answer.clone()),
            Some(Err(error)) => {
                let help = error.help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
                draft.unplanned.get_or_insert(format!("{error}{help}"));
                None
            }
            None => {
                self.missing.push(query);
                None
            }
        }
    }

    fn differences(
        &mut self,
        draft: &mut Draft<'_>,
        release: &str,
        bundle: &Bundle,
        before: Option<Digest>,
        there: &TargetAnswer,
    ) {
        let before = match before {
            // A place that no longer has what we deployed gets everything anew.
            Some(digest) if there.bundle.is_some() => self.bundle(digest, draft),
            _ => None,
        };
        let mut changes = super::changes::between(release, before.as_deref(), bundle);
        for (object, _) in &there.drift {
            if !changes.iter().any(|c| c.object == *object) {
                changes.push(Change {
                    release: release.to_string(),
                    object: object.clone(),
                    what: ObjectChange::Restore,
                });
            }
        }
        draft.changes.append(&mut changes);
    }

    fn deploy_reasons(
        &self,
        id: &Arc<str>,
        recipe: &Recipe,
        labels: &[String],
        deployed: bool,
        there: &TargetAnswer,
        rollback: bool,
    ) -> Vec<String> {
        if rollback {
            return vec!["a rollback was asked for".to_string()];
        }
        let mut reasons = match deployed {
            false => vec!["nothing is deployed there".to_string()],
            true => self.reasons(id, recipe, &|i| labels.get(i).cloned().unwrap_or_default()),
        };
        reasons.retain(|r| r != "it has not succeeded yet" && r != "it has not run before");
        if deployed && there.bundle.is_none() {
            reasons.push("what was deployed there is gone".to_string());
        }
        reasons.extend(there.drift.iter().map(|(object, how)| format!("{object} {how}")));
        if reasons.is_empty() {
            reasons.push("what is there is something else".to_string());
        }
        reasons
    }

    fn conclude(&mut self, draft: Draft<'_>, target: &Target) -> EnvironmentPlan {
        let Draft {
            node,
            environment,
            place,
            target: to,
            steps,
            deploys,
            changes,
            drift,
            stamps,
            bundles,
            mut contents,
            failed,
            unplanned,
            ..
        } = draft;
        let name = &environment.name.value;
        let keys: Option<Vec<Digest>> = steps.iter().map(|s| self.steps.get(*s as usize).and_then(|s| s.key)).collect();
        let substance = keys.filter(|_| !failed).map(|keys| {
            let mut hasher = Hasher::new("substance");
            keys.iter().for_each(|k| {
                hasher.digest(*k);
            });
            hasher.finish()
        });
        let gate = match &environment.gate {
            GateRule::Gate(gate) => Some(gate_plan(gate)),
            _ => None,
        };
        contents.insert("target".to_string(), to.to_string());
        contents.insert("gate".to_string(), serde_json::to_string(&gate).unwrap_or_default());
        contents.insert(
            "instead of".to_string(),
            place.has.as_ref().map_or("nothing".to_string(), |h| h.substance.short()),
        );
        let subplan = substance.map(|s| subplan(name, s, &contents));
        let done = !failed && steps.iter().all(|s| self.steps.get(*s as usize).is_some_and(Step::is_reused));
        let is_rollback = target.rollback.is_some();
        let verdict = match unplanned {
            Some(reason) => Verdict::Unplanned { reason },
            None => verdict(&place, target.candidate, substance, done, gate.is_some(), is_rollback),
        };
        let mut reasons: Vec<String> = deploys
            .iter()
            .flat_map(|s| self.steps.get(*s as usize).map(|s| s.reasons.clone()).unwrap_or_default())
            .collect();
        if reasons.is_empty() && !done {
            reasons = steps
                .iter()
                .flat_map(|s| self.steps.get(*s as usize).map(|s| s.reasons.clone()).unwrap_or_default())
                .collect();
        }
        reasons.dedup();
        EnvironmentPlan {
            people: self.people(&place),
            entries: place.entries,
            name: name.to_string(),
            node,
            target: to,
            candidate: target.candidate,
            verdict,
            reasons,
            after: Vec::new(),
            gate,
            substance,
            subplan,
            contents,
            changes,
            drift,
            stamps,
            steps,
            bundles,
            rollback: environment.rollback,
            is_rollback,
        }
    }

    /// Who authored or committed something that is new in this candidate compared with what the environment has.
    fn people(&self, place: &Place) -> Vec<String> {
        let has = place.has.as_ref().and_then(|h| self.memory.candidates.get(&h.candidate));
        let mut people = Vec::new();
        for (source, version) in &self.candidate.versions {
            let before = has.and_then(|c| c.versions.get(source)).map(|v| v.id.as_str());
            if before == Some(version.id.as_str()) {
                continue;
            }
            let seen = self.memory.authors.get(source).map(Vec::as_slice).unwrap_or_default();
            let start = before.and_then(|b| seen.iter().rposition(|(id, _)| id == b)).map_or(0, |i| i + 1);
            people.extend(seen.iter().skip(start).flat_map(|(_, people)| people.iter().cloned()));
            if let Some(head) = self.heads.get(source).filter(|h| h.version == *version) {
                people.extend(people_of(&head.about));
            }
        }
        people.sort_unstable();
        people.dedup();
        people
    }
}

/// What the place itself says would change.
fn rehearsed_changes(draft: &mut Draft<'_>, release: &str, rehearsed: &Rehearsal) {
    for one in &rehearsed.objects {
        draft.stamps.extend(one.stamp().map(|stamp| (one.object.clone(), stamp)));
        let what = match (&one.before, &one.after) {
            (None, Some(_)) => ObjectChange::Create,
            (Some(_), None) => ObjectChange::Delete,
            (Some(before), Some(after)) if before != after => {
                ObjectChange::Update(super::changes::fields(before, after))
            }
            _ => continue,
        };
        draft.changes.push(Change { release: release.to_string(), object: one.object.clone(), what });
    }
}

/// Everyone who made a version.
pub fn people_of(about: &crate::ports::sources::About) -> Vec<String> {
    let mut people = about.people.clone();
    people.extend(about.author.clone());
    people.extend(about.committer.clone());
    people.sort_unstable();
    people.dedup();
    people
}

fn environment_of(graph: &Graph, id: NodeId) -> &Environment {
    graph.environment(id).unwrap_or_else(|| &graph.pipeline().environments[0])
}

/// The place of an environment; `root` is the folder of the pipeline file.
pub fn target_plan(environment: &Environment, root: &std::path::Path) -> TargetPlan {
    let own =
        |said: Option<&crate::model::Spanned<crate::model::Said>>| said.unwrap_or(&environment.name).value.to_string();
    match &environment.target {
        Some(crate::model::Target::Cluster { context, namespace, create_namespace, pull_secret, adopt, .. }) => {
            TargetPlan::Cluster {
                context: context.value.to_string(),
                namespace: namespace.value.to_string(),
                create_namespace: *create_namespace,
                pull_secret: pull_secret.as_ref().map(|s| s.value.to_string()),
                adopt: *adopt,
            }
        }
        Some(crate::model::Target::Folder { path, namespace, .. }) => TargetPlan::Folder {
            path: root.join(path.value.trim_start_matches("./")),
            namespace: own(namespace.as_ref()),
        },
        Some(crate::model::Target::Branch {
            url,
            branch,
            folder,
            namespace,
            credentials,
            plain_secrets,
            author,
            ..
        }) => TargetPlan::Branch {
            repository: match is_path(url) {
                true => clean(&root.join(&url.value)).display().to_string(),
                false => url.value.to_string(),
            },
            branch: branch.value.to_string(),
            folder: parts(&own(folder.as_ref())),
            namespace: own(namespace.as_ref()),
            credentials: credentials.as_ref().map(|s| s.value.to_string()),
            plain_secrets: *plain_secrets,
            author: author.as_ref().map(|s| s.value.to_string()),
        },
        None => TargetPlan::Folder { path: root.to_path_buf(), namespace: environment.name.value.to_string() },
    }
}

/// The plan of an environment that is left alone. Nobody is asked what is there: while a run is in it, that moves.
pub(super) fn left_alone(
    graph: &Graph,
    memory: &Memory,
    options: &Options,
    id: NodeId,
    target: &Target,
    aside: Aside,
) -> EnvironmentPlan {
    let environment = environment_of(graph, id);
    let entries = memory.environments.get(environment.name.value.as_str()).map_or(0, |p| p.entries);
    EnvironmentPlan {
        name: environment.name.value.to_string(),
        node: id,
        target: target_plan(environment, &options.root),
        candidate: target.candidate,
        verdict: match aside {
            Aside::InHand(run) => Verdict::InHand { run },
            Aside::Overtaken(by) => Verdict::Overtaken { by },
        },
        reasons: Vec::new(),
        after: Vec::new(),
        gate: if let GateRule::Gate(gate) = &environment.gate { Some(gate_plan(gate)) } else { None },
        substance: None,
        subplan: None,
        contents: BTreeMap::new(),
        changes: Vec::new(),
        drift: BTreeMap::new(),
        stamps: BTreeMap::new(),
        steps: Vec::new(),
        bundles: BTreeMap::new(),
        rollback: environment.rollback,
        is_rollback: false,
        people: Vec::new(),
        entries,
    }
}

/// The parts of a path that say something, with `/` between.
fn parts(path: &str) -> String {
    path.split('/').filter(|p| !p.is_empty() && *p != ".").collect::<Vec<_>>().join("/")
}

fn scope_of(environment: &Environment, target: &TargetPlan) -> Scope {
    let cluster = match target {
        TargetPlan::Cluster { context, .. } => context.clone(),
        TargetPlan::Folder { .. } | TargetPlan::Branch { .. } => String::new(),
    };
    Scope {
        environment: Some(EnvironmentScope {
            name: environment.name.value.to_string(),
            namespace: target.namespace().to_string(),
            cluster,
        }),
    }
}

fn deploy_key(target: &TargetPlan, release: &str, bundle: Digest, generation: u32) -> Digest {
    let mut hasher = Hasher::new("deploy");
    hasher
        .field(serde_json::to_string(target).unwrap_or_default())
        .field(release)
        .digest(bundle)
        .field(generation.to_le_bytes());
    hasher.finish()
}

fn subplan(name: &str, substance: Digest, contents: &BTreeMap<String, String>) -> Digest {
    let mut hasher = Hasher::new("subplan");
    hasher.field(name).digest(substance);
    for (key, value) in contents {
        hasher.field(key).field(value);
    }
    hasher.finish()
}

fn verdict(
    place: &Place,
    candidate: Digest,
    substance: Option<Digest>,
    done: bool,
    gated: bool,
    is_rollback: bool,
) -> Verdict {
    if done {
        return Verdict::UpToDate;
    }
    let failed = |f: &&super::memory::Failure| f.candidate == candidate || Some(f.substance) == substance;
    if let Some(failure) = place.banned.iter().find(failed).filter(|_| !is_rollback) {
        return Verdict::Banned { reason: failure.reason.clone() };
    }
    if let Some(hold) = place.hold.as_ref().filter(|_| !is_rollback) {
        return Verdict::Held { by: hold.by.clone(), reason: hold.reason.clone() };
    }
    let standing = place.standing.as_ref().filter(|s| s.candidate == candidate);
    if let Some(no) = standing.and_then(|s| s.rejected.as_ref()) {
        return Verdict::Rejected { by: no.by.clone(), reason: no.reason.clone() };
    }
    if gated { Verdict::Gate } else { Verdict::Enter }
}

/// Puts the environments in order, and numbers into them and their steps.
pub(super) fn arrange(graph: &Graph, plan: &mut Plan, mut environments: BTreeMap<NodeId, EnvironmentPlan>) {
    let order: Vec<NodeId> = graph.order().iter().copied().filter(|id| environments.contains_key(id)).collect();
    let number = |id: &NodeId| order.iter().position(|o| o == id).and_then(|i| u32::try_from(i).ok());
    for id in &order {
        let Some(mut environment) = environments.remove(id) else { continue };
        environment.after = graph.environments_before(*id).iter().filter_map(number).collect();
        for step in &environment.steps {
            if let Some(step) = plan.steps.get_mut(*step as usize) {
                step.environment = number(id);
            }
        }
        plan.environments.push(environment);
    }
}
