//! The gate between reading and doing: only [`document`] makes a [`Checked`], and only of a file without an error.
//!
//! A rule is one file in `rules/`, one row in [`rules::ALL`], one row in the table of codes and one page in
//! `grammar/rules/`. Rules see the typed pipeline and its graph; nothing in here reads a disk or a clock. What is known of the
//! repository comes through the small window [`Repository`].

mod again;
mod before;
mod consequences;
mod explain;
pub mod known;
mod levels;
mod parts;
mod places;
mod rules;
mod weaker;

use crate::diag::{self, Diagnostic};
use crate::graph::Graph;
use crate::model::{self, LevelChange, Pipeline};
use crate::syntax::Document;
use parts::Keep;
use std::sync::Arc;

pub use again::Memory;
pub use explain::explain;
pub use known::Known;
pub use levels::{adjustable, apply};
pub use places::{Place, Role};
pub use rules::{ALL, Rule, Sees};
pub use weaker::{Weaker, weaker};

/// The window to the files beside the pipeline file. Several threads may look through it.
pub trait Repository: Sync {
    /// Whether there is a file or folder at a path relative to the pipeline file. True where that cannot be known.
    fn exists(&self, path: &str) -> bool;

    /// What is wrong with the values that the releases of a pipeline are deployed with, as far as charts and files are at
    /// hand. Nothing where none is. This room knows no charts: whoever is behind the window asks one that does.
    fn values(&self, _: &Graph) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Whether [`values`](Repository::values) may have another answer next time, though the pipeline is the same: charts or
    /// values files of it are at hand.
    fn has_values(&self, _: &Graph) -> bool {
        true
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

/// A pipeline file that may be planned and run. Nothing but [`document`] makes one.
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

/// Decodes, resolves and checks a document in one go. `found` is what reading it has found; it is given back with what else
/// there is, all sorted, and with the levels of the file applied. There is a [`Checked`] when none of it is an error.
pub fn document(
    document: &Document,
    mut found: Vec<Diagnostic>,
    repository: &dyn Repository,
) -> (Option<Checked>, Vec<Diagnostic>) {
    let (frame, faults) = model::frame(document);
    found.extend(faults);
    let nodes: Vec<_> = model::pipelines(document).collect();
    let parts = parts::judge(&nodes, repository, Keep::All);
    let whole = is_whole(&found, parts.iter().map(|p| &p.found));
    let said: Arc<[LevelChange]> = frame.levels.as_slice().into();
    let mut graphs = Vec::with_capacity(parts.len());
    for part in parts {
        take(part.found, whole, &mut found);
        let Some(mut graph) = part.graph else { continue };
        if whole {
            found.extend(repository.values(&graph));
        }
        graph.levels = said.clone();
        graphs.push(graph);
    }
    found.extend(rules::same_pipeline(graphs.iter().map(|g| &g.pipeline().name)));
    settle(&frame.levels, whole, &mut found);
    let good = !diag::any_error(&found);
    (good.then(|| Checked { graphs: graphs.into_iter().map(Arc::new).collect() }), found)
}

/// Whether all of the file could be read. With an error before, half of a pipeline may be missing; what would only follow from
/// that is not looked for.
fn is_whole<'a>(found: &[Diagnostic], mut parts: impl Iterator<Item = &'a parts::Found>) -> bool {
    !diag::any_error(found) && !parts.any(parts::Found::is_partial)
}

/// Takes over what was found in a pipeline.
fn take(part: parts::Found, whole: bool, found: &mut Vec<Diagnostic>) {
    found.extend(part.reading);
    found.extend(part.always);
    if whole {
        found.extend(part.whole);
    }
}

/// Makes of all that was found what is told.
fn settle(levels: &[LevelChange], whole: bool, found: &mut Vec<Diagnostic>) {
    consequences::forget(found);
    apply(levels, whole, found);
    diag::sort(found);
}
