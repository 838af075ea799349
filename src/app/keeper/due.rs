//! When a source is due to be looked at: by poll, by schedule, after a hint, and later each time it fails. Plain arithmetic over
//! absolute times, so that steps of the clock and restarts can be told through.

use super::SourceView;
use crate::digest::Digest;
use crate::model::cron::Schedule;
use crate::model::{Source, TriggerKind};
use crate::plan::memory::Moment;
use crate::ports::sources::Head;
use std::time::Duration;

/// How long the pause after failures may grow, unless the file says that a source is looked at less often anyway.
const LONGEST: Duration = Duration::from_secs(3600);

/// After how long without an answer a look counts as hanging, for people to see.
pub(super) const HANGS: i64 = 5 * 60_000;

/// A source, and when it is due.
pub(super) struct Due {
    name: String,
    every: Option<i64>,
    schedules: Vec<Schedule>,
    /// When it is polled next.
    poll: Option<Moment>,
    /// When a schedule is due next.
    cron: Option<Moment>,
    /// When to try again after a failure, for what is not polled.
    retry: Option<Moment>,
    failures: u32,
    /// Since when a look has been going on.
    pub looking: Option<Moment>,
    /// Somebody hinted while a look was going on, which may have been too early to see it.
    again: bool,
    /// Deliveries that wait for what comes of a look that has not begun.
    pub waiting: Vec<i64>,
    /// Deliveries that wait for what comes of the look that is going on.
    pub looked_for: Vec<i64>,
    /// The newest version that was seen.
    pub head: Option<Head>,
    looked: Option<Moment>,
    fault: Option<String>,
    /// How often it was looked at, and how often in vain.
    looks: [u64; 2],
}

impl Due {
    /// A source as the file says, due for its first look by its schedules after `last`, the last instant that counted.
    pub fn new(source: &Source, last: Option<Moment>, now: Moment) -> Due {
        let name = &source.name.value;
        let mut every = None;
        let mut schedules = Vec::new();
        for trigger in &source.triggers {
            match &trigger.kind {
                TriggerKind::Poll(interval) => {
                    let interval = millis(interval.value).max(1000);
                    every = Some(every.map_or(interval, |e: i64| e.min(interval)));
                }
                TriggerKind::Cron { expression, tz } => {
                    let zone = tz.as_ref().map(|t| t.value.as_str());
                    // A schedule that cannot be read is an error of the file, which then is not run.
                    schedules.extend(Schedule::parse(expression, name, zone));
                }
                TriggerKind::Webhook(_) => {}
            }
        }
        let mut due = Due {
            name: name.to_string(),
            every,
            schedules,
            poll: None,
            cron: None,
            retry: None,
            failures: 0,
            looking: None,
            again: false,
            waiting: Vec::new(),
            looked_for: Vec::new(),
            head: None,
            looked: None,
            fault: None,
            looks: [0; 2],
        };
        due.poll = due.every.map(|_| now);
        due.cron = due.after(last.unwrap_or(now));
        due
    }

    /// Takes over what another one of that source has learnt.
    pub fn inherit(&mut self, before: Due) {
        self.looking = before.looking;
        self.again = before.again;
        self.waiting = before.waiting;
        self.looked_for = before.looked_for;
        self.looked = before.looked;
        self.looks = before.looks;
    }

    fn after(&self, last: Moment) -> Option<Moment> {
        let last = jiff::Timestamp::from_millisecond(last).ok()?;
        self.schedules.iter().filter_map(|s| s.next(last)).map(|t| t.as_millisecond()).min()
    }

    /// The next moment at which it is due; nothing while it is looked at, and where nothing makes it due.
    pub fn next(&self) -> Option<Moment> {
        if self.looking.is_some() {
            return None;
        }
        [self.poll, self.cron, self.retry].into_iter().flatten().min()
    }

