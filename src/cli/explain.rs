//! `lockgate explain` and `lockgate grammar`: what a code or a node means, and the whole language.

use super::{Desk, Exit};
use crate::app::Failure;
use crate::check;
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::model::manual;
use crate::report::Paint;
use crate::report::layout::{Rows, cell};
use crate::report::page;

/// Explain a code (`LG0402`, `ungated-environment`) or a node of the language (`gate`)
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate explain LG0402
  lockgate explain gate
  lockgate explain source git
  lockgate explain references
  lockgate explain rules      # all codes")]
pub(super) struct Explain {
    /// A code, its name, a node, or a node in another
    #[arg(value_name = "WHAT", required = true)]
    what: Vec<String>,
}

impl Explain {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let topic = self.what.join(" ");
        let style = desk.terminal.out;
        if topic == "rules" {
            let mut rows = Rows::new(0);
            for code in codes::ALL {
                rows.push([
                    cell(code.id, Paint::Faint),
                    cell(code.name, Paint::Strong),
                    cell(code.summary, Paint::Plain),
                ]);
            }
            desk.terminal.print(&rows.render(style));
            return Ok(Exit::Done);
        }
        if let Some(text) = check::explain(&topic) {
            desk.terminal.print(&page::text(&text, style));
            return Ok(Exit::Done);
        }
        let known = codes::ALL.iter().flat_map(|c| [c.name, c.id]).chain(manual::PAGES.iter().map(|s| s.name));
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is nothing named `{topic}` to explain"));
        Err(Failure::plain(match did_you_mean(&topic, known) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault
                .help("`lockgate explain rules` lists all codes, `lockgate explain file` is where the language begins"),
        }))
    }
}

/// Describe the language for other programs
#[derive(Debug, clap::Args)]
pub(super) struct Grammar {
    /// As one JSON document: nodes, references, rules
    #[arg(long, required = true)]
    json: bool,
}

impl Grammar {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        desk.terminal.print(&(serde_json::to_string_pretty(&manual::json()).unwrap_or_default() + "\n"));
        Ok(Exit::Done)
    }
}
