//! `lockgate login`: a token, kept for the commands that speak with a server.

use super::{Desk, Exit};
use crate::app::Failure;

/// Keep a token for a server, so that commands with `--server` need not be told it
///
/// Reads the token from standard input, asks the server whose it is, and keeps it where only you can read it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  lockgate login https://lockgate.example.com < token")]
pub(super) struct Login {
    /// The URL of the server
    #[arg(value_name = "URL")]
    server: String,
}

impl Login {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if desk.terminal.is_interactive {
            desk.terminal.say("Token: ");
        }
        let mut token = String::new();
        let read = std::io::stdin().read_line(&mut token);
        let token = token.trim();
        if read.is_err() || token.is_empty() {
            let fault = crate::diag::Diagnostic::new(&crate::diag::codes::DENIED, "there is no token to keep");
            return Err(Failure::plain(fault.help("`lockgate token new NAME` on the server's machine makes one")));
        }
        let name = crate::app::remote::login(&self.server, token, desk.globals.plain_http)?;
        desk.terminal.print(&format!("logged in at {} as {name}\n", self.server));
        Ok(Exit::Done)
    }
}