    /// Whether it is to be looked at now. `instant` is the moment of a schedule that is used up by that: it is written down
    /// before looking, so that no instant counts twice.
    pub fn is_due(&mut self, now: Moment) -> Option<Look> {
        // After a step of the clock back, nothing waits for the time to come again.
        if let (Some(poll), Some(every)) = (self.poll, self.every)
            && poll > now.saturating_add(every.max(self.pause()).saturating_mul(2))
        {
            self.poll = Some(now);
        }
        if self.looking.is_some() {
            return None;
        }
        let is_over = |moment: Option<Moment>| moment.is_some_and(|m| m <= now);
        let instant = self.cron.filter(|c| *c <= now).map(|due| {
            // What came due while nobody looked counts once.
            let last = due.max(now);
            self.cron = self.after(last);
            last
        });
        (instant.is_some() || is_over(self.poll) || is_over(self.retry)).then_some(Look { instant })
    }

    /// A look begins.
    pub fn begin(&mut self, now: Moment) {
        self.looking = Some(now);
        self.retry = None;
        self.again = false;
        self.looked_for.append(&mut self.waiting);
    }

    /// Somebody hints that it has moved.
    pub fn hint(&mut self, now: Moment, delivery: Option<i64>) {
        self.waiting.extend(delivery);
        if self.looking.is_some() {
            self.again = true;
        } else {
            self.retry = Some(now);
        }
    }

    /// A look came to its end. Whether there is a version that was not seen before.
    pub fn end(&mut self, now: Moment, result: Result<Head, String>) -> bool {
        self.looking = None;
        self.looked = Some(now);
        let [looks, failed] = self.looks;
        self.looks = [looks + 1, failed + u64::from(result.is_err())];
        let moved = match result {
            Ok(head) => {
                self.failures = 0;
                self.fault = None;
                let moved = self.head.as_ref().is_none_or(|h| h.version != head.version);
                self.head = Some(head);
                moved
            }
            Err(fault) => {
                self.failures += 1;
                self.fault = Some(fault);
                false
            }
        };
        let pause = self.pause();
        self.poll = self.every.map(|_| now + pause + self.jitter(pause, now));
        if self.fault.is_some() && self.every.is_none() {
            self.retry = Some(now + pause + self.jitter(pause, now));
        }
        if std::mem::take(&mut self.again) {
            self.retry = Some(now);
        }
        moved
    }

    /// How long until the next look: as the file says, and after each failure twice as long.
    fn pause(&self) -> i64 {
        let every = self.every.unwrap_or(60_000);
        let longest = millis(LONGEST).max(every);
        every.saturating_mul(1 << self.failures.min(12)).min(longest)
    }

    /// Up to a tenth more, so that a hundred sources do not look in the same second for ever.
    fn jitter(&self, pause: i64, now: Moment) -> i64 {
        let hash = Digest::of(format!("{} {now}", self.name)).0;
        pause / 10 * i64::from(hash[0]) / 255
    }

    /// What people see of it.
    pub fn view(&self, now: Moment) -> SourceView {
        let hangs = self.looking.filter(|since| now - since > HANGS);
        let fault = hangs.map(|_| "it has not answered for more than five minutes".to_string());
        SourceView {
            head: self.head.clone(),
            looked: self.looked,
            next: self.next(),
            fault: fault.or_else(|| self.fault.clone()),
            looking: self.looking,
            looks: self.looks,
        }
    }
}

