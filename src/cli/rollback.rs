//! `lockgate rollback`: an older candidate again.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::run::Saying;

/// Bring an older candidate back to an environment
///
/// Without a candidate, the one that the environment had before. The environment is held from then on, so that automation does
/// not undo it; `lockgate release` ends that. It goes through the same plan and the same gate.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate rollback prod --reason 'errors since noon'
  lockgate rollback prod calm-otter-3f2 --reason 'errors since noon'")]
pub(super) struct Rollback {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// The candidate: its short name or the beginning of its id
    candidate: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Rollback {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({
                "environment": self.environment, "candidate": self.candidate, "reason": self.reason,
            });
            return remote::say(desk, &server, "rollback", &body);
        }
        let session = desk.open(None)?;
        let environment = names::environment(&session, &self.environment)?;
        let candidate = match &self.candidate {
            Some(text) => Some(names::candidate(&session.state()?.memory, &environment, text)?),
            None => None,
        };
        desk.say(&session, Saying::Rollback { environment, candidate }, Some(self.reason), "apply")?;
        Ok(Exit::Done)
    }
}
