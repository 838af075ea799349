//! What the file alone cannot tell: whether the branch, the tag, the version of a chart, the repository that is deployed to and
//! the cluster's context are there.

use super::{Failure, Loaded, unmoved, world};
use crate::adapters::seen::Seen;
use crate::diag::Diagnostic;
use crate::engine::observe::places;
use crate::engine::{World, head_query};
use crate::graph::Graph;
use crate::model::{Environment, SourceKind, Target};
use crate::plan::diff::port_diagnostic;
use crate::plan::{Memory, target_plan};
use crate::ports::PortError;
use crate::source::Span;
use std::sync::Arc;
use std::time::SystemTime;

/// How many are asked at once.
const AT_ONCE: usize = 8;

/// Something to ask for.
enum Wanted<'g> {
    /// The newest version of a source.
    Head(&'g Graph, &'g str),
    /// A context of the kubeconfig.
    Context(&'g str),
    /// The repository with the branch of an environment.
    Branch(&'g Graph, &'g Environment),
}

/// Asks for the heads of all sources and looks the contexts up; what is not as the file says is told at its place. Nothing
/// is changed, but that what was fetched is kept.
pub fn check(loaded: &Loaded) -> Result<Vec<Diagnostic>, Failure> {
    let Some(checked) = &loaded.checked else { return Ok(Vec::new()) };
    let mut wanted = Vec::new();
    for graph in checked.graphs() {
        let pipeline = graph.pipeline();
        for source in &pipeline.sources {
            if !matches!(source.kind, SourceKind::Webhook | SourceKind::Unknown) {
                let what = format!("source `{}`", source.name.value);
                wanted.push((Wanted::Head(graph, &source.name.value), source.span, what));
            }
        }
        for environment in &pipeline.environments {
            if let Some(Target::Cluster { context, .. }) = &environment.target {
                let what = format!("environment `{}`", environment.name.value);
                wanted.push((Wanted::Context(&context.value), context.span, what));
            }
            if let Some(Target::Branch { url, .. }) = &environment.target {
                let what = format!("environment `{}`", environment.name.value);
                wanted.push((Wanted::Branch(graph, environment), url.span, what));
            }
        }
    }
    let folder = loaded.root.join(".lockgate");
    let folder = std::path::absolute(&folder).unwrap_or(folder);
    let seen = Arc::new(Seen::open(&loaded.root, unmoved::file(&folder), SystemTime::now()));
    let world = world::open(&loaded.root, &folder, 1, &seen);
    let mut found = Vec::new();
    for some in wanted.chunks(AT_ONCE) {
        let answers: Vec<Option<Diagnostic>> = std::thread::scope(|scope| {
            let ask = |(wanted, span, what): &(Wanted<'_>, Span, String)| {
                let error = ask(&world, wanted).err()?;
                Some(port_diagnostic(&error, what).at(*span, "asked for here"))
            };
            let asking: Vec<_> = some.iter().map(|one| scope.spawn(move || ask(one))).collect();
            asking.into_iter().map(|asking| asking.join().unwrap_or_default()).collect()
        });
        found.extend(answers.into_iter().flatten());
    }
    Ok(found)
}

fn ask(world: &World, wanted: &Wanted<'_>) -> Result<(), PortError> {
    match wanted {
        Wanted::Head(graph, source) => {
            world.sources.head(&head_query(world, graph, &Memory::default(), source)?).map(drop)
        }
        Wanted::Context(context) => is_there(context),
        Wanted::Branch(graph, environment) => {
            let target = target_plan(environment, &world.root);
            let release = environment.deploys.first().map_or("lockgate", |release| release.value.as_str());
            places(world, graph, &target)?.look(&target, release, None).map(drop)
        }
    }
}

/// Whether the kubeconfig has that context, with what it needs to be used. The cluster itself is not asked.
#[cfg(feature = "kubernetes")]
fn is_there(context: &str) -> Result<(), PortError> {
    crate::adapters::kube::Clusters::new().cluster(context).map(drop)
}

#[cfg(not(feature = "kubernetes"))]
fn is_there(context: &str) -> Result<(), PortError> {
    use crate::ports::Fault;
    let message = format!("context `{context}`: this Lockgate was built without the feature `kubernetes`");
    Err(PortError::new(Fault::Unavailable, message))
}
