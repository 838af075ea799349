//! `lockgate hold` and `lockgate release`: an environment that automation leaves alone.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::run::Saying;

/// Leave an environment as it is until somebody releases it
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  lockgate hold prod --reason 'freeze until Monday'")]
pub(super) struct Hold {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Hold {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"environment": self.environment, "reason": self.reason});
            return remote::say(desk, &server, "hold", &body);
        }
        let session = desk.open(None)?;
        let environment = names::environment(&session, &self.environment)?;
        desk.say(&session, Saying::Hold { environment }, Some(self.reason), "")?;
        Ok(Exit::Done)
    }
}

/// Go on with an environment that is held
#[derive(Debug, clap::Args)]
pub(super) struct Release {
    /// The environment
    #[arg(value_name = "ENVIRONMENT")]
    environment: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Release {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"environment": self.environment, "reason": self.reason});
            return remote::say(desk, &server, "release", &body);
        }
        let session = desk.open(None)?;
        let environment = names::environment(&session, &self.environment)?;
        desk.say(&session, Saying::Release { environment }, self.reason, "apply")?;
        Ok(Exit::Done)
    }
}
