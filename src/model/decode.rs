//! What decoding a node needs: values out of the tree, lenient, since their faults are told by the checking of shapes.
//! Only references are read here, so only their faults are collected.

use super::{Said, SourcePath, Spanned, Template, duration};
use crate::diag::Diagnostic;
use crate::model::Part;
use crate::syntax::{Node, Value, reference};
use std::time::Duration;

/// Where faults are collected.
pub(super) type Faults = Vec<Diagnostic>;

/// A text that says something.
pub(super) fn text(value: Value<'_>) -> Option<Spanned<Said>> {
    let text = value.as_str().filter(|t| !t.is_empty() && !value.is_faulty())?;
    Some(Spanned::new(text.into(), value.span()))
}

/// The argument of that number as a text.
pub(super) fn arg(node: Node<'_>, number: usize) -> Option<Spanned<Said>> {
    node.arg(number).and_then(text)
}

/// All arguments as texts.
pub(super) fn args(node: Node<'_>) -> impl Iterator<Item = Spanned<Said>> {
    node.args().filter_map(text)
}

/// All arguments as texts, into a list.
pub(super) fn texts(node: Node<'_>, into: &mut Vec<Spanned<Said>>) {
    if into.is_empty() {
        into.reserve_exact(node.args().count());
    }
    for value in node.args() {
        add(into, text(value));
    }
}

/// A property as a text.
pub(super) fn prop(node: Node<'_>, key: &str) -> Option<Spanned<Said>> {
    node.prop(key).and_then(|p| text(p.value()))
}

/// A property that is a truth value.
pub(super) fn flag(node: Node<'_>, key: &str, default: bool) -> bool {
    node.prop(key).and_then(|p| p.value().as_bool()).unwrap_or(default)
}

/// A text with its references.
pub(super) fn template(value: Value<'_>, faults: &mut Faults) -> Template {
    // Of what could not be read something has been said. Some text stands in for it, of which no rule has more to say.
    if value.is_faulty() {
        return Template { parts: vec![Part::Text("x".into())], span: value.span() };
    }
    let (mut template, found) = reference::parse(value);
    faults.extend(found);
    // Templates are most of what a model is; room that none of them will use is most of what it would cost.
    template.parts.shrink_to_fit();
    for part in &mut template.parts {
        if let Part::Ref(reference) = part {
            reference.fields.shrink_to_fit();
        }
    }
    template
}

/// A text that is taken as it stands, braces and all.
pub(super) fn plain(value: Value<'_>) -> Template {
    let text = value.as_str().unwrap_or(value.raw()).into();
    Template { parts: vec![Part::Text(text)], span: value.span() }
}

/// The argument of that number as a text with references.
pub(super) fn arg_template(node: Node<'_>, number: usize, faults: &mut Faults) -> Option<Template> {
    node.arg(number).map(|v| template(v, faults))
}

/// A property as a text with references.
pub(super) fn prop_template(node: Node<'_>, key: &str, faults: &mut Faults) -> Option<Template> {
    node.prop(key).map(|p| template(p.value(), faults))
}

/// All arguments from that number on as texts with references.
pub(super) fn templates(node: Node<'_>, from: usize, faults: &mut Faults) -> Vec<Template> {
    let mut templates = Vec::with_capacity(node.args().count().saturating_sub(from));
    templates.extend(node.args().skip(from).map(|v| template(v, faults)));
    templates
}

/// Properties whose names are the user's own, as texts with references.
pub(super) fn pairs(node: Node<'_>, faults: &mut Faults, into: &mut Vec<(Spanned<Said>, Template)>) {
    if into.is_empty() {
        into.reserve_exact(node.props().count());
    }
    for prop in node.props() {
        let key = Spanned::new(prop.key().into(), prop.key_span());
        into.push((key, template(prop.value(), faults)));
    }
}

/// The first argument as a duration.
pub(super) fn duration(node: Node<'_>) -> Option<Spanned<Duration>> {
    node.arg(0).and_then(duration_of)
}

/// A value as a duration.
pub(super) fn duration_of(value: Value<'_>) -> Option<Spanned<Duration>> {
    Some(Spanned::new(duration::parse(value.as_str()?).ok()?, value.span()))
}

/// A value as a number of things.
pub(super) fn count(value: Value<'_>) -> Option<Spanned<u32>> {
    Some(Spanned::new(u32::try_from(value.as_i64()?).ok()?, value.span()))
}

/// `SOURCE ["PATH"]` in the arguments.
pub(super) fn source_path(node: Node<'_>, faults: &mut Faults) -> Option<SourcePath> {
    let source = arg(node, 0)?;
    let path = arg_template(node, 1, faults);
    let span = path.as_ref().map_or(source.span, |p| source.span.to(p.span));
    Some(SourcePath { source, path, span })
}

/// Puts one into a list that mostly stays short. A hundred thousand lists with room for four each are what a big file's
/// memory would be made of.
pub(super) fn push<T>(into: &mut Vec<T>, item: Option<T>) {
    if let Some(item) = item {
        if into.len() < 4 {
            into.reserve_exact(1);
        }
        into.push(item);
    }
}

/// Puts one into a list that may become long.
pub(super) fn add<T>(into: &mut Vec<T>, item: Option<T>) {
    if let Some(item) = item {
        into.push(item);
    }
}

/// Sets what is not set yet: of a node that wrongly stands twice, the first counts.
pub(super) fn first<T>(place: &mut Option<T>, value: Option<T>) {
    if place.is_none() {
        *place = value;
    }
}
