//! The plan itself: one walk over the graph for each candidate that is about to go somewhere.

use super::memory::Memory;
use super::observed::{Answer, Observed, Query};
use super::recipe::{Recipe, short};
use super::targets::Targets;
use super::{Action, Candidate, Effect, EnvironmentPlan, Fields, Plan, SourceLine, Step, Work};
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::graph::{Graph, Kind, NodeId};
use crate::ports::files::Listing;
use crate::ports::{Fault, PortError};
use crate::source::Span;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// What a plan is made under, besides the facts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The folder of the pipeline file; its relative paths start here.
    pub root: PathBuf,
    /// The digest of the pipeline file and its includes.
    pub file: Digest,
    /// Exact versions to use instead of the heads, as a saved plan has them.
    pub versions: Option<BTreeMap<String, crate::ports::sources::Head>>,
    /// Nodes to run anew.
    pub rerun: Vec<String>,
    /// Deploys that a saved plan has as done: what others changed in their clusters meanwhile is none of its business.
    pub done: std::collections::BTreeSet<String>,
    /// The runs that go on meanwhile, and have in hand what they have.
    pub beside: super::beside::Beside,
    /// It completes the plan of a run that goes on, which newer candidates may have overtaken.
    pub goes_on: bool,
}

/// What would happen, as far as the answers go, and the questions that are missing. While some are missing the plan is
/// of no use but to find them.
pub fn diff(graph: &Graph, memory: &Memory, observed: &Observed, options: &Options) -> (Plan, Vec<Query>) {
    let mut targets = match Targets::choose(graph, memory, observed, options) {
        Ok(targets) => targets,
        Err(unanswered) => {
            let plan = Plan { diagnostics: unanswered.diagnostics, ..empty(graph) };
            return (plan, unanswered.missing);
        }
    };
    let (plan, missing) = diff_for(graph, memory, observed, options, &targets);
    let (mut plan, missing) = match missing.is_empty() && targets.settle(&plan) {
        true => diff_for(graph, memory, observed, options, &targets),
        false => (plan, missing),
    };
    if missing.is_empty() {
        super::unread::judge(graph, observed.kept(), &mut plan);
        super::drawn::judge(graph, &mut plan);
    }
    (plan, missing)
}

fn empty(graph: &Graph) -> Plan {
    Plan {
        version: super::VERSION,
        pipeline: graph.pipeline().name.value.to_string(),
        candidates: Vec::new(),
        sources: Vec::new(),
        steps: Vec::new(),
        environments: Vec::new(),
        beside: BTreeSet::new(),
        diagnostics: Vec::new(),
        bundles: BTreeMap::new(),
        rendered: BTreeMap::new(),
        hash: Digest::default(),
    }
}

fn diff_for(
    graph: &Graph,
    memory: &Memory,
    observed: &Observed,
    options: &Options,
    targets: &Targets,
) -> (Plan, Vec<Query>) {
    let mut plan = empty(graph);
    plan.sources = source_lines(graph, memory, targets);
    let mut missing = Vec::new();
    let mut environments: BTreeMap<NodeId, EnvironmentPlan> = BTreeMap::new();
    let drifted = drifted(graph, memory, observed, options, &mut missing);
    missing.extend(targets.own(options).flat_map(|(_, c)| super::programs::open_listings(graph, c, observed)));
    if !missing.is_empty() {
        return (plan, missing);
    }
    for (number, candidate) in targets.own(options) {
        let mut walk = Walk {
            graph,
            memory,
            observed,
            options,
            candidate,
            heads: &targets.heads,
            is_newest: number == 0,
            drifted: &drifted,
            listings: BTreeMap::new(),
            nodes: vec![Node::default(); graph.len()],
            steps: std::mem::take(&mut plan.steps),
            missing: Vec::new(),
            diagnostics: Vec::new(),
            bundles: std::mem::take(&mut plan.bundles),
            rendered: std::mem::take(&mut plan.rendered),
        };
        walk.run(targets, &mut environments);
        plan.steps = walk.steps;
        plan.bundles = walk.bundles;
        plan.rendered = walk.rendered;
        plan.diagnostics.append(&mut walk.diagnostics);
        missing.append(&mut walk.missing);
    }
    for (id, kind) in graph.nodes() {
        if let Kind::Environment(_) = kind
            && let Some(aside) = targets.of(id).aside
        {
            environments.insert(id, super::environments::left_alone(graph, memory, options, id, targets.of(id), aside));
        }
    }
    plan.beside = options.beside.keys().copied().collect();
    plan.candidates.clone_from(&targets.candidates);
    super::environments::arrange(graph, &mut plan, environments);
    missing.sort_unstable();
    missing.dedup();
    crate::diag::sort(&mut plan.diagnostics);
    plan.seal();
    (plan, missing)
}

