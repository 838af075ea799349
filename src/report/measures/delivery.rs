//! How delivery goes: how often something new reaches an environment, how long a change takes to it, how often one fails there,
//! and how long that lasts. The four keys of DORA, told of each environment.

use crate::digest::Digest;
use crate::plan::memory::Moment;
use crate::ports::sources::Version;
use crate::report::clock::span;
use crate::report::layout::{Rows, cell};
use crate::report::{Paint, Style};
use crate::run::{Event, Record};
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// A day, in milliseconds.
pub const DAY: Moment = 24 * 3_600_000;
/// How many days are told of unless said.
pub const DAYS: u32 = 30;
/// How many days can be told of.
pub const MOST_DAYS: u32 = 90;
/// How many candidates are kept in mind, so that it is known when their change was made.
const CANDIDATES: usize = 1000;

/// How delivery goes, environment by environment.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    environments: BTreeMap<String, Place>,
    /// When the version of a source that was seen last was made.
    made: BTreeMap<String, (String, Moment)>,
    /// The candidates that were formed last: when the change that made each of them was made.
    changed: VecDeque<(Digest, Moment)>,
    versions: BTreeMap<String, Version>,
}

#[derive(Clone, Debug, Default)]
struct Place {
    /// When something new was verified there, and how long its change took to it.
    deployments: VecDeque<(Moment, Option<Moment>)>,
    /// When something failed there.
    failures: VecDeque<Moment>,
    /// When somebody had to ask for what was there before.
    reverts: VecDeque<Moment>,
    /// When it was well again, and how long it was not.
    restored: VecDeque<(Moment, Moment)>,
    failing: Option<Moment>,
    /// What somebody wants back: that it comes is no change, and is well again.
    wished: Option<Digest>,
    has: Option<Digest>,
}

/// How delivery to an environment goes, in some days.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// The environment.
    pub environment: String,
    /// How often something new was deployed and verified.
    pub deployments: usize,
    /// The same a day.
    pub deployments_per_day: f64,
    /// How long a change takes from when it was made until it is there, in seconds; the median. Nothing where nothing came.
    pub lead_time_seconds: Option<f64>,
    /// Of the changes that were tried, how many failed; from 0 to 1. Nothing where nothing was tried.
    pub change_failure_ratio: Option<f64>,
    /// How long it takes until it is well again, in seconds; the median. Nothing where nothing failed.
    pub time_to_restore_seconds: Option<f64>,
}

impl Delivery {
    /// Takes an event in.
    pub fn take(&mut self, record: &Record) {
        let at = record.at;
        match &record.event {
            Event::HeadSeen { source, head } => {
                // Where it is not known when it was made, it is when it was seen.
                let made = head.about.time.map_or(at, |seconds| seconds.saturating_mul(1000)).min(at);
                self.made.insert(source.clone(), (head.version.id.clone(), made));
            }
            Event::CandidateFormed { candidate } => {
                let is_new = |(source, version): &(&String, &Version)| self.versions.get(*source) != Some(*version);
                let new = candidate.versions.iter().filter(is_new);
                let made = |(source, version): (&String, &Version)| {
                    self.made.get(source).filter(|(id, _)| *id == version.id).map(|(_, made)| *made)
                };
                // Of several changes the one that waits longest; of none, as of an edit of the file, it is now.
                let first = new.filter_map(made).min().unwrap_or(at);
                let is_first = self.versions.is_empty();
                self.changed.push_back((candidate.id, if is_first { at } else { first }));
                if self.changed.len() > CANDIDATES {
                    self.changed.pop_front();
                }
                self.versions.clone_from(&candidate.versions);
            }
            Event::HasCandidate { environment, has } => {
                let changed = self.changed.iter().rev().find(|(id, _)| *id == has.candidate).map(|(_, made)| *made);
                let place = self.environments.entry(environment.clone()).or_default();
                let is_new = place.has.replace(has.substance) != Some(has.substance);
                let is_back = place.wished.take_if(|wished| *wished == has.candidate).is_some();
                if is_new && !is_back {
                    place.deployments.push_back((at, changed.map(|made| (at - made).max(0))));
                }
                // What somebody wants to be rid of is not restored by what was on its way then.
                if place.wished.is_none() {
                    place.well(at);
                }
            }
            Event::HoldReleased { environment, .. } => {
                self.environments.entry(environment.clone()).or_default().wished = None;
            }
            Event::EnvironmentFailed { environment, failure } => {
                let place = self.environments.entry(environment.clone()).or_default();
                place.wished.take_if(|wished| *wished == failure.candidate);
                place.failures.push_back(at);
                place.failing.get_or_insert(at);
            }
            Event::RollbackAsked { environment, wish } => {
                let place = self.environments.entry(environment.clone()).or_default();
                place.wished = Some(wish.candidate);
                place.reverts.push_back(at);
                place.failing.get_or_insert(at);
            }
            Event::RolledBack { environment } => self.environments.entry(environment.clone()).or_default().well(at),
            _ => return,
        }
        self.forget(at - Moment::from(MOST_DAYS + 1) * DAY);
    }

