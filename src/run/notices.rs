//! Which events somebody may be told of, and for how long it is tried.

use super::event::{Event, Outcome, Record};
use crate::digest::{Digest, Hasher};
use crate::plan::memory::Moment;
use crate::ports::Fault;

/// After the first failure it is tried again so soon, in milliseconds; then after twice as long, and so on.
const PAUSE: Moment = 5_000;
/// The longest pause.
pub const LONGEST: Moment = 15 * 60_000;
/// For how long a receiver that cannot be reached is tried.
const PATIENCE: Moment = 24 * 3_600_000;
/// How often a receiver is tried that refuses.
const REFUSALS: u32 = 5;

/// What an event is called in a `notify`, one of [`EVENTS`](crate::model::notify::EVENTS); nothing for one that nobody is told of.
pub fn word(event: &Event) -> Option<&'static str> {
    Some(match event {
        // A gate that only waits for the time asks nobody.
        Event::StandsAtGate { standing, .. } if standing.gate.approvals.is_empty() => return None,
        Event::StandsAtGate { .. } | Event::EditProposed { .. } | Event::Indeterminate { .. } => "waiting",
        Event::DeployedThere { .. } => "deployed",
        Event::HasCandidate { .. } => "verified",
        // That the environment failed follows from it.
        Event::StepFinished { outcome: Outcome::Failed { .. }, .. } | Event::RollbackFailed { .. } => "failed",
        Event::RolledBack { .. } => "rolled-back",
        Event::Approved { .. } | Event::EditApproved { .. } => "approved",
        Event::Rejected { .. } | Event::EditRejected { .. } => "rejected",
        _ => return None,
    })
}

/// What names the notice of an event to a receiver: of the event itself, so that it is the same after a crash and differs from
/// all others, of other states too.
pub fn id(pipeline: &str, receiver: &str, record: &Record) -> String {
    let mut hasher = Hasher::new("notice");
    hasher.field(pipeline).field(receiver).field(record.number.to_le_bytes()).field(record.at.to_le_bytes());
    // What cannot be encoded was never written.
    hasher.field(serde_json::to_vec(&record.event).unwrap_or_default());
    let digest: Digest = hasher.finish();
    digest.hex().chars().take(32).collect()
}

/// When it is tried again, if it is. `tried` is how often it was, `since` when it was to be sent first.
pub fn again(fault: Fault, tried: u32, since: Moment, now: Moment) -> Option<Moment> {
    let passes = matches!(fault, Fault::Unavailable | Fault::NotFound);
    let goes_on = if passes { now < since.saturating_add(PATIENCE) } else { tried < REFUSALS };
    let pause = PAUSE.saturating_mul(1 << tried.saturating_sub(1).min(12)).min(LONGEST);
    goes_on.then(|| now.saturating_add(pause))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_that_can_be_asked_for_is_one_that_happens() {
        let has = |word_: &str| crate::model::notify::EVENTS.contains(&word_);
        let rolled = Event::RolledBack { environment: "dev".into() };
        assert!(word(&rolled).is_some_and(has));
        assert_eq!(word(&Event::CancelAsked { by: "ann".into() }), None);
    }

    #[test]
    fn the_same_event_has_the_same_id_and_another_has_another() {
        let of = |number, at| Record { number, at, run: 1, event: Event::RolledBack { environment: "dev".into() } };
        assert_eq!(id("p", "team", &of(3, 7)), id("p", "team", &of(3, 7)));
        let others = [
            id("q", "team", &of(3, 7)),
            id("p", "x", &of(3, 7)),
            id("p", "team", &of(4, 7)),
            id("p", "team", &of(3, 8)),
        ];
        assert!(others.iter().all(|other| *other != id("p", "team", &of(3, 7))));
        assert_eq!(id("p", "team", &of(3, 7)).len(), 32);
    }

    #[test]
    fn it_is_tried_less_and_less_and_not_for_ever() {
        assert_eq!(again(Fault::Unavailable, 1, 0, 0), Some(5_000));
        assert_eq!(again(Fault::Unavailable, 3, 0, 1_000), Some(21_000));
        assert_eq!(again(Fault::Unavailable, 40, 0, 1_000), Some(1_000 + LONGEST));
        assert_eq!(again(Fault::Unavailable, 99, 0, PATIENCE), None);
        assert_eq!(again(Fault::Denied, 4, 0, 0), Some(40_000));
        assert_eq!(again(Fault::Invalid, 5, 0, 0), None);
    }
}
