//! A folder that should be a chart and is none.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};

/// A folder that should be a chart and is none.
pub(super) static RULE: Rule = Rule { code: &codes::MISSING_CHART, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    let graph = context.graph;
    for (id, _) in graph.nodes() {
        let Some(chart) = graph.release(id).and_then(|r| r.chart.as_ref()) else { continue };
        let Some(missing) = files::first_missing(context, chart, &files::environments_of(graph, id), "Chart.yaml")
        else {
            continue;
        };
        let fault = Diagnostic::new(&codes::MISSING_CHART, format!("there is no `{missing}`, so this is no chart"))
            .at(chart.span, "no chart");
        found.push(fault.help("name the folder in which `Chart.yaml` is: `chart SOURCE \"PATH\"`"));
    }
}
