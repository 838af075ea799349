//! What was, for who looks back: runs, candidates and what became of them where. A fold of events, and bounded: of the
//! oldest it forgets, the journal still tells.

use crate::digest::Digest;
use crate::plan::Candidate;
use crate::plan::memory::Moment;
use crate::ports::sources::{About, Version};
use crate::run::{Event, Outcome, Record, RunOutcome};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// How many runs are remembered, and how many candidates: more than anybody reads, in some megabytes.
pub const MOST: usize = 500;
/// How many versions of each source.
const VERSIONS: usize = 2 * MOST;

/// What was.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// The runs, the oldest first.
    pub runs: VecDeque<RunLine>,
    /// The candidates, the oldest first.
    pub candidates: VecDeque<Formed>,
    /// The last events that say something to people, the oldest first.
    pub events: VecDeque<Record>,
    abouts: BTreeMap<String, VecDeque<(String, About)>>,
}

/// A run in a line.
#[derive(Clone, Debug, PartialEq)]
pub struct RunLine {
    /// Its number.
    pub number: u64,
    /// Who started it.
    pub by: String,
    /// The candidate it was for.
    pub candidate: Digest,
    /// When it began.
    pub since: Moment,
    /// When it ended, if it has.
    pub until: Option<Moment>,
    /// How.
    pub outcome: Option<RunOutcome>,
    /// The numbers of its first and last event.
    pub events: (u64, u64),
    /// How many steps were carried out.
    pub steps: usize,
    /// Those that failed.
    pub failed: Vec<Arc<str>>,
    /// The environments that got their candidate.
    pub entered: Vec<String>,
}

/// A candidate with what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Formed {
    /// The candidate.
    pub candidate: Candidate,
    /// When it was formed.
    pub at: Moment,
    /// The run that formed it.
    pub run: u64,
    /// The sources that moved since the candidate before, with the version they had; all of the first one.
    pub moved: Vec<(String, Option<Version>)>,
    /// Whether the pipeline file changed.
    pub file: bool,
    /// What became of it, by environment.
    pub places: BTreeMap<String, Passage>,
}

/// What became of a candidate in an environment last.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// What.
    pub what: What,
    /// When.
    pub at: Moment,
    /// Who or why, where there is something to say.
    pub why: Option<String>,
    /// Whose approvals let it in.
    pub approved: Vec<String>,
}

/// What can become of a candidate in an environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// It stands at the gate.
    Stands,
    /// It stands behind another one.
    Queued,
    /// It was let in and is not there yet.
    Enters,
    /// It is there.
    Has,
    /// It was there.
    Had,
    /// A newer one took its place at the gate.
    Superseded,
    /// Somebody said no.
    Rejected,
    /// Its deploy or verification failed.
    Failed,
}

impl Past {
    /// What these events add up to.
    pub fn of<'r>(records: impl IntoIterator<Item = &'r Record>) -> Past {
        let mut past = Past::default();
        records.into_iter().for_each(|r| past.take(r));
        past
    }

    /// The run of that number, if it is remembered.
    pub fn run(&self, number: u64) -> Option<&RunLine> {
        self.runs.iter().rev().find(|r| r.number == number)
    }

    /// The candidate of that id, if it is remembered.
    pub fn candidate(&self, id: Digest) -> Option<&Formed> {
        self.candidates.iter().rev().find(|c| c.candidate.id == id)
    }

    /// What is known of a version of a source.
    pub fn about(&self, source: &str, version: &str) -> Option<&About> {
        self.abouts.get(source)?.iter().rev().find(|(id, _)| id == version).map(|(_, about)| about)
    }

    /// Takes an event in.
    pub fn take(&mut self, record: &Record) {
        if super::history::told(record).weight == super::history::Weight::Main {
            push(&mut self.events, record.clone(), MOST);
        }
        match &record.event {
            Event::RunStarted { by, candidate, .. } => {
                let (number, since) = (record.run, record.at);
                let line = RunLine {
                    number,
                    by: by.clone(),
                    candidate: *candidate,
                    since,
                    until: None,
                    outcome: None,
                    events: (record.number, record.number),
                    steps: 0,
                    failed: Vec::new(),
                    entered: Vec::new(),
                };
                push(&mut self.runs, line, MOST);
            }
            Event::HeadSeen { source, head } => {
                let seen = self.abouts.entry(source.clone()).or_default();
                push(seen, (head.version.id.clone(), head.about.clone()), VERSIONS);
            }
            Event::CandidateFormed { candidate } => self.formed(record, candidate),
            event => self.passed(record, event),
        }
        if let Some(run) = self.runs.iter_mut().rev().find(|r| r.number == record.run) {
            of_run(run, record);
        }
    }

    fn formed(&mut self, record: &Record, candidate: &Candidate) {
        let before = self.candidates.back().map(|f| &f.candidate);
        let had = |source: &String| before.and_then(|b| b.versions.get(source));
        let moved = candidate.versions.iter().filter(|(s, v)| had(s).is_none_or(|b| b.id != v.id));
        let moved = moved.map(|(s, _)| (s.clone(), had(s).cloned())).collect();
        let file = before.is_some_and(|b| b.file != candidate.file);
        let (at, run) = (record.at, record.run);
        // One that is formed again is the newest again, and keeps what became of it.
        let known = self.candidates.iter().position(|f| f.candidate.id == candidate.id);
        let places = known.and_then(|i| self.candidates.remove(i)).map(|f| f.places).unwrap_or_default();
        push(&mut self.candidates, Formed { candidate: candidate.clone(), at, run, moved, file, places }, MOST);
    }

    fn passed(&mut self, record: &Record, event: &Event) {
        let mut set = |environment: &String, id: Digest, what: What, why: Option<String>| {
            if let Some(formed) = self.candidates.iter_mut().rev().find(|f| f.candidate.id == id) {
                let before = formed.places.remove(environment);
                // Who let it in stays known once it is there.
                let approved = before.filter(|_| what != What::Enters).map(|p| p.approved).unwrap_or_default();
                formed.places.insert(environment.clone(), Passage { what, at: record.at, why, approved });
            }
        };
        match event {
            Event::StandsAtGate { environment, standing } => set(environment, standing.candidate, What::Stands, None),
            Event::Queued { environment, candidate } => set(environment, *candidate, What::Queued, None),
            Event::Superseded { environment, candidate, by } => {
                let why = format!("gave way to {}", crate::plan::candidate::name_of(*by));
                set(environment, *candidate, What::Superseded, Some(why));
            }
            Event::Rejected { environment, candidate, word } => {
                set(environment, *candidate, What::Rejected, Some(super::history::by(word)));
            }
            Event::GatePassed { environment, candidate, approved_by, .. } => {
                set(environment, *candidate, What::Enters, None);
                let formed = self.candidates.iter_mut().rev().find(|f| f.candidate.id == *candidate);
                if let Some(passage) = formed.and_then(|f| f.places.get_mut(environment)) {
                    passage.approved.clone_from(approved_by);
                }
            }
            Event::EnvironmentFailed { environment, failure } => {
                set(environment, failure.candidate, What::Failed, Some(failure.reason.clone()));
            }
            Event::Left { environment, candidate } => {
                let formed = self.candidates.iter_mut().rev().find(|f| f.candidate.id == *candidate);
                if let Some(formed) =
                    formed.filter(|f| f.places.get(environment).is_some_and(|p| p.what == What::Enters))
                {
                    formed.places.remove(environment);
                }
            }
            Event::HasCandidate { environment, has } => {
                set(environment, has.candidate, What::Has, None);
                for other in self.candidates.iter_mut().filter(|f| f.candidate.id != has.candidate) {
                    if let Some(passage) = other.places.get_mut(environment).filter(|p| p.what == What::Has) {
                        (passage.what, passage.at) = (What::Had, record.at);
                    }
                }
            }
            _ => {}
        }
    }
}

