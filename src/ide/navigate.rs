//! Where a name is defined, and where it is named.

use super::index::typed_entries;
use super::{Analysis, Symbol, covers, paths};
use crate::model::format;
use crate::model::spec::Ty;
use crate::source::{FileId, Span};
use std::path::PathBuf;

/// Where something is defined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A place in one of the texts.
    Place(Span),
    /// A file that is none of the texts.
    File(PathBuf),
}

/// Where what stands at an offset is defined: a name, a field that is an output, a file.
pub fn definition(analysis: &Analysis, file: FileId, offset: u32) -> Vec<Target> {
    if let Some(output) = output_at(analysis, file, offset) {
        return vec![Target::Place(output.span)];
    }
    if let Some((symbol, _)) = analysis.symbol_at(file, offset) {
        return vec![Target::Place(symbol.span)];
    }
    file_at(analysis, file, offset).into_iter().collect()
}

/// The output that the field of a reference names.
pub(super) fn output_at(analysis: &Analysis, file: FileId, offset: u32) -> Option<&Symbol> {
    let index = analysis.index();
    index.mentions.iter().find_map(|m| {
        let (name, span) = m.reference.as_ref()?.field.as_ref()?;
        let task = index.symbols.get(m.symbol?).filter(|_| covers(*span, file, offset))?;
        index.output(task.node, name)
    })
}

/// All places that name what stands at an offset; with the one that defines it first, where that is wanted.
pub fn mentions(analysis: &Analysis, file: FileId, offset: u32, with_definition: bool) -> Vec<Span> {
    let symbol = output_at(analysis, file, offset).or_else(|| analysis.symbol_at(file, offset).map(|(s, _)| s));
    let Some(symbol) = symbol else { return Vec::new() };
    let mut places: Vec<Span> = if with_definition { vec![symbol.span] } else { Vec::new() };
    places.extend(named(analysis, symbol).into_iter().map(|(span, _)| span));
    places
}

/// The places that name a symbol, without the one that defines it, and whether the name stands without quotes there.
pub(super) fn named(analysis: &Analysis, symbol: &Symbol) -> Vec<(Span, bool)> {
    let index = analysis.index();
    let same: Vec<usize> = index.same_place(symbol.span).collect();
    let mut places: Vec<(Span, bool)> = Vec::new();
    for mention in &index.mentions {
        if mention.symbol.is_some_and(|s| same.contains(&s)) {
            places.push((mention.span, mention.bare));
        }
        let field = mention.reference.as_ref().and_then(|r| r.field.as_ref());
        let task = mention.symbol.and_then(|s| index.symbols.get(s));
        if let (Some((name, span)), Some(task)) = (field, task)
            && *name == symbol.name
            && same.iter().any(|s| index.symbols.get(*s).is_some_and(|o| o.within == Some(task.node)))
        {
            places.push((*span, false));
        }
    }
    places.sort_by_key(|(span, _)| *span);
    places.dedup();
    places
}

/// The file that a path at an offset names.
fn file_at(analysis: &Analysis, file: FileId, offset: u32) -> Option<Target> {
    if let Some((_, Some(included))) = analysis.document.includes().find(|(n, _)| covers(n.span(), file, offset)) {
        return Some(Target::Place(Span::new(included, 0, 0)));
    }
    let node = analysis.document.node_at(file, offset)?.node;
    let spec = crate::model::spec_of(node)?;
    let (entry, ty) = typed_entries(node, spec).find(|(e, _)| covers(e.span(), file, offset))?;
    let path = entry.value().as_str()?;
    let folder = match ty {
        Ty::Format(format) if std::ptr::eq(format, &format::LOCAL_PATH) => analysis.root.clone(),
        Ty::Template if !path.contains('{') => {
            let name = node.arg(0)?.as_str()?;
            let pipeline = super::index::pipeline_of(node).map(|n| n.id());
            let source =
                analysis.index().of_pipeline(pipeline).find(|s| s.kind == super::Kind::Source && s.name == name)?;
            paths::of_source(analysis, analysis.document.node(source.node)?)?
        }
        _ => return None,
    };
    Some(paths::join(&folder, path)).filter(|p| p.is_file()).map(Target::File)
}
