//! The runtime on which the network's work is done, for callers that block.

use crate::ports::{Fault, PortError};
use std::future::Future;
use std::sync::OnceLock;
use tokio::runtime::{Builder, Handle, Runtime};

/// How many threads drive connections. They wait; who computes is whoever called.
const THREADS: usize = 2;

/// A runtime of the adapters' own. It may be used from anywhere, inside another runtime too.
pub(crate) struct Worker {
    runtime: Runtime,
}

impl Worker {
    /// The one of this process, made when it is first needed.
    pub(crate) fn get() -> Result<&'static Worker, PortError> {
        static WORKER: OnceLock<Result<Worker, String>> = OnceLock::new();
        let start = || {
            let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("web").enable_all().build();
            runtime.map(|runtime| Worker { runtime }).map_err(|why| why.to_string())
        };
        let failed = |why: &String| {
            PortError::new(Fault::Unavailable, format!("the threads for the network cannot be started: {why}"))
        };
        WORKER.get_or_init(start).as_ref().map_err(failed)
    }

    /// Makes what is made in this scope belong to the runtime.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.runtime.enter()
    }

    /// Waits for something.
    pub(crate) fn wait<F: Future<Output: Send> + Send>(&self, future: F) -> F::Output {
        if Handle::try_current().is_err() {
            return self.runtime.block_on(future);
        }
        // A thread that drives a runtime may not block on another one: somebody else does it.
        std::thread::scope(|scope| match scope.spawn(|| self.runtime.block_on(future)).join() {
            Ok(output) => output,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}