    fn forget(&mut self, before: Moment) {
        for place in self.environments.values_mut() {
            drop_while(&mut place.deployments, |(at, _)| *at < before);
            drop_while(&mut place.failures, |at| *at < before);
            drop_while(&mut place.reverts, |at| *at < before);
            drop_while(&mut place.restored, |(at, _)| *at < before);
        }
    }

    /// How it went in the last days.
    pub fn summaries(&self, now: Moment, days: u32) -> Vec<Summary> {
        let days = days.clamp(1, MOST_DAYS);
        let since = now - Moment::from(days) * DAY;
        self.environments.iter().map(|(name, place)| place.summary(name, since, days)).collect()
    }
}

impl Place {
    fn well(&mut self, at: Moment) {
        if let Some(since) = self.failing.take() {
            self.restored.push_back((at, (at - since).max(0)));
        }
    }

    fn summary(&self, name: &str, since: Moment, days: u32) -> Summary {
        let came = self.deployments.iter().filter(|(at, _)| *at >= since);
        let deployments = came.clone().count();
        let failed = self.failures.iter().filter(|at| **at >= since).count();
        let reverted = self.reverts.iter().filter(|at| **at >= since).count();
        let tried = deployments + failed;
        #[allow(clippy::cast_precision_loss, reason = "these are counts of what people and machines did in some days")]
        let ratio = |part: usize, whole: f64| part as f64 / whole;
        #[allow(clippy::cast_precision_loss, reason = "as above")]
        let rate = (tried > 0).then(|| ratio(failed + reverted, tried as f64).min(1.0));
        Summary {
            environment: name.to_string(),
            deployments,
            deployments_per_day: ratio(deployments, f64::from(days)),
            lead_time_seconds: median(came.filter_map(|(_, lead)| *lead).collect()),
            change_failure_ratio: rate,
            time_to_restore_seconds: median(
                self.restored.iter().filter(|(at, _)| *at >= since).map(|(_, took)| *took).collect(),
            ),
        }
    }
}

fn drop_while<T>(list: &mut VecDeque<T>, is_old: impl Fn(&T) -> bool) {
    while list.front().is_some_and(&is_old) {
        list.pop_front();
    }
}

/// The middle one, in seconds; of an even number of them the lower of the two.
fn median(mut all: Vec<Moment>) -> Option<f64> {
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).map(|m| super::seconds(*m))
}

/// A table for people.
pub fn text(summaries: &[Summary], days: u32, style: Style) -> String {
    if summaries.is_empty() {
        return format!("Nothing was deployed in the last {days} days.\n");
    }
    let mut rows = Rows::new(0);
    let heads = ["environment", "deployments", "a day", "lead time", "failed changes", "time to restore"];
    rows.push(heads.map(|h| cell(h, Paint::Faint)));
    let time = |seconds: Option<f64>| {
        #[allow(clippy::cast_possible_truncation, reason = "a duration in milliseconds fits for 292 million years")]
        seconds.map_or("–".to_string(), |s| span((s * 1000.0) as Moment))
    };
    for s in summaries {
        let ratio = s.change_failure_ratio.map_or("–".to_string(), |r| format!("{:.0} %", r * 100.0));
        rows.push([
            cell(&s.environment, Paint::Strong),
            cell(s.deployments.to_string(), Paint::Plain),
            cell(format!("{:.2}", s.deployments_per_day), Paint::Plain),
            cell(time(s.lead_time_seconds), Paint::Plain),
            cell(ratio, Paint::Plain),
            cell(time(s.time_to_restore_seconds), Paint::Plain),
        ]);
    }
    format!("The last {days} days; times are medians.\n{}", rows.render(style))
}

