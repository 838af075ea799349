//! A reference to a field that its kind does not have.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::Known;
use crate::check::places::Place;
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::model::Reference;
use crate::source::Span;

/// A reference to a field that its kind does not have.
pub(super) static RULE: Rule = Rule { code: &codes::UNKNOWN_FIELD, needs_whole: false, sees: Sees::References(run) };

fn run(_: &Context<'_>, _: &Place<'_>, reference: &Reference, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    let Some((field, span)) = reference.fields.first() else { return };
    match (known.has(field), reference.fields.get(1)) {
        (false, _) => found.push(unknown(reference, field, *span, known)),
        (true, Some((deeper, span))) => found.push(too_deep(reference, deeper, *span)),
        (true, None) => {}
    }
}

fn unknown(reference: &Reference, field: &str, span: Span, known: &Known<'_>) -> Diagnostic {
    let names: Vec<&str> = known.names();
    let message = format!("the {} `{}` has no field `{field}`", known.word(), reference.name);
    let fault = Diagnostic::new(&codes::UNKNOWN_FIELD, message).at(span, "unknown");
    let fault = known.declared().map_or(fault.clone(), |place| fault.at(place, format!("the {}", known.word())));
    match did_you_mean(field, names.iter().copied()) {
        Some(near) => fault.help(format!("did you mean `{near}`?")).fix(format!("Change to `{near}`"), span, near),
        None if names.is_empty() => fault.help(known.without_fields(&reference.name)),
        None => fault.help(format!("it has: {}", names.join(", "))),
    }
}

fn too_deep(reference: &Reference, deeper: &str, span: Span) -> Diagnostic {
    Diagnostic::new(&codes::UNKNOWN_FIELD, format!("a field of `{}` has no fields of its own", reference.name))
        .at(span, format!("there is no `{deeper}` in a text"))
        .help("take it out")
}
