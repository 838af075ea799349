//! `lockgate init`: a pipeline file to start from.

use super::desk::from_here;
use super::{Desk, Exit};
use crate::app::Failure;
use crate::app::load::FILE_NAME;
use crate::app::ready::{self, Ready};
use crate::diag::{Diagnostic, codes};
use crate::report::Paint;
use crate::report::layout::{Rows, cell};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

/// Write a pipeline file to start from
///
/// On a terminal it asks for what is a team's own: names, addresses, groups. Elsewhere what is not said with `--set` stays as the
/// ready pipeline has it. The file is checked before it is written, and one that is there is never overwritten.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate init --list
  lockgate init --from web-service
  lockgate init --from web-service --set name=shop --set repository=https://git.example.com/acme/shop.git")]
pub(super) struct Init {
    /// Where to write it: a file, or a folder
    #[arg(default_value = ".")]
    path: PathBuf,
    /// The ready pipeline to start from
    #[arg(long, value_name = "NAME")]
    from: Option<String>,
    /// What one of its parameters is
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Ask nothing
    #[arg(short, long)]
    yes: bool,
    /// Show the ready pipelines and their parameters, and write nothing
    #[arg(long)]
    list: bool,
}

impl Init {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let asks = desk.terminal.is_interactive && !self.yes;
        if self.list || (self.from.is_none() && !asks) {
            desk.terminal.print(&list(desk));
            return Ok(if self.list { Exit::Done } else { Exit::Error });
        }
        let path = match self.path.as_os_str() == "." {
            true => PathBuf::from(FILE_NAME),
            false if self.path.is_dir() => self.path.join(FILE_NAME),
            false => self.path.clone(),
        };
        if path.exists() {
            let message = format!("there is {} already, and it is not overwritten", path.display());
            return Err(Failure::plain(
                Diagnostic::new(&codes::FILE_UNREADABLE, message).help("name another file, or another folder"),
            ));
        }
        let name = match &self.from {
            Some(name) => name.clone(),
            None => {
                desk.terminal.say(&list(desk));
                ask("from", "which of them", "web-service")?
            }
        };
        let ready = ready::find(&name)?;
        let mut said = said(ready, &self.set)?;
        if asks {
            for parameter in ready.parameters.iter().filter(|p| !self.sets(p.name)) {
                said.insert(parameter.name, ask(parameter.name, parameter.about, parameter.default)?);
            }
        }
        let text = ready.filled(&said, &path)?;
        write(&path, &text)?;
        let style = desk.terminal.out;
        let shown = from_here(&path).display().to_string();
        desk.terminal.print(&format!(
            "wrote {}\nthen: {}\n",
            Paint::Strong.on(&shown, style),
            Paint::Typed.on("lockgate plan", style)
        ));
        Ok(Exit::Done)
    }

    fn sets(&self, name: &str) -> bool {
        self.set.iter().any(|s| s.split_once('=').is_some_and(|(n, _)| n == name))
    }
}

/// The ready pipelines with their parameters.
fn list(desk: &Desk) -> String {
    let style = desk.terminal.out;
    let mut out = String::new();
    for ready in ready::ALL {
        let mut rows = Rows::new(0).first(18);
        rows.push([cell(ready.name, Paint::Strong), cell(ready.about, Paint::Plain)]);
        out.push_str(&rows.render(style));
        let mut rows = Rows::new(2).first(16);
        for p in ready.parameters {
            rows.push([cell(p.name, Paint::Typed), cell(format!("{} ({})", p.about, p.default), Paint::Faint)]);
        }
        out.push_str(&rows.render(style));
    }
    out
}

/// What was said of the parameters.
fn said(ready: &Ready, set: &[String]) -> Result<BTreeMap<&'static str, String>, Failure> {
    let mut said = BTreeMap::new();
    for one in set {
        let Some((name, value)) = one.split_once('=') else {
            let message = format!("`{one}` is not NAME=VALUE");
            return Err(Failure::plain(Diagnostic::new(&codes::UNKNOWN_NAME, message)));
        };
        said.insert(ready.parameter(name)?.name, value.to_string());
    }
    Ok(said)
}

/// Asks on the terminal. Nothing typed means what is offered.
fn ask(name: &str, about: &str, default: &str) -> Result<String, Failure> {
    let failed = |e: std::io::Error| {
        Failure::plain(Diagnostic::new(&codes::OUT_OF_REACH, format!("the answer cannot be read: {e}")))
    };
    let mut err = std::io::stderr().lock();
    write!(err, "{name}, {about} [{default}]: ").and_then(|()| err.flush()).map_err(failed)?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line).map_err(failed)? == 0 {
        return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
    }
    let said = line.trim();
    Ok(if said.is_empty() { default } else { said }.to_string())
}

/// Writes a file that must not be there.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| {
        let mut file = std::fs::File::options().write(true).create_new(true).open(path)?;
        file.write_all(text.as_bytes())
    });
    written.map_err(|e| {
        let message = format!("{} cannot be written: {e}", path.display());
        Failure::plain(Diagnostic::new(&codes::OUT_OF_REACH, message))
    })
}