/// The same for programs.
pub fn json(pipeline: &str, summaries: &[Summary], days: u32) -> String {
    let body = serde_json::json!({"version": 1, "pipeline": pipeline, "days": days, "environments": summaries});
    format!("{body}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Candidate;
    use crate::plan::memory::{Failure, Has, Hold, Wish};
    use crate::ports::sources::{About, Head};

    const HOUR: Moment = 3_600_000;

    struct Tape(Delivery, u64);

    impl Tape {
        fn take(&mut self, at: Moment, event: Event) {
            self.1 += 1;
            self.0.take(&Record { number: self.1, at, run: 1, event });
        }

        /// A commit that was made then is seen and becomes a candidate an hour later.
        fn change(&mut self, commit: &str, made: Moment) -> Digest {
            let version = Version { id: commit.into(), name: None, content: Digest::of(commit) };
            let about = About { time: Some(made / 1000), ..About::default() };
            self.take(
                made + HOUR,
                Event::HeadSeen { source: "app".into(), head: Head { version: version.clone(), about } },
            );
            let candidate = Candidate::new(Digest::of("file"), BTreeMap::from([("app".to_string(), version)]));
            let id = candidate.id;
            self.take(made + HOUR, Event::CandidateFormed { candidate });
            id
        }

        fn has(&mut self, at: Moment, candidate: Digest) {
            let (bundles, deploys, verified) = (BTreeMap::new(), BTreeMap::new(), Vec::new());
            let has = Has { candidate, substance: candidate, bundles, deploys, verified, since: at };
            self.take(at, Event::HasCandidate { environment: "prod".into(), has });
        }

        fn fails(&mut self, at: Moment, candidate: Digest) {
            let failure = Failure { candidate, substance: candidate, reason: "x".into(), at };
            self.take(at, Event::EnvironmentFailed { environment: "prod".into(), failure });
        }
    }

    #[test]
    fn the_four_keys_follow_from_what_happened() {
        let mut tape = Tape(Delivery::default(), 0);
        let first = tape.change("a", 0);
        tape.has(2 * HOUR, first);
        // Four hours from the commit; the same once more is nothing new.
        let second = tape.change("b", 10 * HOUR);
        tape.has(14 * HOUR, second);
        tape.has(15 * HOUR, second);
        // It fails, and two hours later what was there is back.
        let third = tape.change("c", 20 * HOUR);
        tape.fails(22 * HOUR, third);
        tape.take(24 * HOUR, Event::RolledBack { environment: "prod".into() });
        // Six hours from the commit, and then somebody wants the one before back.
        let fourth = tape.change("d", 30 * HOUR);
        tape.has(36 * HOUR, fourth);
        let word = Hold { by: "ann".into(), reason: "x".into(), at: 40 * HOUR };
        let wish = Wish { candidate: second, word };
        tape.take(40 * HOUR, Event::RollbackAsked { environment: "prod".into(), wish });
        tape.has(41 * HOUR, second);
        let prod = &tape.0.summaries(48 * HOUR, 2)[0];
        assert_eq!((prod.deployments, prod.deployments_per_day), (3, 1.5));
        // Of 1 h (the first candidate counts from when it was formed), 4 h and 6 h.
        assert_eq!(prod.lead_time_seconds, Some(4.0 * 3600.0));
        assert_eq!(prod.change_failure_ratio, Some(0.5));
        assert_eq!(prod.time_to_restore_seconds, Some(3600.0));
        let later = &tape.0.summaries(60 * DAY, 30)[0];
        assert_eq!((later.deployments, later.change_failure_ratio, later.lead_time_seconds), (0, None, None));
        let shown = text(std::slice::from_ref(prod), 2, Style { width: 120, color: false, unicode: true });
        assert!(shown.contains("50 %") && shown.contains("4h"), "{shown}");
    }
}
