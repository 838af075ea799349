//! Environments: what would be deployed and verified there, the difference, and the sub-plan that approvals are of.

use super::diff::Walk;
use super::memory::{Has, Place};
use super::observed::{Answer, Query, TargetAnswer};
use super::programs::{Label, Parts, command_base, folder_of, template_base};
use super::recipe::Recipe;
use super::reference::{EnvironmentScope, Scope};
use super::targets::{Target, gate_plan};
use super::work::{DeployWork, Dir, HttpWork, TargetPlan};
use super::{Action, Bundle, Change, Effect, EnvironmentPlan, Fields, ObjectChange, Plan, Step, Text, Verdict, Work};
use crate::digest::{Digest, Hasher};
use crate::graph::{Graph, NodeId};
use crate::model::{Environment, GateRule, Verify, VerifyKind};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long a deploy may take unless the file says otherwise, in milliseconds.
const DEPLOY_TIMEOUT: u64 = 600_000;
/// How long a URL is tried unless the file says otherwise, in milliseconds.
const HTTP_TIMEOUT: u64 = 60_000;

/// What is put together of an environment.
struct Draft<'a> {
    node: NodeId,
    environment: &'a Environment,
    place: Place,
    target: TargetPlan,
    scope: Scope,
    steps: Vec<u32>,
    deploys: Vec<u32>,
    needs: Vec<u32>,
    changes: Vec<Change>,
    bundles: BTreeMap<String, Option<Digest>>,
    contents: BTreeMap<String, String>,
    failed: bool,
}

