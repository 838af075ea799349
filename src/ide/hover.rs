//! What is to be known of what stands at a place.

use super::index::{Mention, Read, fields_of};
use super::{Analysis, Kind, Symbol, covers, index};
use crate::diag::codes;
use crate::model::fields::{self, Field, Nature};
use crate::model::spec::{Arg, Names, Prop, Spec, Ty};
use crate::source::{FileId, Span};
use crate::syntax::{Entry, Node, Value};
use std::fmt::Write as _;

/// What is to be known, as Markdown, and the place that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hover {
    /// The place.
    pub span: Span,
    /// The text.
    pub text: String,
}

/// What is to be known of what stands at an offset.
pub fn hover(analysis: &Analysis, file: FileId, offset: u32) -> Option<Hover> {
    named(analysis, file, offset).or_else(|| spelled(analysis, file, offset))
}

/// A name: where it is defined, or a place that names it.
fn named(analysis: &Analysis, file: FileId, offset: u32) -> Option<Hover> {
    let index = analysis.index();
    if let Some(symbol) = index.symbols.iter().find(|s| covers(s.span, file, offset)) {
        return Some(Hover { span: symbol.span, text: about(analysis, symbol) });
    }
    let field_at = |m: &Mention| {
        m.reference.as_ref().and_then(|r| r.field.as_ref()).is_some_and(|(_, s)| covers(*s, file, offset))
    };
    let mention = index.mentions.iter().find(|m| covers(m.span, file, offset) || field_at(m))?;
    let symbol = mention.symbol.and_then(|s| index.symbols.get(s));
    match &mention.reference {
        Some(read) => {
            let span = read.field.as_ref().map_or(mention.span, |(_, field)| mention.span.to(*field));
            Some(Hover { span, text: reading(analysis, mention, read, symbol)? })
        }
        None => Some(Hover { span: mention.span, text: about(analysis, symbol?) }),
    }
}

/// What is to be known of something with a name.
fn about(analysis: &Analysis, symbol: &Symbol) -> String {
    let mut text = format!("**{}** `{}`", symbol.kind.word(), symbol.name);
    let Some(node) = analysis.document.node(symbol.node) else { return text };
    if let Some(comment) = node.comment_text().filter(|c| !c.trim().is_empty()) {
        let _ = write!(text, "\n\n{}", comment.trim());
    }
    let pipeline = index::pipeline_of(node).and_then(|p| p.arg(0)?.as_str()).unwrap_or_default();
    match symbol.kind {
        Kind::Environment => environment(analysis, pipeline, symbol, node, &mut text),
        Kind::Source => {
            let head = analysis.facts.pipelines.get(pipeline).and_then(|p| p.heads.get(&symbol.name));
            if let Some(head) = head {
                let _ = write!(text, "\n\nNow: {head}");
            }
        }
        _ => {}
    }
    if let Some(spec) = crate::model::spec_of(node) {
        let _ = write!(text, "\n\n{}", spec.prose);
    }
    text
}

fn environment(analysis: &Analysis, pipeline: &str, symbol: &Symbol, node: Node<'_>, text: &mut String) {
    if let Some(has) = analysis.facts.environment(pipeline, &symbol.name) {
        let _ = write!(text, "\n\nDeployed: {}", has.line());
        for (source, version) in &has.versions {
            let _ = write!(text, "\n- {source}: `{version}`");
        }
    }
    let more = node.children().filter(|c| c.name() == "after").flat_map(Node::args);
    let after: Vec<&str> =
        node.prop("after").map(|p| p.value()).into_iter().chain(more).filter_map(Value::as_str).collect();
    if !after.is_empty() {
        let _ = write!(text, "\n\nWaits for: {}", after.join(", "));
    }
}

