//! Clusters: namespaces of Kubernetes that are deployed to, and what else is asked of clusters.
//!
//! The client is asynchronous; the ports are not. A small runtime of our own carries it, and whoever calls waits.

pub mod adopt;
pub mod around;
pub mod client;
pub mod diagnose;
pub mod fault;
pub mod hooks;
pub mod jobs;
pub mod kinds;
pub mod releases;
pub mod rollout;
pub mod secrets;

mod chart_tests;
mod compare;
mod contexts;
mod deploy;
mod diary;
mod facts;
mod inventory;
mod logs;
mod look;
mod namespace;
mod owner;
mod pull;
mod survey;
mod wanted;

pub use client::{Applying, At, Calls, Cluster};
pub use kinds::Resource;

use crate::ports::bundle::Bundle;
use crate::ports::places::{Deployment, Ended, Facts, Places, Rehearsal, Seen, Sought, Target, Testing};
use crate::ports::{Fault, PortError};
use diary::Diary;
use parking_lot::Mutex;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Runtime};

/// The clusters of the kubeconfig, each connected to when it is first needed.
#[derive(Default)]
pub struct Clusters {
    /// Its threads are there from the first request on: most pipelines that are checked or planned need no cluster.
    runtime: OnceLock<Runtime>,
    open: Mutex<BTreeMap<String, Arc<Cluster>>>,
}

impl Clusters {
    /// No cluster is connected to yet.
    pub fn new() -> Clusters {
        Clusters::default()
    }

    /// Waits for something asynchronous. Not to be called from asynchronous code.
    pub fn wait<T>(&self, work: impl Future<Output = Result<T, PortError>>) -> Result<T, PortError> {
        self.runtime()?.block_on(work)
    }

    fn runtime(&self) -> Result<&Runtime, PortError> {
        if let Some(runtime) = self.runtime.get() {
            return Ok(runtime);
        }
        // Whoever came first has set the same one.
        drop(rustls::crypto::ring::default_provider().install_default());
        let made = Builder::new_multi_thread().worker_threads(2).thread_name("clusters").enable_all().build();
        let failed = |e: std::io::Error| {
            PortError::new(Fault::Limit, format!("no threads can be had to speak with clusters: {e}"))
        };
        let made = made.map_err(failed)?;
        // Where another thread was faster, its runtime stays, and ours has nothing to wait for.
        if let Err(spare) = self.runtime.set(made) {
            spare.shutdown_background();
        }
        self.runtime.get().ok_or_else(|| PortError::new(Fault::Limit, "no threads can be had to speak with clusters"))
    }

    /// The cluster of a context.
    pub fn cluster(&self, context: &str) -> Result<Arc<Cluster>, PortError> {
        if let Some(open) = self.open.lock().get(context) {
            return Ok(open.clone());
        }
        let cluster = Arc::new(self.wait(contexts::open(context))?);
        let mut open = self.open.lock();
        Ok(open.entry(context.to_string()).or_insert(cluster).clone())
    }

    fn of(&self, target: &Target) -> Result<Arc<Cluster>, PortError> {
        match target {
            Target::Cluster { context, .. } => self.cluster(context),
            Target::Folder { .. } | Target::Branch { .. } => {
                Err(PortError::new(Fault::Invalid, format!("{target} is no cluster")))
            }
        }
    }

    /// How many requests were made of all clusters so far.
    pub fn calls(&self) -> Calls {
        let open = self.open.lock();
        let sum = |a: Calls, b: Calls| Calls { reads: a.reads + b.reads, writes: a.writes + b.writes };
        open.values().map(|c| c.calls()).fold(Calls::default(), sum)
    }
}

impl Places for Clusters {
    fn look(&self, target: &Target, release: &str, bundle: Option<&Bundle>) -> Result<Seen, PortError> {
        let cluster = self.of(target)?;
        self.wait(look::look(&cluster, target, release, bundle))
    }

    fn rehearse(&self, target: &Target, bundle: &Bundle, unknowns: &[String]) -> Result<Rehearsal, PortError> {
        let cluster = self.of(target)?;
        self.wait(look::rehearse(&cluster, target, bundle, unknowns))
    }

    fn facts(&self, target: &Target, kinds: bool) -> Result<Option<Facts>, PortError> {
        let cluster = self.of(target)?;
        self.wait(facts::facts(&cluster, kinds)).map(Some)
    }

    fn find(&self, target: &Target, sought: &Sought) -> Result<Option<Value>, PortError> {
        let cluster = self.of(target)?;
        self.wait(facts::find(&cluster, sought))
    }

    fn deploy(&self, deployment: &Deployment<'_>) -> Ended {
        let redact = deployment.pull.map(pull::redact).unwrap_or_default();
        let diary = Diary::new(deployment.log, &redact, deployment.timeout, deployment.stop);
        self.told(deployment.target, diary, async |cluster, diary| deploy::deploy(cluster, deployment, diary).await)
    }

    fn test(&self, testing: &Testing<'_>) -> Ended {
        let redact = testing.pull.map(pull::redact).unwrap_or_default();
        let diary = Diary::new(testing.log, &redact, testing.timeout, testing.stop);
        self.told(testing.target, diary, async |cluster, diary| chart_tests::run(cluster, testing, diary).await)
    }
}

impl Clusters {
    /// Does something in a cluster that is told of in a diary.
    fn told(
        &self,
        target: &Target,
        diary: Diary<'_>,
        work: impl AsyncFnOnce(&Cluster, &Diary<'_>) -> Result<(), PortError>,
    ) -> Ended {
        let cluster = match self.of(target) {
            Ok(cluster) => cluster,
            Err(error) => return Err(error).into(),
        };
        let result = self.wait(work(&cluster, &diary));
        if let Err(error) = &result {
            diary.line(error.to_string());
        }
        match diary.finish() {
            Ok(log) => Ended { result, log },
            Err(unwritten) => Ended { result: result.and(Err(unwritten)), log: None },
        }
    }
}

impl Drop for Clusters {
    /// A runtime may not wait for its threads where it is dropped by asynchronous code.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
