//! A secret for an environment that there is not.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::graph::Kind;

/// A secret for an environment that there is not.
pub(super) static RULE: Rule = Rule { code: &codes::UNKNOWN_NAME, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for name in context.pipeline.secrets.iter().flat_map(|s| &s.environments) {
        match graph.find(name) {
            Some(id) if matches!(graph.kind(id), Kind::Environment(_)) => {}
            Some(id) => {
                let message =
                    format!("`{}` is a {}, and an environment is wanted here", name.value, graph.kind(id).word());
                let fault = Diagnostic::new(&codes::WRONG_KIND, message).at(name.span, "an environment is wanted");
                found.push(fault.at(graph.name_span(id), "this is no environment"));
            }
            None => {
                let message = format!("there is no environment named `{}`", name.value);
                let fault =
                    Diagnostic::new(&codes::UNKNOWN_NAME, message).at(name.span, "not defined in this pipeline");
                let known = context.pipeline.environments.iter().map(|e| e.name.as_str());
                found.push(match did_you_mean(name, known) {
                    Some(near) => fault.help(format!("did you mean `{near}`?")).fix(
                        format!("Rename to `{near}`"),
                        name.span,
                        near,
                    ),
                    None => fault,
                });
            }
        }
    }
}
