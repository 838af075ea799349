//! A reference to a whole node that has no value of its own.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::Known;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::Reference;

/// A reference to a whole node that has no value of its own.
pub(super) static RULE: Rule = Rule { code: &codes::NO_VALUE, needs_whole: false, sees: Sees::References(run) };

fn run(_: &Context<'_>, place: &Place<'_>, reference: &Reference, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    // What a task reads may be a whole task: all its outputs.
    if !reference.fields.is_empty() || known.has_own() || matches!(place.role, Role::Input) {
        return;
    }
    let (name, names) = (&reference.name, known.names());
    let message = format!("the {} `{name}` is not a value", known.word());
    let fault = Diagnostic::new(&codes::NO_VALUE, message).at(reference.span, "which field of it?");
    found.push(match names.as_slice() {
        [] => fault.help(known.without_fields(name)),
        [only] => {
            let text = format!("{{{name}.{only}}}");
            fault.help(format!("write `{text}`")).fix(format!("Write `{text}`"), reference.span, text)
        }
        names => {
            let fields: Vec<String> = names.iter().map(|f| format!("`{{{name}.{f}}}`")).collect();
            fault.help(format!("there are: {}", fields.join(", ")))
        }
    });
}
