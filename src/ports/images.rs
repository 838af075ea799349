//! Images: repositories of a registry or OCI layout folders, and what is read from and written to them.

use super::{Fault, PortError, sources::Credentials};
use crate::digest::Digest;
use std::fmt;
use std::io::{Read, Write};
use std::str::FromStr;
use std::sync::Arc;

/// What an image runs on, written `os/architecture` or `os/architecture/variant` (Go's `GOOS` and `GOARCH` words).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Platform {
    /// The operating system, as `linux`.
    pub os: String,
    /// The processor, as `amd64`.
    pub architecture: String,
    /// The processor's variant, as `v8`.
    pub variant: Option<String>,
}

impl Default for Platform {
    fn default() -> Platform {
        Platform { os: "linux".into(), architecture: "amd64".into(), variant: None }
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.iter().try_for_each(|variant| write!(f, "/{variant}"))
    }
}

impl FromStr for Platform {
    type Err = PortError;

    fn from_str(text: &str) -> Result<Platform, PortError> {
        let good = |part: &&str| {
            !part.is_empty()
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b))
        };
        let parts: Vec<&str> = text.split('/').collect();
        let bad = || {
            PortError::new(Fault::Invalid, format!("`{text}` is not a platform"))
                .help("write the operating system and the processor, as in `linux/amd64` or `linux/arm64/v8`")
        };
        if !parts.iter().all(good) {
            return Err(bad());
        }
        let (os, architecture, variant) = match parts.as_slice() {
            [os, architecture] => (os, architecture, None),
            [os, architecture, variant] => (os, architecture, Some(variant.to_string())),
            _ => return Err(bad()),
        };
        Ok(Platform { os: os.to_string(), architecture: architecture.to_string(), variant })
    }
}

impl serde::Serialize for Platform {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Platform {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Platform, D::Error> {
        String::deserialize(d)?.parse().map_err(|e: PortError| serde::de::Error::custom(e.message))
    }
}

/// Where images are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repository {
    /// The repository with its registry, as `registry.example.com/acme/app`, or the absolute path of a layout folder.
    pub name: String,
    /// Whether `name` is the path of an OCI layout.
    pub layout: bool,
    /// Whether the registry is spoken with unencrypted. One of this machine is without saying.
    pub plain: bool,
    /// What the registry lets us in with; what the machine knows unless said.
    pub credentials: Option<Credentials>,
}

impl Repository {
    /// An OCI layout folder.
    pub fn layout(path: impl Into<String>) -> Repository {
        Repository { name: path.into(), layout: true, plain: false, credentials: None }
    }

    /// A repository of a registry, entered without credentials.
    pub fn registry(name: impl Into<String>) -> Repository {
        Repository { name: name.into(), layout: false, plain: false, credentials: None }
    }
}

/// What a tag rule came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The tag that was chosen; none where a digest was asked for.
    pub tag: Option<String>,
    /// The digest of what it names: a manifest, or an index over platforms.
    pub digest: Digest,
}

/// The two documents that are an image of one platform, byte for byte as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// The digest of the manifest. Differs from the one asked for when that named an index.
    pub digest: Digest,
    /// The manifest.
    pub manifest: Arc<[u8]>,
    /// The configuration.
    pub config: Arc<[u8]>,
}

/// Blobs that can be made when they are needed: the new layers of an image about to be pushed.
pub trait Blobs {
    /// Writes the blob of that digest; answers whether there is one. Errors of `out` come back as
    /// [`Fault::Unavailable`].
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError>;
}

/// An order to put an image into a repository.
pub struct Push<'a> {
    /// Where to.
    pub target: &'a Repository,
    /// The tags that shall name it; they move last.
    pub tags: &'a [String],
    /// The manifest.
    pub manifest: &'a [u8],
    /// The configuration.
    pub config: &'a [u8],
    /// The layers that are new.
    pub blobs: &'a dyn Blobs,
    /// Where the other layers, those of the bases, may be had.
    pub from: &'a [Repository],
}

/// The window to repositories of images. Calls block; the engine makes them on threads of their own.
pub trait Images: Send + Sync {
    /// All tags, in no particular order.
    fn tags(&self, at: &Repository) -> Result<Vec<String>, PortError>;

    /// What a tag, a glob over tags, a version range or a digest (`sha256:…`) comes to now.
    fn resolve(&self, at: &Repository, rule: &str) -> Result<Resolved, PortError>;

    /// The image of one platform, by the digest of its manifest or of an index that has it.
    fn fetch(&self, at: &Repository, digest: Digest, platform: &Platform) -> Result<Fetched, PortError>;

    /// A blob as it is stored. What was read has been verified once the end was reached without an error.
    fn blob(&self, at: &Repository, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, PortError>;

    /// Whether the image with that manifest is there. Tells after a crash whether a push is done.
    fn exists(&self, at: &Repository, digest: Digest) -> Result<bool, PortError>;

    /// Puts an image there and answers the digest of its manifest: blobs first, then the manifest, then the tags.
    /// Pushing the same again changes no byte.
    fn push(&self, push: &Push<'_>) -> Result<Digest, PortError>;
}
