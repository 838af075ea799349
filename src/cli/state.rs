//! `lockgate state`: copies of what was written down, bringing one back, finding out whether it is whole, letting old things go.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::app::upkeep::prune::{self, Keep};
use crate::app::upkeep::{backup, restore, root, verify};
use crate::diag::{Diagnostic, codes};
use crate::model::duration;
use crate::plan::memory::Moment;
use crate::report::Clock;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Copy what was written down, bring a copy back, find out whether all is whole, let old things go
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate state backup /backups/lockgate-$(date +%F).tar.gz     # while a server runs, too
  lockgate state verify
  lockgate state restore /backups/lockgate-2026-11-26.tar.gz
  lockgate state prune --logs 30d --runs 365d --dry-run")]
pub(super) struct State {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Copy the state into one file, while others work with it
    Backup {
        /// The file
        #[arg(value_name = "FILE")]
        copy: PathBuf,
        /// Replace a file that is there
        #[arg(long)]
        force: bool,
    },
    /// Bring a copy back; what is there is kept beside
    Restore {
        /// The file
        #[arg(value_name = "FILE")]
        copy: PathBuf,
        /// Also in place of a state in which more has happened, or something else
        #[arg(long)]
        force: bool,
    },
    /// Find out whether every event is as it was written, and what can be brought back is there
    Verify {
        /// Show one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Let old things go that nothing needs any more
    Prune {
        /// Logs of steps that are older than this
        #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
        logs: Option<Duration>,
        /// Events of runs that ended longer ago, with what only they refer to
        #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
        runs: Option<Duration>,
        /// What can be made again, the oldest first, until there is no more of it than so many MiB
        #[arg(long, value_name = "MIB")]
        cache: Option<u64>,
        /// Only tell what would go
        #[arg(long)]
        dry_run: bool,
    },
}

impl State {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let settings = desk.settings(None);
        let (root, now) = (root(&settings)?, jiff::Timestamp::now().as_millisecond());
        let failed = |e| Failure::of(&e, "the state");
        let text = match self.what {
            What::Backup { copy: file, force } => {
                let made = backup::backup(&root, &file, force, now).map_err(failed)?;
                let journals: Vec<String> =
                    made.manifest.journals.iter().map(|j| events(&j.folder, j.number)).collect();
                format!(
                    "{}: {} in {} files, {} KiB\n",
                    file.display(),
                    journals.join(", "),
                    made.files,
                    made.bytes.div_ceil(1024)
                )
            }
            What::Restore { copy: file, force } => {
                let restored = restore::restore(&root, &file, force, now).map_err(failed)?;
                let at = Clock { now, zone: jiff::tz::TimeZone::system() }.moment(restored.manifest.at);
                let journals: Vec<String> =
                    restored.manifest.journals.iter().map(|j| events(&j.folder, j.number)).collect();
                let mut text = format!("{} is as it was {at}: {}\n", root.display(), journals.join(", "));
                if let Some(before) = restored.before {
                    text.push_str(&format!("what was there is in {}; remove it when all is well\n", before.display()));
                }
                text
            }
            What::Verify { json } => {
                let all = verify::verify(&root).map_err(failed)?;
                if json { verified_json(&all) } else { verified(&all, now) }
            }
            What::Prune { logs, runs, cache, dry_run } => {
                if logs.is_none() && runs.is_none() && cache.is_none() {
                    let fault = Diagnostic::new(&codes::REFUSED, "nothing says what is old");
                    return Err(Failure::plain(fault.help("say `--logs 30d`, `--runs 365d` or `--cache MIB`")));
                }
                let cache = cache.map_or(u64::MAX, |mib| mib.saturating_mul(1 << 20));
                let keep = Keep { runs, logs, cache, ..Keep::default() };
                pruned(&root, &keep, now, dry_run).map_err(failed)?
            }
        };
        desk.terminal.print(&text);
        Ok(Exit::Done)
    }
}

fn events(folder: &Path, number: u64) -> String {
    let name = folder.display().to_string();
    if name.is_empty() { format!("{number} events") } else { format!("{number} events of {name}") }
}

fn verified(all: &[verify::Whole], now: Moment) -> String {
    let clock = Clock { now, zone: jiff::tz::TimeZone::system() };
    let mut text = String::new();
    for whole in all {
        let since = whole.since.map(|s| format!(" since {}", clock.moment(s))).unwrap_or_default();
        let from = if whole.from > 0 { format!(", of which {} were let go", whole.from) } else { String::new() };
        text.push_str(&format!("whole: {}{since}{from}; {}\n", events(&whole.folder, whole.number), whole.hash));
    }
    text
}

fn verified_json(all: &[verify::Whole]) -> String {
    let one = |w: &verify::Whole| serde_json::json!({"folder": w.folder, "from": w.from, "number": w.number, "hash": w.hash, "since": w.since.map(Clock::rfc3339)});
    let body = serde_json::json!({"version": 1, "whole": true, "journals": all.iter().map(one).collect::<Vec<_>>()});
    format!("{body}\n")
}

fn pruned(root: &Path, keep: &Keep, now: Moment, dry: bool) -> Result<String, crate::ports::PortError> {
    let mut text = String::new();
    for folder in prune::folders(root)? {
        let pruned = prune::alone(&folder, keep, now, dry)?;
        let word = if dry { "would go" } else { "went" };
        text.push_str(&format!("{}: {word}: {}\n", folder.display(), pruned.text()));
    }
    if text.is_empty() {
        let message = format!("there is no state in `{}`", root.display());
        return Err(
            crate::ports::PortError::new(crate::ports::Fault::NotFound, message).help("say where it is: `--state DIR`")
        );
    }
    Ok(text)
}
