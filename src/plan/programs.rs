//! Tasks, tests and verifications: programs with their inputs.

use super::diff::{NewStep, Options, Walk};
use super::memory::Memory;
use super::observed::{Answer, Observed, OutputQuery, Query};
use super::recipe::Recipe;
use super::reference::Scope;
use super::work::{Dir, Exec, Told, Work, millis};
use super::{Candidate, Effect, Fields, Text};
use crate::diag::{Diagnostic, codes};
use crate::digest::{Digest, Hasher};
use crate::graph::{Graph, Kind, NodeId};
use crate::model::command::DEFAULT_TIMEOUT;
use crate::model::{Command, Input, Part, Program, Reference, SourceKind, SourcePath, Task, Template};
use crate::ports::files::Listing;
use crate::source::Span;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

/// The parts of a step that are being put together.
pub(super) struct Parts {
    pub recipe: Recipe,
    pub needs: Vec<u32>,
    pub labels: Vec<Label>,
    pub failed: bool,
}

/// What a part of a recipe is called. Spelled out only where it is needed.
pub(super) enum Label {
    /// A reference, as it is written.
    Reference(Reference),
    /// Files of a source.
    Files(String, String),
    /// Something else.
    Text(String),
}

impl Parts {
    pub fn new(base: Digest) -> Parts {
        Parts { recipe: Recipe::new(base), needs: Vec::new(), labels: Vec::new(), failed: false }
    }

    pub fn known(&mut self, digest: Digest, label: Label) {
        self.recipe.known(digest);
        self.labels.push(label);
    }

    pub fn text(&mut self, text: &Text, label: Label) {
        self.recipe.text(text);
        self.labels.push(label);
    }
}

