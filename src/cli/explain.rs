//! `lockgate explain`: what a code or a node means.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::check::adjustable;
use crate::diag::{Code, Diagnostic, Severity, codes, did_you_mean};
use crate::report::Paint;
use crate::report::layout::{Rows, cell};

/// Explain a code (`LG0402`, `ungated-environment`) or a node of the language (`gate`)
///
/// `lockgate explain rules` lists all codes.
#[derive(Debug, clap::Args)]
pub(super) struct Explain {
    /// A code, its name, a node, or `rules`
    #[arg(value_name = "WHAT")]
    what: String,
}

impl Explain {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if self.what == "rules" {
            desk.terminal.print(&rules(desk));
            return Ok(Exit::Done);
        }
        if let Some(code) = codes::find(&self.what) {
            desk.terminal.print(&one(desk, code));
            return Ok(Exit::Done);
        }
        let known = codes::ALL.iter().flat_map(|c| [c.name, c.id]);
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is nothing named `{}` to explain", self.what));
        Err(Failure::plain(match did_you_mean(&self.what, known) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault.help("`lockgate explain rules` lists all codes"),
        }))
    }
}

fn rules(desk: &Desk) -> String {
    let mut rows = Rows::new(0);
    for code in codes::ALL {
        rows.push([cell(code.id, Paint::Faint), cell(code.name, Paint::Strong), cell(code.summary, Paint::Plain)]);
    }
    rows.render(desk.terminal.out)
}

fn one(desk: &Desk, code: &Code) -> String {
    let severity = match code.severity {
        Severity::Error => "an error",
        Severity::Warning => "a warning",
        Severity::Note => "a note",
    };
    let level = if adjustable(code) {
        format!("It is {severity}; `allow {0} reason=\"…\"` or `deny {0}` in the file changes that.\n", code.name)
    } else {
        format!("It is always {severity}.\n")
    };
    format!("{} {}\n\n{}.\n{level}", code.id, Paint::Strong.on(code.name, desk.terminal.out), capital(code.summary))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|c| c.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
