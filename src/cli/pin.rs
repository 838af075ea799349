//! `lockgate pin`, `unpin`, `ban` and `unban`: which versions of a source count.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::run::Saying;

/// Keep a source at a version, whatever its head is
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate pin base --reason '1.2.5 is broken'
  lockgate pin app 9ab01cd")]
pub(super) struct Pin {
    /// The source
    source: String,
    /// The version: its name or the beginning of its id; the newest that was seen unless said
    version: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Pin {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"source": self.source, "version": self.version, "reason": self.reason});
            return remote::say(desk, &server, "pin", &body);
        }
        let session = desk.open(None)?;
        let source = names::source(&session, &self.source)?;
        let head = names::version(&session.state()?.memory, &source, self.version.as_deref())?;
        desk.say(&session, Saying::Pin { source, head }, self.reason, "plan")?;
        Ok(Exit::Done)
    }
}

/// Let a source move again
#[derive(Debug, clap::Args)]
pub(super) struct Unpin {
    /// The source
    source: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Unpin {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"source": self.source, "reason": self.reason});
            return remote::say(desk, &server, "unpin", &body);
        }
        let session = desk.open(None)?;
        let source = names::source(&session, &self.source)?;
        desk.say(&session, Saying::Unpin { source }, self.reason, "plan")?;
        Ok(Exit::Done)
    }
}

/// Never use a version of a source
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example:
  lockgate ban base 1.2.5 --reason 'CVE-2026-1234'")]
pub(super) struct Ban {
    /// The source
    source: String,
    /// The version: its name, its id, or the beginning of that
    version: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Ban {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"source": self.source, "version": self.version, "reason": self.reason});
            return remote::say(desk, &server, "ban", &body);
        }
        let session = desk.open(None)?;
        let source = names::source(&session, &self.source)?;
        let version = names::version_to_ban(&session.state()?.memory, &source, Some(&self.version))?;
        desk.say(&session, Saying::Ban { source, version }, self.reason, "plan")?;
        Ok(Exit::Done)
    }
}

/// Use a version of a source again
#[derive(Debug, clap::Args)]
pub(super) struct Unban {
    /// The source
    source: String,
    /// The version: its name, its id, or the beginning of that
    version: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Unban {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"source": self.source, "version": self.version, "reason": self.reason});
            return remote::say(desk, &server, "unban", &body);
        }
        let session = desk.open(None)?;
        let source = names::source(&session, &self.source)?;
        let version = names::version_to_unban(&session.state()?.memory, &source, &self.version)?;
        desk.say(&session, Saying::Unban { source, version }, self.reason, "plan")?;
        Ok(Exit::Done)
    }
}
