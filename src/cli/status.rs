//! `lockgate status`: the board.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::report::board;

/// Show what each environment has, since when, and what waits there
///
/// Reads what was written down and asks nothing outside.
#[derive(Debug, clap::Args)]
pub(super) struct Status {
    /// Show one JSON document
    #[arg(long)]
    json: bool,
}

impl Status {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            return remote::show(desk, &server, "status", &[], self.json);
        }
        let session = desk.open(None)?;
        let (state, clock) = (session.state()?, desk.clock(&session));
        let rows = board::rows(&names::environments(&session), &state, &clock);
        let pipeline = &session.graph.pipeline().name.value;
        desk.terminal.print(&match self.json {
            true => board::json(pipeline, &rows, &state),
            false => board::text(pipeline, &rows, &state, &clock, desk.terminal.out),
        });
        let untold = crate::app::telling::untold(&session.folder, clock.now);
        desk.untold(&untold.map_err(|e| Failure::of(&e, "the outbox"))?);
        Ok(Exit::Done)
    }
}
