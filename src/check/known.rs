//! What a reference stands for, for the rules that look at references.

use crate::check::Context;
use crate::graph::{Graph, Kind};
use crate::model::fields::{self, ContextName, Fields, Nature};
use crate::model::{Output, Reference};
use crate::source::Span;

/// What a reference stands for.
pub enum Known<'a> {
    /// A node whose fields are those of its kind.
    Node(&'static str, &'static Fields, Span),
    /// A task, whose fields are its outputs.
    Task(&'a [Output], Span),
    /// A name that means something of its own.
    Context(&'static ContextName),
}

/// What the reference stands for; nothing when its name is unknown or its kind is.
pub fn known<'a>(context: &Context<'a>, reference: &Reference) -> Option<Known<'a>> {
    known_in(context.graph, reference)
}

/// What must be kept in mind of what a reference reads; nothing when it reads nothing that is known.
pub fn nature_of(graph: &Graph, reference: &Reference) -> Option<Nature> {
    known_in(graph, reference)?.nature(reference)
}

fn known_in<'a>(graph: &'a Graph, reference: &Reference) -> Option<Known<'a>> {
    if let Some(name) = fields::context(&reference.name) {
        return Some(Known::Context(name));
    }
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
    pub fn word(&self) -> &'static str {
        match self {
            Known::Node(word, ..) => word,
            Known::Task(..) => "task",
            Known::Context(_) => "context",
        }
    }

    /// Where it is defined.
    pub fn declared(&self) -> Option<Span> {
        match self {
            Known::Node(_, _, place) | Known::Task(_, place) => Some(*place),
            Known::Context(_) => None,
        }
    }

    /// The table of its fields; nothing for a task.
    fn table(&self) -> Option<&'static Fields> {
        match self {
            Known::Node(_, fields, _) => Some(fields),
            Known::Context(name) => Some(name.fields),
            Known::Task(..) => None,
        }
    }

    /// Whether it has a field of that name.
    pub fn has(&self, field: &str) -> bool {
        match self {
            Known::Task(outputs, _) => outputs.iter().any(|o| o.name.value == field),
            _ => self.table().is_some_and(|fields| fields.find(field).is_some()),
        }
    }

    /// Whether it has a value without a field.
    pub fn has_own(&self) -> bool {
        self.table().is_some_and(|fields| fields.own.is_some())
    }

    /// The names of its fields.
    pub fn names(&self) -> Vec<&'a str> {
        match self {
            Known::Task(outputs, _) => outputs.iter().map(|o| o.name.as_str()).collect(),
            _ => self.table().into_iter().flat_map(|fields| fields.fields).map(|f| f.name).collect(),
        }
    }

    /// What to do where it has no fields at all.
    pub fn without_fields(&self, name: &str) -> String {
        match self {
            Known::Task(..) => {
                format!("the task `{name}` declares no outputs; add `output NAME` to it, or use `after`")
            }
            _ => format!("write `{{{name}}}`"),
        }
    }

    /// What must be kept in mind of what the reference reads.
    pub fn nature(&self, reference: &Reference) -> Option<Nature> {
        // What a task makes is made by the team's own program.
        let Some(fields) = self.table() else { return Some(Nature::Plain) };
        let field = match reference.fields.first() {
            Some((name, _)) => fields.find(name),
            None => fields.own.as_ref(),
        };
        field.map(|f| f.nature)
    }
}
