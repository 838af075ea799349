//! The names that are defined, and all places that name them: arguments, properties, references inside strings.

use super::each_node;
use crate::model::fields::{self, Fields};
use crate::model::spec::{Arg, Names, Spec, Ty};
use crate::source::Span;
use crate::syntax::{Document, Entry, Node, NodeId, Value, reference};
use std::collections::HashMap;

/// The kinds of things that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A pipeline.
    Pipeline,
    /// A source.
    Source,
    /// A build.
    Build,
    /// A task.
    Task,
    /// A release.
    Release,
    /// An environment.
    Environment,
    /// A secret.
    Secret,
    /// Something that is told.
    Notify,
    /// An output of a task.
    Output,
}

impl Kind {
    /// The kind that a node of that spec defines.
    fn of(spec: &'static Spec) -> Option<Kind> {
        use crate::model::{build, environment, notify, pipeline, release, secret, source, task};
        let kinds: [(&Spec, Kind); 9] = [
            (&pipeline::PIPELINE, Kind::Pipeline),
            (&source::SPEC, Kind::Source),
            (&build::SPEC, Kind::Build),
            (&task::SPEC, Kind::Task),
            (&release::SPEC, Kind::Release),
            (&environment::SPEC, Kind::Environment),
            (&secret::SPEC, Kind::Secret),
            (&notify::SPEC, Kind::Notify),
            (&task::OUTPUT, Kind::Output),
        ];
        kinds.iter().find(|(s, _)| std::ptr::eq(*s, spec)).map(|(_, kind)| *kind)
    }

    /// The kind in words.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Pipeline => "pipeline",
            Kind::Source => "source",
            Kind::Build => "build",
            Kind::Task => "task",
            Kind::Release => "release",
            Kind::Environment => "environment",
            Kind::Secret => "secret",
            Kind::Notify => "notify",
            Kind::Output => "output",
        }
    }

    fn table(self) -> Table {
        match self {
            Kind::Release => Table::Releases,
            Kind::Source | Kind::Build | Kind::Task | Kind::Environment | Kind::Secret => Table::Names,
            Kind::Pipeline | Kind::Notify | Kind::Output => Table::None,
        }
    }

    /// Whether a name of that kind can stand where one of these is asked for.
    pub fn is_a(self, names: Names) -> bool {
        match names {
            Names::Source => self == Kind::Source,
            Names::Release => self == Kind::Release,
            Names::Environment => self == Kind::Environment,
            Names::Secret => self == Kind::Secret,
            Names::Step => matches!(self, Kind::Environment | Kind::Task | Kind::Build),
            Names::Rule => false,
        }
    }

    /// Whether something of that kind can be read in a string.
    pub fn is_readable(self) -> bool {
        matches!(self, Kind::Source | Kind::Build | Kind::Task | Kind::Secret)
    }
}

/// Where a name is looked up: releases have names of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Table {
    Names,
    Releases,
    None,
}

/// Something with a name.
#[derive(Clone, Debug)]
pub struct Symbol {
    /// What it is.
    pub kind: Kind,
    /// The name.
    pub name: String,
    /// The place of the name, without quotes.
    pub span: Span,
    /// Whether the name stands without quotes.
    pub bare: bool,
    /// The node.
    pub node: NodeId,
    /// The node that it is in: the pipeline, or the task of an output.
    pub within: Option<NodeId>,
}

/// A place that names something.
#[derive(Clone, Debug)]
pub struct Mention {
    /// The place of the name, without quotes and braces.
    pub span: Span,
    /// Whether the name stands without quotes, outside a string.
    pub bare: bool,
    /// What it names, by its number; nothing when there is no such thing.
    pub symbol: Option<usize>,
    /// Set for a reference in a string.
    pub reference: Option<Read>,
    /// The pipeline that it is in.
    pub pipeline: Option<NodeId>,
}

/// A reference in a string.
#[derive(Clone, Debug)]
pub struct Read {
    /// The name.
    pub name: String,
    /// The field and its place.
    pub field: Option<(String, Span)>,
}

/// The names of a document.
#[derive(Debug, Default)]
pub struct Index {
    /// What is defined, in the order of the text.
    pub symbols: Vec<Symbol>,
    /// What is named, in the order of the text.
    pub mentions: Vec<Mention>,
}

/// What is known so far: by the node that it is in, the table and the name.
type Known = HashMap<(Option<NodeId>, Table, String), usize>;

impl Index {
    /// The names of a document.
    pub fn of(document: &Document) -> Index {
        let mut index = Index::default();
        let mut known = Known::new();
        each_node(document, &mut |node, spec| index.define(node, spec, &mut known));
        each_node(document, &mut |node, spec| index.name(node, spec, &known));
        index
    }

