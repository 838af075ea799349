//! A program without a name.

use super::Rule;
use crate::check::Context;
use crate::check::places;
use crate::diag::{Diagnostic, codes};
use crate::model::Program;

/// A program without a name.
pub(super) static RULE: Rule = Rule { code: &codes::EMPTY_TEXT, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::commands(context.pipeline, &mut |command| {
        let first = match &command.program {
            Program::Argv(argv) => argv.first(),
            Program::Shell(line) => Some(line),
        };
        let Some(first) = first.filter(|t| t.as_text().is_some_and(|t| t.trim().is_empty())) else { return };
        let fault = Diagnostic::new(&codes::EMPTY_TEXT, "nothing is run").at(first.span, "says nothing");
        found.push(fault.help("name a program"));
    });
}
