//! A Docker Engine: builds that run programs, and steps in containers.
//!
//! ```text
//! connect      where the engine is, and the one client for it
//! faults       what the engine or the way to it says, in words
//! image        an image that a container needs: there, in our store, or pulled
//! files        folders into a container, and files out of it
//! container    one program in a container, from its start or from where we lost it to its end
//! shell        the programs that run, and who wants to hear of their ends
//! build        one image, by BuildKit where the engine has it
//! session      what BuildKit asks us during a build: secrets and credentials
//! trace        what BuildKit says during a build, as lines
//! saved        what an engine gives out as an image, as one of ours
//! ```
//!
//! The client is asynchronous and the ports block, so there is a small runtime of our own; whatever is begun here ends with
//! it. Nothing of this machine is mounted into a container: the engine may be on another one.

mod build;
mod connect;
mod container;
mod faults;
mod files;
mod image;
mod saved;
mod session;
mod shell;
mod trace;

pub use build::Builds;
pub use connect::Engine;
pub use image::Logins;
pub use shell::Containers;

/// The label of everything that we make in an engine; its value is the key.
const KEY: &str = "lockgate.key";
/// The label with the attempt.
const ATTEMPT: &str = "lockgate.attempt";
