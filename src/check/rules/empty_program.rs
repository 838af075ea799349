//! A program without a name.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::Command;
use crate::model::Program;

/// A program without a name.
pub(super) static RULE: Rule = Rule { code: &codes::EMPTY_TEXT, needs_whole: false, sees: Sees::Commands(run) };

fn run(_: &Context<'_>, command: &Command, found: &mut Vec<Diagnostic>) {
    let first = match &command.program {
        Program::Argv(argv) => argv.first(),
        Program::Shell(line) => Some(line),
    };
    if let Some(first) = first.filter(|t| t.as_text().is_some_and(|t| t.trim().is_empty())) {
        let fault = Diagnostic::new(&codes::EMPTY_TEXT, "nothing is run").at(first.span, "says nothing");
        found.push(fault.help("name a program"));
    }
}
