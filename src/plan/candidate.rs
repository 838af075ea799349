//! Candidates: exact sets of versions that travel together.

use crate::digest::{Digest, Hasher};
use crate::ports::sources::Version;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An exact set of versions, with the digest of the pipeline file. The same set is the same candidate, for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// What names it.
    pub id: Digest,
    /// The digest of the pipeline file and its includes.
    pub file: Digest,
    /// The version of each source.
    pub versions: BTreeMap<String, Version>,
}

impl Candidate {
    /// The candidate of these versions.
    pub fn new(file: Digest, versions: BTreeMap<String, Version>) -> Candidate {
        let mut hasher = Hasher::new("candidate");
        hasher.digest(file);
        for (source, version) in &versions {
            hasher.field(source).field(&version.id).digest(version.content);
        }
        Candidate { id: hasher.finish(), file, versions }
    }

    /// Its short name: two words and three letters that people can say, such as `calm-otter-3f2`.
    pub fn name(&self) -> String {
        name_of(self.id)
    }
}

/// The short name of the candidate with that id.
pub fn name_of(id: Digest) -> String {
    let word = |list: &[&'static str; 64], byte: u8| list[(byte & 63) as usize];
    format!("{}-{}-{}", word(&QUALITIES, id.0[0]), word(&ANIMALS, id.0[1]), &id.hex()[4..7])
}

static QUALITIES: [&str; 64] = [
    "able", "agile", "amber", "apt", "azure", "bold", "brave", "brisk", "bright", "calm", "clear", "clever", "cool",
    "coral", "crisp", "daring", "deep", "eager", "early", "even", "fair", "fast", "fine", "firm", "fleet", "fresh",
    "gentle", "glad", "golden", "grand", "green", "happy", "hardy", "honest", "ivory", "jolly", "keen", "kind",
    "large", "light", "lively", "loyal", "lucky", "mellow", "merry", "mild", "neat", "noble", "olive", "plain",
    "polite", "proud", "quick", "quiet", "ready", "rosy", "sharp", "silver", "smart", "steady", "sunny", "swift",
    "warm", "wise",
];

static ANIMALS: [&str; 64] = [
    "ant", "badger", "bear", "beaver", "bee", "bison", "boar", "camel", "cat", "crab", "crane", "crow", "deer",
    "dingo", "dove", "duck", "eagle", "eel", "egret", "elk", "emu", "falcon", "finch", "fox", "frog", "gecko", "goat",
    "goose", "gull", "hare", "hawk", "heron", "horse", "ibex", "jay", "koala", "lark", "lemur", "lion", "llama",
    "lynx", "mole", "moose", "moth", "mouse", "newt", "orca", "otter", "owl", "panda", "puma", "quail", "rabbit",
    "raven", "robin", "seal", "shrew", "snail", "stork", "swan", "tiger", "toad", "wolf", "wren",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_set_is_the_same_candidate() {
        let version = |id: &str| Version { id: id.into(), name: None, content: Digest::of(id) };
        let of = |pairs: &[(&str, &str)]| {
            Candidate::new(Digest::of("file"), pairs.iter().map(|(s, v)| (s.to_string(), version(v))).collect())
        };
        assert_eq!(of(&[("a", "1"), ("b", "2")]), of(&[("b", "2"), ("a", "1")]));
        assert_ne!(of(&[("a", "1")]).id, of(&[("a", "2")]).id);
        assert_ne!(of(&[("a", "1")]).id, Candidate::new(Digest::of("other"), of(&[("a", "1")]).versions).id);
    }
}
