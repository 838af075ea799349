//! `lockgate completions` and `lockgate man`: what a shell and a manual want to know of the command line.

use super::args::Args;
use super::{Desk, Exit};
use crate::app::Failure;
use crate::diag::{Diagnostic, codes};
use clap::CommandFactory;
use clap_complete::Shell;
use std::path::PathBuf;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate completions bash > ~/.local/share/bash-completion/completions/lockgate
  lockgate completions zsh > ~/.zfunc/_lockgate
  lockgate completions fish > ~/.config/fish/completions/lockgate.fish")]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let mut text = Vec::new();
        clap_complete::generate(self.shell, &mut Args::command(), "lockgate", &mut text);
        desk.terminal.print(&String::from_utf8_lossy(&text));
        Ok(Exit::Done)
    }
}

/// Print the manual page, or write one for each command
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate man | man -l -
  lockgate man --out /usr/local/share/man/man1")]
pub(super) struct Man {
    /// The folder to write the pages of all commands to
    #[arg(short, long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Man {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let failed = |e: std::io::Error| {
            Failure::plain(Diagnostic::new(&codes::FILE_UNREADABLE, format!("the manual cannot be written: {e}")))
        };
        match &self.out {
            Some(folder) => {
                std::fs::create_dir_all(folder).map_err(failed)?;
                clap_mangen::generate_to(Args::command(), folder).map_err(failed)?;
            }
            None => {
                let mut text = Vec::new();
                clap_mangen::Man::new(Args::command()).render(&mut text).map_err(failed)?;
                desk.terminal.print(&String::from_utf8_lossy(&text));
            }
        }
        Ok(Exit::Done)
    }
}
