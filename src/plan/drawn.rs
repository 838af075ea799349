//! Releases whose charts draw random values: a plan says so, since nobody could render the same again.

use super::Plan;
use crate::check;
use crate::diag::{Diagnostic, codes};
use crate::graph::Graph;
use std::collections::BTreeMap;

/// How many templates are named.
const NAMED: usize = 3;

/// Adds a note for each such release of the environments in which something would be done.
pub(super) fn judge(graph: &Graph, plan: &mut Plan) {
    let drawn = plan.changed().filter(|(_, rendered)| !rendered.bundle.drawn.is_empty());
    let drawn: BTreeMap<&str, &[(String, Vec<String>)]> =
        drawn.map(|(release, rendered)| (release, rendered.bundle.drawn.as_slice())).collect();
    let mut found: Vec<Diagnostic> = drawn.iter().map(|(release, templates)| note(graph, release, templates)).collect();
    check::apply(&graph.levels, false, &mut found);
    plan.diagnostics.append(&mut found);
}

fn note(graph: &Graph, release: &str, templates: &[(String, Vec<String>)]) -> Diagnostic {
    let span = graph.find_release(release).and_then(|id| graph.release(id)).map(|r| r.name.span).unwrap_or_default();
    let message = format!("the chart of `{release}` draws random values: {}", named(templates));
    Diagnostic::new(&codes::DRAWN, message).at(span, "another rendering of it would not be the same").help(
        "this candidate keeps them from plan to apply, and the next one draws others; give the values yourself where they must stay",
    )
}

/// The first templates with their functions, and how many more there are.
fn named(templates: &[(String, Vec<String>)]) -> String {
    let first = templates.iter().take(NAMED).map(|(template, by)| format!("`{}` in {template}", by.join("`, `")));
    let first = first.collect::<Vec<_>>().join("; ");
    match templates.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first}; and in {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_others_counted() {
        let template = |n: u32| (format!("app/templates/{n}.yaml"), vec!["genCA".to_string(), "now".to_string()]);
        assert_eq!(named(&[template(1)]), "`genCA`, `now` in app/templates/1.yaml");
        let all: Vec<_> = (1..=5).map(template).collect();
        assert!(named(&all).ends_with("in app/templates/3.yaml; and in 2 more"), "{}", named(&all));
    }
}