fn source_lines(graph: &Graph, memory: &Memory, targets: &Targets) -> Vec<SourceLine> {
    let line = |source: &crate::model::Source| {
        let head = targets.heads.get(source.name.value.as_str())?;
        let before = memory.heads.get(source.name.value.as_str()).map(|h| h.version.clone());
        Some(SourceLine {
            name: source.name.value.to_string(),
            kind: source.kind.word(),
            version: head.version.clone(),
            before: before.filter(|b| *b != head.version),
            about: head.about.clone(),
        })
    };
    graph.pipeline().sources.iter().filter_map(line).collect()
}

/// The tasks whose files are no longer as they wrote them, by node.
fn drifted(
    graph: &Graph,
    memory: &Memory,
    observed: &Observed,
    options: &Options,
    missing: &mut Vec<Query>,
) -> BTreeMap<NodeId, String> {
    let (mut queries, mut owners) = (Vec::new(), Vec::new());
    for (id, kind) in graph.nodes() {
        if let (Kind::Task(_), Some(task)) = (kind, graph.task(id)) {
            for (query, name) in super::programs::outputs_in_place(graph, memory, options, task) {
                queries.push(query);
                owners.push((id, name));
            }
        }
    }
    if queries.is_empty() {
        return BTreeMap::new();
    }
    let query = Query::Outputs(queries);
    match observed.get(&query) {
        Some(Ok(Answer::Outputs(changed))) => changed.iter().filter_map(|i| owners.get(*i).cloned()).collect(),
        Some(_) => BTreeMap::new(),
        None => {
            missing.push(query);
            BTreeMap::new()
        }
    }
}

/// One walk over the graph for one candidate.
pub(super) struct Walk<'a> {
    pub graph: &'a Graph,
    pub memory: &'a Memory,
    pub observed: &'a Observed,
    pub options: &'a Options,
    pub candidate: &'a Candidate,
    pub heads: &'a BTreeMap<String, crate::ports::sources::Head>,
    pub is_newest: bool,
    pub drifted: &'a BTreeMap<NodeId, String>,
    /// The files of sources, as they were asked for.
    pub listings: BTreeMap<String, Arc<Listing>>,
    pub nodes: Vec<Node>,
    pub steps: Vec<Step>,
    pub missing: Vec<Query>,
    pub diagnostics: Vec<Diagnostic>,
    pub bundles: BTreeMap<Digest, Arc<super::Bundle>>,
    pub rendered: BTreeMap<(String, String), super::RenderedRelease>,
}

/// What is known of a node during the walk.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The step after which the node is done.
    pub done: Option<u32>,
    /// The step that tells its fields.
    pub tells: Option<u32>,
    /// Fields that do not come from a step.
    pub fields: Fields,
    /// What the image of a build is made on top of, as its Dockerfile says it.
    pub bases: Vec<(String, Digest)>,
    /// It could not be planned: a diagnostic or a missing answer says why.
    pub failed: bool,
}

