//! Registries and layouts in memory.

use super::{Deed, Ledger, Power};
use crate::digest::Digest;
use crate::image::manifest::{Document, Manifest};
use crate::image::tags::TagRule;
use crate::ports::images::{Fetched, Images, Platform, Push, Repository, Resolved};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Arc;

/// Images in memory. Repositories come to be when something is pushed to them.
#[derive(Debug)]
pub struct FakeImages {
    ledger: Ledger,
    power: Power,
    repositories: Mutex<BTreeMap<(bool, String), Content>>,
}

#[derive(Debug, Default)]
struct Content {
    tags: BTreeMap<String, Digest>,
    manifests: BTreeMap<Digest, Arc<[u8]>>,
    blobs: BTreeMap<Digest, Arc<[u8]>>,
}

impl FakeImages {
    /// No repositories.
    pub fn new(ledger: Ledger, power: Power) -> FakeImages {
        FakeImages { ledger, power, repositories: Mutex::default() }
    }

    /// Moves a tag to an image that is there, as another writer would.
    pub fn retag(&self, at: &Repository, tag: &str, digest: Digest) {
        self.repositories.lock().entry(key(at)).or_default().tags.insert(tag.to_string(), digest);
    }

    /// Drops an image and its tags, as a registry that cleans up does.
    pub fn forget(&self, at: &Repository, digest: Digest) {
        if let Some(content) = self.repositories.lock().get_mut(&key(at)) {
            content.manifests.remove(&digest);
            content.tags.retain(|_, tagged| *tagged != digest);
        }
    }

    fn look<T>(&self, at: &Repository, pick: impl FnOnce(&Content) -> Result<T, PortError>) -> Result<T, PortError> {
        self.power.check()?;
        match self.repositories.lock().get(&key(at)) {
            Some(content) => pick(content),
            None => Err(missing(format!("there is no repository `{}`", at.name))),
        }
    }
}

fn key(at: &Repository) -> (bool, String) {
    (at.layout, at.name.clone())
}

fn missing(message: String) -> PortError {
    PortError::new(Fault::NotFound, message)
}

fn manifest_of(bytes: &[u8]) -> Result<Manifest, PortError> {
    match Document::parse("the manifest", bytes)? {
        Document::Manifest(manifest) => Ok(*manifest),
        Document::Index(_) => Err(PortError::new(Fault::Invalid, "an index cannot be pushed, only an image")),
    }
}

impl Images for FakeImages {
    fn tags(&self, at: &Repository) -> Result<Vec<String>, PortError> {
        self.look(at, |content| Ok(content.tags.keys().cloned().collect()))
    }

    fn resolve(&self, at: &Repository, rule: &str) -> Result<Resolved, PortError> {
        self.look(at, |content| {
            if let Ok(digest) = rule.parse::<Digest>() {
                let none = || missing(format!("`{}` has no {digest}", at.name));
                return content.manifests.get(&digest).map(|_| Resolved { tag: None, digest }).ok_or_else(none);
            }
            let parsed = TagRule::parse(rule).map_err(|why| PortError::new(Fault::Invalid, why.message))?;
            let tags: Vec<&str> = content.tags.keys().map(String::as_str).collect();
            let none = || missing(format!("`{}` has no tag `{rule}`", at.name));
            let tag = parsed.choose(&tags).ok_or_else(none)?;
            let digest = content.tags.get(tag).copied().ok_or_else(none)?;
            Ok(Resolved { tag: Some(tag.to_string()), digest })
        })
    }

    fn fetch(&self, at: &Repository, digest: Digest, _: &Platform) -> Result<Fetched, PortError> {
        self.look(at, |content| {
            let none = || missing(format!("`{}` has no {digest}", at.name));
            let manifest = content.manifests.get(&digest).ok_or_else(none)?.clone();
            let config = content.blobs.get(&manifest_of(&manifest)?.config.digest).ok_or_else(none)?.clone();
            Ok(Fetched { digest, manifest, config })
        })
    }

    fn blob(&self, at: &Repository, digest: Digest, _: u64) -> Result<Box<dyn Read + Send>, PortError> {
        self.look(at, |content| {
            let none = || missing(format!("`{}` has no blob {digest}", at.name));
            Ok(Box::new(Cursor::new(content.blobs.get(&digest).ok_or_else(none)?.clone())) as Box<dyn Read + Send>)
        })
    }

    fn exists(&self, at: &Repository, digest: Digest) -> Result<bool, PortError> {
        match self.look(at, |content| Ok(content.manifests.contains_key(&digest))) {
            Err(error) if error.fault == Fault::NotFound => Ok(false),
            other => other,
        }
    }

    fn push(&self, push: &Push<'_>) -> Result<Digest, PortError> {
        self.power.boundary()?;
        let (digest, manifest) = (Digest::of(push.manifest), manifest_of(push.manifest)?);
        if Digest::of(push.config) != manifest.config.digest {
            return Err(PortError::new(Fault::Invalid, "the manifest to push names another configuration"));
        }
        // Made before anything is locked: whoever makes them may read from us.
        let mut made = vec![(manifest.config.digest, push.config.to_vec())];
        for layer in &manifest.layers {
            let mut bytes = Vec::new();
            if push.blobs.write(layer.digest, &mut bytes)? {
                made.push((layer.digest, bytes));
            }
        }
        let mut repositories = self.repositories.lock();
        let others = manifest.layers.iter().filter(|layer| !made.iter().any(|(digest, _)| *digest == layer.digest));
        let taken = others.filter_map(|layer| {
            let of = |at: &Repository| repositories.get(&key(at))?.blobs.get(&layer.digest).map(|blob| blob.to_vec());
            // A base's layer that is nowhere stays a reference.
            push.from.iter().find_map(of).map(|bytes| (layer.digest, bytes))
        });
        let taken: Vec<_> = taken.collect();
        made.extend(taken);
        let content = repositories.entry(key(push.target)).or_default();
        content.blobs.extend(made.into_iter().map(|(digest, bytes)| (digest, Arc::from(bytes))));
        let is_new = content.manifests.insert(digest, push.manifest.into()).is_none();
        let moved = push.tags.iter().filter(|tag| content.tags.insert(tag.to_string(), digest) != Some(digest)).count();
        drop(repositories);
        if is_new || moved > 0 {
            self.ledger.record(&self.power, Deed::Push, &push.target.name, format!("{digest} {}", push.tags.join(" ")));
        }
        self.power.boundary()?;
        Ok(digest)
    }
}
