//! Builds: the image, its tests, and where it goes.

use super::diff::{NewStep, Walk};
use super::observed::{Answer, ImageAnswer, ImageQuery, Query};
use super::programs::{Label, Parts, command_base, folder_of, template_base};
use super::recipe::Recipe;
use super::reference::Scope;
use super::work::{BuildWork, Dir, PushWork, Taken, millis, own_tag};
use super::{Action, Effect, Fields, Step, Text, Work};
use crate::diag::{Diagnostic, codes};
use crate::digest::{Digest, Hasher};
use crate::graph::NodeId;
use crate::model::fields::Nature;
use crate::model::source::is_path;
use crate::model::{Build, Builder, Push};
use std::collections::BTreeMap;

/// Whether this Lockgate can speak with registries.
pub(super) const REGISTRIES: bool = cfg!(feature = "registry");

/// What is said of an image whose files and bases are the same, and that comes out different.
const MADE_OF: &str = "what the image is made of changed";

impl Walk<'_> {
    /// Plans a build: the image, then its tests, then the push.
    pub(super) fn build(&mut self, id: NodeId) {
        let graph = self.graph;
        let Some(build) = graph.build(id) else { return };
        if build.builder.value == Builder::Docker && !cfg!(feature = "docker") {
            let message = format!(
                "build `{}` needs the feature `docker`, which this build of Lockgate was made without",
                build.name.value
            );
            self.diagnostics.push(
                Diagnostic::new(&codes::NEEDS_ADAPTER, message)
                    .at(build.builder.span, "asked for here")
                    .help("a Dockerfile without `RUN` builds without it: remove `builder docker`"),
            );
            self.nodes[id.at()].failed = true;
            return;
        }
        let Some((image, work)) = self.image(id, build) else {
            self.nodes[id.at()].failed = true;
            return;
        };
        // A test of the image refers to it by the name of the build.
        let node = &mut self.nodes[id.at()];
        node.tells = Some(image);
        node.fields = build.push.as_ref().map(repository_fields).unwrap_or_default();
        node.bases.clone_from(&work.bases);
        let tests = self.tests(id, build, image);
        self.nodes[id.at()].done = Some(tests.last().copied().unwrap_or(image));
        if let Some(push) = build.push.as_ref().filter(|p| !REGISTRIES && !is_path(&p.repository)) {
            let message =
                format!("build `{}` needs registries, which this Lockgate was built without", build.name.value);
            let diagnostic = Diagnostic::new(&codes::NEEDS_ADAPTER, message).at(push.span, "pushed to here");
            self.diagnostics.push(diagnostic.help("an OCI layout folder works without: `push \"./FOLDER\"`"));
        } else if let Some(push) = &build.push {
            let tag = self.push_tag(build, push, image);
            self.nodes[id.at()].fields.extend(tag.text.as_known().map(|t| ("tag".to_string(), t)));
            let step = self.push(id, build, push, tag, image, &tests, work);
            self.nodes[id.at()].done = Some(step);
        }
    }

    /// The step that makes the image.
    fn image(&mut self, id: NodeId, build: &Build) -> Option<(u32, BuildWork)> {
        let name = &build.name.value;
        let context = build.context.as_ref()?;
        let source = &context.source.value;
        let version = self.version(source)?;
        let mut parts = Parts::new(image_base(build, self.generation(name)));
        let mut work = BuildWork {
            source: source.to_string(),
            version,
            folder: folder_of(Some(context)),
            dockerfile: build.dockerfile.as_ref().map(|d| d.value.to_string()),
            target: build.target.as_ref().map(|t| t.value.to_string()),
            platform: build.platform.as_ref().map_or_else(|| "linux/amd64".to_string(), |p| p.value.to_string()),
            args: BTreeMap::new(),
            labels: BTreeMap::new(),
            bases: Vec::new(),
            builder: build.builder.value,
            secrets: build.secrets.iter().map(|s| (s.id().to_string(), s.name.value.to_string())).collect(),
            fresh: self.options.rerun.iter().any(|r| r == name),
            timeout: millis(build.timeout()),
            digest: None,
        };
        for (key, template) in &build.args {
            work.args.insert(key.value.to_string(), self.build_text(template, &mut parts));
        }
        for (key, template) in &build.labels {
            work.labels.insert(key.value.to_string(), self.build_text(template, &mut parts));
        }
        let answer = match work.query() {
            Some(query) => Some(self.ask_image(query, build)?),
            None => None,
        };
        let mut foreseen = Fields::new();
        if let Some(answer) = &answer {
            work.digest = answer.digest;
            work.bases.clone_from(&answer.bases);
            foreseen.extend(answer.digest.map(|d| ("digest".to_string(), d.to_string())));
            self.image_parts(answer, source, &mut parts);
        } else {
            // What it reads is only known when its arguments are.
            parts.recipe.text(&Text::unknown("arguments".into(), name.as_str()));
            parts.labels.push(Label::Text("what it reads".into()));
        }
        if parts.failed {
            return None;
        }
        let labels: Vec<String> = parts.labels.iter().map(|l| self.label(l)).collect();
        let planned = work.clone();
        let step = self.add_step(NewStep {
            id: self.step_id(format!("build.{name}")),
            node: id,
            needs: parts.needs,
            recipe: parts.recipe,
            labels: &|i| labels.get(i).cloned().unwrap_or_default(),
            effect: Effect::ContentAddressed,
            replan: answer.is_none(),
            work: &mut || Work::Build(planned.clone()),
            foreseen,
            stale: None,
        });
        // What the files and bases say is enough; the rest is only said where it is all that there is to say.
        if let Some(reasons) = self.steps.get_mut(step as usize).map(|s| &mut s.reasons).filter(|r| r.len() > 1) {
            reasons.retain(|r| r != MADE_OF);
        }
        Some((step, work))
    }

    fn build_text(&self, template: &crate::model::Template, parts: &mut Parts) -> Text {
        self.template_parts(template, &Scope::default(), parts);
        self.resolve(template, &Scope::default()).text
    }

    fn ask_image(&mut self, query: ImageQuery, build: &Build) -> Option<ImageAnswer> {
        let span = build.context.as_ref().map_or(build.span, |c| c.span);
        let what = format!("build `{}`", build.name.value);
        let told = self.diagnostics.len();
        if let Some(Answer::Image(answer)) = self.ask(Query::Image(Box::new(query)), span, &what) {
            return Some(answer.clone());
        }
        if build.builder.value == Builder::Daemonless {
            self.diagnostics.iter_mut().skip(told).for_each(|fault| offer_engine(fault, span));
        }
        None
    }

    /// Each file that the image reads and each base are parts, so that the plan can say which of them changed.
    fn image_parts(&self, answer: &ImageAnswer, source: &str, parts: &mut Parts) {
        for (base, digest) in &answer.bases {
            parts.known(*digest, Label::Text(format!("base image {base} is now {digest}")));
        }
        for (path, digest) in answer.inputs.iter() {
            let mut hasher = Hasher::new("input");
            hasher.field(path.as_bytes()).digest(*digest);
            parts.known(hasher.finish(), Label::Files(source.to_string(), path.to_string()));
        }
        parts.known(answer.key, Label::Text(MADE_OF.into()));
    }

    fn tests(&mut self, id: NodeId, build: &Build, image: u32) -> Vec<u32> {
        let mut steps = Vec::new();
        for (number, test) in build.tests.iter().enumerate() {
            if let Some(diagnostic) = super::programs::needs_adapter(test, test.cluster.is_some()) {
                self.diagnostics.push(diagnostic);
                continue;
            }
            let mut hasher = Hasher::new("test");
            command_base(test, &mut hasher);
            hasher.field(self.generation(&build.name).to_le_bytes());
            let mut parts = Parts::new(hasher.finish());
            self.command_parts(test, &Scope::default(), &mut parts);
            parts.needs.push(image);
            parts.needs.extend(steps.last());
            let workdir = test.workdir.as_ref().or(build.context.as_ref());
            if let Some((source, version)) = workdir.and_then(|w| Some((&w.source.value, self.version(&w.source)?))) {
                parts.known(version.content, Label::Files(source.to_string(), format!("{source}'s files")));
            }
            let number = if build.tests.len() == 1 { String::new() } else { format!(".{}", number + 1) };
            let name = self.step_id(format!("test.{}{number}", build.name.value));
            let image_text = self.nodes_digest(image);
            parts.text(&image_text, Label::Text("the image changed".into()));
            let step =
                self.add(id, name, parts, None, test, &Scope::default(), |walk| (Vec::new(), walk.dir(workdir, false)));
            if let Some(Work::Exec(exec)) = self.steps.get_mut(step as usize).map(|s| &mut s.work) {
                exec.env.push(("LOCKGATE_IMAGE_DIGEST".into(), image_text));
                start_in_context(exec, build);
            }
            steps.push(step);
        }
        steps
    }

    fn nodes_digest(&self, image: u32) -> Text {
        let Some(step) = self.steps.get(image as usize) else { return Text::default() };
        match step.outputs.get("digest") {
            Some(digest) => Text::known(digest.as_str()),
            None => Text::unknown(step.id.clone(), "digest"),
        }
    }

    /// The tag under which the image goes. One that has something exact in it names one image for ever: where another
    /// image has it, as after a new base of the same name, this one gets a tag of its own.
    fn push_tag(&mut self, build: &Build, push: &Push, image: u32) -> Tag {
        let text = match &push.tag {
            Some(template) => self.resolve(template, &Scope::default()).text,
            None => Text::known(self.candidate.name()),
        };
        let exact = push.tag.as_ref().is_none_or(|t| t.refs().any(|r| self.is_exact(r)));
        let digest: Option<Digest> = self.nodes_digest(image).as_known().and_then(|d| d.parse().ok());
        let Some((tag, digest)) = text.as_known().zip(digest) else {
            return Tag { text, taken: if exact { Taken::Stay } else { Taken::Move }, is_there: false };
        };
        let owner = self.tag_owner(build, push, &tag);
        match owner.filter(|owner| exact && *owner != digest) {
            None => {
                let taken = if exact { Taken::Refuse } else { Taken::Move };
                Tag { text, taken, is_there: owner == Some(digest) }
            }
            Some(_) => {
                let own = own_tag(&tag, digest);
                let is_there = self.tag_owner(build, push, &own) == Some(digest);
                Tag { text: Text::known(own), taken: Taken::Refuse, is_there }
            }
        }
    }

    /// The image that a tag names where the image of a build is pushed.
    fn tag_owner(&mut self, build: &Build, push: &Push, tag: &str) -> Option<Digest> {
        let repository = &push.repository.value;
        let layout = is_path(repository);
        let what = format!("build `{}`: where it is pushed", build.name.value);
        match self.ask(
            Query::Tagged { repository: repository.to_string(), layout, tag: tag.to_string() },
            push.span,
            &what,
        ) {
            Some(Answer::Tagged(owner)) => *owner,
            _ => None,
        }
    }

    /// Whether a reference is another one whenever the content is another.
    fn is_exact(&self, reference: &crate::model::Reference) -> bool {
        crate::check::known::nature_of(self.graph, reference).is_none_or(|nature| nature == Nature::Exact)
    }

    /// The step that sends the image where it is wanted. It is not needed where the image is already, under that tag.
    #[allow(clippy::too_many_arguments)]
    fn push(
        &mut self,
        id: NodeId,
        build: &Build,
        push: &Push,
        tag: Tag,
        image: u32,
        tests: &[u32],
        work: BuildWork,
    ) -> u32 {
        let repository = &push.repository.value;
        let layout = is_path(repository);
        let digest = self.nodes_digest(image);
        let mut hasher = Hasher::new("push");
        hasher.field(repository).field(self.generation(&build.name).to_le_bytes());
        let mut recipe = Recipe::new(hasher.finish());
        recipe.text(&digest);
        recipe.text(&tag.text);
        let tests_done = tests.iter().all(|t| self.steps.get(*t as usize).is_some_and(Step::is_reused));
        let image_done = self.steps.get(image as usize).is_some_and(Step::is_reused);
        let is_there = tag.is_there && tests_done && image_done;
        let step_id = self.step_id(format!("push.{}", build.name.value));
        let labels = ["the image is another one".to_string(), "the tag is another one".to_string()];
        let key = recipe.key(&|_| None);
        let action = match key {
            Some(_) if is_there => Action::Reuse,
            Some(_) => Action::Run,
            None => Action::Maybe,
        };
        let mut reasons = if is_there {
            Vec::new()
        } else {
            self.reasons(&step_id, &recipe, &|i| labels.get(i).cloned().unwrap_or_default())
        };
        if action == Action::Run && image_done && tests_done && reasons == ["it has not succeeded yet"] {
            reasons = vec!["the image is not there under that tag".to_string()];
        }
        let mut needs = vec![image];
        needs.extend(tests);
        needs.extend(push.tag.iter().flat_map(|t| self.resolve(t, &Scope::default()).needs));
        needs.sort_unstable();
        needs.dedup();
        let work = match action {
            Action::Reuse => Work::None,
            _ => Work::Push(PushWork {
                digest,
                repository: repository.to_string(),
                layout,
                tag: tag.text,
                taken: tag.taken,
                bases: work.bases,
            }),
        };
        let effect = Effect::ContentAddressed;
        let outputs = Fields::new();
        self.push_step(Step {
            id: step_id,
            node: id,
            environment: None,
            needs,
            action,
            key,
            recipe,
            reasons,
            effect,
            replan: false,
            work,
            outputs,
        })
    }
}