impl Walk<'_> {
    fn run(&mut self, targets: &Targets, environments: &mut BTreeMap<NodeId, EnvironmentPlan>) {
        for &id in self.graph.order() {
            match self.graph.kind(id) {
                Kind::Source(_) => self.source(id),
                Kind::Build(_) => self.build(id),
                Kind::Task(_) => self.task(id),
                Kind::Release(_) | Kind::Secret(_) => {}
                Kind::Environment(_) => {
                    let target = targets.of(id);
                    if target.candidate == self.candidate.id && target.aside.is_none() {
                        let plan = self.environment(id, target);
                        environments.insert(id, plan);
                    }
                }
            }
        }
    }

    /// Asks; a missing answer is noted, a failed one becomes a diagnostic at `span`, once.
    pub fn ask(&mut self, query: Query, span: Span, what: &str) -> Option<&Answer> {
        match self.observed.get(&query) {
            Some(Ok(answer)) => Some(answer),
            Some(Err(error)) => {
                let mut diagnostic = port_diagnostic(error, what).at(span, "asked for here");
                if matches!(query, Query::Image(_)) && error.fault == Fault::Invalid {
                    diagnostic.code = &codes::DOCKERFILE_INVALID;
                }
                if !self.diagnostics.contains(&diagnostic) {
                    self.diagnostics.push(diagnostic);
                }
                None
            }
            None => {
                self.missing.push(query);
                None
            }
        }
    }

    /// The version of a source in this candidate.
    pub fn version(&self, source: &str) -> Option<crate::ports::sources::Version> {
        self.candidate.versions.get(source).cloned()
    }

    /// The generation of a node: how often it was made to run anew.
    pub fn generation(&self, name: &str) -> u32 {
        let asked = u32::from(self.options.rerun.iter().any(|r| r == name));
        self.memory.generations.get(name).copied().unwrap_or(0) + asked
    }

    /// The id of a step; for a candidate other than the newest it says which.
    pub fn step_id(&self, name: String) -> Arc<str> {
        if self.is_newest { name.into() } else { format!("{name}@{}", self.candidate.name()).into() }
    }

    /// Adds a step whose key comes from its recipe; it is used again when that key has succeeded and `valid`.
    pub fn add_step(&mut self, mut new: NewStep<'_>) -> u32 {
        new.recipe.anew = new.stale.is_some();
        let key = new.recipe.key(&|_| None);
        let result = key.and_then(|k| self.memory.results.get(&k)).filter(|_| new.stale.is_none());
        let (action, outputs) = match (key, result) {
            (Some(_), Some(fields)) => (Action::Reuse, fields.clone()),
            (Some(_), None) => (Action::Run, new.foreseen),
            (None, _) => (Action::Maybe, new.foreseen),
        };
        let reasons = match (action, new.stale) {
            (Action::Reuse, _) => Vec::new(),
            (_, Some(stale)) => vec![stale],
            _ if self.options.rerun.iter().any(|r| r == self.graph.name(new.node)) => {
                vec!["it is to run anew".to_string()]
            }
            _ => self.reasons(&new.id, &new.recipe, &new.labels),
        };
        let work = if action == Action::Reuse { Work::None } else { (new.work)() };
        let mut needs = new.needs;
        needs.sort_unstable();
        needs.dedup();
        let step = Step {
            id: new.id,
            node: new.node,
            environment: None,
            needs,
            action,
            key,
            recipe: new.recipe,
            reasons,
            effect: new.effect,
            replan: new.replan && action != Action::Reuse,
            work,
            outputs,
        };
        self.push_step(step)
    }

    pub fn push_step(&mut self, step: Step) -> u32 {
        self.steps.push(step);
        u32::try_from(self.steps.len() - 1).unwrap_or(u32::MAX)
    }

    /// Why a step is not used again: what of its recipe is not as it was when it ran last.
    pub fn reasons(&self, id: &Arc<str>, recipe: &Recipe, labels: &dyn Fn(usize) -> String) -> Vec<String> {
        let Some(made) = self.memory.steps.get(id) else { return vec!["it has not run before".to_string()] };
        let mut reasons = Vec::new();
        if made.base != short(recipe.base) {
            reasons.push("its definition changed".to_string());
        }
        for (i, part) in recipe.parts.iter().enumerate() {
            match part.digest(&|_| None) {
                None => reasons.push(format!("{} is not known yet", labels(i).trim_end_matches(" changed"))),
                Some(digest) if made.parts.get(i) != Some(&short(digest)) => reasons.push(labels(i)),
                Some(_) => {}
            }
        }
        if reasons.is_empty() {
            reasons.push("it has not succeeded yet".to_string());
        }
        reasons
    }

    /// How a change of a source is told: where it moved to and who says so.
    pub fn moved(&self, source: &str, what: &str) -> String {
        let what = if what.is_empty() { &format!("{source}'s files") } else { what };
        let Some(head) = self.heads.get(source) else { return format!("{what} changed") };
        let (is, place) = (&head.version, self.memory.heads.get(source).map(|h| &h.version));
        let at = match self.graph.find(source).and_then(|id| self.graph.source(id)).map(|s| &s.kind) {
            Some(crate::model::SourceKind::Git { .. }) => is.id.chars().take(7).collect::<String>(),
            _ => is.name.clone().unwrap_or_else(|| is.id.trim_start_matches("sha256:").chars().take(12).collect()),
        };
        match (&head.about.subject, place) {
            (Some(subject), _) => format!("{what} changed in {at} ({subject})"),
            (None, _) => format!("{what} changed in {at}"),
        }
    }

    fn source(&mut self, id: NodeId) {
        let Some(source) = self.graph.source(id) else { return };
        let Some(version) = self.version(&source.name) else {
            self.nodes[id.at()].failed = true;
            return;
        };
        let about =
            self.heads.get(source.name.value.as_str()).filter(|h| h.version == version).map(|h| h.about.clone());
        self.nodes[id.at()].fields = super::reference::source_fields(source, &version, about.unwrap_or_default());
    }
}

