//! Engines that build images.

use crate::adapters::fake::{Deed, FakeWorld};
use crate::digest::Digest;
use crate::image::config::ImageConfig;
use crate::image::manifest::{self, Manifest};
use crate::image::tar_header;
use crate::ports::builder::{Builder, Image, Order};
use crate::ports::images::Platform;
use crate::ports::shell::Ticket;
use crate::ports::{Fault, Place, PortError};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// What is built: a file on nothing, so that no registry is asked.
const DOCKERFILE: &str = "FROM scratch\nCOPY page /page\n";

/// A context of a Dockerfile and one file.
fn context(page: &[u8], out: &mut dyn Write) -> Result<(), PortError> {
    let unsent = |e: std::io::Error| PortError::new(Fault::Cancelled, e.to_string());
    let mut tar = tar::Builder::new(out);
    for (path, content) in [("Dockerfile", DOCKERFILE.as_bytes()), ("page", page)] {
        let mut header = tar_header(tar::EntryType::Regular, 0o644, content.len() as u64);
        tar.append_data(&mut header, path, content).map_err(unsent)?;
    }
    tar.into_inner().and_then(Write::flush).map_err(unsent)
}

/// One builder that is asked, and what of an order is the same each time.
struct Asked<'a> {
    builder: &'a dyn Builder,
    at: &'a Path,
    labels: BTreeMap<String, String>,
    platform: Platform,
}

impl Asked<'_> {
    fn built(
        &self,
        key: &str,
        context: &(dyn Fn(&mut dyn Write) -> Result<(), PortError> + Sync),
    ) -> Result<Image, PortError> {
        let order = Order {
            ticket: Ticket(3),
            key: Digest::of(key),
            name: "contract-builder",
            context,
            dockerfile: "Dockerfile",
            instructions: &[(
                "COPY page /page".to_string(),
                Place { path: "Dockerfile".to_string(), line: 2, column: 1 },
            )],
            bases: &[],
            args: &BTreeMap::new(),
            labels: &self.labels,
            target: None,
            platform: &self.platform,
            secrets: &[],
            fresh: false,
            timeout: Duration::from_secs(120),
            log: &self.at.join("log"),
            redact: &[],
            scratch: &self.at.join("scratch"),
        };
        self.builder.build(&order).and_then(|built| built.image)
    }
}

/// `builds` counts what was built. What an image has in it, and that what was made is not made again.
fn keeps_its_promises(builder: &dyn Builder, unique: &str, at: &Path, builds: &dyn Fn() -> Option<usize>) {
    let asked = Asked {
        builder,
        at,
        labels: BTreeMap::from([("contract".to_string(), unique.to_string())]),
        platform: Platform::default(),
    };
    let page = format!("page of {unique}");
    let whole = |out: &mut dyn Write| context(page.as_bytes(), out);
    let key = format!("{unique} a");

    let first = asked.built(&key, &whole).expect("an image");
    let made: Manifest = manifest::json("the manifest", &first.manifest).expect("a manifest");
    assert_eq!(made.config.digest, Digest::of(&first.config), "the manifest names the configuration");
    let config: ImageConfig = manifest::json("the configuration", &first.config).expect("a configuration");
    assert_eq!(config.rootfs.diff_ids.len(), made.layers.len());
    let labels = serde_json::from_slice::<serde_json::Value>(&first.config).expect("JSON")["config"]["Labels"].clone();
    assert_eq!(labels["contract"], *unique);
    for layer in &made.layers {
        let mut bytes = Vec::new();
        assert!(
            first.blobs.write(layer.digest, &mut bytes).expect("it can be read"),
            "a layer that is new is handed over"
        );
        assert_eq!((Digest::of(&bytes), bytes.len() as u64), (layer.digest, layer.size));
    }
    assert!(!first.blobs.write(Digest::of("another"), &mut Vec::new()).expect("no fault"), "it has no other");

    let again = asked.built(&key, &whole).expect("an image");
    assert_eq!(Digest::of(&first.manifest), Digest::of(&again.manifest), "the same key is the same image");
    assert_eq!(builds().unwrap_or(1), 1, "and it was made once");

    let broken = |_: &mut dyn Write| Err(PortError::new(Fault::Invalid, "the page is gone"));
    let error = asked.built(&format!("{unique} b"), &broken).err().expect("no context, no image");
    assert_eq!((error.fault, &*error.message), (Fault::Invalid, "the page is gone"), "whose fault it was is kept");
    asked.builder.cancel(Ticket(99));
}

#[test]
fn of_the_fake() {
    let world = FakeWorld::new("/nowhere");
    let builds = || Some(world.ledger.of(Deed::Build).len());
    keeps_its_promises(&*world.builder, "fake", Path::new("/nowhere/work"), &builds);
}

/// The real engine, where it is there: `LOCKGATE_LIVE=1`.
#[cfg(feature = "docker")]
#[test]
fn of_a_docker_engine() {
    use crate::adapters::docker::{Builds, Engine};
    use std::sync::Arc;
    if std::env::var_os("LOCKGATE_LIVE").is_none_or(|v| v != "1") {
        eprintln!("skipped: of_a_docker_engine (it needs an engine; LOCKGATE_LIVE=1 says that it is there)");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let engine = Arc::new(Engine::of_this_machine());
    let images = Arc::new(crate::adapters::layout::Layouts);
    let builds = Builds::new(engine, images, &dir.path().join("store"), Arc::new(|_| Ok(None)));
    let unique = dir.path().display().to_string();
    keeps_its_promises(&builds, &unique, dir.path(), &|| None);
}
