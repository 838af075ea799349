//! Values nobody knows yet, such as the digest of an image that is still to be built.
//!
//! An unknown travels as an ordinary string: a marker text that occurs nowhere else. So every function works on it, and the
//! rendered text says by itself where the unknown ended up. A function whose result would hide the marker (a hash, an
//! encoding) asks [`Unknowns::derive`] for a marker of its own.

use super::Str;
use crate::digest::Digest;
use memchr::memmem;
use std::cell::RefCell;
use std::rc::Rc;

/// One value that is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The text that stands for it.
    pub marker: Str,
    /// What it is, for people: `digest of image app, known after build`.
    pub what: String,
    /// Where this is the result of a function: its name, and the unknowns in its input.
    pub derived: Option<(String, Vec<Rc<Unknown>>)>,
}

/// The unknowns of one render.
#[derive(Default)]
pub struct Unknowns {
    known: RefCell<Vec<Rc<Unknown>>>,
}

impl Unknowns {
    /// Nothing is unknown.
    pub fn none() -> Unknowns {
        Unknowns::default()
    }

    /// Declares a marker. It should be long and random enough to occur nowhere by chance; an empty one is ignored.
    pub fn declare(&self, marker: &str, what: &str) {
        if !marker.is_empty() {
            self.add(Unknown { marker: marker.into(), what: what.to_string(), derived: None });
        }
    }

    /// Whether these bytes contain the marker of an unknown.
    pub fn contains_marker(&self, bytes: &[u8]) -> bool {
        self.known.borrow().iter().any(|unknown| contains(bytes, unknown))
    }

    /// The unknowns whose marker these bytes contain, in the order of declaration.
    pub fn find(&self, bytes: &[u8]) -> Vec<Rc<Unknown>> {
        self.known.borrow().iter().filter(|unknown| contains(bytes, unknown)).cloned().collect()
    }

    /// The marker that stands for `function(input)`, if the input contains an unknown: 64 hexadecimal digits, the same for
    /// the same function and input. Nothing if the input is known: then the function computes.
    pub fn derive(&self, function: &str, input: &[u8]) -> Option<Str> {
        let inputs = self.find(input);
        if inputs.is_empty() {
            return None;
        }
        let marker = Str::from(Digest::of([b"unknown ", function.as_bytes(), b" ", input].concat()).hex());
        let names = inputs.iter().map(|unknown| unknown.what.as_str()).collect::<Vec<_>>().join(", ");
        let what = format!("{function} of {names}");
        self.add(Unknown { marker: marker.clone(), what, derived: Some((function.to_string(), inputs)) });
        Some(marker)
    }

    fn add(&self, unknown: Unknown) {
        let mut known = self.known.borrow_mut();
        if !known.iter().any(|other| other.marker == unknown.marker) {
            known.push(Rc::new(unknown));
        }
    }
}

/// How much of a derived marker must be left to be recognised: charts cut checksums with `trunc 8` and longer.
const DERIVED_PREFIX: usize = 8;

fn contains(bytes: &[u8], unknown: &Unknown) -> bool {
    let marker = match unknown.derived {
        Some(_) => unknown.marker.get(..DERIVED_PREFIX).unwrap_or(&unknown.marker),
        None => &unknown.marker,
    };
    memmem::find(bytes, marker).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_of_an_unknown_is_an_unknown() {
        let unknowns = Unknowns::none();
        unknowns.declare("sha256:marker", "digest of app");
        assert!(unknowns.derive("sha256sum", b"image: app:1").is_none());
        let marker = unknowns.derive("sha256sum", b"image: app@sha256:marker").expect("an unknown");
        let again = unknowns.derive("sha256sum", b"image: app@sha256:marker").expect("an unknown");
        assert_eq!(marker, again);
        let found = unknowns.find(&[b"checksum: ", &marker[..8]].concat());
        assert_eq!(found.iter().map(|u| u.what.as_str()).collect::<Vec<_>>(), ["sha256sum of digest of app"]);
    }
}
