//! A node with a name that means something of its own in references.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::fields;

/// A node with a name that means something of its own in references.
pub(super) static RULE: Rule = Rule { code: &codes::RESERVED_NAME, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for (id, kind) in context.graph.nodes() {
        let name = context.graph.name(id);
        let Some(reserved) = fields::context(name) else { continue };
        let what = reserved.fields.own.map_or("something of its own", |f| f.prose);
        let message = format!("a {} cannot be named `{name}`", kind.word());
        let fault = Diagnostic::new(&codes::RESERVED_NAME, message).at(context.graph.name_span(id), "reserved");
        found.push(fault.help(format!("`{{{name}}}` is {what}; choose another name")));
    }
}
