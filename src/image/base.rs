//! The images that a build starts from.

use super::config::ImageConfig;
use super::limits;
use super::manifest::{self, Document, Manifest};
use super::tree::Tree;
use crate::digest::Digest;
use crate::ports::images::{Fetched, Images, Platform, Repository};
use crate::ports::{Fault, PortError};
use std::sync::Arc;

/// An image that a build starts from.
#[derive(Clone, Debug)]
pub struct Base {
    pub(super) digest: Digest,
    pub(super) manifest: Manifest,
    pub(super) config: ImageConfig,
    pub(super) tree: Option<Arc<Tree>>,
}

/// Keeps the trees of images by the digests of their manifests: to know one, all layers must be read.
pub trait TreeCache {
    /// The tree of that image.
    fn get(&self, base: Digest) -> Option<Arc<Tree>>;
    /// Keeps it.
    fn put(&self, base: Digest, tree: &Arc<Tree>);
}

/// Keeps nothing.
impl TreeCache for () {
    fn get(&self, _: Digest) -> Option<Arc<Tree>> {
        None
    }

    fn put(&self, _: Digest, _: &Arc<Tree>) {}
}

impl Base {
    /// Takes an image that was fetched. Without a tree it is not known what folders, links and users it has: folders
    /// of files that are added are then left to the runtime, and owners can be given by number only.
    pub fn new(fetched: &Fetched, tree: Option<Arc<Tree>>) -> Result<Base, PortError> {
        let what = format!("the manifest {}", fetched.digest);
        let invalid = |why: String| PortError::new(Fault::Invalid, why);
        let manifest = match Document::parse(&what, &fetched.manifest)? {
            Document::Manifest(manifest) => *manifest,
            Document::Index(_) => return Err(invalid(format!("{what} is an index, not an image"))),
        };
        if fetched.config.len() as u64 > limits::CONFIG {
            let message = format!("the configuration of {what} has more than {} bytes", limits::CONFIG);
            return Err(PortError::new(Fault::Limit, message));
        }
        if Digest::of(&fetched.config) != manifest.config.digest {
            return Err(invalid(format!("the configuration of {what} is not the one it names")));
        }
        let config: ImageConfig = manifest::json(&format!("the configuration of {what}"), &fetched.config)?;
        if config.rootfs.diff_ids.len() != manifest.layers.len() {
            return Err(invalid(format!("{what} and its configuration have different numbers of layers")));
        }
        Ok(Base { digest: fetched.digest, manifest, config, tree })
    }

    /// Fetches an image and its tree. Where its layers are not at hand or packed in a way not known, it has no tree.
    pub fn fetch(
        images: &dyn Images,
        at: &Repository,
        digest: Digest,
        platform: &Platform,
        trees: &dyn TreeCache,
    ) -> Result<Base, PortError> {
        let fetched = images.fetch(at, digest, platform)?;
        let mut base = Base::new(&fetched, trees.get(fetched.digest))?;
        let readable = base.manifest.layers.iter().all(|layer| readable(&layer.media_type));
        if base.tree.is_none() && readable {
            match read_tree(images, at, &base.manifest) {
                Ok(tree) => {
                    trees.put(fetched.digest, &tree);
                    base.tree = Some(tree);
                }
                Err(error) if error.fault == Fault::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(base)
    }

    /// The digest of its manifest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Whether layers of that kind can be looked into.
fn readable(media_type: &str) -> bool {
    matches!(manifest::oci_layer(media_type), manifest::LAYER | manifest::LAYER_GZIP)
}

fn read_tree(images: &dyn Images, at: &Repository, manifest: &Manifest) -> Result<Arc<Tree>, PortError> {
    let mut tree = Tree::default();
    for layer in &manifest.layers {
        let mut blob = images.blob(at, layer.digest, layer.size)?;
        tree.add_layer(&format!("the layer {}", layer.digest), &mut blob)?;
        // A blob is verified at its end, which an archive may not need.
        std::io::copy(&mut blob, &mut std::io::sink()).map_err(|why| {
            PortError::new(Fault::Unavailable, format!("the layer {} cannot be read: {why}", layer.digest))
        })?;
    }
    Ok(Arc::new(tree))
}
