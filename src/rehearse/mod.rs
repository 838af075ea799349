//! Rehearsals: what a pipeline would do, in a world that is only thought of. Pure: no clock, no IO.
//!
//! Events go in and decisions come out, through the same [`diff`](crate::plan::diff::diff), [`decide`](crate::run::decide())
//! and [`proceed`](crate::run::proceed()) that every run goes through; only the neighbours are made up. A change of a file is a
//! version whose listing differs there and nowhere else, so that path filters, keys and reuse are really tried.
//! `lockgate test` and `lockgate simulate` are this room and a door.

mod files;
mod judge;
mod mentioned;
mod names;
mod outside;
mod prepared;
mod sources;
mod stage;
mod story;

pub use judge::Waiting;
pub use names::faults;
pub use story::Story;

use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::graph::Graph;
use crate::model::test::{Expectation, Happening, Says, Which};
use crate::model::{Said, SourceKind, Spanned, Test};
use crate::plan::diff::port_diagnostic;
use crate::ports::PortError;
use crate::ports::files::Files;
use crate::run::Saying;
use crate::source::Span;
use stage::{Doom, Stage};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The window to the sources that are at hand: folders and charts beside the pipeline file.
pub trait Local {
    /// The files of such a source; nothing where it is somewhere else, and then some are made up.
    fn files(&self, kind: &SourceKind) -> Option<Result<Arc<dyn Files>, PortError>>;
}

/// Nothing is at hand.
pub struct Nowhere;

impl Local for Nowhere {
    fn files(&self, _: &SourceKind) -> Option<Result<Arc<dyn Files>, PortError>> {
        None
    }
}

/// Why a rehearsal cannot go on: what the plan complains of.
#[derive(Clone, Debug)]
pub struct Refusal(pub Vec<Diagnostic>);

impl Refusal {
    fn of(error: &PortError) -> Refusal {
        Refusal(vec![port_diagnostic(error, "the rehearsal")])
    }

    /// The same, with the line at which it came up.
    fn at(self, span: Span) -> Vec<Diagnostic> {
        self.0.into_iter().map(|d| d.at(span, "while this happens")).collect()
    }
}

/// A rehearsal of one pipeline.
pub struct Rehearsal(Stage);

impl Rehearsal {
    /// A rehearsal in which nothing happened yet. `file` is the digest of the pipeline file.
    pub fn new(graph: &Graph, file: Digest, local: &dyn Local) -> Result<Rehearsal, Refusal> {
        Stage::new(graph.pipeline(), file, local).map(Rehearsal).map_err(|e| Refusal::of(&e))
    }

    /// Brings what there is to these environments and to those before them; to all of them when none is named.
    pub fn given(&mut self, names: &[Spanned<Said>]) -> Result<(), Refusal> {
        let stage = &mut self.0;
        let graph = stage.graph.clone();
        let mut wanted = BTreeSet::new();
        let mut open: Vec<_> = names.iter().filter_map(|n| graph.find(n)).collect();
        while let Some(id) = open.pop() {
            if wanted.insert(id) {
                open.extend(graph.environments_before(id));
            }
        }
        let all = graph.nodes().filter(|(id, _)| graph.environment(*id).is_some());
        let others = all.filter(|(id, _)| !names.is_empty() && !wanted.contains(id));
        let others: Vec<String> = others.map(|(id, _)| graph.name(id).to_string()).collect();
        for environment in &others {
            stage.say("the test", None, Saying::Hold { environment: environment.clone() });
        }
        stage.apply_openly()?;
        for environment in others {
            stage.say("the test", None, Saying::Release { environment });
        }
        self.turn();
        Ok(())
    }

