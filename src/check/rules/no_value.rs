//! A reference to a whole node that has no value of its own.

use super::Rule;
use super::reference::known;
use crate::check::{Context, places};
use crate::diag::{Diagnostic, codes};

/// A reference to a whole node that has no value of its own.
pub(super) static RULE: Rule = Rule { code: &codes::NO_VALUE, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::each(context.pipeline, &mut |place| {
        for reference in place.template.refs().filter(|r| r.fields.is_empty()) {
            let Some(known) = known(context, reference).filter(|k| !k.has_own()) else { continue };
            // What a task reads may be a whole task: all its outputs.
            if matches!(place.role, places::Role::Input) {
                continue;
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
    });
}
