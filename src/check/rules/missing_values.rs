//! A values file that is not in the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A values file that is not in the repository.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_VALUES, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(release) = graph.release(id) else { continue };
        let environments = files::environments_of(graph, id);
        for values in release.values.iter().filter(|v| !v.optional) {
            let Some(missing) = files::first_missing(context, &values.file, &environments, "") else { continue };
            let place = values.file.path.as_ref().map_or(values.file.span, |p| p.span);
            let fault = Diagnostic::new(&codes::MISSING_VALUES, format!("there is no values file `{missing}`"))
                .at(place, "not there");
            found.push(fault.help("add the file, or say `optional=#true` if it may be missing"));
        }
    }
}