impl Walk<'_> {
    pub(super) fn label(&self, label: &Label) -> String {
        match label {
            Label::Reference(r) => match self.graph.find(&r.name).map(|id| self.graph.kind(id)) {
                Some(Kind::Source(_)) => self.moved(&r.name, &spelled(r)),
                _ => format!("{} changed", spelled(r)),
            },
            Label::Files(source, what) => self.moved(source, what),
            Label::Text(text) => text.clone(),
        }
    }

    /// Plans a task: one step.
    pub(super) fn task(&mut self, id: NodeId) {
        let graph = self.graph;
        let Some(task) = graph.task(id) else { return };
        let name = &task.name.value;
        if let Some(diagnostic) = needs_adapter(&task.command, task.command.cluster.is_some()) {
            self.diagnostics.push(diagnostic);
            self.nodes[id.at()].failed = true;
            return;
        }
        let mut parts = Parts::new(task_base(task, self.generation(name)));
        self.command_parts(&task.command, &Scope::default(), &mut parts);
        self.task_inputs(task, &mut parts);
        for after in &task.after {
            parts.needs.extend(graph.find(after).and_then(|n| self.nodes[n.at()].done));
        }
        if parts.failed {
            self.nodes[id.at()].failed = true;
            return;
        }
        let stale = self.drifted.get(&id).map(|what| format!("{what} is not as it was written"));
        let step = self.add(
            id,
            self.step_id(format!("task.{name}")),
            parts,
            stale,
            &task.command,
            &Scope::default(),
            |walk| {
                let outputs = task.outputs.iter().map(|o| Told {
                    name: o.name.value.to_string(),
                    path: o.path.as_ref().map(|p| p.value.to_string()),
                });
                (outputs.collect(), walk.dir(task.command.workdir.as_ref(), true))
            },
        );
        let place = in_place(graph, self.options, task);
        let node = &mut self.nodes[id.at()];
        node.done = Some(step);
        node.tells = Some(step);
        for output in &task.outputs {
            if let (Some(place), Some(path)) = (&place, &output.path) {
                // A file that stays where it was written is referred to by its place; its content is an input apart.
                node.fields.insert(output.name.value.to_string(), place.join(&path.value).display().to_string());
            }
        }
    }

    /// What the image of a program was made on top of, where a build of ours made it.
    fn bases_of(&self, image: Option<&Template>) -> Vec<(String, Digest)> {
        let names = image.into_iter().flat_map(|image| &image.parts);
        let node = |part: &Part| match part {
            Part::Ref(reference) => self.graph.find(&reference.name),
            Part::Text(_) => None,
        };
        names.filter_map(node).flat_map(|id| self.nodes[id.at()].bases.clone()).collect()
    }

    /// Adds the step of a program.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn add(
        &mut self,
        node: NodeId,
        id: Arc<str>,
        parts: Parts,
        stale: Option<String>,
        command: &Command,
        scope: &Scope,
        rest: impl FnOnce(&Self) -> (Vec<Told>, Dir),
    ) -> u32 {
        let key = parts.recipe.key(&|_| None);
        let reused = stale.is_none() && key.is_some_and(|k| self.memory.results.contains_key(&k));
        let labels: Vec<String> =
            if reused { Vec::new() } else { parts.labels.iter().map(|l| self.label(l)).collect() };
        let mut work = Work::None;
        if !reused {
            let (outputs, dir) = rest(self);
            work = Work::Exec(self.exec(command, scope, outputs, dir));
        }
        self.add_step(NewStep {
            id,
            node,
            needs: parts.needs,
            recipe: parts.recipe,
            labels: &|i| labels.get(i).cloned().unwrap_or_default(),
            // A container is named by its key, so that it can be asked; a process of this machine cannot.
            effect: if command.image.is_some() { Effect::ContentAddressed } else { Effect::Opaque },
            replan: false,
            work: &mut || std::mem::take(&mut work),
            foreseen: Fields::new(),
            stale,
        })
    }

    /// What a program's text refers to, as parts of its recipe.
    pub(super) fn command_parts(&self, command: &Command, scope: &Scope, parts: &mut Parts) {
        match &command.program {
            Program::Argv(argv) => argv.iter().for_each(|t| self.template_parts(t, scope, parts)),
            Program::Shell(line) => self.template_parts(line, scope, parts),
        }
        command.env.iter().for_each(|(_, t)| self.template_parts(t, scope, parts));
        command.image.iter().for_each(|t| self.template_parts(t, scope, parts));
    }

    pub(super) fn template_parts(&self, template: &Template, scope: &Scope, parts: &mut Parts) {
        for part in &template.parts {
            let Part::Ref(reference) = part else { continue };
            // The candidate differs with every change: a program that is told of it does not run again for that alone.
            if reference.name == "candidate" {
                continue;
            }
            let resolved = self.resolve_reference(reference, scope);
            parts.needs.extend(&resolved.needs);
            parts.failed |= resolved.failed;
            let text = self.content_of(reference).unwrap_or(resolved.text);
            parts.text(&text, Label::Reference(reference.clone()));
        }
    }

    /// Where a reference is to a file that a task writes, the digest of its content is what counts, not its path.
    fn content_of(&self, reference: &Reference) -> Option<Text> {
        let id = self.graph.find(&reference.name)?;
        let task = self.graph.task(id)?;
        let (field, _) = reference.fields.first()?;
        task.outputs.iter().find(|o| o.name.value == *field && o.path.is_some())?;
        let step = self.steps.get(self.nodes[id.at()].tells? as usize)?;
        Some(match step.outputs.get(field.as_str()) {
            Some(digest) => Text::known(digest.as_str()),
            None => Text::unknown(step.id.clone(), field.as_str()),
        })
    }

    fn task_inputs(&mut self, task: &Task, parts: &mut Parts) {
        let workdir = task.command.workdir.as_ref().map(|w| w.source.value.as_str());
        if task.inputs.is_empty()
            && let Some(version) = workdir.and_then(|source| self.version(source))
        {
            let source = workdir.unwrap_or_default().to_string();
            parts.known(version.content, Label::Files(source.clone(), format!("{source}'s files")));
        }
        for input in &task.inputs {
            let Some(glob) = input.what.as_text() else {
                self.template_parts(&input.what, &Scope::default(), parts);
                continue;
            };
            let Some(source) = source_of(task, input) else {
                self.diagnostics.push(
                    Diagnostic::new(&codes::INPUT_MISSING, format!("the input `{glob}` is of no source"))
                        .at(input.span, "a file of which source?")
                        .help("say `in SOURCE` in the task, or name the source: `input SOURCE \"…\"`"),
                );
                parts.failed = true;
                continue;
            };
            let folder = if workdir == Some(source) { folder_of(task.command.workdir.as_ref()) } else { String::new() };
            let Some(listing) = self.listing(source, input.span) else {
                parts.failed = true;
                continue;
            };
            match matching(&listing, &folder, glob) {
                Some(digest) => parts.known(digest, Label::Files(source.to_string(), glob.to_string())),
                None => {
                    self.diagnostics.push(
                        Diagnostic::new(
                            &codes::INPUT_MISSING,
                            format!("no file of `{source}` matches the input `{glob}`"),
                        )
                        .at(input.span, "matches nothing")
                        .help("globs are relative to the working folder; `**` crosses folders, `*` does not"),
                    );
                    parts.failed = true;
                }
            }
        }
    }

    /// The files of a source in this candidate.
    fn listing(&mut self, source: &str, span: Span) -> Option<Arc<Listing>> {
        if let Some(listing) = self.listings.get(source) {
            return Some(listing.clone());
        }
        let query = Query::Listing { source: source.to_string(), version: self.version(source)? };
        let Some(Answer::Listing(listing)) = self.ask(query, span, &format!("source `{source}`")) else { return None };
        let listing = listing.clone();
        self.listings.insert(source.to_string(), listing.clone());
        Some(listing)
    }

    /// Where a program works. Tasks work in a folder of this machine itself; everything else gets a copy of the version.
    pub(super) fn dir(&self, workdir: Option<&SourcePath>, in_place: bool) -> Dir {
        let Some(workdir) = workdir else { return Dir::Empty };
        let source = &workdir.source.value;
        let start = folder_of(Some(workdir));
        let found = self.graph.find(source).and_then(|id| self.graph.source(id));
        match (found.map(|s| &s.kind), self.version(source)) {
            (Some(SourceKind::Folder { path }), _) if in_place => {
                Dir::Place { path: self.options.root.join(&path.value).join(start) }
            }
            (_, Some(version)) => Dir::Files { source: source.to_string(), version, only: String::new(), start },
            _ => Dir::Empty,
        }
    }

    pub(super) fn exec(&self, command: &Command, scope: &Scope, outputs: Vec<Told>, dir: Dir) -> Exec {
        let text = |t: &Template| self.resolve(t, scope).text;
        let argv = match &command.program {
            Program::Argv(argv) => argv.iter().map(text).collect(),
            Program::Shell(line) => vec![Text::known("sh"), Text::known("-c"), text(line)],
        };
        let timeout = command.timeout.as_ref().map_or(DEFAULT_TIMEOUT, |t| t.value);
        Exec {
            argv,
            dir,
            env: command.env.iter().map(|(name, t)| (name.value.to_string(), text(t))).collect(),
            outputs,
            timeout: millis(timeout),
            retries: command.retries.as_ref().map_or(0, |r| r.value),
            on_unknown: command.on_unknown,
            image: command.image.as_ref().map(text),
            bases: self.bases_of(command.image.as_ref()),
            cluster: command.cluster.as_ref().map(|c| c.value.to_string()),
            namespace: command.namespace.as_ref().map(|n| n.value.as_str().into()),
            pull_secret: None,
        }
    }
}

