//! The language server: a door. It translates the editor's protocol into questions to [`ide`](crate::ide) and the answers back.
//!
//! ```text
//! stdin ─wire→ messages ─in their order→ Server ─→ answers ─wire→ stdout
//! changes of texts ─all that are there─→ Workspace::settle ─→ what is wrong, told
//! ```
//!
//! A thread reads; another one does all the rest, one message after the other. There is no timer: what came in while something
//! was computed is taken in together, and what is wrong is computed once for all of it. A request sees the texts as they were
//! when it was sent.

mod answers;
mod capabilities;
mod convert;
mod edits;
mod position;
mod publish;
mod server;
mod texts;
mod wire;
mod workspace;

pub use wire::Incoming;

use lsp_server::Message;
use server::{Flow, Server};
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};

/// How many messages may wait to be read. A client that sends more is held up by its pipe.
const WAITING: usize = 256;

/// Serves a client over standard input and output until it goes. True when it said that it would.
pub fn serve(state: Option<PathBuf>) -> bool {
    let (sender, incoming) = sync_channel(WAITING);
    // The thread ends with its input, or with the process.
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        while let Ok(Some(next)) = wire::read(&mut input) {
            if sender.send(next).is_err() {
                break;
            }
        }
    });
    run(&incoming, &mut |message| message.write(&mut std::io::stdout().lock()).is_ok(), state)
}

/// Answers messages until there are no more or the client says so; `send` tells whether there is still someone to hear.
/// True when the client said that it would go.
pub fn run(incoming: &Receiver<Incoming>, send: &mut dyn FnMut(Message) -> bool, state: Option<PathBuf>) -> bool {
    let mut server = Server::new(state);
    while let Ok(first) = incoming.recv() {
        let mut batch = VecDeque::from([first]);
        while batch.len() < WAITING
            && let Ok(next) = incoming.try_recv()
        {
            batch.push_back(next);
        }
        server.forget_cancelled(&mut batch);
        let mut flow = Flow::On;
        for message in batch {
            flow = server.take(message);
            if flow != Flow::On {
                break;
            }
        }
        if flow == Flow::On {
            server.tell();
        }
        if !server.outgoing.drain(..).all(&mut *send) {
            return false;
        }
        if let Flow::End { said } = flow {
            return said;
        }
    }
    false
}
