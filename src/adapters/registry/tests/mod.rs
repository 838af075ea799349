//! Registries, against one in memory with faults.

mod pulling;
mod pushing;
pub(crate) mod shop;

use super::{DockerConfig, Registries};
use crate::adapters::web::server::Server;
use crate::adapters::web::{Certificates, Patience, Web};
use crate::digest::Digest;
use crate::image::manifest::{self, Descriptor, Manifest};
use crate::ports::PortError;
use crate::ports::images::{Blobs, Repository};
use std::io::Write;
use std::time::Duration;

/// Long enough for a machine with much to do, short enough for tests.
pub(crate) const QUICK: Patience = Patience {
    connect: Duration::from_secs(5),
    silence: Duration::from_secs(5),
    tries: 3,
    pause: Duration::from_millis(1),
    longest: Duration::from_millis(5),
};

struct Bench {
    registries: Registries,
    server: Server,
    shop: shop::Shop,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        Bench::with(shop::Shop::default())
    }

    fn with(shop: shop::Shop) -> Bench {
        let folder = tempfile::tempdir().expect("a folder");
        let web = Web::with(QUICK, Certificates::default());
        let docker = DockerConfig { folder: Some(folder.path().join("docker")), path: Some(folder.path().into()) };
        let registries = Registries::with(web, docker, folder.path().join("cache"));
        Bench { registries, server: shop.clone().open(), shop, folder }
    }

    /// The same registry for somebody who has seen nothing yet.
    fn anew(&self) -> Registries {
        let web = Web::with(QUICK, Certificates::default());
        let docker =
            DockerConfig { folder: Some(self.folder.path().join("docker")), path: Some(self.folder.path().into()) };
        Registries::with(web, docker, self.folder.path().join("cache"))
    }

    fn at(&self, path: &str) -> Repository {
        Repository::registry(format!("{}/{path}", self.server.address))
    }
}

/// Layers that are made when they are asked for.
struct Made<'a>(&'a [&'a [u8]]);

impl Blobs for Made<'_> {
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError> {
        let made = self.0.iter().find(|layer| Digest::of(layer) == digest);
        made.into_iter().for_each(|layer| out.write_all(layer).expect("written"));
        Ok(made.is_some())
    }
}

const CONFIG: &[u8] = br#"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}"#;

/// A manifest with these layers.
pub(crate) fn image(layers: &[&[u8]]) -> Vec<u8> {
    let descriptor = |kind: &str, bytes: &[u8]| Descriptor::new(kind, Digest::of(bytes), bytes.len() as u64);
    let manifest = Manifest {
        schema_version: 2,
        media_type: Some(manifest::MANIFEST.into()),
        config: descriptor(manifest::CONFIG, CONFIG),
        layers: layers.iter().map(|layer| descriptor(manifest::LAYER_GZIP, layer)).collect(),
        annotations: Default::default(),
    };
    serde_json::to_vec(&manifest).expect("JSON")
}
