//! Looking: asks the plan's questions until it has none left. Reads, and changes nothing.

use super::{World, credentials, head_query, images, secret_value};
use crate::graph::Graph;
use crate::plan::observed::{Answer, Observed, Query};
use crate::plan::{Memory, Options, Plan};
use crate::ports::bundle::Bundle;
use crate::ports::files::Files;
use crate::ports::places::{Places, Target};
use crate::ports::sources::Version;
use crate::ports::{Fault, PortError, shelf};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;

/// How many questions are asked at once: enough to hide the waiting for remote ones, few enough for small machines.
const AT_ONCE: usize = 8;
/// How often a plan may come up with new questions. Heads, files, images, places and bundles make five rounds.
const ROUNDS: usize = 12;
/// How much a chart may hold, in bytes.
const CHART_LIMIT: u64 = 64 << 20;

/// Asks until the plan has no questions left, and gives it.
pub fn observe(world: &World, graph: &Graph, memory: &Memory, observed: &mut Observed, options: &Options) -> Plan {
    // Environments have the charts in common.
    crate::helm::remembering(|| {
        let (mut plan, mut missing) = crate::plan::diff(graph, memory, observed, options);
        for _ in 0..ROUNDS {
            if missing.is_empty() {
                break;
            }
            ask_all(world, graph, memory, missing, observed);
            (plan, missing) = crate::plan::diff(graph, memory, observed, options);
        }
        plan
    })
}

/// Asks on threads of their own, also one question alone: some adapters wait for a runtime, which whoever plans within another
/// may not.
fn ask_all(world: &World, graph: &Graph, memory: &Memory, queries: Vec<Query>, observed: &mut Observed) {
    let queue = Mutex::new(queries.into_iter());
    let next = || queue.lock().next();
    let threads = AT_ONCE.min(queue.lock().len());
    let answers = std::thread::scope(|scope| {
        let work = || {
            let mut answers = Vec::new();
            while let Some(query) = next() {
                let answer = ask(world, graph, memory, &query);
                answers.push((query, answer));
            }
            answers
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|w| w.join().unwrap_or_else(|panic| resume_unwind(panic))).collect::<Vec<_>>()
    });
    for (query, answer) in answers {
        observed.insert(query, answer);
    }
}

fn ask(world: &World, graph: &Graph, memory: &Memory, query: &Query) -> Result<Answer, PortError> {
    match query {
        Query::Head { source } => Ok(Answer::Head(world.sources.head(&head_query(world, graph, memory, source)?)?)),
        Query::Listing { source, version } => Ok(Answer::Listing(open(world, graph, memory, source, version)?.list()?)),
        Query::File { source, version, path } => {
            Ok(Answer::File(open(world, graph, memory, source, version)?.read(path)?))
        }
        Query::Folder { source, version, folder } => {
            Ok(Answer::Folder(Arc::new(folder_of(&*open(world, graph, memory, source, version)?, folder)?)))
        }
        Query::Image(query) => {
            let files = open(world, graph, memory, &query.source, &query.version)?;
            Ok(Answer::Image(images::foresee(world, graph, &*files, query)?))
        }
        Query::Tagged { repository, layout, tag } => {
            Ok(Answer::Tagged(images::tagged(world, graph, repository, *layout, tag)?))
        }
        Query::Target { target, release, bundle } => {
            let bundle = match bundle {
                Some(digest) => bundle_of(world, *digest)?,
                None => None,
            };
            Ok(Answer::Target(places(world, graph, target)?.look(target, release, bundle.as_deref())?))
        }
        Query::Rehearsal(query) => {
            let places = places(world, graph, &query.target)?;
            Ok(Answer::Rehearsal(Arc::new(places.rehearse(&query.target, &query.bundle, &query.unknowns)?)))
        }
        Query::Facts { target, kinds } => {
            Ok(Answer::Facts(places(world, graph, target)?.facts(target, *kinds)?.map(Arc::new)))
        }
        Query::Sought { target, sought } => {
            let found = places(world, graph, target)?.find(target, sought)?;
            Ok(Answer::Sought(found.map_or_else(|| "{}".into(), |found| found.to_string().into())))
        }
        Query::Bundle(digest) => {
            let gone =
                || PortError::new(Fault::NotFound, format!("the rendered objects {digest} are not kept any more"));
            Ok(Answer::Bundle(bundle_of(world, *digest)?.ok_or_else(gone)?))
        }
        Query::Outputs(outputs) => {
            let files: Vec<_> = outputs.iter().map(|o| (o.path.clone(), o.digest)).collect();
            Ok(Answer::Outputs(Arc::new(world.workshop.changed(&files))))
        }
    }
}

/// The files of a version of a source.
pub(super) fn open(
    world: &World,
    graph: &Graph,
    memory: &Memory,
    source: &str,
    version: &Version,
) -> Result<Arc<dyn Files>, PortError> {
    world.sources.open(&head_query(world, graph, memory, source)?, version)
}

/// Who deploys to that kind of place.
pub fn places(world: &World, graph: &Graph, target: &Target) -> Result<Arc<dyn Places>, PortError> {
    match target {
        Target::Folder { .. } => Ok(world.folders.clone()),
        Target::Branch { credentials: None, .. } => Ok(world.branches.shown(None)),
        Target::Branch { credentials: Some(secret), .. } => {
            Ok(world.branches.shown(Some(credentials(&secret_value(world, graph, secret)?))))
        }
        Target::Cluster { .. } => {
            let none = || {
                PortError::new(Fault::Unavailable, "this Lockgate cannot speak with clusters")
                    .help("use one that was built with the feature `kubernetes`")
            };
            world.clusters.clone().ok_or_else(none)
        }
    }
}

/// Rendered objects that are kept, if they are.
pub fn bundle_of(world: &World, digest: crate::digest::Digest) -> Result<Option<Arc<Bundle>>, PortError> {
    let Some(bytes) = world.shelf.get(shelf::Kind::Bundle, &digest.hex())? else { return Ok(None) };
    let broken = |e| PortError::new(Fault::Invalid, format!("the kept objects {digest} cannot be read: {e}"));
    Ok(Some(Arc::new(serde_json::from_slice(&bytes).map_err(broken)?)))
}

fn folder_of(files: &dyn Files, folder: &str) -> Result<BTreeMap<String, Arc<[u8]>>, PortError> {
    let listing = files.list()?;
    let entries: Vec<_> = listing.below(folder).collect();
    if entries.is_empty() {
        return Err(PortError::new(Fault::NotFound, format!("there is no folder `{folder}`")));
    }
    let size: u64 = entries.iter().map(|e| e.size).sum();
    if size > CHART_LIMIT {
        return Err(PortError::new(
            Fault::Limit,
            format!("`{folder}` holds {size} bytes, and {CHART_LIMIT} are the limit"),
        ));
    }
    let skip = if folder.is_empty() { 0 } else { folder.len() + 1 };
    entries
        .into_iter()
        .map(|e| Ok((e.path.get(skip..).unwrap_or_default().to_string(), files.read(&e.path)?)))
        .collect()
}
