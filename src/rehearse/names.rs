//! The names in a test: each must be one of the pipeline, and of the kind that is wanted there.

use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::graph::{Graph, Kind};
use crate::model::test::{Deed, Expectation, Happening, Says};
use crate::model::{Said, SourceKind, Spanned, Test};

/// What a name in a test may be.
struct Wanted {
    words: &'static str,
    fits: fn(&Graph, Kind) -> bool,
}

const SOURCE: Wanted = Wanted {
    words: "source with files",
    fits: |g, k| source(g, k).is_some_and(|s| !matches!(s, SourceKind::Image { .. })),
};
const IMAGE: Wanted =
    Wanted { words: "source that is an image", fits: |g, k| matches!(source(g, k), Some(SourceKind::Image { .. })) };
const CHART: Wanted =
    Wanted { words: "source that is a chart", fits: |g, k| matches!(source(g, k), Some(SourceKind::Helm { .. })) };
const ENVIRONMENT: Wanted = Wanted { words: "environment", fits: |_, k| matches!(k, Kind::Environment(_)) };
const BUILD: Wanted = Wanted { words: "build", fits: |_, k| matches!(k, Kind::Build(_)) };
const TASK: Wanted = Wanted { words: "task", fits: |_, k| matches!(k, Kind::Task(_)) };
const STEP: Wanted = Wanted {
    words: "build, task or environment",
    fits: |_, k| matches!(k, Kind::Build(_) | Kind::Task(_) | Kind::Environment(_)),
};

fn source(graph: &Graph, kind: Kind) -> Option<&SourceKind> {
    if let Kind::Source(i) = kind { graph.pipeline().sources.get(i as usize).map(|s| &s.kind) } else { None }
}

/// What is wrong with the names of a test.
pub fn faults(test: &Test, graph: &Graph) -> Vec<Diagnostic> {
    let mut faults = Vec::new();
    let mut look = |name: &Spanned<Said>, wanted: &Wanted| faults.extend(fault(graph, name, wanted));
    for statement in &test.statements {
        match &statement.says {
            Says::Given(names) => names.iter().for_each(|n| look(n, &ENVIRONMENT)),
            Says::When(happening) => match happening {
                Happening::Push { source, .. } => look(source, &SOURCE),
                Happening::Image { source, .. } => look(source, &IMAGE),
                Happening::Chart { source, .. } => look(source, &CHART),
                Happening::Answer { environment: name, .. }
                | Happening::Rollback(name)
                | Happening::Hold(name)
                | Happening::Release(name) => look(name, &ENVIRONMENT),
                Happening::Fails { node, .. } => look(node, &STEP),
                Happening::Time(_) => {}
            },
            Says::Expect(expectation) => match expectation {
                Expectation::Exactly(deed, names) => names.iter().for_each(|n| look(n, of(*deed))),
                Expectation::Waits { environments, .. } => environments.iter().for_each(|n| look(n, &ENVIRONMENT)),
                Expectation::Has(name, _) => look(name, &ENVIRONMENT),
                Expectation::Refused => {}
            },
        }
    }
    faults
}

fn of(deed: Deed) -> &'static Wanted {
    match deed {
        Deed::Builds => &BUILD,
        Deed::Runs => &TASK,
        Deed::Deploys => &ENVIRONMENT,
        Deed::Fails => &STEP,
    }
}

fn fault(graph: &Graph, name: &Spanned<Said>, wanted: &Wanted) -> Option<Diagnostic> {
    match graph.find(name) {
        Some(id) if (wanted.fits)(graph, graph.kind(id)) => None,
        Some(id) => {
            let message = format!("`{}` is no {}", name.value, wanted.words);
            let what = format!("a {}", graph.kind(id).word());
            Some(Diagnostic::new(&codes::WRONG_KIND, message).at(name.span, "named here").at(graph.name_span(id), what))
        }
        None => {
            let names: Vec<&str> =
                graph.nodes().filter(|(_, kind)| (wanted.fits)(graph, *kind)).map(|(id, _)| graph.name(id)).collect();
            let message = format!("there is no {} named `{}`", wanted.words, name.value);
            let fault = Diagnostic::new(&codes::UNKNOWN_NAME, message).at(name.span, "not known");
            Some(match did_you_mean(name, names.iter().copied()) {
                Some(near) => {
                    fault.help(format!("did you mean `{near}`?")).fix(format!("Write `{near}`"), name.span, near)
                }
                None if names.is_empty() => fault,
                None => fault.help(format!("there are: {}", names.join(", "))),
            })
        }
    }
}