/// The source whose files an input selects.
fn source_of<'t>(task: &'t Task, input: &'t Input) -> Option<&'t str> {
    input.source.as_ref().or(task.command.workdir.as_ref().map(|w| &w.source)).map(|s| s.value.as_str())
}

/// The questions for the files that tasks read, as far as they are open. Asked for all tasks at once, before a walk that
/// would come to nothing at each of them.
pub(super) fn open_listings(graph: &Graph, candidate: &Candidate, observed: &Observed) -> Vec<Query> {
    let mut sources: BTreeSet<&str> = BTreeSet::new();
    for task in &graph.pipeline().tasks {
        let globs = task.inputs.iter().filter(|i| i.what.as_text().is_some());
        sources.extend(globs.filter_map(|i| source_of(task, i)));
    }
    let listing = |source: &str| {
        Some(Query::Listing { source: source.to_string(), version: candidate.versions.get(source)?.clone() })
    };
    sources.into_iter().filter_map(listing).filter(|query| observed.get(query).is_none()).collect()
}

/// A program that is to run where this build of Lockgate cannot run one: in a cluster, or in a container.
pub(super) fn needs_adapter(command: &Command, in_cluster: bool) -> Option<Diagnostic> {
    let image = command.image.as_ref()?;
    let span = command.cluster.as_ref().map_or(image.span, |cluster| cluster.span);
    let what = match in_cluster {
        true if cfg!(feature = "kubernetes") => return None,
        true => {
            "running a program as a Kubernetes Job needs the feature `kubernetes`, which this build of Lockgate was made without"
        }
        false if cfg!(feature = "docker") => return None,
        false => {
            "running a program in a container needs the feature `docker`, which this build of Lockgate was made without"
        }
    };
    Some(
        Diagnostic::new(&codes::NEEDS_ADAPTER, what)
            .at(span, "asked for here")
            .help("without it, the program runs as a process of this machine"),
    )
}

