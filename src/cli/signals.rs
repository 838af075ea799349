//! Ctrl-C, once, twice, and for good.

use crate::app::Call;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How a shell calls the end by Ctrl-C.
const STOPPED: i32 = 130;

/// Listens for Ctrl-C and for being told to end, on a thread of its own, so that it hears while the run looks at the world.
/// Gives where a run hears of it, and what the run sets when it has begun: before that, there is nothing to wait for.
pub(super) fn listen() -> std::io::Result<(UnboundedReceiver<Call>, Arc<AtomicBool>)> {
    let (sender, receiver) = unbounded_channel();
    let began = Arc::new(AtomicBool::new(false));
    let has_begun = began.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::Builder::new().name("signals".to_string()).spawn(move || {
        runtime.block_on(async {
            for number in 1u32.. {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if number > 2 || !has_begun.load(Ordering::Relaxed) {
                    std::process::exit(STOPPED);
                }
                let _ = writeln!(std::io::stderr(), "{}", if number == 1 { FIRST } else { SECOND });
                let _ = sender.send(Call::Stop);
            }
        });
    })?;
    Ok((receiver, began))
}

const FIRST: &str = "\nStopping: nothing new begins, and what runs comes to its end. Again: stop running programs.";
const SECOND: &str = "\nStopping running programs. Again: leave at once.";
