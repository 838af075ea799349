//! Images without a daemon: a Dockerfile and the files of one version become an OCI image, the same bytes every time.
//!
//! ```text
//! Files ─Context::open→ Context ─dockerfile→ Dockerfile                         the ignore file has been obeyed
//! Request ─bases→ [BaseRef] ─Base::fetch→ Bases                                 what FROM names
//! Request + Bases ─recipe→ Recipe ─plan→ Image                                  every decision, then the exact digest
//! Recipe + Image ─blobs→ Blobs ─Images::push→ a repository                      the same layers, made again
//! ```
//!
//! A Dockerfile that runs programs is for an engine: of that one, [`read`] says what it is made of and pins what it starts
//! from, so that a plan knows why it is built, if not to what.
//!
//! A pure room: it reads only through the [`Files`](crate::ports::files::Files) and
//! [`Images`](crate::ports::images::Images) handed in, knows no clock and no environment, and writes nowhere but to
//! what it is given. Formats: the Dockerfile reference of Docker, and the OCI image specification, version 1.1.

mod archive;
mod base;
mod build;
pub mod config;
mod context;
mod copy;
mod daemon;
pub mod dockerfile;
pub mod ignore;
mod layer;
pub mod limits;
pub mod manifest;
mod names;
mod owner;
mod pattern;
mod recipe;
pub mod reference;
mod run;
mod stage;
pub mod tags;
#[cfg(test)]
mod tests;
pub mod tree;

pub use archive::header as tar_header;
pub use base::{Base, TreeCache};
pub use build::{BaseRef, Request, bases, inputs, recipe};
pub use context::Context;
pub use daemon::{Reading, read};
pub use dockerfile::Dockerfile;
pub use layer::{LayerCache, LayerInfo};
pub use recipe::{Image, Note, Recipe, RecipeBlobs};
pub use reference::Reference;
pub use tags::TagRule;
pub use tree::Tree;
