//! Text of others in a line of a shell.

use super::Rule;
use super::reference::known;
use crate::check::Context;
use crate::check::places::{self, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::fields::Nature;

/// Text of others in a line of a shell.
pub(super) static RULE: Rule = Rule { code: &codes::SHELL_INJECTION, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::each(context.pipeline, &mut |place| {
        if !matches!(place.role, Role::Shell) {
            return;
        }
        for reference in place.template.refs() {
            let foreign = known(context, reference).is_some_and(|k| k.nature(reference) == Some(Nature::Foreign));
            if foreign {
                let message = "whoever writes a commit can run programs here";
                let fault = Diagnostic::new(&codes::SHELL_INJECTION, message)
                    .at(reference.span, "the shell reads this as code");
                found.push(fault.help("hand it over in `env` and use `\"$NAME\"` in the line"));
            }
        }
    });
}
