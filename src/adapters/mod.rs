//! The neighbours as they really are: what the ports say, done with this machine's files, programs and clock and with what
//! is reached from it. They know the ports and nothing above them; the façade puts them together.

pub mod charts;
pub mod clock;
#[cfg(feature = "docker")]
pub mod docker;
pub mod export;
pub mod fake;
pub mod folder;
pub mod git;
pub mod images;
#[cfg(feature = "kubernetes")]
pub mod kube;
pub mod layout;
#[cfg(feature = "notices")]
pub mod notices;
#[cfg(all(feature = "notices", any(feature = "otel", test)))]
pub mod otlp;
pub mod place;
mod received;
#[cfg(feature = "registry")]
pub mod registry;
pub mod secrets;
pub mod seen;
pub mod shelf;
pub mod shell;
pub mod sources;
pub mod sqlite;
pub mod workshop;

#[cfg(test)]
mod contract;
mod dates;
mod disk;
mod kept;
#[cfg(any(feature = "docker", feature = "kubernetes"))]
mod leaving;
mod verified;

pub(crate) use disk::TEMPORARY;
#[cfg(feature = "registry")]
pub mod web;