    /// Something happens, and the pipeline is applied as it would be then.
    pub fn when(&mut self, happening: &Happening) -> Result<(), Refusal> {
        let stage = &mut self.0;
        let sources = &mut stage.outside.sources;
        let moved = match happening {
            Happening::Push { source, paths, by } => {
                let paths: Vec<String> = paths.iter().map(|p| p.value.to_string()).collect();
                Some((source, sources.push(source, &paths, by.as_ref().map(|b| b.as_str()))))
            }
            Happening::Image { source, tag } => Some((source, sources.retag(source, tag.as_ref().map(|t| t.as_str())))),
            Happening::Chart { source, version } => {
                Some((source, sources.release(source, version.as_ref().map(|v| v.as_str()))))
            }
            _ => None,
        };
        if let Some((source, moved)) = moved {
            let counts = moved.map_err(|e| Refusal::of(&e))?;
            let line = if counts {
                format!("{} has a new version", source.value)
            } else {
                format!("nothing that counts changed in {}", source.value)
            };
            stage.story.say(line);
        }
        match happening {
            Happening::Fails { node, at } => {
                stage.dooms.push(Doom { node: node.value.to_string(), at: at.as_ref().map(|a| a.value.to_string()) });
                return Ok(());
            }
            Happening::Time(by) => {
                let millis = i64::try_from(by.value.as_millis()).unwrap_or(i64::MAX);
                stage.now = stage.now.saturating_add(millis);
            }
            Happening::Answer { environment, yes, by, of } => {
                let environment = environment.value.to_string();
                let answer =
                    if *yes { Saying::Approve { environment, subplan: None } } else { Saying::Reject { environment } };
                stage.say(by, of.as_ref().map(|g| vec![g.value.to_string()]), answer);
            }
            Happening::Rollback(name) => {
                self.somebody(Saying::Rollback { environment: name.value.to_string(), candidate: None })
            }
            Happening::Hold(name) => self.somebody(Saying::Hold { environment: name.value.to_string() }),
            Happening::Release(name) => self.somebody(Saying::Release { environment: name.value.to_string() }),
            _ => {}
        }
        self.0.apply()
    }

    fn somebody(&mut self, saying: Saying) {
        self.0.say("somebody", None, saying);
    }

    /// What happened since the last turn.
    pub fn story(&self) -> &Story {
        &self.0.story
    }

    /// From here on, a new part of the story is told.
    pub fn turn(&mut self) {
        self.0.story = Story::default();
    }

    /// Why an expectation does not hold; nothing where it does.
    pub fn unmet(&self, expectation: &Expectation) -> Result<Option<String>, Refusal> {
        judge::unmet(&self.0, expectation)
    }

    /// What waits at gates.
    pub fn waiting(&self) -> Vec<Waiting> {
        judge::waiting(&self.0)
    }

    /// Which candidate each environment has, in the order of the plan.
    pub fn has(&self) -> Result<Vec<(String, Which)>, Refusal> {
        judge::has(&self.0)
    }
}

/// Plays a test, and says what of it does not hold.
pub fn test(test: &Test, graph: &Graph, file: Digest, local: &dyn Local) -> Vec<Diagnostic> {
    let faults = names::faults(test, graph);
    if !faults.is_empty() {
        return faults;
    }
    let mut rehearsal = match Rehearsal::new(graph, file, local) {
        Ok(rehearsal) => rehearsal,
        Err(refusal) => return refusal.at(test.name.span),
    };
    let mut found = Vec::new();
    let (mut last, mut told): (Option<Span>, bool) = (None, false);
    for statement in &test.statements {
        if !matches!(statement.says, Says::Expect(_)) && std::mem::take(&mut told) {
            rehearsal.turn();
        }
        let end = match &statement.says {
            Says::Given(names) => rehearsal.given(names),
            Says::When(happening) => {
                last = Some(statement.span);
                rehearsal.when(happening)
            }
            Says::Expect(expectation) => {
                told = true;
                rehearsal.unmet(expectation).map(|why| {
                    found.extend(why.map(|why| failed(&rehearsal, why, statement.span, last)));
                })
            }
        };
        if let Err(refusal) = end {
            found.extend(refusal.at(statement.span));
            break;
        }
    }
    found
}

fn failed(rehearsal: &Rehearsal, why: String, span: Span, last: Option<Span>) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(&codes::EXPECTATION_FAILED, why).at(span, "does not hold");
    if let Some(last) = last {
        diagnostic = diagnostic.at(last, "after this");
    }
    diagnostic.help(match rehearsal.story().lines() {
        [] => "nothing happened".to_string(),
        lines => format!("what happened: {}", lines.join("; ")),
    })
}
