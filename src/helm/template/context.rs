//! What surrounds an execution: the facts that were injected, the bounds, and what the functions leave behind.

use super::scope::{Scope, TextCache};
use super::{FuncError, Names, Registry};
use crate::digest::Digest;
use crate::helm::value::{Str, Unknowns, Value};
use foldhash::{HashMap, HashMapExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// What a render knows of the world. The room itself reads no clock, no cluster and no dice: they are here.
pub struct Environment {
    /// Where random functions begin. The same seed and chart yield the same text, so plan and apply agree.
    pub seed: [u8; 32],
    /// What `now` says.
    pub now: jiff::Timestamp,
    /// A missing key is an error (`helm lint --strict`).
    pub strict: bool,
    /// Errors of `required` and `fail` are overlooked (`helm lint`).
    pub lint: bool,
    /// What `lookup` finds; empty when rendering offline.
    pub lookups: BTreeMap<Lookup, Value>,
    /// The bounds.
    pub limits: Limits,
}

impl Default for Environment {
    fn default() -> Environment {
        Environment {
            seed: [0; 32],
            now: jiff::Timestamp::UNIX_EPOCH,
            strict: false,
            lint: false,
            lookups: BTreeMap::new(),
            limits: Limits::default(),
        }
    }
}

/// The arguments of a `lookup`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lookup {
    /// Such as `apps/v1`.
    pub api_version: String,
    /// Such as `Deployment`.
    pub kind: String,
    /// "" for all namespaces, and for objects without one.
    pub namespace: String,
    /// "" for a list.
    pub name: String,
}

/// How much a render may use. Far beyond what any sensible chart needs; each is an error with its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How often one named template may be inside itself through `include`: Helm's own bound.
    pub include_recursion: usize,
    /// How many templates may be inside each other, in all.
    pub depth: usize,
    /// How many nodes of templates may be executed: what ends a loop over a very large range.
    pub steps: u64,
    /// How many values a value may contain that a function goes through. A template can nest one map in itself many times
    /// over, so that it is small in memory and endless in print.
    pub values: usize,
    /// How many bytes may be written, those that functions return counted too.
    pub output: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { include_recursion: 1_000, depth: 10_000, steps: 20_000_000, values: 5_000_000, output: 256 << 20 }
    }
}

/// One render in progress: passed to every function.
pub struct Context<'a> {
    /// The injected facts.
    pub env: &'a Environment,
    /// The values nobody knows yet.
    pub unknowns: &'a Unknowns,
    /// The dice.
    pub random: Random,
    /// The functions used whose result another render by Helm would not repeat: `randAlphaNum`, `now` and their like.
    pub irreproducible: BTreeSet<&'static str>,
    /// The `lookup`s that were asked for and not in [`Environment::lookups`]: fetch them and render again.
    pub lookups_missed: BTreeSet<Lookup>,
    pub(super) registry: &'a Registry,
    pub(super) scope: Rc<Scope>,
    pub(super) texts: TextCache,
    /// The names that templates share.
    pub(crate) names: Names,
    pub(super) including: HashMap<Str, usize>,
    pub(super) used: Used,
}

/// What has been used of the [`Limits`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Used {
    /// Templates that are inside each other now.
    pub depth: usize,
    /// Nodes executed so far.
    pub steps: u64,
    /// Bytes written so far.
    pub output: usize,
}

impl<'a> Context<'a> {
    /// The start of a render, without any template yet.
    pub fn new(env: &'a Environment, unknowns: &'a Unknowns, registry: &'a Registry) -> Context<'a> {
        Context {
            env,
            unknowns,
            random: Random::new(env.seed),
            irreproducible: BTreeSet::new(),
            lookups_missed: BTreeSet::new(),
            registry,
            scope: Rc::default(),
            texts: TextCache::default(),
            names: Names::default(),
            including: HashMap::new(),
            used: Used::default(),
        }
    }

    /// Notes that the result of this function is not the same in another render.
    pub fn note_irreproducible(&mut self, function: &'static str) {
        self.irreproducible.insert(function);
    }

    /// The answer to a `lookup`; an unknown one is noted in [`Context::lookups_missed`].
    pub fn lookup(&mut self, question: Lookup) -> Option<Value> {
        let answer = self.env.lookups.get(&question).cloned();
        if answer.is_none() {
            self.lookups_missed.insert(question);
        }
        answer
    }

    /// What has been used so far.
    pub fn used(&self) -> &Used {
        &self.used
    }

    /// For functions whose work grows faster than their arguments (`repeat`, `until`): counts bytes against the bound.
    pub fn charge(&mut self, bytes: usize) -> Result<(), FuncError> {
        self.used.output = self.used.output.saturating_add(bytes);
        match self.used.output > self.env.limits.output {
            true => Err(FuncError::Limit(format!(
                "the templates write more than {} bytes, the bound of a render",
                self.env.limits.output
            ))),
            false => Ok(()),
        }
    }
}

/// A stream of random bytes, always the same for the same seed: SHA-256 of the seed and a counter.
pub struct Random {
    seed: [u8; 32],
    block: [u8; 32],
    counter: u64,
    used: usize,
}

impl Random {
    /// The stream of a seed.
    pub fn new(seed: [u8; 32]) -> Random {
        Random { seed, block: [0; 32], counter: 0, used: 32 }
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        if self.used >= self.block.len() {
            self.block = Digest::of([&self.seed[..], &self.counter.to_le_bytes()].concat()).0;
            self.counter += 1;
            self.used = 0;
        }
        let byte = self.block.get(self.used).copied().unwrap_or_default();
        self.used += 1;
        byte
    }

    /// The next bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().for_each(|byte| *byte = self.byte());
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A number below `bound`, each as likely as the others; 0 if the bound is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let Some(fair) = u64::MAX.checked_rem(bound).map(|rest| u64::MAX - rest) else { return 0 };
        loop {
            let number = self.next_u64();
            if number < fair {
                return number % bound;
            }
        }
    }
}