impl Walk<'_> {
    /// Plans an environment for this walk's candidate.
    pub(super) fn environment(&mut self, id: NodeId, target: &Target) -> EnvironmentPlan {
        let graph = self.graph;
        let environment = graph.environment(id).unwrap_or_else(|| &graph.pipeline().environments[0]);
        let place = self.memory.environments.get(&environment.name.value).cloned().unwrap_or_default();
        let to = self.target_plan(environment);
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
            bundles: BTreeMap::new(),
            contents: BTreeMap::new(),
            failed: false,
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

    fn target_plan(&self, environment: &Environment) -> TargetPlan {
        match &environment.target {
            Some(crate::model::Target::Cluster { context, namespace, create_namespace, pull_secret, .. }) => TargetPlan::Cluster {
                context: context.value.clone(),
                namespace: namespace.value.clone(),
                create_namespace: *create_namespace,
                pull_secret: pull_secret.as_ref().map(|s| s.value.clone()),
            },
            Some(crate::model::Target::Folder { path, namespace, .. }) => TargetPlan::Folder {
                path: self.options.root.join(path.value.trim_start_matches("./")),
                namespace: namespace.as_ref().map_or_else(|| environment.name.value.clone(), |n| n.value.clone()),
            },
            None => TargetPlan::Folder { path: self.options.root.clone(), namespace: environment.name.value.clone() },
        }
    }

    /// The steps of tasks and builds that the environment waits for.
    fn waits_for(&self, environment: &Environment) -> Vec<u32> {
        let step = |name: &crate::model::Spanned<String>| self.nodes[self.graph.find(name)?.at()].done;
        environment.after.iter().filter_map(step).collect()
    }

    /// The releases of the environment, and those that are deployed there and no longer wanted.
    fn releases_of(&self, environment: &Environment, place: &Place) -> Vec<String> {
        let mut names: Vec<String> = environment.deploys.iter().map(|d| d.value.clone()).collect();
        let gone: Vec<String> = place.deployed.keys().filter(|r| !names.contains(r)).cloned().collect();
        names.extend(gone);
        names
    }

    fn deploy(&mut self, draft: &mut Draft<'_>, release: &str, rollback: Option<&Has>) {
        let Some(rendered) = self.wanted(draft, release, rollback) else {
            draft.failed = true;
            return;
        };
        let (bundle, known, parts) = rendered;
        let digest = known.then(|| bundle.digest());
        let name = bundle.release.clone();
        let deployed = draft.place.deployed.get(release).cloned();
        let Some(there) = self.what_is_there(draft, &name, deployed.as_ref().map(|d| d.bundle)) else {
            draft.failed = true;
            return;
        };
        let key = digest.map(|d| deploy_key(&draft.target, &name, d, self.generation(&draft.environment.name)));
        let nothing = bundle.is_empty() && deployed.is_none() && there.bundle.is_none();
        let is_there = nothing || key.is_some() && deployed.as_ref().map(|d| d.key) == key && there.bundle == digest && there.drift.is_empty();
        if !is_there {
            self.differences(draft, release, &bundle, deployed.as_ref().map(|d| d.bundle), &there);
        }
        let id = self.step_id(format!("deploy.{}.{release}", draft.environment.name.value));
        let mut reasons = Vec::new();
        if !is_there {
            let labels: Vec<String> = parts.labels.iter().map(|l| self.label(l)).collect();
            reasons = self.deploy_reasons(&id, &parts.recipe, &labels, deployed.is_some(), &there, rollback.is_some());
        }
        let mut needs = [parts.needs, draft.needs.clone(), draft.deploys.last().copied().into_iter().collect()].concat();
        needs.sort_unstable();
        needs.dedup();
        let work = DeployWork {
            environment: draft.environment.name.value.clone(),
            release: release.to_string(),
            name,
            target: draft.target.clone(),
            bundle: digest,
            candidate: self.candidate.id,
            timeout: draft.environment.timeout.as_ref().map_or(DEPLOY_TIMEOUT, |t| u64::try_from(t.value.as_millis()).unwrap_or(u64::MAX)),
        };
        self.rendered.insert((draft.environment.name.value.clone(), release.to_string()), bundle.clone());
        if let Some(digest) = digest {
            self.bundles.insert(digest, bundle);
        }
        draft.contents.insert(format!("release {release}"), digest.map_or_else(|| "not known yet".to_string(), |d| d.short()));
        draft.bundles.insert(release.to_string(), digest);
        let action = if is_there { Action::Reuse } else if key.is_some() { Action::Run } else { Action::Maybe };
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
    fn wanted(&mut self, draft: &Draft<'_>, release: &str, rollback: Option<&Has>) -> Option<(Arc<Bundle>, bool, Parts)> {
        let namespace = draft.target.namespace().to_string();
        let none = Bundle { release: release.to_string(), namespace: namespace.clone(), ..Bundle::default() };
        let plain = |bundle: Arc<Bundle>| Some((bundle, true, Parts::new(Digest::default())));
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
        let rendered = self.render(model, &draft.scope, &namespace)?;
        Some((rendered.bundle, rendered.known, rendered.parts))
    }

    fn bundle(&mut self, digest: Digest, draft: &Draft<'_>) -> Option<Arc<Bundle>> {
        match self.ask(Query::Bundle(digest), draft.environment.span, "what was deployed before") {
            Some(Answer::Bundle(bundle)) => Some(bundle.clone()),
            _ => None,
        }
    }

    fn what_is_there(&mut self, draft: &Draft<'_>, release: &str, bundle: Option<Digest>) -> Option<TargetAnswer> {
        let query = Query::Target { target: draft.target.clone(), release: release.to_string(), bundle };
        let span = draft.environment.target.as_ref().map_or(draft.environment.span, crate::model::Target::span);
        match self.ask(query, span, &format!("environment `{}`", draft.environment.name.value)) {
            Some(Answer::Target(answer)) => Some(answer.clone()),
            _ => None,
        }
    }

    fn differences(&mut self, draft: &mut Draft<'_>, release: &str, bundle: &Bundle, before: Option<Digest>, there: &TargetAnswer) {
        let before = match before {
            // A place that no longer has what we deployed gets everything anew.
            Some(digest) if there.bundle.is_some() => self.bundle(digest, draft),
            _ => None,
        };
        let mut changes = super::changes::between(release, before.as_deref(), bundle);
        for (object, _) in &there.drift {
            if !changes.iter().any(|c| c.object == *object) {
                changes.push(Change { release: release.to_string(), object: object.clone(), what: ObjectChange::Restore });
            }
        }
        draft.changes.append(&mut changes);
    }

    fn deploy_reasons(&self, id: &Arc<str>, recipe: &Recipe, labels: &[String], deployed: bool, there: &TargetAnswer, rollback: bool) -> Vec<String> {
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

    fn verify(&mut self, draft: &mut Draft<'_>, number: usize, verify: &Verify) {
        let mut hasher = Hasher::new("verify");
        hasher.field(&draft.environment.name.value).field(self.generation(&draft.environment.name).to_le_bytes());
        verify_base(verify, &mut hasher);
        let mut parts = Parts::new(hasher.finish());
        self.verify_parts(draft, verify, &mut parts);
        if parts.failed {
            draft.failed = true;
            return;
        }
        // What is verified is an input, too.
        let mut deploys_reused = true;
        for deploy in draft.deploys.clone() {
            let Some(step) = self.steps.get(deploy as usize) else { continue };
            deploys_reused &= step.is_reused();
            match step.key {
                Some(key) => parts.recipe.known(key),
                None => parts.recipe.text(&Text::unknown(step.id.clone(), "key")),
            }
            parts.labels.push(Label::Text("what is deployed changed".to_string()));
        }
        let key = parts.recipe.key(&|_| None);
        let verified = deploys_reused && key.is_some_and(|k| draft.place.verified.contains(&k));
        let suffix = if draft.environment.verifies.len() == 1 { String::new() } else { format!(".{}", number + 1) };
        let id = self.step_id(format!("verify.{}{suffix}", draft.environment.name.value));
        let labels: Vec<String> = parts.labels.iter().map(|l| self.label(l)).collect();
        let reasons = if verified { Vec::new() } else { self.reasons(&id, &parts.recipe, &|i| labels.get(i).cloned().unwrap_or_default()) };
        let work = if verified { Work::None } else { self.verify_work(draft, verify) };
        let mut needs = [parts.needs, draft.deploys.clone(), draft.steps.last().copied().into_iter().collect()].concat();
        needs.sort_unstable();
        needs.dedup();
        draft.contents.insert(format!("verification {}", number + 1), key.map_or_else(|| "not known yet".to_string(), |k| k.short()));
        let step = self.push_step(Step {
            id,
            node: draft.node,
            environment: None,
            needs,
            action: if verified { Action::Reuse } else if key.is_some() { Action::Run } else { Action::Maybe },
            key,
            recipe: parts.recipe,
            reasons,
            effect: Effect::Opaque,
            replan: key.is_none(),
            work,
            outputs: Fields::new(),
        });
        draft.steps.push(step);
    }

    fn verify_parts(&mut self, draft: &Draft<'_>, verify: &Verify, parts: &mut Parts) {
        match &verify.kind {
            VerifyKind::Script { script, args, command } => {
                args.iter().for_each(|t| self.template_parts(t, &draft.scope, parts));
                command.env.iter().for_each(|(_, t)| self.template_parts(t, &draft.scope, parts));
                let source = script.source.value.clone();
                let Some(version) = self.version(&source) else {
                    parts.failed = true;
                    return;
                };
                let path = folder_of(Some(script));
                let query = Query::Listing { source: source.clone(), version };
                let Some(Answer::Listing(listing)) = self.ask(query, script.span, &format!("source `{source}`")) else {
                    parts.failed = true;
                    return;
                };
                let listing = listing.clone();
                if listing.get(&path).is_none() {
                    let message = format!("there is no file `{path}` in `{source}`");
                    let diagnostic = crate::diag::Diagnostic::new(&crate::diag::codes::NOT_THERE, message);
                    self.diagnostics.push(diagnostic.at(script.span, "the script of this verification"));
                    parts.failed = true;
                    return;
                }
                let folder = script_folder(&path);
                let digest = super::programs::matching(&listing, "", if folder.is_empty() { "**" } else { &folder });
                parts.known(digest.unwrap_or_default(), Label::Files(source, folder));
            }
            VerifyKind::Run(command) => {
                if let Some(diagnostic) = super::programs::needs_adapter(command) {
                    self.diagnostics.push(diagnostic);
                    parts.failed = true;
                }
                self.command_parts(command, &draft.scope, parts);
                if let Some((source, version)) = command.workdir.as_ref().and_then(|w| Some((w.source.value.clone(), self.version(&w.source)?))) {
                    parts.known(version.content, Label::Files(source.clone(), format!("{source}'s files")));
                }
            }
            VerifyKind::Http { url, .. } => {
                let message = "asking a URL needs an adapter that is not there yet";
                let diagnostic = crate::diag::Diagnostic::new(&crate::diag::codes::NEEDS_ADAPTER, message);
                self.diagnostics.push(diagnostic.at(url.span, "asked for here").help("a script can ask it: `verify SOURCE \"script\"`"));
                parts.failed = true;
            }
        }
    }

    fn verify_work(&self, draft: &Draft<'_>, verify: &Verify) -> Work {
        let mut exec = match &verify.kind {
            VerifyKind::Script { script, args, command } => {
                let path = folder_of(Some(script));
                let version = self.version(&script.source).unwrap_or_else(|| crate::ports::sources::Version {
                    id: String::new(),
                    name: None,
                    content: Digest::default(),
                });
                let only = script_folder(&path);
                let dir = Dir::Files { source: script.source.value.clone(), version, only, start: String::new() };
                let mut exec = self.exec(command, &draft.scope, Vec::new(), dir);
                exec.argv = vec![Text::known(format!("./{path}"))];
                exec.argv.extend(args.iter().map(|t| self.resolve(t, &draft.scope).text));
                exec
            }
            VerifyKind::Run(command) => self.exec(command, &draft.scope, Vec::new(), self.dir(command.workdir.as_ref(), false)),
            VerifyKind::Http { url, status, timeout } => {
                return Work::Http(HttpWork {
                    url: self.resolve(url, &draft.scope).text,
                    status: *status,
                    timeout: timeout.as_ref().map_or(HTTP_TIMEOUT, |t| u64::try_from(t.value.as_millis()).unwrap_or(u64::MAX)),
                });
            }
        };
        let mut surroundings = vec![
            ("LOCKGATE_PIPELINE".to_string(), Text::known(self.graph.pipeline().name.value.as_str())),
            ("LOCKGATE_ENVIRONMENT".to_string(), Text::known(draft.environment.name.value.as_str())),
            ("LOCKGATE_CANDIDATE".to_string(), Text::known(self.candidate.name())),
            ("LOCKGATE_NAMESPACE".to_string(), Text::known(draft.target.namespace())),
        ];
        surroundings.push(match &draft.target {
            TargetPlan::Folder { path, .. } => ("LOCKGATE_FOLDER".to_string(), Text::known(path.display().to_string())),
            TargetPlan::Cluster { context, .. } => ("LOCKGATE_CLUSTER".to_string(), Text::known(context.as_str())),
        });
        surroundings.append(&mut exec.env);
        exec.env = surroundings;
        Work::Exec(exec)
    }

    fn conclude(&mut self, draft: Draft<'_>, target: &Target) -> EnvironmentPlan {
        let Draft { node, environment, place, target: to, steps, deploys, changes, bundles, mut contents, failed, .. } = draft;
        let name = environment.name.value.clone();
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
        contents.insert("instead of".to_string(), place.has.as_ref().map_or("nothing".to_string(), |h| h.substance.short()));
        let subplan = substance.map(|s| subplan(&name, s, &contents));
        let done = !failed && steps.iter().all(|s| self.steps.get(*s as usize).is_some_and(Step::is_reused));
        let is_rollback = target.rollback.is_some();
        let verdict = verdict(&place, target.candidate, substance, done, gate.is_some(), is_rollback);
        let mut reasons: Vec<String> = deploys.iter().flat_map(|s| self.steps.get(*s as usize).map(|s| s.reasons.clone()).unwrap_or_default()).collect();
        if reasons.is_empty() && !done {
            reasons = steps.iter().flat_map(|s| self.steps.get(*s as usize).map(|s| s.reasons.clone()).unwrap_or_default()).collect();
        }
        reasons.dedup();
        EnvironmentPlan {
            people: self.people(&place),
            name,
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

/// Everyone who made a version.
pub fn people_of(about: &crate::ports::sources::About) -> Vec<String> {
    let mut people = about.people.clone();
    people.extend(about.author.clone());
    people.extend(about.committer.clone());
    people.sort_unstable();
    people.dedup();
    people
}

fn scope_of(environment: &Environment, target: &TargetPlan) -> Scope {
    let cluster = match target {
        TargetPlan::Cluster { context, .. } => context.clone(),
        TargetPlan::Folder { .. } => String::new(),
    };
    let name = environment.name.value.clone();
    Scope { environment: Some(EnvironmentScope { name, namespace: target.namespace().to_string(), cluster }) }
}

/// The folder whose files a script may read: its own and below; for a script at the root, everything.
fn script_folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string())
}

fn deploy_key(target: &TargetPlan, release: &str, bundle: Digest, generation: u32) -> Digest {
    let mut hasher = Hasher::new("deploy");
    hasher.field(serde_json::to_string(target).unwrap_or_default()).field(release).digest(bundle).field(generation.to_le_bytes());
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

fn verify_base(verify: &Verify, hasher: &mut Hasher) {
    match &verify.kind {
        VerifyKind::Script { script, args, command } => {
            hasher.field("script").field(&script.source.value).field(folder_of(Some(script)));
            args.iter().for_each(|t| template_base(t, "arg", hasher));
            for (name, value) in &command.env {
                hasher.field(&name.value);
                template_base(value, "env", hasher);
            }
        }
        VerifyKind::Run(command) => {
            hasher.field("run");
            command_base(command, hasher);
        }
        VerifyKind::Http { url, status, .. } => {
            hasher.field("http").field(status.to_le_bytes());
            template_base(url, "url", hasher);
        }
    }
}

fn verdict(place: &Place, candidate: Digest, substance: Option<Digest>, done: bool, gated: bool, is_rollback: bool) -> Verdict {
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