    fn define(&mut self, node: Node<'_>, spec: &'static Spec, known: &mut Known) {
        let Some(kind) = Kind::of(spec) else { return };
        let Some((value, name)) = node.arg(0).and_then(|v| Some((v, v.as_str()?))).filter(|(_, n)| !n.is_empty())
        else {
            return;
        };
        let within = node.parent().map(|n| n.id());
        known.entry((within, kind.table(), name.to_string())).or_insert(self.symbols.len());
        let (span, name) = (inner(value), name.to_string());
        self.symbols.push(Symbol { kind, name, span, bare: value.is_bare(), node: node.id(), within });
    }

    fn name(&mut self, node: Node<'_>, spec: &'static Spec, known: &Known) {
        let pipeline = pipeline_of(node).map(|n| n.id());
        for (entry, ty) in typed_entries(node, spec) {
            let value = entry.value();
            match ty {
                Ty::Name(names) if names != Names::Rule => self.plain(value, names, pipeline, known),
                Ty::Template | Ty::TemplateOrNumber | Ty::Any => self.read(value, pipeline, known),
                _ => {}
            }
        }
    }

    fn plain(&mut self, value: Value<'_>, names: Names, pipeline: Option<NodeId>, known: &Known) {
        let Some(name) = value.as_str().filter(|n| !n.is_empty()) else { return };
        let table = if names == Names::Release { Table::Releases } else { Table::Names };
        let symbol = known.get(&(pipeline, table, name.to_string())).copied();
        self.mentions.push(Mention { span: inner(value), bare: value.is_bare(), symbol, reference: None, pipeline });
    }

    fn read(&mut self, value: Value<'_>, pipeline: Option<NodeId>, known: &Known) {
        if !value.may_hold_brace() {
            return;
        }
        let (template, _) = reference::parse(value);
        for found in template.refs() {
            let symbol = match fields::context(&found.name) {
                Some(_) => None,
                None => known.get(&(pipeline, Table::Names, found.name.to_string())).copied(),
            };
            let read = Read {
                name: found.name.to_string(),
                field: found.fields.first().map(|(name, span)| (name.to_string(), *span)),
            };
            self.mentions.push(Mention { span: found.name_span, bare: false, symbol, reference: Some(read), pipeline });
        }
    }

    /// What a pipeline defines.
    pub fn of_pipeline(&self, pipeline: Option<NodeId>) -> impl Iterator<Item = &Symbol> {
        self.symbols.iter().filter(move |s| s.within == pipeline && s.kind != Kind::Pipeline)
    }

    /// The output of a task.
    pub fn output(&self, task: NodeId, name: &str) -> Option<&Symbol> {
        self.symbols.iter().find(|s| s.kind == Kind::Output && s.within == Some(task) && s.name == name)
    }

    /// All symbols that are defined at the same place: a file that is included twice defines its names twice.
    pub fn same_place(&self, span: Span) -> impl Iterator<Item = usize> {
        self.symbols.iter().enumerate().filter(move |(_, s)| s.span == span).map(|(i, _)| i)
    }
}

/// The fields of what a symbol's node defines; nothing for a task, whose fields are its outputs.
pub(super) fn fields_of(symbol: &Symbol, document: &Document) -> Option<&'static Fields> {
    match symbol.kind {
        Kind::Build => Some(&fields::BUILD),
        Kind::Secret => Some(&fields::SECRET),
        Kind::Source => document.node(symbol.node)?.children().find_map(|child| match child.name() {
            "git" => Some(&fields::GIT),
            "folder" => Some(&fields::FOLDER),
            "image" => Some(&fields::IMAGE),
            "helm" => Some(&fields::HELM),
            "webhook" => Some(&fields::WEBHOOK),
            _ => None,
        }),
        _ => None,
    }
}

/// The pipeline that a node is in, or that it is.
pub(super) fn pipeline_of(node: Node<'_>) -> Option<Node<'_>> {
    let mut node = node;
    while let Some(parent) = node.parent() {
        node = parent;
    }
    (node.name() == "pipeline").then_some(node)
}

/// The entries of a node, each with what it may be.
pub(super) fn typed_entries<'t>(node: Node<'t>, spec: &'static Spec) -> impl Iterator<Item = (Entry<'t>, Ty)> {
    let mut place = 0;
    node.entries().filter_map(move |entry| {
        let ty = match entry {
            Entry::Arg(_) => {
                place += 1;
                spec.arg(place - 1).map(|a: &Arg| a.ty)
            }
            Entry::Prop(prop) => spec.prop(prop.key()).map(|p| p.ty).or(spec.own.as_ref().map(|o| o.ty)),
        };
        ty.map(|ty| (entry, ty))
    })
}

/// The place of what a string says, without quotes.
pub(super) fn inner(value: Value<'_>) -> Span {
    value.as_str().map_or(value.span(), |text| value.inner_span(0..text.len()))
}
