//! What other runs have in hand while a plan is made and carried out beside them: the environments that they are in, and the
//! candidates that they bring along. What another run has in hand is left to it; the rest may be done meanwhile.

use super::memory::{Memory, Moment, Place};
use crate::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The runs that go on meanwhile, by number, each with the candidate that it is for.
pub type Beside = BTreeMap<u64, Digest>;

/// A run is in an environment: it let its candidate in, and has not come to an end with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The number of the run.
    pub run: u64,
    /// The candidate.
    pub candidate: Digest,
    /// Since when.
    pub since: Moment,
}

/// Why a plan leaves an environment alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// That run has it in hand.
    InHand(u64),
    /// A candidate that was formed later is there, or on its way in.
    Overtaken(Digest),
}

/// The run that is in an environment, and its candidate.
pub(super) fn inside<'p>(place: &'p Place, beside: &Beside) -> Option<&'p Taken> {
    place.taken.as_ref().filter(|t| beside.contains_key(&t.run))
}

/// The newest run that brings a candidate along.
pub(super) fn carrier(candidate: Digest, beside: &Beside) -> Option<u64> {
    beside.iter().rev().find(|(_, c)| **c == candidate).map(|(run, _)| *run)
}

/// The candidate that an environment has, or is getting, and that was formed later than this one: an older one never takes the
/// place of a newer one unless somebody asks for it.
///
/// `about` is a candidate that is about to be formed, and will be the newest.
pub fn overtaken(memory: &Memory, about: Option<Digest>, environment: &str, candidate: Digest) -> Option<Digest> {
    let place = memory.environments.get(environment)?;
    let there = place.taken.iter().map(|t| t.candidate).chain(place.has.iter().map(|h| h.candidate));
    there.into_iter().find(|other| is_newer(memory, about, *other, candidate))
}

/// Whether the first candidate was formed later than the second; `about` will be the newest of all.
pub fn is_newer(memory: &Memory, about: Option<Digest>, one: Digest, other: Digest) -> bool {
    let formed = |id: Digest| if about == Some(id) { Some(u64::MAX) } else { memory.formed.get(&id).copied() };
    formed(other).is_some_and(|o| formed(one).is_some_and(|n| n > o))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::memory::Has;

    fn id(name: &str) -> Digest {
        Digest::of(name)
    }

    fn memory() -> Memory {
        let formed = [("a", 1), ("b", 5), ("c", 9)];
        Memory { formed: formed.into_iter().map(|(n, at)| (id(n), at)).collect(), ..Memory::default() }
    }

    fn has(name: &str) -> Has {
        Has {
            candidate: id(name),
            substance: Digest::default(),
            bundles: BTreeMap::new(),
            deploys: BTreeMap::new(),
            verified: Vec::new(),
            since: 0,
        }
    }

    #[test]
    fn what_was_formed_later_is_not_overtaken() {
        let mut memory = memory();
        let place = Place { has: Some(has("b")), ..Place::default() };
        memory.environments.insert("dev".to_string(), place);
        assert_eq!(overtaken(&memory, None, "dev", id("a")), Some(id("b")));
        assert_eq!((overtaken(&memory, None, "dev", id("b")), overtaken(&memory, None, "dev", id("c"))), (None, None));
        assert_eq!(overtaken(&memory, None, "prod", id("a")), None, "nothing was ever there");
        assert_eq!(
            overtaken(&memory, None, "dev", id("never formed")),
            None,
            "what is about to be formed is the newest"
        );
        let again = Some(id("b"));
        assert_eq!(
            overtaken(&memory, again, "dev", id("c")),
            again,
            "what was there before and comes again is the newest"
        );
        assert_eq!(overtaken(&memory, again, "dev", id("b")), None);
    }

    #[test]
    fn what_is_on_its_way_in_counts_as_there() {
        let mut memory = memory();
        let taken = Some(Taken { run: 2, candidate: id("c"), since: 0 });
        memory.environments.insert("dev".to_string(), Place { taken, has: Some(has("a")), ..Place::default() });
        assert_eq!(overtaken(&memory, None, "dev", id("b")), Some(id("c")));
        // A candidate that is formed again is the newest again.
        memory.formed.insert(id("b"), 12);
        assert_eq!(overtaken(&memory, None, "dev", id("b")), None);
    }

    #[test]
    fn a_run_that_is_over_has_nothing_in_hand() {
        let taken = Some(Taken { run: 2, candidate: id("a"), since: 0 });
        let place = Place { taken, ..Place::default() };
        let beside = Beside::from([(2, id("a")), (3, id("b"))]);
        assert_eq!(inside(&place, &beside).map(|t| t.run), Some(2));
        assert_eq!(inside(&place, &Beside::from([(3, id("b"))])), None);
        assert_eq!((carrier(id("b"), &beside), carrier(id("c"), &beside)), (Some(3), None));
    }
}
