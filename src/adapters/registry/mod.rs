//! Images in registries, over the distribution project's API, version 2 (the OCI distribution specification 1.1).
//!
//! The newest of a tag is asked for with HEAD, which registries count as no pull. Manifests and configurations are kept by
//! digest in a folder, since what a digest names does not change: an image that was seen once is not fetched again.

mod address;
mod challenge;
mod client;
mod documents;
mod faults;
mod login;
mod pull;
mod push;

pub(crate) use address::is_loopback;
pub(crate) use client::{Client, Shared};
pub(crate) use login::DockerConfig;
pub use login::docker_login;

use super::web::Web;
use crate::digest::Digest;
use crate::image::limits;
use crate::image::manifest::Document;
use crate::image::tags::TagRule;
use crate::ports::images::{Fetched, Images, Platform, Push, Repository, Resolved};
use crate::ports::{Fault, PortError};
use documents::Documents;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

/// How deep indexes may name indexes.
const INDEX_DEPTH: usize = 4;
/// How many tags an error names.
const SHOWN: usize = 8;

/// Images in registries.
pub struct Registries {
    shared: Arc<Shared>,
    documents: Documents,
}

impl Registries {
    /// Registries as this machine reaches them; what is fetched is kept below `cache`.
    pub fn new(cache: impl Into<PathBuf>) -> Registries {
        Registries::with(Web::new(), DockerConfig::of_machine(), cache)
    }

    pub(crate) fn with(web: Web, docker: DockerConfig, cache: impl Into<PathBuf>) -> Registries {
        Registries { shared: Arc::new(Shared::new(web, docker)), documents: Documents::new(cache.into()) }
    }

    /// A manifest or an index by its digest.
    fn manifest(&self, client: &Client<'_>, digest: Digest) -> Result<Vec<u8>, PortError> {
        if let Some(kept) = self.documents.get(digest) {
            return Ok(kept);
        }
        let bytes = client.manifest(digest)?;
        self.documents.put(digest, &bytes);
        Ok(bytes)
    }

    fn config(&self, client: &Client<'_>, digest: Digest, size: u64) -> Result<Vec<u8>, PortError> {
        if let Some(kept) = self.documents.get(digest) {
            return Ok(kept);
        }
        if size > limits::CONFIG {
            let message = format!("the configuration {digest} has more than {} bytes", limits::CONFIG);
            return Err(PortError::new(Fault::Limit, message));
        }
        let mut bytes = Vec::new();
        client.blob(self.shared.clone(), digest, Some(size))?.read_to_end(&mut bytes).map_err(|why| {
            PortError::new(Fault::Unavailable, format!("the configuration {digest} cannot be read: {why}"))
        })?;
        self.documents.put(digest, &bytes);
        Ok(bytes)
    }
}

impl Images for Registries {
    fn tags(&self, at: &Repository) -> Result<Vec<String>, PortError> {
        Client::to_pull(&self.shared, at)?.tags()
    }

    fn resolve(&self, at: &Repository, rule: &str) -> Result<Resolved, PortError> {
        let client = Client::to_pull(&self.shared, at)?;
        let name = client.address.name();
        if let Ok(digest) = rule.parse::<Digest>() {
            let gone = || {
                PortError::new(Fault::NotFound, format!("`{name}` has no {digest}"))
                    .help("it may have been cleaned up there; a newer version has another digest")
            };
            return client.digest(rule)?.map(|_| Resolved { tag: None, digest }).ok_or_else(gone);
        }
        let parsed = TagRule::parse(rule).map_err(|why| PortError::new(Fault::Invalid, why.message))?;
        if let Some(tag) = parsed.exact() {
            return match client.digest(tag)? {
                Some(digest) => Ok(Resolved { tag: Some(tag.to_string()), digest }),
                None => Err(no_tag(&name, rule, client.tags())),
            };
        }
        let tags = client.tags()?;
        let texts: Vec<&str> = tags.iter().map(String::as_str).collect();
        let Some(tag) = parsed.choose(&texts) else { return Err(no_tag(&name, rule, Ok(tags))) };
        let gone = || PortError::new(Fault::Moved, format!("`{name}` lists the tag `{tag}` and has it not"));
        let digest = client.digest(tag)?.ok_or_else(gone)?;
        Ok(Resolved { tag: Some(tag.to_string()), digest })
    }

    fn fetch(&self, at: &Repository, digest: Digest, platform: &Platform) -> Result<Fetched, PortError> {
        let client = Client::to_pull(&self.shared, at)?;
        let mut digest = digest;
        for _ in 0..INDEX_DEPTH {
            let bytes = self.manifest(&client, digest)?;
            let name = format!("`{}@{digest}`", client.address.name());
            let index = match Document::parse(&name, &bytes)? {
                Document::Index(index) => index,
                Document::Manifest(manifest) => {
                    let config = self.config(&client, manifest.config.digest, manifest.config.size)?;
                    return Ok(Fetched { digest, manifest: bytes.into(), config: config.into() });
                }
            };
            let missing = || {
                PortError::new(Fault::NotFound, format!("{name} has no image for {platform}"))
                    .help(format!("it has images for {}", index.platforms()))
            };
            digest = index.choose(platform).ok_or_else(missing)?.digest;
        }
        let message = format!("`{}@{digest}` is an index of indexes of indexes", client.address.name());
        Err(PortError::new(Fault::Limit, message))
    }

    fn blob(&self, at: &Repository, digest: Digest, size: u64) -> Result<Box<dyn Read + Send>, PortError> {
        Client::to_pull(&self.shared, at)?.blob(self.shared.clone(), digest, Some(size))
    }

    fn exists(&self, at: &Repository, digest: Digest) -> Result<bool, PortError> {
        match Client::to_pull(&self.shared, at)?.digest(&digest.to_string()) {
            Ok(found) => Ok(found.is_some()),
            Err(error) if error.fault == Fault::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn push(&self, push: &Push<'_>) -> Result<Digest, PortError> {
        push::push(self, push)
    }
}

/// That there is no such tag, with those that there are.
fn no_tag(name: &str, rule: &str, tags: Result<Vec<String>, PortError>) -> PortError {
    let error = PortError::new(Fault::NotFound, format!("`{name}` has no tag `{rule}`"));
    match tags {
        Ok(tags) if tags.is_empty() => error.help("it has no tags at all"),
        Ok(tags) => {
            let mut shown = tags.iter().rev().take(SHOWN).map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
            if tags.len() > SHOWN {
                shown.push_str(" and others");
            }
            error.help(format!("it has {shown}"))
        }
        // The repository itself is not there, or not for us.
        Err(why) if why.fault == Fault::NotFound => why,
        Err(_) => error,
    }
}

#[cfg(test)]
pub(crate) mod tests;
