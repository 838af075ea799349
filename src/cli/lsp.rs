//! `lockgate lsp`: the language server, for editors.

use super::{Desk, Doors, Exit};
use crate::app::Failure;

/// Serve an editor: what is wrong as you type, completion, hover, rename, fixes
///
/// Speaks the Language Server Protocol over standard input and output; an editor starts it. The pages in `editors/` say how it
/// is told to.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate lsp")]
pub(super) struct Lsp {
    /// Taken and not needed: many editors say so
    #[arg(long, hide = true)]
    stdio: bool,
}

impl Lsp {
    pub fn run(self, desk: &Desk, doors: &Doors) -> Result<Exit, Failure> {
        let Lsp { stdio: _ } = self;
        let said = (doors.lsp)(desk.globals.state.clone());
        Ok(if said { Exit::Done } else { Exit::Error })
    }
}
