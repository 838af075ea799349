//! Manifests, indexes and descriptors, as the OCI image specification 1.1 writes them; Docker's older kinds, which
//! have the same shape under other names, are read too.

use super::limits;
use crate::digest::Digest;
use crate::ports::images::Platform;
use crate::ports::{Fault, PortError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// An OCI manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI index over platforms.
pub const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI configuration.
pub const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// A layer as a tar archive.
pub const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// A layer as a tar archive packed with gzip.
pub const LAYER_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
/// A layer as a tar archive packed with zstd.
pub const LAYER_ZSTD: &str = "application/vnd.oci.image.layer.v1.tar+zstd";
/// Docker's manifest, schema 2.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's index.
pub const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's layer: gzip.
pub const DOCKER_LAYER: &str = "application/vnd.docker.image.rootfs.diff.tar.gzip";
/// Docker's layer without compression.
pub const DOCKER_LAYER_TAR: &str = "application/vnd.docker.image.rootfs.diff.tar";

/// What names a blob: its kind, digest and size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The kind.
    pub media_type: String,
    /// The digest.
    pub digest: Digest,
    /// The size in bytes.
    pub size: u64,
    /// What it runs on; in an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<IndexPlatform>,
    /// Notes on it.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

impl Descriptor {
    /// A descriptor with nothing but the necessary.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Descriptor {
        let media_type = media_type.to_string();
        Descriptor {
            media_type,
            digest,
            size,
            platform: None,
            annotations: BTreeMap::new(),
            other: serde_json::Map::new(),
        }
    }
}

/// A platform as an index writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexPlatform {
    /// The processor.
    pub architecture: String,
    /// The operating system.
    pub os: String,
    /// The processor's variant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// An image of one platform.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Always 2.
    pub schema_version: u32,
    /// The kind of this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, the lowest first.
    #[serde(deserialize_with = "or_default")]
    pub layers: Vec<Descriptor>,
    /// Notes on the image.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
}

/// The images of several platforms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// The kind of this document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The images.
    #[serde(deserialize_with = "or_default")]
    pub manifests: Vec<Descriptor>,
    /// Notes on the index.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Whatever else stands there.
    #[serde(flatten)]
    pub other: serde_json::Map<String, serde_json::Value>,
}

/// What a digest in a repository names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Document {
    /// An image of one platform.
    Manifest(Box<Manifest>),
    /// Images of several.
    Index(Index),
}

impl Document {
    /// Reads a manifest or an index. `what` names it in errors.
    pub fn parse(what: &str, bytes: &[u8]) -> Result<Document, PortError> {
        if bytes.len() as u64 > limits::MANIFEST {
            let message = format!("{what} has more than {} bytes", limits::MANIFEST);
            return Err(PortError::new(Fault::Limit, message));
        }
        let value: serde_json::Value = json(what, bytes)?;
        let media_type = value.get("mediaType").and_then(serde_json::Value::as_str);
        // OCI leaves the kind out where it likes; then the shape tells.
        let index = match media_type {
            Some(INDEX | DOCKER_INDEX) => true,
            Some(MANIFEST | DOCKER_MANIFEST) => false,
            Some(other) => return Err(invalid(what, format!("its kind is `{other}`, which is no image"))),
            None => value.get("manifests").is_some(),
        };
        let version = value.get("schemaVersion").and_then(serde_json::Value::as_u64);
        if version != Some(2) {
            return Err(invalid(what, "its `schemaVersion` is not 2".to_string()));
        }
        if index {
            json(what, bytes).map(Document::Index)
        } else {
            json(what, bytes).map(|manifest| Document::Manifest(Box::new(manifest)))
        }
    }
}

impl Index {
    /// The image for a platform. Without a wanted variant the first of the architecture is taken.
    pub fn choose(&self, wanted: &Platform) -> Option<&Descriptor> {
        let fits = |found: &IndexPlatform| {
            found.os == wanted.os
                && found.architecture == wanted.architecture
                && (wanted.variant.is_none() || same_variant(found.variant.as_deref(), wanted))
        };
        self.manifests.iter().find(|image| image.platform.as_ref().is_some_and(fits))
    }