fn of_run(run: &mut RunLine, record: &Record) {
    run.events.1 = record.number;
    match &record.event {
        Event::RunFinished { outcome } => {
            run.until = Some(record.at);
            run.outcome = Some(*outcome);
        }
        Event::StepFinished { step, outcome, .. } => {
            run.steps += 1;
            if matches!(outcome, Outcome::Failed { .. }) {
                run.failed.push(step.clone());
            }
        }
        Event::HasCandidate { environment, .. } => run.entered.push(environment.clone()),
        _ => {}
    }
}

fn push<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    queue.push_back(item);
    let surplus = queue.len().saturating_sub(most);
    queue.drain(..surplus);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Has;

    fn record(number: u64, event: Event) -> Record {
        Record { number, at: number as i64 * 1000, run: 1, event }
    }

    fn candidate(version: &str) -> Candidate {
        let version = Version { id: version.into(), name: None, content: Digest::of(version) };
        Candidate::new(Digest::of("file"), [("app".to_string(), version)].into())
    }

    fn has(candidate: &Candidate) -> Event {
        let has = Has {
            candidate: candidate.id,
            substance: Digest::default(),
            bundles: Default::default(),
            deploys: Default::default(),
            verified: Vec::new(),
            since: 0,
        };
        Event::HasCandidate { environment: "dev".into(), has }
    }

    #[test]
    fn what_takes_the_place_of_another_moves_it_to_the_past() {
        let (one, two) = (candidate("1"), candidate("2"));
        let events = [
            Event::RunStarted { by: "ann".into(), candidate: one.id, plan: Digest::default(), beside: Vec::new() },
            Event::CandidateFormed { candidate: one.clone() },
            has(&one),
            Event::CandidateFormed { candidate: two.clone() },
            has(&two),
            Event::RunFinished { outcome: RunOutcome::Done },
        ];
        let records: Vec<Record> = events.into_iter().zip(1..).map(|(e, n)| record(n, e)).collect();
        let past = Past::of(&records);
        let what = |c: &Candidate| past.candidate(c.id).unwrap().places["dev"].what;
        assert_eq!((what(&one), what(&two)), (What::Had, What::Has));
        assert_eq!(past.candidate(two.id).unwrap().moved, [("app".to_string(), one.versions.get("app").cloned())]);
        let run = past.run(1).unwrap();
        assert_eq!((run.events, run.outcome, run.until), ((1, 6), Some(RunOutcome::Done), Some(6000)));
    }

    #[test]
    fn it_forgets_what_is_old() {
        let mut past = Past::default();
        for number in 1..=(MOST as u64 + 10) {
            let event = Event::RunStarted {
                by: "a".into(),
                candidate: Digest::default(),
                plan: Digest::default(),
                beside: Vec::new(),
            };
            past.take(&Record { number, at: 0, run: number, event });
        }
        assert_eq!((past.runs.len(), past.runs[0].number), (MOST, 11));
    }
}
