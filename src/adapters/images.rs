//! All images that this machine can reach: each question goes to the adapter for its kind of repository.

use super::layout::Layouts;
#[cfg(feature = "registry")]
use super::registry::Registries;
use crate::digest::Digest;
use crate::image::manifest::{Document, Manifest};
use crate::ports::images::{Blobs, Fetched, Images, Platform, Push, Repository, Resolved};
use crate::ports::{Fault, PortError};
use std::io::{Read, Write};
use std::path::PathBuf;

/// Images in layout folders and in registries.
pub struct AllImages {
    layouts: Layouts,
    #[cfg(feature = "registry")]
    registries: Registries,
}

impl AllImages {
    /// Images as this machine reaches them; what is fetched of registries is kept below `cache`.
    #[cfg_attr(not(feature = "registry"), allow(unused_variables))]
    pub fn new(cache: impl Into<PathBuf>) -> AllImages {
        AllImages {
            layouts: Layouts,
            #[cfg(feature = "registry")]
            registries: Registries::new(cache),
        }
    }

    fn of(&self, at: &Repository) -> Result<&dyn Images, PortError> {
        if at.layout {
            return Ok(&self.layouts);
        }
        #[cfg(feature = "registry")]
        return Ok(&self.registries);
        #[cfg(not(feature = "registry"))]
        Err(PortError::new(
            Fault::Unavailable,
            format!("`{}` is in a registry, and this Lockgate was built without the feature `registry`", at.name),
        )
        .help("an OCI layout folder works without it"))
    }
}

impl Images for AllImages {
    fn tags(&self, at: &Repository) -> Result<Vec<String>, PortError> {
        self.of(at)?.tags(at)
    }

    fn resolve(&self, at: &Repository, rule: &str) -> Result<Resolved, PortError> {
        self.of(at)?.resolve(at, rule)
    }

    fn fetch(&self, at: &Repository, digest: Digest, platform: &Platform) -> Result<Fetched, PortError> {
        self.of(at)?.fetch(at, digest, platform)
    }

    fn blob(&self, at: &Repository, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, PortError> {
        self.of(at)?.blob(at, digest, size)
    }

    fn exists(&self, at: &Repository, digest: Digest) -> Result<bool, PortError> {
        self.of(at)?.exists(at, digest)
    }

    fn push(&self, push: &Push<'_>) -> Result<Digest, PortError> {
        let to = self.of(push.target)?;
        let elsewhere: Vec<&Repository> = push.from.iter().filter(|at| at.layout != push.target.layout).collect();
        if elsewhere.is_empty() {
            return to.push(push);
        }
        let manifest = match Document::parse("the manifest to push", push.manifest)? {
            Document::Manifest(manifest) => *manifest,
            Document::Index(_) => return to.push(push),
        };
        let blobs = Fetching { images: self, own: push.blobs, elsewhere, manifest };
        to.push(&Push { blobs: &blobs, ..*push })
    }
}

/// Layers that are made, or else fetched from repositories of the other kind.
struct Fetching<'a> {
    images: &'a AllImages,
    own: &'a dyn Blobs,
    elsewhere: Vec<&'a Repository>,
    manifest: Manifest,
}

impl Blobs for Fetching<'_> {
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError> {
        if self.own.write(digest, out)? {
            return Ok(true);
        }
        let Some(layer) = self.manifest.layers.iter().find(|layer| layer.digest == digest) else { return Ok(false) };
        for at in &self.elsewhere {
            match self.images.blob(at, digest, layer.size) {
                Ok(mut blob) => {
                    let cannot = |why: std::io::Error| {
                        PortError::new(Fault::Unavailable, format!("the layer {digest} of `{}`: {why}", at.name))
                    };
                    std::io::copy(&mut blob, out).map_err(cannot)?;
                    return Ok(true);
                }
                Err(error) if error.fault == Fault::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}