    /// The platforms there are, for errors.
    pub fn platforms(&self) -> String {
        let name = |p: &IndexPlatform| match &p.variant {
            Some(variant) => format!("{}/{}/{variant}", p.os, p.architecture),
            None => format!("{}/{}", p.os, p.architecture),
        };
        let names: Vec<String> = self.manifests.iter().filter_map(|image| image.platform.as_ref().map(name)).collect();
        names.join(", ")
    }
}

/// Whether the variant is the wanted one; the 64-bit ARM is `v8` also where it doesn't say so.
fn same_variant(found: Option<&str>, wanted: &Platform) -> bool {
    let default = if wanted.architecture == "arm64" { Some("v8") } else { None };
    found.or(default) == wanted.variant.as_deref().or(default)
}

/// The kind that a base's layer has in an OCI manifest: Docker's kinds become OCI's, the bytes are the same.
pub fn oci_layer(media_type: &str) -> &str {
    match media_type {
        DOCKER_LAYER => LAYER_GZIP,
        DOCKER_LAYER_TAR => LAYER,
        other => other,
    }
}

/// Reads a value, or a `null` for an empty one: builders in Go write their empty lists so.
pub(super) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Reads a JSON document that came from outside.
pub(crate) fn json<T: serde::de::DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, PortError> {
    serde_json::from_slice(bytes).map_err(|why| invalid(what, why.to_string()))
}

fn invalid(what: &str, why: String) -> PortError {
    PortError::new(Fault::Invalid, format!("{what} is not as it should be: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: &str = r#""digest":"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad","size":3"#;

    fn index() -> Index {
        let image = |platform: &str, size: u32| {
            let blob = BLOB.replace(":3", &format!(":{size}"));
            format!(r#"{{"mediaType":"{MANIFEST}",{blob},"platform":{platform}}}"#)
        };
        let images = [
            image(r#"{"os":"linux","architecture":"arm","variant":"v6"}"#, 1),
            image(r#"{"os":"linux","architecture":"arm","variant":"v7"}"#, 2),
            image(r#"{"os":"linux","architecture":"arm64"}"#, 3),
            image(r#"{"os":"linux","architecture":"amd64","os.version":"x"}"#, 4),
        ];
        let text = format!(r#"{{"schemaVersion":2,"manifests":[{}],"subject":1}}"#, images.join(","));
        match Document::parse("the index", text.as_bytes()) {
            Ok(Document::Index(index)) => index,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn chooses_the_platform() {
        for (platform, expected) in [
            ("linux/amd64", Some(4)),
            ("linux/arm", Some(1)),
            ("linux/arm/v7", Some(2)),
            ("linux/arm/v8", None),
            ("linux/arm64/v8", Some(3)),
            ("windows/amd64", None),
        ] {
            let size = index().choose(&platform.parse().unwrap()).map(|d| d.size);
            assert_eq!(size, expected, "{platform}");
        }
        assert_eq!(index().platforms(), "linux/arm/v6, linux/arm/v7, linux/arm64, linux/amd64");
    }

    #[test]
    fn refuses_what_is_no_image() {
        for text in [
            "",
            "{}",
            "[]",
            r#"{"schemaVersion":1}"#,
            r#"{"schemaVersion":2}"#,
            r#"{"schemaVersion":2,"mediaType":"text/plain"}"#,
            r#"{"schemaVersion":2,"manifests":[{"mediaType":"x","digest":"md5:1","size":1}]}"#,
            r#"{"schemaVersion":2,"config":{"mediaType":"x","size":-1},"layers":[]}"#,
        ] {
            assert!(Document::parse("it", text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn reads_platforms() {
        assert_eq!(Platform::default().to_string(), "linux/amd64");
        for bad in ["", "linux", "linux/", "a/b/c/d", "Linux/amd64"] {
            assert!(bad.parse::<Platform>().is_err(), "{bad}");
        }
    }
}
