//! Programs as Jobs of a cluster.
//!
//! A Job is named by the key of its step and the attempt. Whoever comes after a crash finds it by that name, follows it to
//! its end and takes its result: it is never run twice. What the program needs is brought in by objects that belong to the
//! Job and go with it: its files in ConfigMaps, its environment in a Secret.

mod files;
mod follow;
mod spec;

use super::Clusters;
use crate::adapters::leaving::Leaving;
use crate::adapters::shell::log::Log;
use crate::digest::Digest;
use crate::ports::shell::{Done, Exit, Program, Shell, Status, Ticket};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Programs as Jobs.
pub struct Jobs {
    // The first to be dropped: nothing else goes before what is being deleted.
    leaving: Leaving,
    clusters: Arc<Clusters>,
    known: Arc<Known>,
}

/// What is known of Jobs by now.
#[derive(Default)]
struct Known {
    /// What stops those that run.
    stops: Mutex<BTreeMap<Ticket, Arc<AtomicBool>>>,
    /// Where those are that have not been forgotten: context, namespace and name.
    places: Mutex<BTreeMap<Digest, Spot>>,
}

/// Where a Job is.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Spot {
    context: String,
    namespace: String,
    name: String,
}

impl Jobs {
    /// Jobs in those clusters.
    pub fn new(clusters: Arc<Clusters>) -> Jobs {
        Jobs { leaving: Leaving::default(), clusters, known: Arc::default() }
    }
}

impl Shell for Jobs {
    /// Each has a thread of its own, which mostly waits; a run never has more of them than its limit.
    fn submit(&self, ticket: Ticket, program: Program, done: Done) {
        let stop = Arc::new(AtomicBool::new(false));
        self.known.stops.lock().insert(ticket, stop.clone());
        let (clusters, known) = (self.clusters.clone(), self.known.clone());
        std::thread::spawn(move || {
            let result = run(&clusters, &known, &program, &stop);
            known.stops.lock().remove(&ticket);
            done(result);
        });
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some(stop) = self.known.stops.lock().get(&ticket) {
            stop.store(true, Ordering::Relaxed);
        }
    }

    /// Deletes the Job, and with it all that belongs to it.
    fn forget(&self, key: Digest) {
        let Some(spot) = self.known.places.lock().remove(&key) else { return };
        let (clusters, guest) = (self.clusters.clone(), self.leaving.one());
        std::thread::spawn(move || {
            let gone = clusters.cluster(&spot.context).and_then(|cluster| {
                clusters.wait(async move { cluster.delete(&spec::jobs().at(&spot.namespace, &spot.name), None).await })
            });
            // It goes by itself a day after its end where the cluster does that.
            if let Err(error) = gone {
                tracing::warn!(%error, "a Job that is done could not be deleted");
            }
            drop(clusters);
            drop(guest);
        });
    }
}

fn run(clusters: &Clusters, known: &Known, program: &Program, stop: &AtomicBool) -> Result<Exit, PortError> {
    let begin = Instant::now();
    let lost = || PortError::new(Fault::Invalid, "it does not say in which cluster it runs");
    let container = program.container.as_deref().ok_or_else(lost)?;
    let place = container.job.as_ref().ok_or_else(lost)?;
    let cluster = clusters.cluster(&place.context)?;
    let namespace = place.namespace.clone().unwrap_or_else(|| cluster.client().default_namespace().to_string());
    let name = spec::name(container.key, container.attempt);
    let spot = Spot { context: place.context.clone(), namespace, name };
    known.places.lock().insert(container.key, spot.clone());
    let mut log = Log::new(&program.log, &program.redact);
    let order = spec::Order { program, container, namespace: &spot.namespace, name: &spot.name };
    let ended = clusters.wait(follow::run(&cluster, &order, stop, &mut log));
    let written = log.finish();
    let ended = ended?;
    Ok(Exit {
        status: ended.status,
        log_len: written.len,
        log_digest: written.digest,
        log_fault: written.fault.or(ended.fault),
        tail: written.tail,
        duration: begin.elapsed(),
    })
}

/// How a Job ended.
struct Ended {
    status: Status,
    /// What it left that is not whole.
    fault: Option<PortError>,
}

/// How long a cluster may be silent where no time is said.
const PATIENCE: Duration = Duration::from_secs(600);
