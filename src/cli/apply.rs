//! `lockgate apply`: does what the plan says, and stops where somebody must say yes.

use super::desk::from_here;
use super::live::Live;
use super::{Desk, Exit, remote, signals};
use crate::app::{Applied, ApplyOptions, Failure, Session};
use crate::diag::{Diagnostic, codes};
use crate::plan::Plan;
use crate::report::plan::beyond;
use crate::run::RunOutcome;
use std::cell::RefCell;
use std::path::PathBuf;

/// Do what the plan says, and stop where somebody must say yes
///
/// Plans, then builds, pushes, deploys and verifies, everything that can go in parallel. What was done is written down before
/// it counts, so that a run that was cut off goes on with the next `apply`. At a gate it stops and says who may approve what.
///
/// Ctrl-C once: nothing new begins, and what runs comes to its end. Twice: running programs are stopped.
///
/// Exits with 0 when all is done, 1 when something failed, 3 when something waits at a gate or for an answer.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate apply
  lockgate apply examples/01-first-light
  lockgate apply release.plan      # exactly the plan that was saved, or nothing
  lockgate apply --rerun scan -j 8")]
pub(super) struct Apply {
    /// The pipeline file or its folder, or a saved plan
    path: Option<PathBuf>,
    /// Run a node anew even though nothing changed; several with commas between them
    #[arg(long, value_name = "NODE", value_delimiter = ',')]
    rerun: Vec<String>,
    /// Go on without asking when a completed plan holds more than was announced
    #[arg(short, long)]
    yes: bool,
    /// How many steps may run at once; 4 unless said
    #[arg(short = 'j', long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    parallel: Option<u16>,
    /// Tell nobody of this run, whatever the pipeline's `notify` say
    #[arg(long)]
    no_notify: bool,
}

impl Apply {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            return remote::apply(desk, &server, &self.rerun);
        }
        let mut settings = desk.settings(self.path.as_deref());
        settings.parallel = self.parallel.map(usize::from);
        let mut session = Session::open(&settings)?;
        if !self.no_notify {
            session = desk.telling(session)?;
        }
        desk.warn(&session);
        let live = RefCell::new(Live::new(desk, &session));
        let applied = self.apply(desk, &session, &live);
        let progress = live.into_inner().close();
        let Applied { outcome, plan, state, untold } = applied?;
        let typed = desk.typed(&session, self.own_path(&session).as_deref());
        let clock = desk.clock(&session);
        desk.terminal.print(&progress.summary(&plan, &state, outcome, &clock, &typed, desk.terminal.out));
        desk.untold(&untold);
        // The process ends here, and does so sooner than what is large is taken apart.
        std::mem::forget((plan, state));
        Ok(match outcome {
            RunOutcome::Done => Exit::Done,
            RunOutcome::Failed => Exit::Error,
            RunOutcome::Waiting | RunOutcome::Asks => Exit::Waits,
            RunOutcome::Cancelled => Exit::Stopped,
        })
    }

    fn apply(&self, desk: &Desk, session: &Session, live: &RefCell<Live<'_>>) -> Result<Applied, Failure> {
        let failed = |e: std::io::Error| {
            Failure::plain(Diagnostic::new(&codes::LIMIT_REACHED, format!("a run cannot begin: {e}")))
        };
        let (mut calls, began) = signals::listen().map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let options = ApplyOptions {
            rerun: self.rerun.clone(),
            watch: &mut |plan, records| {
                began.store(true, std::sync::atomic::Ordering::Relaxed);
                live.borrow_mut().take(plan, records);
            },
            consent: &mut |before, after| self.consents(desk, live, before, after),
            calls: &mut calls,
        };
        runtime.block_on(session.apply(options))
    }

    /// Whether a completed plan may go on: where it holds no more than was announced, or somebody says so.
    fn consents(&self, desk: &Desk, live: &RefCell<Live<'_>>, before: &Plan, after: &Plan) -> bool {
        let more = beyond::beyond(before, after);
        if more.is_empty() || self.yes {
            return true;
        }
        live.borrow_mut().pause(|| {
            let mut text = "What was unknown is known, and the plan holds more than was announced:\n".to_string();
            more.iter()
                .take(20)
                .for_each(|line| text.push_str(&format!("  {}\n", crate::report::layout::one_line(line))));
            if let Some(hidden) = more.len().checked_sub(20).filter(|n| *n > 0) {
                text.push_str(&format!("  … and {hidden} more\n"));
            }
            desk.terminal.say(&text);
            if desk.terminal.is_interactive {
                return desk.terminal.ask("Go on?");
            }
            false
        })
    }

    /// The path that commands which go on from here need: of a saved plan, the file that it was made of.
    fn own_path(&self, session: &Session) -> Option<PathBuf> {
        let path = self.path.clone()?;
        let is_saved = crate::app::SavedPlan::is_one(&path);
        Some(if is_saved { from_here(&session.loaded.path) } else { path })
    }
}
