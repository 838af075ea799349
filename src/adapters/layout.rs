//! OCI layout folders: images on disk, as the OCI image specification 1.1 lays them out (`image-layout.md`).
//!
//! ```text
//! oci-layout              says that this is one
//! blobs/sha256/…          layers, configurations, manifests, each under its digest
//! index.json              which manifests there are, and under which tags
//! ```
//!
//! Nothing is ever overwritten but `index.json`, and that only as the last step and at once. So whoever reads sees the
//! layout before or after a push, and a push that was cut off has only left blobs that nobody names.

mod folder;
mod prune;
mod store;

pub use prune::{Gone, prune};

use crate::digest::Digest;
use crate::image::limits;
use crate::image::manifest::{self, Document};
use crate::ports::images::{Fetched, Images, Platform, Push, Repository, Resolved};
use crate::ports::sources::{About, Head, HeadQuery, Origin, Version};
use crate::ports::{Fault, PortError};
use folder::Folder;
use std::io::Read;
use std::path::Path;

/// How deep indexes may name indexes; one is what there is, an index in `index.json`.
const INDEX_DEPTH: usize = 4;

/// Images in layout folders; a repository is the path of one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Layouts;

impl Layouts {
    /// The newest image that counts: the answer for a source that is a layout folder. The version is named by the
    /// digest of its manifest or index, and called by its tag.
    pub fn head(&self, query: &HeadQuery) -> Result<Head, PortError> {
        let Origin::Image { repository, layout: true, tag, .. } = &query.origin else {
            return Err(PortError::new(Fault::Invalid, "the source is no OCI layout"));
        };
        let resolved = self.resolve(&Repository::layout(repository), tag)?;
        let id = resolved.digest.to_string();
        let version = Version { id, name: resolved.tag, content: resolved.digest };
        Ok(Head { version, about: About::default() })
    }

    fn open(&self, at: &Repository) -> Result<Folder, PortError> {
        if !at.layout {
            let message = format!("`{}` is a repository of a registry, not an OCI layout", at.name);
            return Err(PortError::new(Fault::Invalid, message));
        }
        Folder::open(Path::new(&at.name))
    }
}

impl Images for Layouts {
    fn tags(&self, at: &Repository) -> Result<Vec<String>, PortError> {
        let index = self.open(at)?.index()?;
        let mut tags: Vec<String> = index.manifests.iter().filter_map(folder::tag).collect();
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    fn resolve(&self, at: &Repository, rule: &str) -> Result<Resolved, PortError> {
        self.open(at)?.resolve(rule)
    }

    fn fetch(&self, at: &Repository, digest: Digest, platform: &Platform) -> Result<Fetched, PortError> {
        let folder = self.open(at)?;
        let mut digest = digest;
        for _ in 0..INDEX_DEPTH {
            let bytes = folder.document(digest, limits::MANIFEST)?;
            let name = folder.blob_name(digest);
            let index = match Document::parse(&name, &bytes)? {
                Document::Index(index) => index,
                Document::Manifest(manifest) => {
                    let config = folder.document(manifest.config.digest, limits::CONFIG)?;
                    return Ok(Fetched { digest, manifest: bytes.into(), config: config.into() });
                }
            };
            let missing = || {
                let message = format!("{name} has no image for {platform}");
                PortError::new(Fault::NotFound, message).help(format!("it has images for {}", index.platforms()))
            };
            digest = index.choose(platform).ok_or_else(missing)?.digest;
        }
        Err(PortError::new(Fault::Limit, format!("{} is an index of indexes of indexes", folder.blob_name(digest))))
    }

    fn blob(&self, at: &Repository, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, PortError> {
        Ok(Box::new(self.open(at)?.blob(digest, Some(size))?))
    }

    fn exists(&self, at: &Repository, digest: Digest) -> Result<bool, PortError> {
        let named = |folder: &Folder| {
            let index = folder.index()?;
            Ok(folder.has(digest) && index.manifests.iter().any(|image| image.digest == digest))
        };
        match self.open(at).and_then(|folder| named(&folder)) {
            // Where no layout is yet, no image is.
            Err(error) if error.fault == Fault::NotFound => Ok(false),
            answer => answer,
        }
    }

    fn push(&self, push: &Push<'_>) -> Result<Digest, PortError> {
        if !push.target.layout {
            let message = format!("`{}` is a repository of a registry, not an OCI layout", push.target.name);
            return Err(PortError::new(Fault::Invalid, message));
        }
        let digest = Digest::of(push.manifest);
        let manifest = match Document::parse("the manifest to push", push.manifest)? {
            Document::Manifest(manifest) => manifest,
            Document::Index(_) => {
                return Err(PortError::new(Fault::Invalid, "an index cannot be pushed, only an image"));
            }
        };
        let config = Digest::of(push.config);
        if config != manifest.config.digest {
            return Err(PortError::new(Fault::Invalid, "the manifest to push names another configuration"));
        }
        let from: Vec<Folder> = push.from.iter().filter(|at| at.layout).filter_map(|at| self.open(at).ok()).collect();
        let writer = store::Writer::open(Path::new(&push.target.name))?;
        for layer in &manifest.layers {
            writer.layer(layer, push.blobs, &from)?;
        }
        writer.document(config, push.config)?;
        writer.document(digest, push.manifest)?;
        let media_type = manifest.media_type.as_deref().unwrap_or(manifest::MANIFEST);
        writer.name(digest, push.manifest.len() as u64, media_type, push.config, push.tags)?;
        Ok(digest)
    }
}

#[cfg(test)]
mod tests;
