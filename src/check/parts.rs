//! The pipelines of a file, each judged by itself: on two threads where there are many, and in an editor only those that
//! are not as they were.

use super::{Context, Repository, rules};
use crate::diag::{self, Diagnostic};
use crate::graph::{self, Graph};
use crate::model::{self, Said, Spanned};
use crate::syntax::Node;
use parking_lot::Mutex;
use std::sync::Arc;

/// From how many bytes of pipelines on a second thread is worth its start, which takes as long as reading some hundred lines.
const WORTH_A_THREAD: usize = 64 << 10;

/// What is found in one pipeline by itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Found {
    /// What is found while it is read and its names are resolved.
    pub reading: Vec<Diagnostic>,
    /// What the rules find that always look.
    pub always: Vec<Diagnostic>,
    /// What the rules find that look at whole files only; none where reading it failed already.
    pub whole: Vec<Diagnostic>,
}

impl Found {
    /// Whether half of it may be missing.
    pub fn is_partial(&self) -> bool {
        diag::any_error(&self.reading)
    }

    pub fn all(&self) -> impl Iterator<Item = &Diagnostic> {
        self.reading.iter().chain(&self.always).chain(&self.whole)
    }

    pub fn all_mut(&mut self) -> impl Iterator<Item = &mut Diagnostic> {
        self.reading.iter_mut().chain(&mut self.always).chain(&mut self.whole)
    }
}

/// A pipeline, read and judged by itself.
pub(super) struct Part {
    /// Its name; nothing when it has none.
    pub name: Option<Spanned<Said>>,
    /// It with its names resolved; nothing when it has no name, or where it is not needed any more.
    pub graph: Option<Graph>,
    pub found: Found,
    pub asked: Answers,
}

/// What was asked of the repository, and the answers.
pub(super) type Answers = Vec<(String, bool)>;

/// Which graphs are kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// All, to run them.
    All,
    /// Those whose values are still to be judged. All others are dropped at once: a large file is then read in the memory of one
    /// pipeline.
    Open,
}

/// Reads and judges pipelines, each by itself.
pub(super) fn judge(nodes: &[Node<'_>], repository: &dyn Repository, keep: Keep) -> Vec<Part> {
    let size: usize = nodes.iter().map(|n| n.span().len()).sum();
    let one_by_one = |nodes: &[Node<'_>]| nodes.iter().map(|node| part(*node, repository, keep)).collect::<Vec<_>>();
    if size < WORTH_A_THREAD || nodes.len() < 2 {
        return one_by_one(nodes);
    }
    let (here, there) = nodes.split_at(nodes.len() / 2);
    std::thread::scope(|scope| {
        let others = std::thread::Builder::new().spawn_scoped(scope, || one_by_one(there));
        let mut parts = one_by_one(here);
        match others.map(|others| others.join()) {
            Ok(Ok(others)) => parts.extend(others),
            Ok(Err(panic)) => std::panic::resume_unwind(panic),
            // No thread to be had: it goes without.
            Err(_) => parts.extend(one_by_one(there)),
        }
        parts
    })
}

fn part(node: Node<'_>, repository: &dyn Repository, keep: Keep) -> Part {
    let mut found = Found::default();
    let pipeline = model::read_pipeline(node, &mut found.reading);
    let graph = pipeline.map(|pipeline| {
        let (graph, faults) = graph::lower(Arc::new(pipeline));
        found.reading.extend(faults);
        graph
    });
    let asked = Asked { repository, answers: Mutex::default() };
    if let Some(graph) = &graph {
        let partial = found.is_partial();
        let context = Context { graph, pipeline: graph.pipeline(), repository: &asked };
        rules::run(&context, !partial, &mut found.always, &mut found.whole);
    }
    let name = graph.as_ref().map(|g| g.pipeline().name.clone());
    let graph = graph.filter(|g| keep == Keep::All || repository.has_values(g));
    Part { name, graph, found, asked: asked.answers.into_inner() }
}

/// A repository that remembers what it was asked.
struct Asked<'a> {
    repository: &'a dyn Repository,
    answers: Mutex<Answers>,
}

impl Repository for Asked<'_> {
    fn exists(&self, path: &str) -> bool {
        let exists = self.repository.exists(path);
        self.answers.lock().push((path.to_string(), exists));
        exists
    }
}
