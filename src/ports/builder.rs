//! Builders: engines that make images of Dockerfiles that run programs.

use super::images::{Blobs, Platform, Repository};
use super::shell::Ticket;
use super::{Place, PortError};
use crate::digest::Digest;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// An order to build an image.
pub struct Order<'a> {
    /// The number under which it can be cancelled.
    pub ticket: Ticket,
    /// What names the build: the same for the same inputs. What was made under it is not made again.
    pub key: Digest,
    /// The name of the build, in small letters, digits and dashes.
    pub name: &'a str,
    /// Writes the files of the context as a tar archive, the Dockerfile among them.
    pub context: &'a (dyn Fn(&mut dyn Write) -> Result<(), PortError> + Sync),
    /// The path of the Dockerfile in there.
    pub dockerfile: &'a str,
    /// The instructions of the Dockerfile with their places, so that an error can say which one failed.
    pub instructions: &'a [(String, Place)],
    /// What it starts from.
    pub bases: &'a [Base],
    /// Build arguments.
    pub args: &'a BTreeMap<String, String>,
    /// Labels of the image.
    pub labels: &'a BTreeMap<String, String>,
    /// The stage; the last one without.
    pub target: Option<&'a str>,
    /// What it is to run on.
    pub platform: &'a Platform,
    /// Secrets by the names under which instructions ask for them. They are in no layer, argument or log.
    pub secrets: &'a [(String, SecretString)],
    /// Whether nothing of before may be used again.
    pub fresh: bool,
    /// How long it may take.
    pub timeout: Duration,
    /// The file that takes what is printed.
    pub log: &'a Path,
    /// Texts that must not be seen in there, in any encoding.
    pub redact: &'a [String],
    /// A folder for files that are needed for a while; made when it is not there.
    pub scratch: &'a Path,
}

/// An image that a build starts from.
#[derive(Clone, Debug)]
pub struct Base {
    /// What the Dockerfile calls it, pinned to its digest.
    pub name: String,
    /// Where it is; what is in no registry is handed to the engine under that name.
    pub at: Repository,
    /// The digest of its manifest or index.
    pub digest: Digest,
    /// The platform that is wanted of it.
    pub platform: Platform,
}

/// What an image that is in no registry is called in an engine.
pub fn own_name(digest: Digest) -> String {
    format!("lockgate/image:{}", digest.hex())
}

/// What came of a build.
pub struct Built {
    /// The image, or why there is none.
    pub image: Result<Image, PortError>,
    /// The length of the log; without output there is no file.
    pub log_len: u64,
    /// The digest of the log.
    pub log_digest: Digest,
}

/// An image that was built.
pub struct Image {
    /// The manifest.
    pub manifest: Vec<u8>,
    /// The configuration.
    pub config: Vec<u8>,
    /// The layers that are new.
    pub blobs: Box<dyn Blobs + Send>,
}

/// The window to an engine that builds. Calls block.
pub trait Builder: Send + Sync {
    /// Builds an image. An error means that nothing was begun.
    fn build(&self, order: &Order<'_>) -> Result<Built, PortError>;

    /// Stops the build of that ticket. Nothing happens when it has ended.
    fn cancel(&self, ticket: Ticket);
}
