//! From the typed model to the graph: every name is looked up once, here.

use super::{Edge, Graph, Kind, NodeId, Why};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::model::{Command, Part, Pipeline, Program, Said, SetTo, SourcePath, Spanned, Template, VerifyKind};
use crate::source::Span;
use petgraph::graph::DiGraph;
use std::sync::Arc;

/// Names that mean something of their own inside a reference and are no nodes.
pub const CONTEXT: &[&str] = &["environment", "candidate", "pipeline"];

/// How many names get a "did you mean": in a file with more unknown ones than that, something else is wrong.
const SUGGESTIONS: usize = 100;

/// Resolves the names of a pipeline. What cannot be resolved is a diagnostic, and the edge is left out.
pub fn lower(pipeline: Arc<Pipeline>) -> (Graph, Vec<Diagnostic>) {
    let mut lowering = Lowering::new(pipeline);
    lowering.edges();
    let mut graph = lowering.graph;
    graph.sort();
    let mut diagnostics = lowering.diagnostics;
    diagnostics.extend(cycle(&graph));
    (graph, diagnostics)
}

struct Lowering {
    graph: Graph,
    diagnostics: Vec<Diagnostic>,
    /// The node whose references to itself are no cycle.
    itself: Option<NodeId>,
}

impl Lowering {
    fn new(pipeline: Arc<Pipeline>) -> Lowering {
        let p = &pipeline;
        let count = |n: usize| 0..u32::try_from(n).unwrap_or(u32::MAX);
        let kinds: Vec<Kind> = (count(p.sources.len()).map(Kind::Source))
            .chain(count(p.builds.len()).map(Kind::Build))
            .chain(count(p.tasks.len()).map(Kind::Task))
            .chain(count(p.releases.len()).map(Kind::Release))
            .chain(count(p.environments.len()).map(Kind::Environment))
            .chain(count(p.secrets.len()).map(Kind::Secret))
            .collect();
        let mut edges = DiGraph::with_capacity(kinds.len(), kinds.len() * 2);
        for _ in &kinds {
            edges.add_node(());
        }
        let (names, releases) = (Vec::new(), Vec::new());
        let graph = Graph { pipeline, kinds, names, releases, edges, order: Vec::new(), levels: [].into() };
        let mut lowering = Lowering { graph, diagnostics: Vec::new(), itself: None };
        lowering.names();
        lowering
    }

    fn names(&mut self) {
        let is_release = |kind| matches!(kind, Kind::Release(_));
        let (releases, others): (Vec<_>, Vec<_>) = self.graph.nodes().partition(|(_, kind)| is_release(*kind));
        self.graph.names = self.sorted(others);
        self.graph.releases = self.sorted(releases);
    }

    /// Nodes in the order of their names, of each name the first; the others are told.
    fn sorted(&mut self, nodes: Vec<(NodeId, Kind)>) -> Vec<NodeId> {
        let graph = &self.graph;
        let mut table: Vec<NodeId> = nodes.into_iter().map(|(id, _)| id).collect();
        table.sort_by(|a, b| graph.name(*a).cmp(graph.name(*b)).then(a.cmp(b)));
        let mut first: Option<NodeId> = None;
        table.retain(|id| match first.filter(|first| graph.name(*first) == graph.name(*id)) {
            Some(first) => {
                self.diagnostics.push(repeated(graph, first, *id));
                false
            }
            None => {
                first = Some(*id);
                true
            }
        });
        table
    }

    fn edges(&mut self) {
        let pipeline = self.graph.pipeline.clone();
        let nodes: Vec<(NodeId, Kind)> = self.graph.nodes().collect();
        for (id, kind) in nodes {
            match kind {
                Kind::Source(i) => self.source(id, &pipeline, i as usize),
                Kind::Build(i) => self.build(id, &pipeline, i as usize),
                Kind::Task(i) => self.task(id, &pipeline, i as usize),
                Kind::Release(i) => self.release(id, &pipeline, i as usize),
                Kind::Environment(i) => self.environment(id, &pipeline, i as usize),
                Kind::Secret(_) => {}
            }
        }
        for notify in &pipeline.notifies {
            if let Some(url) = notify.to.as_ref().and_then(|to| to.url()) {
                self.look_up(url);
            }
            if let Some(secret) = notify.to.as_ref().and_then(|to| to.sign()) {
                let is_secret = |k: Kind| matches!(k, Kind::Secret(_));
                if !self.graph.find(secret).is_some_and(|other| is_secret(self.graph.kind(other))) {
                    self.unknown(secret, "secret", is_secret);
                }
            }
        }
    }

