//! Deploys: what is deployed, with what the place needs to know, and the log of it.

use super::{World, observe, secret_value};
use crate::digest::Digest;
use crate::graph::Graph;
use crate::image::reference::Reference;
use crate::model::{SourceKind, source::is_path};
use crate::plan::work::{DeployWork, HelmTestWork, TargetPlan};
use crate::plan::{Bundle, Fields, Plan, Work};
use crate::ports::places::{Deployment, Ended, Pull, Testing, Told};
use crate::ports::{Fault, PortError};
use crate::run::event::Log;
use crate::run::{State, StepResult};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

/// How long bringing something back may take where the plan does not say.
const TIMEOUT: u64 = 600_000;

/// What a deploy needs besides its work.
pub(super) struct Around {
    pub world: World,
    pub graph: Arc<Graph>,
    /// Set when running steps are to stop.
    pub stop: Arc<AtomicBool>,
    /// The environment.
    pub environment: String,
    /// The number of the run.
    pub run: u64,
    /// Where the log goes: the path, and its name below the folder of logs.
    pub log: (PathBuf, String),
    /// What is deployed there by what is written.
    pub before: Option<Digest>,
}

/// A bundle and where it goes.
struct Order<'a> {
    target: &'a TargetPlan,
    bundle: Digest,
    key: Digest,
    candidate: Digest,
    timeout: u64,
}

/// Deploys, and says how it went.
pub(super) fn deploy(around: &Around, work: &DeployWork, key: Digest) -> StepResult {
    let failed = |error: &PortError, log| StepResult::Failed { fault: error.fault, reason: said(error), log };
    let Some(bundle) = work.bundle else {
        return failed(&PortError::new(Fault::Invalid, "what is to be deployed is not known"), None);
    };
    let order = Order { target: &work.target, bundle, key, candidate: work.candidate, timeout: work.timeout };
    let ended = carry_out(around, &order);
    let log = ended.log.map(|(length, digest)| Log { path: around.log.1.clone(), length, digest });
    match ended.result {
        Ok(()) => StepResult::Done { outputs: Fields::new(), log },
        Err(error) => failed(&error, log),
    }
}

/// Runs the tests of what is deployed, and says how it went.
pub(super) fn test(around: &Around, work: &HelmTestWork, key: Digest) -> StepResult {
    let ended = run_tests(around, work, key);
    let log = ended.log.map(|(length, digest)| Log { path: around.log.1.clone(), length, digest });
    match ended.result {
        Ok(()) => StepResult::Done { outputs: Fields::new(), log },
        Err(error) => StepResult::Failed { fault: error.fault, reason: said(&error), log },
    }
}

fn run_tests(around: &Around, work: &HelmTestWork, key: Digest) -> Ended {
    let world = &around.world;
    let prepared = || {
        let bundles = work.releases.iter().map(|tested| {
            let unknown =
                || PortError::new(Fault::Invalid, format!("what is deployed of {} is not known", tested.release));
            let digest = tested.bundle.ok_or_else(unknown)?;
            observe::bundle_of(world, digest)?.ok_or_else(|| not_kept(digest))
        });
        let bundles = bundles.collect::<Result<Vec<_>, PortError>>()?;
        Ok((bundles, pull(world, &around.graph, &work.target)?, observe::places(world, &around.graph, &work.target)?))
    };
    let (bundles, pull, places) = match prepared() {
        Ok(prepared) => prepared,
        Err(error) => return Err(error).into(),
    };
    places.test(&Testing {
        target: &work.target,
        bundles: &bundles,
        key,
        timeout: Duration::from_millis(work.timeout),
        pull: pull.as_ref(),
        log: Some(&around.log.0),
        stop: &around.stop,
    })
}

fn not_kept(bundle: Digest) -> PortError {
    PortError::new(Fault::NotFound, format!("the rendered objects {bundle} are not kept any more"))
}

