//! The shelf: bytes that are kept under a name, such as rendered objects and what was found out of layers.

use super::PortError;

/// What kind of thing is kept; each kind has names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Rendered objects, by digest.
    Bundle,
    /// What is known of an image's layers, by what they are made of.
    Layer,
    /// The files of a base image, by its digest.
    Tree,
}

impl Kind {
    /// The kind in a word that can name a folder.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Bundle => "bundles",
            Kind::Layer => "layers",
            Kind::Tree => "trees",
        }
    }
}

/// The window to the shelf.
pub trait Shelf: Send + Sync {
    /// Keeps bytes; they survive a loss of power when this returns. The same name always stands for the same bytes.
    fn put(&self, kind: Kind, name: &str, bytes: &[u8]) -> Result<(), PortError>;

    /// The bytes, if they are kept.
    fn get(&self, kind: Kind, name: &str) -> Result<Option<Vec<u8>>, PortError>;
}
