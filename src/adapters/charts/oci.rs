//! Charts in OCI registries, as Helm pushes them: one manifest a version, whose tag is the version and whose layer is the
//! archive. What names a version is the digest of its manifest.

use super::remote::{Found, Remote};
use super::{PACKED, select};
use crate::adapters::registry::Client;
use crate::digest::Digest;
use crate::image::manifest::{Document, Manifest};
use crate::ports::images::Repository;
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use std::io::Read as _;

/// What Helm calls the configuration of a chart.
const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// What it calls the archive, now and before.
const CONTENT: [&str; 2] = ["application/vnd.cncf.helm.chart.content.v1.tar+gzip", "application/tar+gzip"];

/// A chart in a registry.
pub(super) struct Chart<'r> {
    remote: &'r Remote,
    client: Client<'r>,
}

impl<'r> Chart<'r> {
    /// The chart of that name below `oci://…`.
    pub(super) fn new(
        remote: &'r Remote,
        repo: &str,
        name: &str,
        credentials: Option<&Credentials>,
    ) -> Result<Chart<'r>, PortError> {
        let below = repo.strip_prefix("oci://").unwrap_or(repo).trim_end_matches('/');
        let at = Repository { credentials: credentials.cloned(), ..Repository::registry(format!("{below}/{name}")) };
        Ok(Chart { remote, client: Client::to_pull(remote.shared(), &at)? })
    }

    /// The version that is meant, and the digest of its manifest.
    pub(super) fn find(&self, range: Option<&str>) -> Result<Found, PortError> {
        let name = self.client.address.name();
        if let Some(version) = range.filter(|_| select::is_exact(range))
            && let Some(digest) = self.client.digest(&tag_of(version))?
        {
            return Ok(Found { version: version.to_string(), digest });
        }
        let versions: Vec<String> = self.client.tags()?.iter().map(|tag| tag.replace('_', "+")).collect();
        let none = || {
            let wanted = range.map_or_else(|| "without a pre-release".to_string(), |range| format!("in `{range}`"));
            let some: Vec<String> = versions.iter().rev().take(5).map(|version| format!("`{version}`")).collect();
            let error = PortError::new(Fault::NotFound, format!("`oci://{name}` has no version {wanted}"));
            error.help(if some.is_empty() {
                "it has none at all".to_string()
            } else {
                format!("it has {}", some.join(", "))
            })
        };
        let version = select::choose(versions.iter().map(String::as_str), range)?.ok_or_else(none)?;
        let digest = self.client.digest(&tag_of(version))?.ok_or_else(none)?;
        Ok(Found { version: version.to_string(), digest })
    }

    /// The archive of the version whose manifest has that digest.
    pub(super) fn archive(&self, digest: Digest) -> Result<Vec<u8>, PortError> {
        let name = format!("`oci://{}@{digest}`", self.client.address.name());
        let layer = match self.remote.store.note::<(Digest, u64)>("manifests", &name) {
            Some(layer) => layer,
            None => {
                let bytes = self.client.manifest(digest)?;
                let layer = layer_of(&name, &bytes)?;
                self.remote.store.remember("manifests", &name, &layer);
                layer
            }
        };
        let (digest, size) = layer;
        if let Some(bytes) = self.remote.store.archive(digest) {
            return Ok(bytes);
        }
        let cannot = |why: std::io::Error| PortError::new(Fault::Unavailable, format!("the chart {name}: {why}"));
        let mut bytes = Vec::new();
        self.client.blob(self.remote.shared().clone(), digest, Some(size))?.read_to_end(&mut bytes).map_err(cannot)?;
        self.remote.store.keep_archive(digest, &bytes)?;
        Ok(bytes)
    }

    /// Whether the archive of that version is at hand.
    pub(super) fn is_kept(&self, digest: Digest) -> bool {
        let name = format!("`oci://{}@{digest}`", self.client.address.name());
        let layer = self.remote.store.note::<(Digest, u64)>("manifests", &name);
        layer.is_some_and(|(digest, _)| self.remote.store.has_archive(digest))
    }
}

/// A tag cannot have a `+`; Helm writes `_` for it.
fn tag_of(version: &str) -> String {
    version.replace('+', "_")
}

/// The archive that a manifest names: digest and size.
fn layer_of(name: &str, bytes: &[u8]) -> Result<(Digest, u64), PortError> {
    let no_chart = |why: String| {
        PortError::new(Fault::Invalid, format!("{name} is no chart: {why}")).help("charts are pushed with `helm push`")
    };
    let manifest: Manifest = match Document::parse(name, bytes)? {
        Document::Manifest(manifest) => *manifest,
        Document::Index(_) => return Err(no_chart("it is an index over images".to_string())),
    };
    if manifest.config.media_type != CONFIG {
        return Err(no_chart(format!("its kind is `{}`", manifest.config.media_type)));
    }
    let content = manifest.layers.iter().find(|layer| CONTENT.contains(&layer.media_type.as_str()));
    let content = content.ok_or_else(|| no_chart("it has no archive".to_string()))?;
    if content.size > PACKED {
        let message = format!("the chart {name} has {} bytes, and {PACKED} are the limit", content.size);
        return Err(PortError::new(Fault::Limit, message));
    }
    Ok((content.digest, content.size))
}
