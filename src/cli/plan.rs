//! `lockgate plan`: what would happen, and why.

use super::desk::relative;
use super::{Desk, Exit, remote, watch};
use crate::app::{Failure, Session, unmoved};
use crate::report::words::quoted;
use crate::report::{Paint, diagnostics, plan};
use crate::run::State;
use std::path::{Path, PathBuf};

/// Show what would happen, and why; changes nothing
///
/// Looks at the sources, compares with what each environment has, and shows what would be built, pushed and deployed, which
/// fields of which objects would change, and what would wait at a gate.
///
/// Exits with 0 when there is nothing to do, 2 when there are changes, 1 on an error.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate plan
  lockgate plan --out release.plan && lockgate apply release.plan
  lockgate plan --rerun scan
  lockgate plan --json | jq '.count'")]
pub(super) struct Plan {
    /// The pipeline file or its folder
    path: Option<PathBuf>,
    /// Show one JSON document, as docs/plan-json.md describes it
    #[arg(long)]
    json: bool,
    /// Save the plan, so that `apply FILE` does exactly it or refuses
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Plan again whenever a file that it depends on changes
    #[arg(short, long, conflicts_with = "out")]
    watch: bool,
    /// Run a node anew even though nothing changed; several with commas between them
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    rerun: Vec<String>,
}

impl Plan {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if self.watch {
            let path = desk.path(self.path.as_deref());
            return watch::watch(desk, path.as_deref(), &mut || self.once(desk).map(|_| ()));
        }
        self.once(desk)
    }

    fn once(&self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            return remote::plan(desk, &server, self.json);
        }
        let settings = desk.settings(self.path.as_deref());
        let look = format!("{:?}", desk.terminal.out);
        let is_plain = !self.json && self.out.is_none() && self.rerun.is_empty();
        if let Some(said) = is_plain.then(|| unmoved::said(&settings, &look)).flatten() {
            desk.terminal.print(&said);
            return Ok(Exit::Done);
        }
        let session = desk.open(self.path.as_deref())?;
        let state = session.state()?;
        let made = session.plan_of(&state, &self.rerun)?;
        if let Some(file) = &self.out {
            session.save(&made, &self.rerun, file)?;
        }
        if self.json {
            desk.terminal.print(&plan::json::text(&made));
        } else {
            let text = self.show(desk, &session, &state, &made);
            if is_plain {
                session.remember(&made, state.number, &settings, &look, &text);
            }
        }
        let exit = match made.is_empty() {
            _ if made.unplanned().next().is_some() => Exit::Error,
            true => Exit::Done,
            false => Exit::Changes,
        };
        if !self.watch {
            // The process ends here, and does so sooner than a large plan is taken apart.
            std::mem::forget((session, state, made));
        }
        Ok(exit)
    }

    /// Shows the plan; answers its text.
    fn show(&self, desk: &Desk, session: &Session, state: &State, made: &crate::plan::Plan) -> String {
        let (out, err) = (desk.terminal.out, desk.terminal.err);
        if !made.diagnostics.is_empty() {
            let sources = relative(&session.loaded.sources, None);
            desk.terminal.say(&diagnostics::counted(&made.diagnostics, &sources, err));
        }
        let text = plan::text(made, &state.memory, out);
        desk.terminal.print(&text);
        desk.warn(session);
        if let Some(file) = &self.out {
            desk.terminal
                .print(&format!("Saved. To do exactly this: {}\n", Paint::Typed.on(&apply(desk, session, file), out)));
        }
        text
    }
}

/// The command that applies a saved plan. The plan knows its pipeline file; only the state has to be said.
fn apply(desk: &Desk, session: &Session, file: &Path) -> String {
    let typed = desk.typed(session, None);
    let state = desk.globals.state.as_ref().map(|s| format!(" --state {}", quoted(&s.display().to_string())));
    format!("{} apply {}{}", typed.program, quoted(&file.display().to_string()), state.unwrap_or_default())
}
