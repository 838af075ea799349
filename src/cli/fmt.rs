//! `lockgate fmt`: one form for all files.

use super::desk::from_here;
use super::{Desk, Exit};
use crate::app::{Failure, load};
use crate::diag::{Diagnostic, codes};
use crate::source::Sources;
use crate::syntax;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Write pipeline files in their one form
///
/// Comments and the blank lines between groups stay. What a file means never changes.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate fmt
  lockgate fmt --check
  lockgate fmt - < lockgate.kdl")]
pub(super) struct Fmt {
    /// The files; `-` reads standard input and writes standard output
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Change nothing; exit with 1 where something would change
    #[arg(long)]
    check: bool,
}

impl Fmt {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let mut files = self.files.clone();
        if files.is_empty() {
            files.push(load::find(desk.globals.file.as_deref())?);
        }
        let mut exit = Exit::Done;
        for file in &files {
            let end = if file.as_os_str() == "-" { self.stream(desk) } else { self.file(desk, file) };
            match end {
                Ok(Exit::Done) => {}
                Ok(other) => exit = other,
                Err(failure) => {
                    desk.failed(&failure);
                    exit = Exit::Error;
                }
            }
        }
        Ok(exit)
    }

    fn stream(&self, desk: &Desk) -> Result<Exit, Failure> {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).map_err(|e| unreadable(Path::new("-"), &e.to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable(Path::new("-"), "it is not UTF-8"))?;
        let formed = format(Path::new("-"), &text)?;
        if self.check {
            return Ok(if formed == text { Exit::Done } else { Exit::Error });
        }
        desk.terminal.print(&formed);
        Ok(Exit::Done)
    }

    fn file(&self, desk: &Desk, path: &Path) -> Result<Exit, Failure> {
        let path = load::find(Some(path))?;
        let text = std::fs::read_to_string(&path).map_err(|e| unreadable(&path, &e.to_string()))?;
        let formed = format(&path, &text)?;
        if formed == text {
            return Ok(Exit::Done);
        }
        desk.terminal.print(&format!("{}\n", from_here(&path).display()));
        if self.check {
            return Ok(Exit::Error);
        }
        replace(&path, &formed).map_err(|e| {
            Failure::plain(Diagnostic::new(
                &codes::FILE_UNREADABLE,
                format!("{} cannot be written: {e}", path.display()),
            ))
        })?;
        Ok(Exit::Done)
    }
}

fn unreadable(path: &Path, why: &str) -> Failure {
    Failure::plain(Diagnostic::new(&codes::FILE_UNREADABLE, format!("{} cannot be read: {why}", path.display())))
}

fn format(path: &Path, text: &str) -> Result<String, Failure> {
    syntax::format(text).map_err(|diagnostics| {
        let mut sources = Sources::new();
        sources.add(path, text);
        Failure { diagnostics, sources }
    })
}

/// Puts a new text in the place of a file, all of it or nothing, with the permissions that it had. Of a link, what it leads to
/// is replaced.
fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
    file.persist(&path).map_err(|e| e.error)?;
    Ok(())
}
