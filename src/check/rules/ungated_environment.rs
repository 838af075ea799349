//! An environment after another one without a gate.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::before::environment_before;
use crate::diag::{Diagnostic, codes};
use crate::model::GateRule;

/// An environment after another one without a gate.
pub(super) static RULE: Rule =
    Rule { code: &codes::UNGATED_ENVIRONMENT, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    let all_before = environment_before(graph);
    for (id, _) in graph.nodes() {
        let Some(environment) = graph.environment(id).filter(|e| e.gate == GateRule::Silent) else { continue };
        let Some(before) = all_before.get(id.at()).copied().flatten() else { continue };
        let (name, first) = (&*environment.name, graph.name(before));
        let message = format!("every candidate of `{first}` enters `{name}` without anyone's yes");
        let fault = Diagnostic::new(&codes::UNGATED_ENVIRONMENT, message).at(environment.name.span, "no gate");
        let fault = fault.at(graph.name_span(before), "comes before it");
        found.push(
            fault.help("say who must approve, `gate { approve 1 from=GROUP }`, or that nobody must, `gate none`"),
        );
    }
}
