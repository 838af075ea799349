//! `lockgate diff`: what differs between two environments.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::app::names;
use crate::plan::compare;
use crate::report;

/// Show what differs between two environments
///
/// Compares what the pipeline file says of them (target, gate, verification), the values of their releases by file and line,
/// and what is rendered, field by field: all as a plan sees it, and nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Exit codes: 0 nothing differs, 1 an error, 2 something differs.

Examples:
  lockgate diff dev staging
  lockgate diff staging prod --json | jq '.releases[].values'")]
pub(super) struct Diff {
    /// The one environment
    #[arg(value_name = "ENVIRONMENT")]
    left: String,
    /// The other
    #[arg(value_name = "ENVIRONMENT")]
    right: String,
    /// Show one JSON document
    #[arg(long)]
    json: bool,
}

impl Diff {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let session = desk.open(None)?;
        let left = names::environment(&session, &self.left)?;
        let right = names::environment(&session, &self.right)?;
        let plan = session.plan(&[])?;
        let sources = &session.loaded.sources;
        let Some(found) = compare::environments(&session.graph, &plan, sources, &left, &right) else {
            return Ok(Exit::Error);
        };
        desk.terminal.print(&match self.json {
            true => report::compare::json(&found),
            false => report::compare::text(&found, desk.terminal.out),
        });
        Ok(if found.is_empty() { Exit::Done } else { Exit::Changes })
    }
}
