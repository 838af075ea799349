//! Verifications: what must succeed in an environment after deploying.

use super::diff::Walk;
use super::environments::Draft;
use super::observed::{Answer, Query};
use super::programs::{Label, Parts, command_base, folder_of, template_base};
use super::work::{Dir, Exec, HelmTestWork, HttpWork, TargetPlan, Tested, millis};
use super::{Action, Effect, Fields, Step, Text, Work};
use crate::digest::{Digest, Hasher};
use crate::model::{Command, Said, Spanned, Verify, VerifyKind};
use crate::ports::bundle::TEST;
use crate::source::Span;
use std::time::Duration;

/// How long a URL is tried unless the file says otherwise, in milliseconds.
const HTTP_TIMEOUT: u64 = 60_000;
/// How long a chart's tests may take unless the file says otherwise, in milliseconds: Helm's five minutes.
const TEST_TIMEOUT: u64 = 300_000;

impl Walk<'_> {
    /// Plans one verification: a step behind all deploys.
    pub(super) fn verify(&mut self, draft: &mut Draft<'_>, number: usize, verify: &Verify) {
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
        let reasons = if verified {
            Vec::new()
        } else {
            self.reasons(&id, &parts.recipe, &|i| labels.get(i).cloned().unwrap_or_default())
        };
        let work = if verified { Work::None } else { self.verify_work(draft, verify) };
        let mut needs =
            [parts.needs, draft.deploys.clone(), draft.steps.last().copied().into_iter().collect()].concat();
        needs.sort_unstable();
        needs.dedup();
        draft.contents.insert(
            format!("verification {}", number + 1),
            key.map_or_else(|| "not known yet".to_string(), |k| k.short()),
        );
        let step = self.push_step(Step {
            id,
            node: draft.node,
            environment: None,
            needs,
            action: if verified {
                Action::Reuse
            } else if key.is_some() {
                Action::Run
            } else {
                Action::Maybe
            },
            key,
            recipe: parts.recipe,
            reasons,
            effect: match verify.kind {
                // Asking changes nothing; of a program of somebody's nobody knows.
                VerifyKind::Http { .. } => Effect::Read,
                VerifyKind::Script { .. } | VerifyKind::Run(_) => Effect::Opaque,
                // A test bears the key of its step, and is taken over where it is there already.
                VerifyKind::HelmTest { .. } => Effect::ContentAddressed,
            },
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
                command.image.iter().for_each(|t| self.template_parts(t, &draft.scope, parts));
                self.runs_here(draft, command, parts);
                let source = &script.source.value;
                let Some(version) = self.version(source) else {
                    parts.failed = true;
                    return;
                };
                let path = folder_of(Some(script));
                let query = Query::Listing { source: source.to_string(), version };
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
                parts.known(digest.unwrap_or_default(), Label::Files(source.to_string(), folder));
            }
            VerifyKind::Run(command) => {
                self.runs_here(draft, command, parts);
                self.command_parts(command, &draft.scope, parts);
                if let Some((source, version)) =
                    command.workdir.as_ref().and_then(|w| Some((&w.source.value, self.version(&w.source)?)))
                {
                    parts.known(version.content, Label::Files(source.to_string(), format!("{source}'s files")));
                }
            }
            VerifyKind::Http { url, contains, .. } => {
                if !super::builds::REGISTRIES {
                    let message = "asking a URL needs the feature `registry`, without which this Lockgate was built";
                    let diagnostic = crate::diag::Diagnostic::new(&crate::diag::codes::NEEDS_ADAPTER, message);
                    self.diagnostics.push(diagnostic.at(url.span, "asked for here"));
                    parts.failed = true;
                }
                self.template_parts(url, &draft.scope, parts);
                contains.iter().for_each(|t| self.template_parts(t, &draft.scope, parts));
            }
            // What is tested is what is deployed, which every verification depends on.
            VerifyKind::HelmTest { releases, .. } => self.has_tests(draft, releases, verify.span),
        }
    }

    /// Says so where a release that is to be tested brings no tests.
    fn has_tests(&mut self, draft: &Draft<'_>, releases: &[Spanned<Said>], span: Span) {
        let environment = &draft.environment.name.value;
        let brings_tests = |name: &str| {
            let rendered = self.rendered.get(&(environment.to_string(), name.to_string()));
            rendered.is_none_or(|r| r.bundle.hooks.iter().any(|h| h.is_of(TEST)))
        };
        let tested: Vec<&str> = draft
            .environment
            .deploys
            .iter()
            .map(|d| d.value.as_str())
            .filter(|name| is_tested(releases, name))
            .collect();
        let without: Vec<&str> = tested.iter().copied().filter(|name| !brings_tests(name)).collect();
        // Of several that nobody named, it is enough that one has tests.
        let is_enough = releases.is_empty() && without.len() < tested.len();
        let missing = if is_enough { &[][..] } else { &without[..] };
        let mut found: Vec<_> = missing.iter().map(|name| no_tests(name, environment, span)).collect();
        crate::check::apply(&self.graph.levels, false, &mut found);
        self.diagnostics.append(&mut found);
    }

    /// The names of the releases that are deployed there.
    fn releases_in(&self, draft: &Draft<'_>) -> Vec<String> {
        let environment = &draft.environment.name.value;
        let rendered = |release: &str| self.rendered.get(&(environment.to_string(), release.to_string()));
        let names = draft.environment.deploys.iter().filter_map(|d| rendered(&d.value));
        names.map(|rendered| rendered.bundle.release.clone()).collect()
    }

    /// Says so where this build of Lockgate cannot run it.
    fn runs_here(&mut self, draft: &Draft<'_>, command: &Command, parts: &mut Parts) {
        if let Some(diagnostic) = super::programs::needs_adapter(command, in_cluster(draft, command)) {
            self.diagnostics.push(diagnostic);
            parts.failed = true;
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
                let dir = Dir::Files { source: script.source.value.to_string(), version, only, start: String::new() };
                let mut exec = self.exec(command, &draft.scope, Vec::new(), dir);
                exec.argv = vec![Text::known(format!("./{path}"))];
                exec.argv.extend(args.iter().map(|t| self.resolve(t, &draft.scope).text));
                exec
            }
            VerifyKind::Run(command) => {
                self.exec(command, &draft.scope, Vec::new(), self.dir(command.workdir.as_ref(), false))
            }
            VerifyKind::Http { url, status, contains, timeout } => {
                return Work::Http(HttpWork {
                    url: self.resolve(url, &draft.scope).text,
                    status: *status,
                    contains: contains.as_ref().map(|t| self.resolve(t, &draft.scope).text),
                    timeout: timeout.as_ref().map_or(HTTP_TIMEOUT, |t| millis(t.value)),
                });
            }
            VerifyKind::HelmTest { releases, timeout, .. } => {
                return self.helm_test(draft, releases, timeout.as_ref());
            }
        };
        self.surrounded(draft, &mut exec);
        Work::Exec(exec)
    }

    /// What is tested: the releases that are named, or all.
    fn helm_test(&self, draft: &Draft<'_>, releases: &[Spanned<Said>], timeout: Option<&Spanned<Duration>>) -> Work {
        let tested = draft.environment.deploys.iter().filter(|d| is_tested(releases, &d.value));
        let of = |release: &Spanned<Said>| Tested {
            release: release.value.to_string(),
            bundle: draft.bundles.get(release.value.as_str()).copied().flatten(),
        };
        Work::HelmTest(HelmTestWork {
            environment: draft.environment.name.value.to_string(),
            target: draft.target.clone(),
            releases: tested.map(of).collect(),
            timeout: timeout.map_or(TEST_TIMEOUT, |t| millis(t.value)),
        })
    }

    /// Tells a program where it is.
    fn surrounded(&self, draft: &Draft<'_>, exec: &mut Exec) {
        let mut surroundings = vec![
            ("LOCKGATE_PIPELINE".to_string(), Text::known(self.graph.pipeline().name.value.as_str())),
            ("LOCKGATE_ENVIRONMENT".to_string(), Text::known(draft.environment.name.value.as_str())),
            ("LOCKGATE_CANDIDATE".to_string(), Text::known(self.candidate.name())),
            ("LOCKGATE_NAMESPACE".to_string(), Text::known(draft.target.namespace())),
        ];
        let mut tell = |name: &str, value: String| surroundings.push((name.to_string(), Text::known(value)));
        match &draft.target {
            TargetPlan::Folder { path, .. } => tell("LOCKGATE_FOLDER", path.display().to_string()),
            TargetPlan::Branch { repository, branch, folder, .. } => {
                tell("LOCKGATE_REPOSITORY", repository.clone());
                tell("LOCKGATE_BRANCH", branch.clone());
                tell("LOCKGATE_FOLDER", folder.clone());
            }
            TargetPlan::Cluster { context, .. } => tell("LOCKGATE_CLUSTER", context.clone()),
        }
        let releases = self.releases_in(draft);
        if let [release] = releases.as_slice() {
            surroundings.push(("LOCKGATE_RELEASE".to_string(), Text::known(release.as_str())));
        }
        surroundings.push(("LOCKGATE_RELEASES".to_string(), Text::known(releases.join(" "))));
        settle(draft, exec);
        surroundings.append(&mut exec.env);
        exec.env = surroundings;
    }
}