/// The digest of what a task is, without its inputs.
fn task_base(task: &Task, generation: u32) -> Digest {
    let mut hasher = Hasher::new("task");
    // Two tasks of the same text are two: what comes before the one need not come before the other.
    hasher.field(&task.name.value);
    command_base(&task.command, &mut hasher);
    for output in &task.outputs {
        hasher.field("output").field(&output.name.value).field(output.path.as_ref().map_or("", |p| &p.value));
    }
    hasher.field(generation.to_le_bytes());
    hasher.finish()
}

/// Takes in a program as it is written: its references by their spelling, since their values are parts of the recipe.
pub(super) fn command_base(command: &Command, hasher: &mut Hasher) {
    match &command.program {
        Program::Argv(argv) => argv.iter().for_each(|t| template_base(t, "arg", hasher)),
        Program::Shell(line) => template_base(line, "shell", hasher),
    }
    for (name, value) in &command.env {
        hasher.field(&name.value);
        template_base(value, "env", hasher);
    }
    if let Some(workdir) = &command.workdir {
        hasher.field("in").field(&workdir.source.value).field(folder_of(Some(workdir)));
    }
    command.image.iter().for_each(|t| template_base(t, "image", hasher));
}

pub(super) fn template_base(template: &Template, kind: &str, hasher: &mut Hasher) {
    hasher.field(kind);
    for part in &template.parts {
        match part {
            Part::Text(t) => hasher.field(t),
            Part::Ref(r) => hasher.field(spelled(r)),
        };
    }
}

/// A reference as it is written.
pub(super) fn spelled(reference: &Reference) -> String {
    let fields: String = reference.fields.iter().map(|(f, _)| format!(".{f}")).collect();
    format!("{{{}{fields}}}", reference.name)
}

/// The folder that a source path names, without slashes at its ends; templates in it count as they are written.
pub(super) fn folder_of(path: Option<&SourcePath>) -> String {
    let text = path.and_then(|p| p.path.as_ref()).and_then(Template::as_text).unwrap_or_default();
    text.trim_start_matches("./").trim_matches('/').to_string()
}

/// The folder of this machine that a task works in itself, if it works in one.
fn in_place(graph: &Graph, options: &Options, task: &Task) -> Option<PathBuf> {
    let workdir = task.command.workdir.as_ref()?;
    match &graph.source(graph.find(&workdir.source)?)?.kind {
        SourceKind::Folder { path } => Some(options.root.join(&path.value).join(folder_of(Some(workdir)))),
        _ => None,
    }
}

/// The files that a task wrote in place when it succeeded last: where they are and what they were.
pub(super) fn outputs_in_place(
    graph: &Graph,
    memory: &Memory,
    options: &Options,
    task: &Task,
) -> Vec<(OutputQuery, String)> {
    if task.outputs.iter().all(|o| o.path.is_none()) || memory.steps.is_empty() {
        return Vec::new();
    }
    let Some(place) = in_place(graph, options, task) else { return Vec::new() };
    let id = format!("task.{}", task.name.value);
    let Some(result) = memory.steps.get(id.as_str()).and_then(|made| memory.results.get(&made.key)) else {
        return Vec::new();
    };
    let query = |o: &crate::model::Output| {
        let path = o.path.as_ref()?;
        let digest = result.get(o.name.value.as_str())?.parse().ok()?;
        Some((OutputQuery { path: place.join(&path.value), digest }, path.value.to_string()))
    };
    task.outputs.iter().filter_map(query).collect()
}

/// The digest of the files below a folder that a glob selects; nothing when there are none.
pub(super) fn matching(listing: &Listing, folder: &str, glob: &str) -> Option<Digest> {
    let glob = glob.trim_start_matches("./");
    let full = if folder.is_empty() { glob.to_string() } else { format!("{folder}/{glob}") };
    if !full.contains(['*', '?', '[', '{']) {
        if let Some(entry) = listing.get(&full) {
            return Some(Listing::digest_of([entry]));
        }
        let mut below = listing.below(&full).peekable();
        below.peek()?;
        return Some(Listing::digest_of(below));
    }
    let matcher = globset::GlobBuilder::new(&full).literal_separator(true).build().ok()?.compile_matcher();
    let literal = full.split(['*', '?', '[', '{']).next().unwrap_or_default();
    let below = literal.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut found = listing.below(below).filter(|e| matcher.is_match(&*e.path)).peekable();
    found.peek()?;
    Some(Listing::digest_of(found))
}