    fn source(&mut self, id: NodeId, pipeline: &Pipeline, i: usize) {
        let source = &pipeline.sources[i];
        if let Some(secret) = &source.credentials {
            self.named(id, secret, "secret", |k| matches!(k, Kind::Secret(_)));
        }
        for trigger in &source.triggers {
            if let crate::model::TriggerKind::Webhook(secret) = &trigger.kind {
                self.named(id, secret, "secret", |k| matches!(k, Kind::Secret(_)));
            }
        }
    }

    fn build(&mut self, id: NodeId, pipeline: &Pipeline, i: usize) {
        let build = &pipeline.builds[i];
        if let Some(context) = &build.context {
            self.source_path(id, context);
        }
        build.args.iter().chain(&build.labels).for_each(|(_, t)| self.template(id, t));
        for secret in &build.secrets {
            self.named(id, &secret.name, "secret", |k| matches!(k, Kind::Secret(_)));
        }
        // A test may run in the image that was just made, and calls it by the name of its own build.
        self.itself = Some(id);
        build.tests.iter().for_each(|c| self.command(id, c));
        self.itself = None;
        if let Some(push) = &build.push {
            push.tag.iter().for_each(|tag| self.template(id, tag));
            push.credentials.iter().for_each(|s| self.named(id, s, "secret", |k| matches!(k, Kind::Secret(_))));
        }
    }

    fn task(&mut self, id: NodeId, pipeline: &Pipeline, i: usize) {
        let task = &pipeline.tasks[i];
        self.command(id, &task.command);
        for input in &task.inputs {
            if let Some(source) = &input.source {
                self.named(id, source, "source", |k| matches!(k, Kind::Source(_)));
            }
            self.template(id, &input.what);
        }
        task.after.iter().for_each(|name| self.after(id, name));
    }

    fn release(&mut self, id: NodeId, pipeline: &Pipeline, i: usize) {
        let release = &pipeline.releases[i];
        if let Some(chart) = &release.chart {
            self.source_path(id, chart);
        }
        release.values.iter().for_each(|v| self.source_path(id, &v.file));
        for set in &release.sets {
            if let SetTo::Text(t) = &set.to {
                self.template(id, t);
            }
        }
        if let Some(name) = &release.release_name {
            self.template(id, name);
        }
    }

    fn environment(&mut self, id: NodeId, pipeline: &Pipeline, i: usize) {
        let environment = &pipeline.environments[i];
        environment.after.iter().for_each(|name| self.after(id, name));
        for name in &environment.deploys {
            match self.graph.find_release(name) {
                Some(release) => self.edge(release, id, Why::Deploys, name.span),
                None => self.unknown(name, "release", |k| matches!(k, Kind::Release(_))),
            }
        }
        if let Some(secret) = environment.target.as_ref().and_then(crate::model::Target::secret) {
            self.named(id, secret, "secret", |k| matches!(k, Kind::Secret(_)));
        }
        for verify in &environment.verifies {
            match &verify.kind {
                VerifyKind::Script { script, args, command } => {
                    self.source_path(id, script);
                    args.iter().for_each(|t| self.template(id, t));
                    self.surroundings(id, command);
                }
                VerifyKind::Run(command) => self.command(id, command),
                VerifyKind::Http { url, contains, .. } => {
                    self.template(id, url);
                    contains.iter().for_each(|t| self.template(id, t));
                }
                VerifyKind::HelmTest { releases, .. } => {
                    for name in releases {
                        if self.graph.find_release(name).is_none() {
                            self.unknown(name, "release", |k| matches!(k, Kind::Release(_)));
                        }
                    }
                }
            }
        }
    }

    fn command(&mut self, id: NodeId, command: &Command) {
        match &command.program {
            Program::Argv(argv) => argv.iter().for_each(|t| self.template(id, t)),
            Program::Shell(line) => self.template(id, line),
        }
        self.surroundings(id, command);
    }

    fn surroundings(&mut self, id: NodeId, command: &Command) {
        command.image.iter().for_each(|t| self.template(id, t));
        command.env.iter().for_each(|(_, t)| self.template(id, t));
        command.workdir.iter().for_each(|w| self.source_path(id, w));
    }

    fn source_path(&mut self, id: NodeId, path: &SourcePath) {
        self.named(id, &path.source, "source", |k| matches!(k, Kind::Source(_)));
        if let Some(t) = &path.path {
            self.template(id, t);
        }
    }

