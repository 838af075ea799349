//! A name is changed everywhere: where it is defined, where it is named, in references inside strings, in included files.

use super::navigate::{named, output_at};
use super::{Analysis, Kind, Symbol};
use crate::diag::Edit;
use crate::model::fields;
use crate::model::spec::Ty;
use crate::source::{FileId, Span};
use crate::syntax::quoted;

/// Why something cannot be renamed, as a sentence.
pub type Refusal = String;

/// The name at an offset that can be changed: its place and what it is now.
pub fn rename(analysis: &Analysis, file: FileId, offset: u32) -> Option<(Span, String)> {
    let (symbol, span) = target(analysis, file, offset)?;
    Some((span, symbol.name.clone()))
}

/// The edits that give what stands at an offset another name.
pub fn renamed(analysis: &Analysis, file: FileId, offset: u32, name: &str) -> Result<Vec<Edit>, Refusal> {
    let Some((symbol, _)) = target(analysis, file, offset) else {
        return Err("there is no name here that can be changed".to_string());
    };
    if name == symbol.name {
        return Ok(Vec::new());
    }
    check(analysis, symbol, name)?;
    let places = std::iter::once((symbol.span, symbol.bare)).chain(named(analysis, symbol));
    let edit = |(span, bare): (Span, bool)| Edit {
        span,
        text: if bare { quoted(name).into_owned() } else { name.to_string() },
    };
    let mut edits: Vec<Edit> = places.map(edit).collect();
    edits.sort_by_key(|e| e.span);
    edits.dedup();
    Ok(edits)
}

fn target(analysis: &Analysis, file: FileId, offset: u32) -> Option<(&Symbol, Span)> {
    let field = || {
        let output = output_at(analysis, file, offset)?;
        let places = named(analysis, output);
        let (span, _) = places.iter().find(|(span, _)| super::covers(*span, file, offset))?;
        Some((output, *span))
    };
    field().or_else(|| analysis.symbol_at(file, offset))
}

/// Whether the name may be given: it has the form of such a name, means nothing of its own, and is not taken.
fn check(analysis: &Analysis, symbol: &Symbol, name: &str) -> Result<(), Refusal> {
    let spec = analysis.document.node(symbol.node).and_then(crate::model::spec_of);
    if let Some(Ty::Format(format)) = spec.and_then(|s| s.args.first()).map(|a| a.ty)
        && let Err(wrong) = (format.check)(name)
    {
        return Err(format!("`{name}` is not {}: {}", format.is, wrong.why));
    }
    let is_readable = symbol.kind.is_readable() || symbol.kind == Kind::Environment;
    if is_readable && fields::context(name).is_some() {
        return Err(format!("`{name}` means something of its own in a reference"));
    }
    let is_release = |kind: Kind| kind == Kind::Release;
    let is_taken = |other: &&Symbol| {
        let apart = is_release(symbol.kind) != is_release(other.kind)
            || (symbol.kind == Kind::Notify) != (other.kind == Kind::Notify);
        other.within == symbol.within && other.name == name && !apart
    };
    match analysis.index().symbols.iter().find(is_taken) {
        Some(other) => Err(format!("there is a {} named `{name}` already", other.kind.word())),
        None => Ok(()),
    }
}