/// Whether the tests of a release are wanted: where none is named, those of all.
fn is_tested(releases: &[Spanned<Said>], name: &str) -> bool {
    releases.is_empty() || releases.iter().any(|r| r.value == name)
}

/// The warning that there is nothing to run.
fn no_tests(release: &str, environment: &str, span: Span) -> crate::diag::Diagnostic {
    let message = format!("the chart of `{release}` brings no tests, as it is rendered for `{environment}`");
    let diagnostic = crate::diag::Diagnostic::new(&crate::diag::codes::NO_HELM_TESTS, message);
    diagnostic.at(span, "nothing is verified by this").help(
        "a test is an object in the chart with the annotation `helm.sh/hook: test`; where there is none, `verify` by a script or a URL",
    )
}

/// Whether a verification runs in a cluster: where it says so, or where it has an image and is of an environment that is in
/// one.
fn in_cluster(draft: &Draft<'_>, command: &Command) -> bool {
    command.cluster.is_some() || command.image.is_some() && matches!(draft.target, TargetPlan::Cluster { .. })
}

/// Where the Job of a verification is made, unless it says so itself: in its environment, with the secret that pulls the
/// images of that.
fn settle(draft: &Draft<'_>, exec: &mut Exec) {
    let TargetPlan::Cluster { context, namespace, pull_secret, .. } = &draft.target else { return };
    if exec.image.is_none() {
        return;
    }
    let cluster = exec.cluster.get_or_insert_with(|| context.clone());
    if cluster == context {
        exec.namespace.get_or_insert_with(|| namespace.as_str().into());
    }
    exec.pull_secret = pull_secret.as_deref().map(Into::into);
}

/// The folder whose files a script may read: its own and below; for a script at the root, everything.
fn script_folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_string())
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
            command.image.iter().for_each(|t| template_base(t, "image", hasher));
        }
        VerifyKind::Run(command) => {
            hasher.field("run");
            command_base(command, hasher);
        }
        VerifyKind::Http { url, status, contains, .. } => {
            hasher.field("http").field(status.to_le_bytes());
            template_base(url, "url", hasher);
            contains.iter().for_each(|t| template_base(t, "contains", hasher));
        }
        VerifyKind::HelmTest { releases, .. } => {
            hasher.field("helm-test");
            releases.iter().for_each(|r| {
                hasher.field(&r.value);
            });
        }
    }
}
