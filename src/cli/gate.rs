//! `lockgate approve` and `lockgate reject`: what people say at a gate.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::digest::Digest;
use crate::report::{Paint, gate};
use crate::run::Saying;

/// Say yes to what waits at a gate
///
/// The approval is of exactly what waits there: if that changes, it does not count any more. Nobody approves their own change.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate approve staging
  lockgate approve prod --as ann --reason 'CHG-1042'")]
pub(super) struct Approve {
    /// The environment whose gate it is
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only if exactly this waits there: the hash of the sub-plan that was looked at
    #[arg(long, value_name = "DIGEST")]
    subplan: Option<Digest>,
}

impl Approve {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let subplan = self.subplan.map(|s| s.to_string());
            return remote::approve(desk, &server, &self.environment, subplan, self.reason);
        }
        let session = desk.telling(desk.open(None)?)?;
        let environment = names::environment(&session, &self.environment)?;
        let saying = Saying::Approve { environment: environment.clone(), subplan: self.subplan };
        desk.say(&session, saying, self.reason, "")?;
        let (state, style, clock) = (session.state()?, desk.terminal.out, desk.clock(&session));
        let standing = state.memory.environments.get(&environment).and_then(|p| p.standing.as_ref());
        let missing: Vec<String> =
            standing.map(|s| gate::missing(s, &clock).iter().map(gate::approvals).collect()).unwrap_or_default();
        let typed = desk.typed(&session, None);
        if missing.is_empty() {
            desk.terminal.print(&format!("then: {}\n", Paint::Typed.on(&typed.command("apply"), style)));
        } else {
            let command = typed.command(&format!("approve {environment}"));
            let text =
                format!("Still to come: {}\n  {} --as NAME\n", missing.join(", "), Paint::Typed.on(&command, style));
            desk.terminal.print(&text);
        }
        Ok(Exit::Done)
    }
}

/// Say no to what waits at a gate
///
/// The candidate does not enter this environment any more. A newer one may.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  lockgate reject staging --reason 'the probe still fails under load'")]
pub(super) struct Reject {
    /// The environment whose gate it is
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Reject {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"environment": self.environment, "reason": self.reason});
            return remote::say(desk, &server, "reject", &body);
        }
        let session = desk.telling(desk.open(None)?)?;
        let environment = names::environment(&session, &self.environment)?;
        desk.say(&session, Saying::Reject { environment }, Some(self.reason), "")?;
        Ok(Exit::Done)
    }
}