    fn after(&mut self, id: NodeId, name: &Spanned<Said>) {
        let fits = |k: Kind| matches!(k, Kind::Environment(_) | Kind::Task(_) | Kind::Build(_));
        match self.graph.find(name) {
            Some(other) if fits(self.graph.kind(other)) => self.edge(other, id, Why::After, name.span),
            _ => self.unknown(name, "environment, task or build", fits),
        }
    }

    fn named(&mut self, id: NodeId, name: &Spanned<Said>, what: &str, fits: impl Fn(Kind) -> bool) {
        match self.graph.find(name) {
            Some(other) if fits(self.graph.kind(other)) => self.edge(other, id, Why::Reads, name.span),
            _ => self.unknown(name, what, fits),
        }
    }

    fn template(&mut self, id: NodeId, template: &Template) {
        for part in &template.parts {
            let Part::Ref(reference) = part else { continue };
            if let Some(other) = self.resolve(reference) {
                self.edge(other, id, Why::Reads, reference.span);
            }
        }
    }

    /// For places outside the graph: only whether the names exist.
    fn look_up(&mut self, template: &Template) {
        for part in &template.parts {
            if let Part::Ref(reference) = part {
                self.resolve(reference);
            }
        }
    }

    fn resolve(&mut self, reference: &crate::model::Reference) -> Option<NodeId> {
        if CONTEXT.contains(&reference.name.as_str()) {
            return None;
        }
        let fits = |k: Kind| !matches!(k, Kind::Environment(_) | Kind::Release(_));
        match self.graph.find(&reference.name) {
            Some(other) if fits(self.graph.kind(other)) => Some(other),
            _ => {
                let name = Spanned::new(reference.name.clone(), reference.name_span);
                self.unknown(&name, "source, build, task or secret", fits);
                None
            }
        }
    }

    fn edge(&mut self, from: NodeId, to: NodeId, why: Why, span: Span) {
        if self.itself != Some(from) || from != to {
            self.graph.edges.add_edge(from.index(), to.index(), Edge { why, span });
        }
    }

    fn unknown(&mut self, name: &Spanned<Said>, what: &str, fits: impl Fn(Kind) -> bool) {
        let graph = &self.graph;
        let found = graph.find(name).or_else(|| graph.find_release(name));
        if let Some(other) = found {
            let is = graph.kind(other).word();
            let message = format!("`{}` is a {is}, and a {what} is wanted here", name.value);
            let diagnostic = Diagnostic::new(&codes::WRONG_KIND, message)
                .at(name.span, format!("a {what} is wanted"))
                .at(graph.name_span(other), format!("the {is} `{}`", name.value));
            self.diagnostics.push(diagnostic);
            return;
        }
        let most = if self.diagnostics.len() < SUGGESTIONS { 10_000 } else { 0 };
        let known: Vec<&str> = graph.nodes().filter(|(_, k)| fits(*k)).take(most).map(|(n, _)| graph.name(n)).collect();
        let mut diagnostic =
            Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no {what} named `{}`", name.value))
                .at(name.span, "not defined in this pipeline");
        if let Some(near) = did_you_mean(name, known.iter().copied()) {
            diagnostic =
                diagnostic.help(format!("did you mean `{near}`?")).fix(format!("Rename to `{near}`"), name.span, near);
        } else if !known.is_empty() && known.len() <= 12 {
            diagnostic = diagnostic.help(format!("there are: {}", known.join(", ")));
        }
        self.diagnostics.push(diagnostic);
    }
}

fn repeated(graph: &Graph, first: NodeId, second: NodeId) -> Diagnostic {
    Diagnostic::new(&codes::DUPLICATE_NAME, format!("the name `{}` is given twice", graph.name(second)))
        .at(graph.name_span(second), "a second time here")
        .at(graph.name_span(first), "first here")
        .help("sources, builds, tasks, environments and secrets share one set of names, so that a reference means one thing")
}

fn cycle(graph: &Graph) -> Option<Diagnostic> {
    let cycle = graph.cycle()?;
    let mut names: Vec<&str> = cycle.iter().map(|(n, _)| graph.name(*n)).collect();
    names.extend(names.first().copied());
    let shown = if names.len() > 9 {
        format!("{} → … → {}", names[..4].join(" → "), names[names.len() - 4..].join(" → "))
    } else {
        names.join(" → ")
    };
    let mut diagnostic = Diagnostic::new(&codes::CYCLE, format!("these wait for one another: {shown}"));
    for (node, edge) in cycle.iter().take(4) {
        diagnostic = diagnostic.at(edge.span, format!("`{}` needs this", graph.name(*node)));
    }
    Some(diagnostic.help("what is made first must not read what is made later; remove one of the references"))
}