/// A look that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// The moment up to which schedules are used up by it.
    pub instant: Option<Moment>,
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::ports::sources::{About, Version};
    use crate::source::FileId;
    use crate::syntax::{Document, Limits, parse};

    const MINUTE: i64 = 60_000;
    const HOUR: i64 = 60 * MINUTE;

    fn source(triggers: &str) -> Source {
        let text =
            format!("lockgate 1\npipeline p {{ source app {{ git \"https://g.example/x.git\"\n{triggers}\n}} }}\n");
        let (tree, _) = parse(FileId::default(), text.into(), &Limits::default());
        let (mut file, _) = crate::model::decode(&Document::from(tree));
        file.pipelines.remove(0).sources.remove(0)
    }

    fn head(id: &str) -> Result<Head, String> {
        let version = Version { id: id.into(), name: None, content: Digest::of(id) };
        Ok(Head { version, about: About::default() })
    }

    fn at(text: &str) -> Moment {
        text.parse::<jiff::Timestamp>().expect("a moment").as_millisecond()
    }

    #[test]
    fn a_poll_comes_again_a_little_later_and_after_failures_much_later() {
        let mut due = Due::new(&source("trigger poll=\"1m\""), None, 0);
        assert!(due.is_due(0).is_some());
        due.begin(0);
        assert!(due.is_due(10 * MINUTE).is_none(), "one look at a time");
        assert!(due.end(1000, head("a")), "it was not seen before");
        let next = due.next().expect("a moment");
        assert!((1000 + MINUTE..=1000 + MINUTE * 11 / 10).contains(&next), "{next}");
        let mut now = next;
        let mut pauses = Vec::new();
        for _ in 0..9 {
            due.begin(now);
            assert!(!due.end(now, Err("out of reach".into())));
            let next = due.next().expect("a moment");
            pauses.push((next - now) / MINUTE);
            now = next;
        }
        assert!(pauses[0] >= 2 && pauses[1] >= 4 && pauses.iter().all(|p| *p <= 66), "{pauses:?}");
        assert!(due.view(now).fault.is_some());
        due.begin(now);
        assert!(!due.end(now, head("a")), "nothing new");
        assert!(due.next().is_some_and(|n| n <= now + MINUTE * 11 / 10) && due.view(now).fault.is_none());
    }

    #[test]
    fn an_instant_counts_once_over_steps_of_the_clock_and_restarts() {
        let nightly = source("trigger cron=\"0 3 * * *\"");
        let mut due = Due::new(&nightly, None, at("2026-11-25T02:00:00Z"));
        assert!(due.is_due(at("2026-11-25T02:59:59Z")).is_none());
        let look = due.is_due(at("2026-11-25T03:00:00Z")).expect("it is due");
        let last = look.instant.expect("an instant");
        assert!(due.is_due(at("2026-11-25T03:00:00Z")).is_none(), "it is used up");
        // The clock goes an hour back, and three o'clock comes again.
        assert!(due.is_due(at("2026-11-25T02:00:00Z")).is_none());
        assert!(due.is_due(at("2026-11-25T03:00:30Z")).is_none());
        assert_eq!(due.next(), Some(at("2026-11-26T03:00:00Z")));
        // A restart knows what counted; what was missed for three days counts once.
        let mut due = Due::new(&nightly, Some(last), at("2026-11-25T03:00:10Z"));
        assert!(due.is_due(at("2026-11-25T03:00:10Z")).is_none());
        let mut due = Due::new(&nightly, Some(last), at("2026-11-28T12:00:00Z"));
        assert!(due.is_due(at("2026-11-28T12:00:00Z")).is_some());
        assert_eq!(due.next(), Some(at("2026-11-29T03:00:00Z")));
    }

    #[test]
    fn an_hour_that_comes_twice_and_one_that_never_comes_count_once() {
        let times = |from: &str, to: &str| {
            let mut due = Due::new(&source("trigger cron=\"30 2 * * *\" tz=\"Europe/Berlin\""), None, at(from));
            let (mut now, end, mut count) = (at(from), at(to), 0);
            while now < end {
                count += usize::from(due.is_due(now).is_some());
                now += MINUTE;
            }
            count
        };
        assert_eq!(times("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"), 1, "the clock goes back");
        assert_eq!(times("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), 1, "the clock goes forward");
    }

    #[test]
    fn a_hint_during_a_look_makes_another_one() {
        let mut due = Due::new(&source("trigger webhook=hook"), None, 0);
        assert!(due.next().is_none(), "nothing but a hint makes it due");
        due.hint(5, Some(1));
        assert!(due.is_due(5).is_some());
        due.begin(5);
        due.hint(6, Some(2));
        due.hint(7, Some(3));
        assert_eq!((due.looked_for.clone(), due.waiting.clone()), (vec![1], vec![2, 3]));
        due.end(8, head("a"));
        assert!(due.is_due(8).is_some(), "the first look may have been too early");
        due.begin(8);
        due.end(9, head("a"));
        assert!(due.next().is_none());
    }

    #[test]
    fn a_step_of_the_clock_back_is_not_waited_for() {
        let mut due = Due::new(&source("trigger poll=\"1m\""), None, 100 * HOUR);
        due.begin(100 * HOUR);
        due.end(100 * HOUR, head("a"));
        assert!(due.is_due(HOUR).is_some());
    }
}
