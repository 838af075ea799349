//! An `after` that follows from another.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::{Graph, NodeId};
use crate::model::{Said, Spanned};

/// An `after` that follows from another.
pub(super) static RULE: Rule = Rule { code: &codes::REDUNDANT_AFTER, needs_whole: true, sees: Sees::Pipeline(run) };

/// Beyond so many environments it is not looked for: it is advice, and looking at all pairs takes its time.
const MOST: usize = 500;

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    if context.pipeline.environments.len() > MOST {
        return;
    }
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id).filter(|e| (2..=MOST).contains(&e.after.len())) else { continue };
        for name in &environment.after {
            let Some(through) =
                graph.find(name).and_then(|before| comes_before(graph, before, name, &environment.after))
            else {
                continue;
            };
            let message = format!("`{}` is before `{}` anyway", name.value, through.value);
            let fault = Diagnostic::new(&codes::REDUNDANT_AFTER, message).at(name.span, "says nothing more");
            found.push(fault.at(through.span, "comes after it").help(format!("leave `{}` out", name.value)));
        }
    }
}

/// The other name that comes after `before`, if there is one.
fn comes_before<'a>(
    graph: &Graph,
    before: NodeId,
    name: &str,
    names: &'a [Spanned<Said>],
) -> Option<&'a Spanned<Said>> {
    let behind = |other: &&Spanned<Said>| {
        *other.value != *name && graph.find(other).is_some_and(|o| graph.upstream(o).contains(&before))
    };
    names.iter().find(behind)
}
