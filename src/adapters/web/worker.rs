//! The runtime on which the network's work is done, for callers that block.

use crate::ports::{Fault, PortError};
use std::future::Future;
use tokio::runtime::{Builder, Handle, Runtime};

/// How many threads drive connections. They wait; who computes is whoever called.
const THREADS: usize = 2;

/// A runtime of an adapter's own. It may be used and dropped anywhere, inside another runtime too.
pub(crate) struct Worker {
    runtime: Option<Runtime>,
    handle: Handle,
}

impl Worker {
    /// A new one.
    pub(crate) fn new() -> Result<Worker, PortError> {
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("web").enable_all().build();
        let runtime = runtime.map_err(|why| {
            PortError::new(Fault::Unavailable, format!("the threads for the network cannot be started: {why}"))
        })?;
        Ok(Worker { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    /// Makes what is made in this scope belong to the runtime.
    pub(crate) fn enter(&self) -> tokio::runtime::EnterGuard<'_> {
        self.handle.enter()
    }

    /// Waits for something.
    pub(crate) fn wait<F: Future<Output: Send> + Send>(&self, future: F) -> F::Output {
        if Handle::try_current().is_err() {
            return self.handle.block_on(future);
        }
        // A thread that drives a runtime may not block on another one: somebody else does it.
        std::thread::scope(|scope| match scope.spawn(|| self.handle.block_on(future)).join() {
            Ok(output) => output,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
