//! The command line: a door. It translates what was typed into calls of the façade and what comes back into text, and decides
//! nothing. One file a command.

mod args;
mod desk;

mod terminal;

mod apply;
mod cancel;
mod check;
mod completions;
mod diff;
mod explain;
mod fmt;
mod gate;
mod graph;
mod history;
mod hold;
mod init;
mod live;
mod log;
mod login;
mod lsp;
mod pin;
mod plan;
mod remote;
mod render;
mod resolve;
mod rollback;
mod serve;
mod signals;
mod state;
mod status;
mod test;
mod watch;
mod why;

use crate::app::Failure;
use crate::app::serving::{Serving, TokenWish};
use args::{Args, Command};
use clap::Parser;
use clap::error::ErrorKind;
use desk::Desk;
use std::path::PathBuf;
use std::process::ExitCode;

/// How a command ended, as a shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// All is as it was asked for; of a plan: there is nothing to do.
    Done,
    /// Something is wrong, or failed.
    Error,
    /// A plan has changes.
    Changes,
    /// Something waits at a gate or for an answer.
    Waits,
    /// Somebody stopped it.
    Stopped,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Exit::Done => 0,
            Exit::Error => 1,
            Exit::Changes => 2,
            Exit::Waits => 3,
            Exit::Stopped => 130,
        }
    }
}

/// The other doors, which commands open and this one does not know.
#[derive(Clone, Copy, Debug)]
pub struct Doors {
    /// Serves an editor over standard input and output; given the folder of the state, where it was said. True when the editor
    /// said that it would go.
    pub lsp: fn(Option<PathBuf>) -> bool,
    /// Keeps pipelines going and answers until it is stopped; tells where it listens.
    pub serve: ServeDoor,
    /// Makes, lists or takes back tokens; gives what is to be shown.
    pub token: TokenDoor,
}

/// Keeps pipelines going until it is stopped, and says where it listens.
pub type ServeDoor = fn(&Serving, &dyn Fn(&str)) -> Result<(), Failure>;

/// Does something with tokens, and gives what is to be shown.
pub type TokenDoor = fn(&Serving, &TokenWish) -> Result<String, Failure>;

/// The server where it was left out.
#[cfg(not(feature = "server"))]
pub fn no_server(_: &Serving, _: &dyn Fn(&str)) -> Result<(), Failure> {
    Err(left_out())
}

/// Tokens where the server was left out.
#[cfg(not(feature = "server"))]
pub fn no_token(_: &Serving, _: &TokenWish) -> Result<String, Failure> {
    Err(left_out())
}

#[cfg(not(feature = "server"))]
fn left_out() -> Failure {
    use crate::diag::{Diagnostic, codes};
    let fault = Diagnostic::new(&codes::NEEDS_ADAPTER, "this program was built without its server");
    Failure::plain(fault.help("build it with the feature `server`"))
}

/// Reads the command line and does what it says.
pub fn main(doors: &Doors) -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage(&error),
    };
    let desk = Desk::new(args.globals);
    let exit = match run(args.command, &desk, doors) {
        Ok(exit) => exit,
        Err(failure) => {
            desk.failed(&failure);
            Exit::Error
        }
    };
    ExitCode::from(desk.terminal.closed().unwrap_or(exit).code())
}

/// Help and the version are no errors; a word that is not understood is one like any other, since 2 means changes.
fn usage(error: &clap::Error) -> ExitCode {
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Exit::Error.code()),
    }
}

fn run(command: Command, desk: &Desk, doors: &Doors) -> Result<Exit, Failure> {
    match command {
        Command::Init(command) => command.run(desk),
        Command::Check(command) => command.run(desk),
        Command::Plan(command) => command.run(desk),
        Command::Apply(command) => command.run(desk),
        Command::Cancel(command) => command.run(desk),
        Command::Approve(command) => command.run(desk),
        Command::Reject(command) => command.run(desk),
        Command::Status(command) => command.run(desk),
        Command::Why(command) => command.run(desk),
        Command::Log(command) => command.run(desk),
        Command::History(command) => command.run(desk),
        Command::Rollback(command) => command.run(desk),
        Command::Hold(command) => command.run(desk),
        Command::Release(command) => command.run(desk),
        Command::Pin(command) => command.run(desk),
        Command::Unpin(command) => command.run(desk),
        Command::Ban(command) => command.run(desk),
        Command::Unban(command) => command.run(desk),
        Command::Resolve(command) => command.run(desk),
        Command::Test(command) => command.run(desk),
        Command::Simulate(command) => command.run(desk),
        Command::Graph(command) => command.run(desk),
        Command::Diff(command) => command.run(desk),
        Command::Render(command) => command.run(desk),
        Command::Fmt(command) => command.run(desk),
        Command::Explain(command) => command.run(desk),
        Command::Grammar(command) => command.run(desk),
        Command::Lsp(command) => command.run(desk, doors),
        Command::State(command) => command.run(desk),
        Command::Serve(command) => command.run(desk, doors),
        Command::Token(command) => command.run(desk, doors),
        Command::Login(command) => command.run(desk),
        Command::Completions(command) => command.run(desk),
        Command::Man(command) => command.run(desk),
    }
}
