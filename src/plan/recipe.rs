//! Keys: why something runs, and why not.

use super::memory::Made;
use super::text::{Text, Unknown};
use crate::digest::{Digest, Hasher};

/// How the key of a step is made: from its definition and from each input that it really reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipe {
    /// The digest of the definition.
    pub base: Digest,
    /// The inputs in their order.
    pub parts: Vec<PartInput>,
    /// Whether no result of before counts, whatever the key: what it left is not as it left it.
    pub anew: bool,
}

/// An input of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartInput {
    /// Known: its digest.
    Known(Digest),
    /// A text that waits for other steps.
    Waits(Text),
}

impl Recipe {
    /// A recipe without inputs.
    pub fn new(base: Digest) -> Recipe {
        Recipe { base, parts: Vec::new(), anew: false }
    }

    /// Adds an input that is known.
    pub fn known(&mut self, digest: Digest) {
        self.parts.push(PartInput::Known(digest));
    }

    /// Adds a text as an input.
    pub fn text(&mut self, text: &Text) {
        let part = match text.unknowns().next() {
            None => PartInput::Known(digest_of(text)),
            Some(_) => PartInput::Waits(text.clone()),
        };
        self.parts.push(part);
    }

    /// The key, if all inputs are known, with what the steps told so far.
    pub fn key(&self, told: &dyn Fn(&Unknown) -> Option<String>) -> Option<Digest> {
        let mut hasher = Hasher::new("key");
        hasher.digest(self.base);
        for part in &self.parts {
            hasher.digest(part.digest(told)?);
        }
        Some(hasher.finish())
    }

    /// What is remembered of it, once all inputs are known.
    pub fn made(&self, told: &dyn Fn(&Unknown) -> Option<String>) -> Made {
        let parts = self.parts.iter().map(|p| p.digest(told).map_or(0, short)).collect();
        Made { key: self.key(told).unwrap_or_default(), base: short(self.base), parts }
    }
}

impl PartInput {
    /// Its digest, if it is known with what the steps told so far.
    pub fn digest(&self, told: &dyn Fn(&Unknown) -> Option<String>) -> Option<Digest> {
        match self {
            PartInput::Known(digest) => Some(*digest),
            PartInput::Waits(text) => {
                let learnt = text.learn(told);
                learnt.unknowns().next().is_none().then(|| digest_of(&learnt))
            }
        }
    }
}

/// The digest of a text whose unknowns are known; secrets count by name.
fn digest_of(text: &Text) -> Digest {
    let mut hasher = Hasher::new("text");
    for piece in &text.0 {
        match piece {
            super::Piece::Text(t) => hasher.field("t").field(t),
            super::Piece::Secret(s) => hasher.field("s").field(s),
            super::Piece::Unknown(u) => hasher.field("u").field(u.step.as_bytes()).field(&u.field),
        };
    }
    hasher.finish()
}

/// The first bytes of a digest, to see whether two are the same.
pub fn short(digest: Digest) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
