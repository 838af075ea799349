//! The gate between reading and doing: only [`check`] makes a [`Checked`], and only of a file without an error.
//!
//! A rule is one file in `rules/`, one row in [`rules::ALL`], one row in the table of codes and one page in
//! `grammar/rules/`. Rules see the typed pipeline and its graph; nothing in here reads a disk or a clock. What is known of the
//! repository comes through the small window [`Repository`].

mod before;
mod consequences;
mod explain;
pub mod known;
mod levels;
mod places;
mod rules;
mod weaker;

use crate::diag::{self, Diagnostic, Severity};
use crate::graph::{self, Graph};
use crate::model::{File, LevelChange, Pipeline};
use crate::syntax::Document;
use std::sync::Arc;

pub use explain::explain;
pub use known::Known;
pub use levels::{adjustable, apply};
pub use places::{Place, Role};
pub use rules::{ALL, Rule, Sees};
pub use weaker::{Weaker, weaker};

/// The window to the files beside the pipeline file.
pub trait Repository {
    /// Whether there is a file or folder at a path relative to the pipeline file. True where that cannot be known.
    fn exists(&self, path: &str) -> bool;

    /// What is wrong with the values that the releases of a pipeline are deployed with, as far as charts and files are at
    /// hand. Nothing where none is. This room knows no charts: whoever is behind the window asks one that does.
    fn values(&self, _: &Graph) -> Vec<Diagnostic> {
        Vec::new()
    }
}

/// A repository of which nothing is known, so that nothing is missing in it.
pub struct AnyRepository;

impl Repository for AnyRepository {
    fn exists(&self, _: &str) -> bool {
        true
    }
}

/// What a rule sees.
pub struct Context<'a> {
    /// The pipeline with its names resolved.
    pub graph: &'a Graph,
    /// The pipeline.
    pub pipeline: &'a Pipeline,
    /// The files beside the pipeline file.
    pub repository: &'a dyn Repository,
}

/// A pipeline file that may be planned and run. Nothing but [`check`] makes one.
#[derive(Clone, Debug)]
pub struct Checked {
    graphs: Vec<Arc<Graph>>,
}

impl Checked {
    /// The pipelines, each with its names resolved, in the order of the text.
    pub fn graphs(&self) -> &[Arc<Graph>] {
        &self.graphs
    }

    /// The pipeline of that name.
    pub fn find(&self, name: &str) -> Option<&Arc<Graph>> {
        self.graphs.iter().find(|g| *g.pipeline().name == name)
    }
}

/// Judges pipelines. `found` is what reading, decoding and resolving have found; it is given back with what the rules
/// find, all sorted, and with the levels of the file applied. There is a [`Checked`] when none of it is an error.
pub fn check(
    graphs: Vec<Graph>,
    levels: &[LevelChange],
    mut found: Vec<Diagnostic>,
    repository: &dyn Repository,
) -> (Option<Checked>, Vec<Diagnostic>) {
    // With an error before, half of the pipeline may be missing; what would only follow from that is not looked for.
    let whole = !diag::any_error(&found);
    for graph in &graphs {
        let context = Context { graph, pipeline: graph.pipeline(), repository };
        rules::run(&context, whole, &mut found);
        if whole {
            found.extend(repository.values(graph));
        }
    }
    found.extend(rules::same_pipeline(&graphs));
    consequences::forget(&mut found);
    apply(levels, whole, &mut found);
    diag::sort(&mut found);
    let good = found.iter().all(|d| d.severity != Severity::Error);
    (good.then(|| Checked { graphs: graphs.into_iter().map(Arc::new).collect() }), found)
}

/// Decodes, resolves and checks a document in one go. `found` is what reading it has found.
pub fn document(
    document: &Document,
    mut found: Vec<Diagnostic>,
    repository: &dyn Repository,
) -> (Option<Checked>, Vec<Diagnostic>) {
    let (File { pipelines, levels, .. }, faults) = crate::model::decode(document);
    found.extend(faults);
    let mut graphs = Vec::with_capacity(pipelines.len());
    let said: Arc<[LevelChange]> = levels.as_slice().into();
    for pipeline in pipelines {
        let (mut graph, faults) = graph::lower(Arc::new(pipeline));
        graph.levels = said.clone();
        found.extend(faults);
        graphs.push(graph);
    }
    check(graphs, &levels, found, repository)
}