/// What is to be known of a reference in a string.
fn reading(analysis: &Analysis, mention: &Mention, read: &Read, symbol: Option<&Symbol>) -> Option<String> {
    let field = read.field.as_ref().map_or("", |(name, _)| name.as_str());
    let shown = if field.is_empty() { read.name.clone() } else { format!("{}.{field}", read.name) };
    let (kind, prose) = match (fields::context(&read.name), symbol) {
        (Some(context), _) => ("", field_prose(context.fields.own.as_ref(), context.fields.find(field), field)),
        (None, Some(symbol)) if symbol.kind == Kind::Task => {
            let output = analysis.index().output(symbol.node, field).and_then(|o| analysis.document.node(o.node));
            (
                "task",
                output
                    .and_then(Node::comment_text)
                    .unwrap_or_else(|| "what the task writes to this output".to_string()),
            )
        }
        (None, Some(symbol)) => {
            let fields = fields_of(symbol, &analysis.document);
            let (own, found) = (fields.and_then(|f| f.own.as_ref()), fields.and_then(|f| f.find(field)));
            (symbol.kind.word(), field_prose(own, found, field))
        }
        (None, None) => return None,
    };
    let mut text = format!("`{{{shown}}}`");
    if !kind.is_empty() {
        let _ = write!(text, " of the {kind} `{}`", read.name);
    }
    if !prose.is_empty() {
        let _ = write!(text, "\n\n{prose}");
    }
    let pipeline = mention.pipeline.and_then(|p| analysis.document.node(p)?.arg(0)?.as_str()).unwrap_or_default();
    if let Some(value) = analysis.facts.value(pipeline, &read.name, field) {
        let _ = write!(text, "\n\nNow: `{value}`");
    }
    Some(text)
}

fn field_prose(own: Option<&Field>, found: Option<&Field>, name: &str) -> String {
    let Some(field) = (if name.is_empty() { own } else { found }) else { return String::new() };
    let nature = match field.nature {
        Nature::Exact | Nature::Plain => "",
        Nature::Foreign => "\n\nWritten by whoever can propose a change: it may hold anything.",
        Nature::Secret => "\n\nIt must not be seen.",
    };
    format!("{}{nature}", field.prose)
}

/// A word of the language: a node, a key, a value with a meaning of its own.
fn spelled(analysis: &Analysis, file: FileId, offset: u32) -> Option<Hover> {
    let at = analysis.document.node_at(file, offset)?;
    let spec = crate::model::spec_of(at.node)?;
    if covers(at.node.name_span(), file, offset) {
        return Some(Hover { span: at.node.name_span(), text: node(spec) });
    }
    match at.entry? {
        Entry::Prop(prop) if covers(prop.key_span(), file, offset) => {
            let text =
                spec.prop(prop.key()).map(property).or_else(|| spec.own.as_ref().map(|o| o.prose.to_string()))?;
            Some(Hover { span: prop.key_span(), text })
        }
        Entry::Prop(prop) => {
            let known = spec.prop(prop.key())?;
            Some(Hover {
                span: prop.value().span(),
                text: value(prop.value(), &known.ty).unwrap_or_else(|| property(known)),
            })
        }
        Entry::Arg(found) => {
            let number = at.node.args().position(|v| v.span() == found.span())?;
            let arg = spec.arg(number)?;
            Some(Hover { span: found.span(), text: value(found, &arg.ty).unwrap_or_else(|| argument(arg)) })
        }
    }
}

/// What a node is and may have.
fn node(spec: &Spec) -> String {
    let mut text = format!("```kdl\n{}\n```\n\n{}", spec.usage(), spec.prose);
    let mut rows: Vec<String> =
        spec.args.iter().chain(&spec.more).map(|a| format!("- `{}` {}", a.name, argument(a))).collect();
    rows.extend(spec.props.iter().map(|p| format!("- {}", property(p))));
    if !rows.is_empty() {
        let _ = write!(text, "\n\n{}", rows.join("\n"));
    }
    text
}

fn argument(arg: &Arg) -> String {
    let is = if arg.required { "" } else { "; may be left out" };
    format!("{} ({}{is})", arg.prose, arg.ty.words())
}

fn property(prop: &Prop) -> String {
    let default = match (prop.default, prop.required) {
        (Some(default), _) => format!("; default: {default}"),
        (None, true) => "; must be said".to_string(),
        (None, false) => String::new(),
    };
    format!("`{}` {} ({}{default})", prop.name, prop.prose, prop.ty.words())
}

/// What a value with a meaning of its own means.
fn value(value: Value<'_>, ty: &Ty) -> Option<String> {
    let text = value.as_str()?;
    match ty {
        Ty::Word(words) => words.iter().find(|w| w.name == text).map(|w| format!("`{}`: {}", w.name, w.prose)),
        Ty::Name(Names::Rule) => codes::find(text).map(|c| format!("**{}** `{}`\n\n{}", c.id, c.name, c.summary)),
        Ty::Format(format) => Some(format!("{}: {}", format.is, format.prose)),
        _ => None,
    }
}