/// A step that is to be added.
pub(super) struct NewStep<'f> {
    pub id: Arc<str>,
    pub node: NodeId,
    pub needs: Vec<u32>,
    pub recipe: Recipe,
    /// What each part of the recipe is called, for people.
    pub labels: &'f dyn Fn(usize) -> String,
    pub effect: Effect,
    pub replan: bool,
    /// Made only where the step is not used again.
    pub work: &'f mut dyn FnMut() -> Work,
    /// Fields that are known before it runs.
    pub foreseen: Fields,
    /// Why a result of before does not count.
    pub stale: Option<String>,
}

/// A diagnostic of what a neighbour could not do.
pub fn port_diagnostic(error: &PortError, what: &str) -> Diagnostic {
    let code = match error.fault {
        Fault::NotFound => &codes::NOT_THERE,
        Fault::Denied => &codes::DENIED,
        Fault::Invalid => &codes::NOT_USABLE,
        Fault::Unavailable => &codes::OUT_OF_REACH,
        Fault::Moved => &codes::MOVED,
        Fault::Limit => &codes::LIMIT_REACHED,
        Fault::Cancelled => &codes::CANCELLED,
    };
    let diagnostic = Diagnostic::new(code, format!("{what}: {error}"));
    diagnostic.help(error.help.clone().unwrap_or_else(|| help(error.fault).to_string()))
}

/// What helps where the neighbour itself does not know better.
fn help(fault: Fault) -> &'static str {
    match fault {
        Fault::NotFound => "name what is there; a path starts at the folder of the pipeline file",
        Fault::Denied => "get the right to it, or name a secret with `credentials`",
        Fault::Invalid => "put right what is named",
        Fault::Unavailable => "try again when it can be reached",
        Fault::Moved => "plan again, or bring it back to what it was",
        Fault::Limit => "make it smaller, or leave parts of it out",
        Fault::Cancelled => "run it again to go on",
    }
}
