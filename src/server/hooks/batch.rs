//! Writing deliveries down, many in one commit: what comes while one is on its way to the disk goes with the next.

use crate::adapters::sqlite::register::{Delivery, Register, Taken};
use crate::ports::{Fault, PortError};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use tokio::sync::oneshot;

/// How many deliveries may wait to be written; more are refused before anything is promised.
const WAITING: usize = 4096;
/// How many go in one commit.
const TOGETHER: usize = 256;

type Answer = oneshot::Sender<Result<Taken, PortError>>;

/// Where deliveries are handed in.
#[derive(Clone)]
pub struct Batch(SyncSender<(Delivery, Answer)>);

impl Batch {
    /// Begins to write into a register, on a thread of its own, until nobody hands anything in any more.
    pub fn begin(register: Arc<Register>) -> std::io::Result<Batch> {
        let (sender, receiver) = sync_channel(WAITING);
        std::thread::Builder::new().name("deliveries".to_string()).spawn(move || write(&register, &receiver))?;
        Ok(Batch(sender))
    }

    /// Takes a delivery in. When this returns, it is on the disk.
    pub async fn take(&self, delivery: Delivery) -> Result<Taken, PortError> {
        let (answer, answered) = oneshot::channel();
        let busy = |what: &str| PortError::new(Fault::Unavailable, format!("deliveries are not taken in: {what}"));
        self.0.try_send((delivery, answer)).map_err(|e| match e {
            TrySendError::Full(_) => busy("too many wait to be written"),
            TrySendError::Disconnected(_) => busy("nobody writes them any more"),
        })?;
        answered.await.map_err(|_| busy("nobody writes them any more"))?
    }
}

fn write(register: &Register, waiting: &Receiver<(Delivery, Answer)>) {
    while let Ok(first) = waiting.recv() {
        let more = std::iter::from_fn(|| waiting.try_recv().ok()).take(TOGETHER - 1);
        let (deliveries, answers): (Vec<Delivery>, Vec<Answer>) = std::iter::once(first).chain(more).unzip();
        // Whoever does not wait for the answer any more sends it again, and hears that it is known.
        match register.deliver(&deliveries) {
            Ok(taken) => answers.into_iter().zip(taken).for_each(|(a, t)| drop(a.send(Ok(t)))),
            Err(error) => answers.into_iter().for_each(|a| drop(a.send(Err(error.clone())))),
        }
    }
}
