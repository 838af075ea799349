//! What a reference stands for, for the rules that look at references.

use crate::check::Context;
use crate::graph::Kind;
use crate::model::fields::{self, Field, Fields, Nature};
use crate::model::{Output, Reference};
use crate::source::Span;

/// What a reference stands for.
pub(super) enum Known<'a> {
    /// A node whose fields are those of its kind.
    Node(&'static str, &'static Fields, Span),
    /// A task, whose fields are its outputs.
    Task(&'a [Output], Span),
    /// A name that means something of its own.
    Context(&'static Fields),
}

/// What the reference stands for; nothing when its name is unknown or its kind is.
pub(super) fn known<'a>(context: &Context<'a>, reference: &Reference) -> Option<Known<'a>> {
    if let Some(name) = fields::context(&reference.name) {
        return Some(Known::Context(name.fields));
    }
    let graph = context.graph;
    let id = graph.find(&reference.name)?;
    let (kind, place) = (graph.kind(id), graph.name_span(id));
    Some(match kind {
        Kind::Source(_) => Known::Node("source", fields::of_source(&graph.source(id)?.kind)?, place),
        Kind::Build(_) => Known::Node("build", &fields::BUILD, place),
        Kind::Secret(_) => Known::Node("secret", &fields::SECRET, place),
        Kind::Task(_) => Known::Task(&graph.task(id)?.outputs, place),
        Kind::Release(_) | Kind::Environment(_) => return None,
    })
}

impl<'a> Known<'a> {
    /// The kind in words.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Known::Node(word, ..) => word,
            Known::Task(..) => "task",
            Known::Context(_) => "context",
        }
    }

    /// Where it is defined.
    pub(super) fn declared(&self) -> Option<Span> {
        match self {
            Known::Node(_, _, place) | Known::Task(_, place) => Some(*place),
            Known::Context(_) => None,
        }
    }

    /// Whether it has a field of that name.
    pub(super) fn has(&self, field: &str) -> bool {
        match self {
            Known::Node(_, fields, _) | Known::Context(fields) => fields.find(field).is_some(),
            Known::Task(outputs, _) => outputs.iter().any(|o| *o.name == field),
        }
    }

    /// Whether it has a value without a field.
    pub(super) fn has_own(&self) -> bool {
        matches!(self, Known::Node(_, Fields { own: Some(_), .. }, _) | Known::Context(Fields { own: Some(_), .. }))
    }

    /// The names of its fields.
    pub(super) fn names(&self) -> Vec<&'a str> {
        match self {
            Known::Node(_, fields, _) | Known::Context(fields) => fields.fields.iter().map(|f| f.name).collect(),
            Known::Task(outputs, _) => outputs.iter().map(|o| o.name.as_str()).collect(),
        }
    }

    /// What to do where it has no fields at all.
    pub(super) fn without_fields(&self, name: &str) -> String {
        match self {
            Known::Task(..) => {
                format!("the task `{name}` declares no outputs; add `output NAME` to it, or use `after`")
            }
            _ => format!("write `{{{name}}}`"),
        }
    }

    /// What must be kept in mind of what the reference reads.
    pub(super) fn nature(&self, reference: &Reference) -> Option<Nature> {
        let field = |fields: &'static Fields| match reference.fields.first() {
            Some((name, _)) => fields.find(name).copied(),
            None => fields.own,
        };
        match self {
            Known::Node(_, fields, _) | Known::Context(fields) => field(fields).map(|f: Field| f.nature),
            // What a task makes is made by the team's own program.
            Known::Task(..) => Some(Nature::Plain),
        }
    }
}
