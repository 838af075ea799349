//! `lockgate cancel`: stop a run of a server.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::diag::{Diagnostic, codes};

/// Stop a run of a server
///
/// Nothing new of it begins, and what runs comes to its end. A second time running programs are stopped, too. A run of this
/// machine is stopped with Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate cancel --server https://lockgate.example.com
  lockgate cancel 12")]
pub(super) struct Cancel {
    /// The run; the one that is under way unless said
    #[arg(value_name = "RUN")]
    run: Option<u64>,
}

impl Cancel {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        match desk.server()? {
            Some(server) => remote::cancel(desk, &server, self.run),
            None => {
                let fault = Diagnostic::new(&codes::REFUSED, "a run of this machine is stopped with Ctrl-C");
                Err(Failure::plain(fault.help("say which server it is of: `--server URL`")))
            }
        }
    }
}
