//! The last line of a plan: how much there is to do.

use crate::plan::{Plan, Step, Verdict};
use crate::report::words;
use serde::Serialize;

/// How much of each kind there is to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Images that would be made.
    pub build: usize,
    /// Tests of images that would run.
    pub test: usize,
    /// Images that would be sent.
    pub push: usize,
    /// Tasks that would run.
    pub run: usize,
    /// Environments that would get their candidate.
    pub deploy: usize,
    /// Environments whose candidate waits at their gate.
    pub gate: usize,
    /// Environments of which nobody can tell what would happen.
    #[serde(skip_serializing_if = "is_none")]
    pub unplanned: usize,
}

/// Most plans have none.
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Count {
    /// The counts of a plan.
    pub fn of(plan: &Plan) -> Count {
        let mut count = Count::default();
        for step in plan.steps.iter().filter(|s| s.environment.is_none() && !s.is_reused()) {
            *count.of_kind(step) += 1;
        }
        for environment in &plan.environments {
            match environment.verdict {
                Verdict::Enter => count.deploy += 1,
                Verdict::Gate => count.gate += 1,
                Verdict::Unplanned { .. } => count.unplanned += 1,
                _ => {}
            }
        }
        count
    }

    fn of_kind(&mut self, step: &Step) -> &mut usize {
        match words::kind(step) {
            "build" => &mut self.build,
            "test" => &mut self.test,
            "push" => &mut self.push,
            _ => &mut self.run,
        }
    }

    /// `Plan: 1 to build, 2 to deploy, 1 waits at a gate.`, or `Nothing to do.`
    pub fn sentence(&self) -> String {
        let waits = if self.gate == 1 { "waits at a gate" } else { "wait at a gate" };
        let parts = [
            (self.build, "to build"),
            (self.test, "to test"),
            (self.push, "to push"),
            (self.run, "to run"),
            (self.deploy, "to deploy"),
            (self.gate, waits),
            (self.unplanned, "cannot be planned"),
        ];
        let said: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        if said.is_empty() { "Nothing to do.".to_string() } else { format!("Plan: {}.", said.join(", ")) }
    }
}
