//! `lockgate check`: everything that can be known of the file without running it.

use super::desk::{from_here, relative};
use super::{Desk, Exit};
use crate::app::{Failure, load, online};
use crate::check::adjustable;
use crate::diag::{self, Code, Diagnostic, Severity, codes, did_you_mean};
use crate::report::diagnostics::{self, github, json, sarif};
use clap::ValueEnum;
use std::path::PathBuf;

/// Check the pipeline file, without looking at the world
///
/// Finds what is wrong with names, references, values, gates and files, all of it at once. Nothing is run, and without
/// `--online` nothing outside of the folder is asked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate check
  lockgate check examples/01-first-light
  lockgate check --online
  lockgate check --deny warnings --format github")]
pub(super) struct Check {
    /// The pipeline file or its folder
    path: Option<PathBuf>,
    /// How to show what is found
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t)]
    format: Format,
    /// Make a warning an error: a code, its name, or `warnings` for all
    #[arg(long, value_name = "CODE")]
    deny: Vec<String>,
    /// Do not show a warning: a code or its name
    #[arg(long, value_name = "CODE")]
    allow: Vec<String>,
    /// Also ask whether the branches, tags, charts and contexts are there
    #[arg(long)]
    online: bool,
}

/// How diagnostics are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Reports with the lines they speak of
    #[default]
    Human,
    /// One JSON document
    Json,
    /// SARIF 2.1.0, for code scanners
    Sarif,
    /// Annotations of a GitHub workflow
    Github,
}

impl Check {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let levels = Levels::new(&self.deny, &self.allow)?;
        let path = load::find(desk.path(self.path.as_deref()).as_deref())?;
        let mut judged = load::judge(&path, desk.globals.state.as_deref());
        let mut found = std::mem::take(&mut judged.diagnostics);
        if self.online {
            found.extend(online::check(&load(&path))?);
        }
        levels.apply(&mut found);
        // Scanners and workflows name files from the root of the repository.
        let base = judged.root.ancestors().find(|f| f.join(".git").exists());
        let (here, there) = (relative(&judged.sources, None), relative(&judged.sources, base));
        let text = match self.format {
            Format::Human => diagnostics::counted(&found, &here, desk.terminal.out),
            Format::Json => json::text(&found, &here),
            Format::Sarif => sarif::text(&found, &there),
            Format::Github => github::text(&found, &there),
        };
        desk.terminal.print(&text);
        if found.is_empty() && self.format == Format::Human {
            desk.terminal.print(&format!("{} has no fault.\n", from_here(&path).display()));
        }
        Ok(if diag::any_error(&found) { Exit::Error } else { Exit::Done })
    }
}

/// The levels of one call. They come on top of those in the file.
struct Levels {
    all: bool,
    deny: Vec<&'static Code>,
    allow: Vec<&'static Code>,
}

impl Levels {
    fn new(deny: &[String], allow: &[String]) -> Result<Levels, Failure> {
        let all = deny.iter().any(|d| d == "warnings");
        let deny = deny.iter().filter(|d| *d != "warnings").map(|d| code(d)).collect::<Result<_, _>>()?;
        Ok(Levels { all, deny, allow: allow.iter().map(|a| code(a)).collect::<Result<_, _>>()? })
    }

    fn apply(&self, found: &mut Vec<Diagnostic>) {
        found.retain(|d| d.is_error() || !self.allow.contains(&d.code));
        for diagnostic in found.iter_mut().filter(|d| d.severity == Severity::Warning) {
            if self.all || self.deny.contains(&diagnostic.code) {
                diagnostic.severity = Severity::Error;
            }
        }
        diag::sort(found);
    }
}

/// The code that was meant, if its level can be changed.
fn code(text: &str) -> Result<&'static Code, Failure> {
    let fault = match codes::find(text) {
        Some(code) if adjustable(code) => return Ok(code),
        Some(code) => {
            let fault = Diagnostic::new(&codes::FIXED_RULE, format!("the level of `{}` cannot be changed", code.name));
            fault.help(format!("what it finds cannot run: {}", code.summary))
        }
        None => {
            let fault = Diagnostic::new(&codes::UNKNOWN_RULE, format!("there is no rule `{text}`"));
            let known = codes::ALL.iter().filter(|c| adjustable(c)).flat_map(|c| [c.name, c.id]);
            match did_you_mean(text, known) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help("`lockgate explain rules` lists them"),
            }
        }
    };
    Err(Failure::plain(fault))
}