/// Brings a release back to what it was, or says why not.
pub(super) fn restore(
    around: &Around,
    target: &TargetPlan,
    bundle: Digest,
    candidate: Digest,
    timeout: u64,
) -> Result<(), String> {
    // Where the same goes back to the same, it is the same deploy.
    let mut hasher = crate::digest::Hasher::new("restore");
    hasher.digest(bundle).digest(candidate).field(&around.log.1);
    carry_out(around, &Order { target, bundle, key: hasher.finish(), candidate, timeout })
        .result
        .map_err(|error| said(&error))
}

fn said(error: &PortError) -> String {
    match &error.help {
        Some(help) => format!("{error} ({help})"),
        None => error.to_string(),
    }
}

fn carry_out(around: &Around, order: &Order<'_>) -> Ended {
    let prepared = prepare(around, order);
    let (bundle, before, pull) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => return Err(error).into(),
    };
    let places = match observe::places(&around.world, &around.graph, order.target) {
        Ok(places) => places,
        Err(error) => return Err(error).into(),
    };
    places.deploy(&Deployment {
        target: order.target,
        told: Told {
            pipeline: &around.graph.pipeline().name.value,
            environment: &around.environment,
            run: Some(around.run),
        },
        bundle: &bundle,
        before: before.as_deref(),
        digest: order.bundle,
        key: order.key,
        candidate: order.candidate,
        candidate_name: &crate::plan::candidate::name_of(order.candidate),
        timeout: Duration::from_millis(order.timeout),
        pull: pull.as_ref(),
        log: Some(&around.log.0),
        stop: &around.stop,
    })
}

type Prepared = (Arc<Bundle>, Option<Arc<Bundle>>, Option<Pull>);

fn prepare(around: &Around, order: &Order<'_>) -> Result<Prepared, PortError> {
    let world = &around.world;
    let bundle = observe::bundle_of(world, order.bundle)?.ok_or_else(|| not_kept(order.bundle))?;
    // What was there before is only of use where it is still kept.
    let before = around.before.and_then(|digest| observe::bundle_of(world, digest).ok().flatten());
    Ok((bundle, before, pull(world, &around.graph, order.target)?))
}

/// With what the place is to fetch images.
fn pull(world: &World, graph: &Graph, target: &TargetPlan) -> Result<Option<Pull>, PortError> {
    let TargetPlan::Cluster { pull_secret: Some(name), .. } = target else { return Ok(None) };
    let value = secret_value(world, graph, name)?;
    Ok(Some(Pull { name: name.clone(), value: value.into(), registries: registries(graph) }))
}

/// The registries that the pipeline itself names: where it pushes to, and where it watches images.
fn registries(graph: &Graph) -> Vec<String> {
    let pipeline = graph.pipeline();
    let pushed = pipeline.builds.iter().filter_map(|b| b.push.as_ref()).map(|p| p.repository.value.as_str());
    let watched = pipeline.sources.iter().filter_map(|s| match &s.kind {
        SourceKind::Image { repository, .. } => Some(repository.value.as_str()),
        _ => None,
    });
    let remote = pushed.chain(watched).filter(|r| !is_path(r));
    // Docker Hub's logins go by a name of their own.
    let host =
        |r: Reference| if r.domain == "docker.io" { "https://index.docker.io/v1/".to_string() } else { r.domain };
    let mut hosts: Vec<String> = remote.filter_map(|r| Reference::parse(r).ok()).map(host).collect();
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// How long a deploy to an environment may take, as its plan says.
pub(super) fn timeout_of(plan: &Plan, environment: &str) -> u64 {
    let works = plan.steps.iter().filter_map(|step| match &step.work {
        Work::Deploy(work) if work.environment == environment => Some(work.timeout),
        _ => None,
    });
    works.max().unwrap_or(TIMEOUT)
}

/// What is deployed of a release by what is written.
pub(super) fn deployed(state: &State, environment: &str, release: &str) -> Option<Digest> {
    state.memory.environments.get(environment)?.deployed.get(release).map(|d| d.bundle)
}