/// The tag of a push.
struct Tag {
    text: Text,
    taken: Taken,
    /// Whether it names the image already.
    is_there: bool,
}

/// Offers to let an engine build what we cannot.
fn offer_engine(fault: &mut Diagnostic, context: crate::source::Span) {
    if fault.fix.is_none() && fault.help.as_deref().is_some_and(|help| help.contains("`builder docker`")) {
        let behind = crate::source::Span::new(context.file, context.range().end, context.range().end);
        *fault = fault.clone().fix("Let a Docker engine build it", behind, "\n        builder docker");
    }
}

/// A test starts in the folder of the context, whatever part of the source that is.
fn start_in_context(exec: &mut super::work::Exec, build: &Build) {
    if let Dir::Files { start, .. } = &mut exec.dir
        && start.is_empty()
    {
        *start = folder_of(build.context.as_ref());
    }
}

fn image_base(build: &Build, generation: u32) -> crate::digest::Digest {
    let mut hasher = Hasher::new("build");
    let name =
        |n: &Option<crate::model::Spanned<crate::model::Said>>| n.as_ref().map(|n| n.value.clone()).unwrap_or_default();
    hasher.field(folder_of(build.context.as_ref())).field(name(&build.dockerfile));
    hasher.field(name(&build.target)).field(name(&build.platform)).field(generation.to_le_bytes());
    if build.builder.value == Builder::Docker {
        hasher.field("docker");
        for secret in &build.secrets {
            hasher.field(secret.id()).field(&secret.name.value);
        }
    }
    for (key, template) in build.args.iter().chain(&build.labels) {
        hasher.field(&key.value);
        template_base(template, "arg", &mut hasher);
    }
    hasher.finish()
}

/// `repository`, `registry` and `name` of where an image goes.
fn repository_fields(push: &Push) -> Fields {
    let repository = push.repository.value.as_str();
    let (registry, name) = match repository.split_once('/') {
        Some((host, rest)) if !is_path(repository) && (host.contains(['.', ':']) || host == "localhost") => {
            (host, rest)
        }
        _ => ("", repository),
    };
    let field = |name: &str, value: &str| (name.to_string(), value.to_string());
    Fields::from([field("repository", repository), field("registry", registry), field("name", name)])
}
