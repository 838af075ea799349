//! `lockgate why`: what an environment waits for.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::diag::{Diagnostic, codes};
use crate::report::why;

/// Say why an environment does not have the newest candidate, and when it can at the earliest
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  lockgate why prod")]
pub(super) struct Why {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
}

impl Why {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            return remote::show(desk, &server, &format!("why/{}", self.environment), &[], false);
        }
        let session = desk.open(None)?;
        let name = names::environment(&session, &self.environment)?;
        let (plan, state) = (session.plan(&[])?, session.state()?);
        let none = || Failure::plain(Diagnostic::new(&codes::UNKNOWN_NAME, format!("{name} is not in the plan")));
        let environment = plan.environment(&name).ok_or_else(none)?;
        let (clock, typed) = (desk.clock(&session), desk.typed(&session, None));
        desk.terminal.print(&why::text(&plan, environment, &state.memory, &clock, &typed, desk.terminal.out));
        Ok(Exit::Done)
    }
}
