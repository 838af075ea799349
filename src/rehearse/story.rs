//! What happened in a rehearsal: the deeds that expectations are about, and a line for people for each that matters.

use crate::graph::{Graph, Kind, NodeId};
use crate::model::test::Deed;
use crate::plan::{Plan, Step, Work};
use crate::run::{Event, Outcome};
use std::collections::BTreeSet;

/// What happened since it was begun.
#[derive(Clone, Debug, Default)]
pub struct Story {
    deeds: BTreeSet<(Deed, String)>,
    refusals: Vec<String>,
    lines: Vec<String>,
}

impl Story {
    /// The nodes to which that was done.
    pub fn done(&self, deed: Deed) -> BTreeSet<&str> {
        self.deeds.iter().filter(|(d, _)| *d == deed).map(|(_, name)| name.as_str()).collect()
    }

    /// Why somebody was refused, each time.
    pub fn refusals(&self) -> &[String] {
        &self.refusals
    }

    /// What happened, a line each, in order.
    pub fn lines(&self) -> &[String] {
        &self.lines
    }

    /// Says something that no event says.
    pub(super) fn say(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }

    /// Takes an event in that is of no plan.
    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::Approved { environment, approval } => self.say(format!("{} approves {environment}", approval.by)),
            Event::Rejected { environment, word, .. } => {
                self.say(format!("{} rejects what waits at {environment}", word.by))
            }
            Event::Refused { call, by, reason } => {
                self.refusals.push(reason.clone());
                self.say(format!("{by} may not {call}: {reason}"));
            }
            Event::HoldSet { environment, word } => self.say(format!("{} holds {environment}", word.by)),
            Event::HoldReleased { environment, .. } => self.say(format!("{environment} is not held any more")),
            Event::RollbackAsked { environment, wish } => {
                self.say(format!("{} wants back what {environment} had before", wish.word.by));
            }
            _ => {}
        }
    }

    /// Takes an event of a run in.
    pub(super) fn take(&mut self, graph: &Graph, plan: &Plan, event: &Event) {
        match event {
            Event::CandidateFormed { candidate } => self.say(format!("{} is a new candidate", candidate.name())),
            Event::StepStarted { step, attempt: 1, .. } => {
                if let Some(step) = plan.step(step) {
                    self.started(graph, plan, step);
                }
            }
            Event::StepFinished { step, outcome: Outcome::Failed { .. }, .. } => {
                if let Some(step) = plan.step(step) {
                    let name = node_of(graph, plan, step).to_string();
                    self.say(format!("{} fails", plain(&step.id)));
                    self.deeds.insert((Deed::Fails, name));
                }
            }
            Event::RolledBack { environment } => self.say(format!("{environment} is back at what it had")),
            Event::StandsAtGate { environment, .. } => self.say(format!("{environment} waits at its gate")),
            Event::HasCandidate { environment, has } => {
                let it = plan.candidates.iter().skip(1).find(|c| c.id == has.candidate).map(|c| c.name());
                self.say(format!("{environment} has {}", it.as_deref().unwrap_or("it")));
            }
            Event::Superseded { environment, .. } => self.say(format!("what waited at {environment} gives way")),
            Event::ApprovalsVoid { environment, people, .. } => {
                self.say(format!("the approvals of {} for {environment} are void", people.join(", ")));
            }
            other => self.heard(other),
        }
    }

    fn started(&mut self, graph: &Graph, plan: &Plan, step: &Step) {
        let name = node_of(graph, plan, step).to_string();
        let (deed, line) = match (&step.work, graph.kind(step.node)) {
            (Work::Build(_), _) => (Some(Deed::Builds), format!("builds {name}")),
            (Work::Push(_), _) => (None, format!("pushes {name}")),
            (Work::Deploy(work), _) => (Some(Deed::Deploys), format!("deploys {} to {name}", work.release)),
            (_, Kind::Build(_)) => (None, format!("tests {name}")),
            (_, Kind::Task(_)) => (Some(Deed::Runs), format!("runs {name}")),
            _ => (None, format!("verifies {name}")),
        };
        self.deeds.extend(deed.map(|deed| (deed, name)));
        self.say(line);
    }
}

/// The name of the environment, build or task that a step is of.
pub(super) fn node_of<'a>(graph: &'a Graph, plan: &'a Plan, step: &Step) -> &'a str {
    match step.environment.and_then(|e| plan.environments.get(e as usize)) {
        Some(environment) => &environment.name,
        None => name_of(graph, step.node),
    }
}

fn name_of(graph: &Graph, node: NodeId) -> &str {
    graph.name(node)
}

/// The id of a step without the candidate that it is for.
fn plain(id: &str) -> &str {
    id.split('@').next().unwrap_or(id)
}
