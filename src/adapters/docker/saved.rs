//! Images between the engine and us. The engine gives an image out as an archive of its layers, unpacked; ours have
//! manifests, and their layers are packed, always to the same bytes. So the digest is known before anything is pushed, and
//! pushing is the same for all images, whoever built them.

use super::image::Store;
use crate::digest::{Digest, Hashing};
use crate::image::config::ImageConfig;
use crate::image::limits;
use crate::image::manifest::{self, Descriptor, Document, Manifest};
use crate::ports::builder::Image;
use crate::ports::images::{Blobs, Fetched, Repository};
use crate::ports::{Fault, PortError};
use flate2::{Compression, GzBuilder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// How hard to pack: as the layers that we make ourselves.
const GZIP_LEVEL: u32 = 6;
/// The document that says which files of an archive are what.
const INDEX: &str = "manifest.json";

/// An image as the archive's index has it.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Saved {
    config: String,
    #[serde(default)]
    repo_tags: Option<Vec<String>>,
    #[serde(default)]
    layers: Vec<String>,
}

/// Writes an image of ours as an archive that an engine loads under that tag. Layers come from the store, or from where its
/// bases are.
pub(super) fn pack(
    store: &Store,
    fetched: &Fetched,
    from: &[Repository],
    tag: &str,
    out: &mut dyn Write,
) -> Result<(), PortError> {
    let Document::Manifest(manifest) = Document::parse("the image", &fetched.manifest)? else {
        return Err(PortError::new(Fault::Invalid, "an index is no image that can be loaded"));
    };
    let unsent = |e: io::Error| PortError::new(Fault::Cancelled, format!("the engine stopped listening: {e}"));
    let mut tar = tar::Builder::new(out);
    let config = format!("{}.json", manifest.config.digest.hex());
    tar.append_data(&mut header(fetched.config.len() as u64), &config, &*fetched.config).map_err(unsent)?;
    let mut layers = Vec::new();
    for layer in &manifest.layers {
        let name = format!("{}.tar", layer.digest.hex());
        // One layer may stand twice; its file need not.
        if !layers.contains(&name) {
            let blob = blob(store, from, layer)?;
            tar.append_data(&mut header(layer.size), &name, blob).map_err(unsent)?;
        }
        layers.push(name);
    }
    let index = serde_json::to_vec(&[Saved { config, repo_tags: Some(vec![tag.to_string()]), layers }]);
    let index = index.map_err(|e| PortError::new(Fault::Invalid, format!("an image cannot be described: {e}")))?;
    tar.append_data(&mut header(index.len() as u64), INDEX, &*index).map_err(unsent)?;
    tar.into_inner().and_then(Write::flush).map_err(unsent)
}

fn blob(store: &Store, from: &[Repository], layer: &Descriptor) -> Result<Box<dyn Read + Send>, PortError> {
    for at in std::iter::once(&store.at).chain(from) {
        match store.images.blob(at, layer.digest, layer.size) {
            Err(e) if e.fault == Fault::NotFound => {}
            other => return other,
        }
    }
    let message = format!("the layer {} is neither in the store nor where the base image is", layer.digest);
    Err(PortError::new(Fault::NotFound, message).help("pull the base image again, or watch it as a source"))
}

fn header(size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o644);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// An archive of an image, taken apart into files.
pub(super) struct Parts {
    folder: TempDir,
    files: BTreeMap<String, Part>,
    links: BTreeMap<String, String>,
}

struct Part {
    path: PathBuf,
    digest: Digest,
    size: u64,
}

impl Parts {
    /// Takes an archive apart, in a new folder below `scratch`.
    pub(super) fn read(archive: impl Read, scratch: &Path) -> Result<Parts, PortError> {
        let unwritten = |e: io::Error| {
            PortError::new(Fault::Unavailable, format!("`{}` cannot be written: {e}", scratch.display()))
        };
        let broken = |e: io::Error| {
            PortError::new(Fault::Unavailable, format!("the image cannot be taken from the engine: {e}"))
        };
        let folder = tempfile::Builder::new().prefix("image-").tempdir_in(scratch).map_err(unwritten)?;
        let mut parts = Parts { folder, files: BTreeMap::new(), links: BTreeMap::new() };
        let mut archive = tar::Archive::new(archive);
        let mut left = limits::BASE;
        for entry in archive.entries().map_err(broken)? {
            let mut entry = entry.map_err(broken)?;
            let path = entry.path().map_err(broken)?.to_string_lossy().into_owned();
            if let Some(target) = entry.link_name().map_err(broken)? {
                let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
                parts.links.insert(path.clone(), normal(&folder.join(target)));
                continue;
            }
            if entry.header().entry_type() != tar::EntryType::Regular {
                continue;
            }
            let size = entry.size();
            let too_much = || PortError::new(Fault::Limit, format!("the image has more than {} bytes", limits::BASE));
            left = left.checked_sub(size).ok_or_else(too_much)?;
            let at = parts.folder.path().join(parts.files.len().to_string());
            let mut out = Hashing::new(File::create(&at).map_err(unwritten)?);
            io::copy(&mut entry, &mut out).map_err(broken)?;
            parts.files.insert(path, Part { path: at, digest: out.finish().1, size });
        }
        Ok(parts)
    }

    /// The image: its configuration as the engine made it, and its layers. Those of its bases keep the names that they have
    /// there, by what they unpack to; the others are packed.
    pub(super) fn image(self, bases: &BTreeMap<Digest, Descriptor>) -> Result<Image, PortError> {
        let index: Vec<Saved> = manifest::json("the engine's archive of the image", &self.bytes(INDEX)?)?;
        let none = || PortError::new(Fault::Invalid, "the engine's archive has no image");
        let saved = index.into_iter().next().ok_or_else(none)?;
        let config = self.bytes(&saved.config)?;
        let parsed: ImageConfig = manifest::json("the configuration of the image", &config)?;
        let diff_ids = &parsed.rootfs.diff_ids;
        if diff_ids.len() != saved.layers.len() || diff_ids.len() > limits::LAYERS {
            let message = format!("the engine's image has {} layers and names {}", saved.layers.len(), diff_ids.len());
            return Err(PortError::new(Fault::Invalid, message));
        }
        let mut blobs = Packed { files: BTreeMap::new(), _folder: None };
        let mut layers = Vec::new();
        let mut made: BTreeMap<Digest, Descriptor> = BTreeMap::new();
        for (path, diff_id) in saved.layers.iter().zip(diff_ids) {
            let known = bases.get(diff_id).or_else(|| made.get(diff_id)).cloned();
            let layer = match known {
                Some(known) => known,
                None => self.layer(path, *diff_id, &mut blobs)?,
            };
            made.insert(*diff_id, layer.clone());
            layers.push(layer);
        }
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(manifest::MANIFEST.to_string()),
            config: Descriptor::new(manifest::CONFIG, Digest::of(&config), config.len() as u64),
            layers,
            annotations: BTreeMap::new(),
        };
        let manifest = serde_json::to_vec(&manifest)
            .map_err(|e| PortError::new(Fault::Invalid, format!("the manifest cannot be written: {e}")))?;
        blobs._folder = Some(self.folder);
        Ok(Image { manifest, config, blobs: Box::new(blobs) })
    }

    /// A file of the archive, links followed; the engine names a layer that stands twice by a link.
    fn part(&self, path: &str) -> Result<&Part, PortError> {
        let mut path = path;
        for _ in 0..limits::LINKS {
            if let Some(part) = self.files.get(path) {
                return Ok(part);
            }
            match self.links.get(path) {
                Some(target) => path = target,
                None => break,
            }
        }
        Err(PortError::new(Fault::Invalid, format!("the engine's archive of the image has no `{path}`")))
    }

    /// A document of the archive.
    fn bytes(&self, path: &str) -> Result<Vec<u8>, PortError> {
        let part = self.part(path)?;
        if part.size > limits::CONFIG {
            return Err(PortError::new(Fault::Limit, format!("`{path}` has more than {} bytes", limits::CONFIG)));
        }
        std::fs::read(&part.path).map_err(|e| unread(&part.path, &e))
    }

    /// Packs a layer, unless the engine has packed it itself.
    fn layer(&self, path: &str, diff_id: Digest, blobs: &mut Packed) -> Result<Descriptor, PortError> {
        let part = self.part(path)?;
        let mut file = File::open(&part.path).map_err(|e| unread(&part.path, &e))?;
        if part.digest != diff_id {
            return packed_by_engine(part, diff_id, path, blobs);
        }
        let at = part.path.with_extension("gz");
        let out = File::create(&at).map_err(|e| unread(&at, &e))?;
        let mut packer =
            GzBuilder::new().mtime(0).operating_system(255).write(Hashing::new(out), Compression::new(GZIP_LEVEL));
        io::copy(&mut file, &mut packer).map_err(|e| unread(&at, &e))?;
        let out = packer.finish().map_err(|e| unread(&at, &e))?;
        let (_, digest, size) = out.finish();
        // What it was packed from is of no use any more.
        drop(std::fs::remove_file(&part.path));
        blobs.files.insert(digest, at);
        Ok(Descriptor::new(manifest::LAYER_GZIP, digest, size))
    }
}

/// A layer that comes packed, as from engines that keep images the way registries do. It must unpack to what it says.
fn packed_by_engine(part: &Part, diff_id: Digest, path: &str, blobs: &mut Packed) -> Result<Descriptor, PortError> {
    let file = File::open(&part.path).map_err(|e| unread(&part.path, &e))?;
    let mut unpacked = Hashing::new(io::sink());
    let copied = io::copy(&mut flate2::read::MultiGzDecoder::new(file), &mut unpacked);
    if copied.is_err() || unpacked.finish().1 != diff_id {
        let message = format!("`{path}` of the engine's archive does not unpack to the layer {diff_id}");
        return Err(PortError::new(Fault::Invalid, message));
    }
    blobs.files.insert(part.digest, part.path.clone());
    Ok(Descriptor::new(manifest::LAYER_GZIP, part.digest, part.size))
}

fn unread(path: &Path, error: &io::Error) -> PortError {
    PortError::new(Fault::Unavailable, format!("`{}` cannot be used: {error}", path.display()))
}

/// The path without `.` and `..` in it.
fn normal(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(name) => parts.push(name.to_string_lossy().into_owned()),
            std::path::Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}

/// Packed layers as files, in a folder that goes with them.
struct Packed {
    files: BTreeMap<Digest, PathBuf>,
    _folder: Option<TempDir>,
}

impl Blobs for Packed {
    fn write(&self, digest: Digest, out: &mut dyn Write) -> Result<bool, PortError> {
        let Some(path) = self.files.get(&digest) else { return Ok(false) };
        let mut file = File::open(path).map_err(|e| unread(path, &e))?;
        io::copy(&mut file, out).map_err(|e| PortError::new(Fault::Unavailable, format!("copying {digest}: {e}")))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn layer(name: &str) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_data(&mut header(2), name, &b"hi"[..]).unwrap();
        tar.into_inner().unwrap()
    }

    /// The archive of an image with two layers, one of which stands twice, as the engine writes it.
    fn archive(layers: &[&[u8]], links: &[(&str, &str)], names: &[&str]) -> (Vec<u8>, Vec<Digest>) {
        let ids: Vec<Digest> = layers.iter().map(Digest::of).collect();
        let diff_ids: Vec<Digest> = names.iter().map(|n| ids[n[..1].parse::<usize>().unwrap() % ids.len()]).collect();
        let config = serde_json::json!({"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z",
            "rootfs": {"type": "layers", "diff_ids": diff_ids}});
        let config = serde_json::to_vec(&config).unwrap();
        let index = serde_json::json!([{"Config": "c.json", "RepoTags": null, "Layers": names}]);
        let index = serde_json::to_vec(&index).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        for (at, bytes) in layers.iter().enumerate() {
            tar.append_data(&mut header(bytes.len() as u64), format!("{at}/layer.tar"), *bytes).unwrap();
        }
        for (from, to) in links {
            let mut header = header(0);
            header.set_entry_type(tar::EntryType::Symlink);
            tar.append_link(&mut header, from, to).unwrap();
        }
        tar.append_data(&mut header(config.len() as u64), "c.json", &*config).unwrap();
        tar.append_data(&mut header(index.len() as u64), INDEX, &*index).unwrap();
        (tar.into_inner().unwrap(), diff_ids)
    }

    #[test]
    fn an_image_of_the_engine_becomes_one_of_ours_always_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (layer("a"), layer("b"));
        let (bytes, diff_ids) =
            archive(&[&a, &b], &[("2/layer.tar", "../0/layer.tar")], &["0/layer.tar", "1/layer.tar", "2/layer.tar"]);
        let base = Descriptor::new(manifest::LAYER_GZIP, Digest::of("packed elsewhere"), 7);
        let bases = BTreeMap::from([(diff_ids[0], base.clone())]);
        let image = Parts::read(&bytes[..], dir.path()).unwrap().image(&bases).unwrap();
        let again = Parts::read(&bytes[..], dir.path()).unwrap().image(&bases).unwrap();
        assert_eq!(Digest::of(&image.manifest), Digest::of(&again.manifest));
        let Document::Manifest(manifest) = Document::parse("it", &image.manifest).unwrap() else { panic!("an index") };
        assert_eq!((&manifest.layers[0], &manifest.layers[2]), (&base, &base), "a base's layer keeps its name");
        let mut packed = Vec::new();
        assert!(image.blobs.write(manifest.layers[1].digest, &mut packed).unwrap());
        assert_eq!(Digest::of(&packed), manifest.layers[1].digest);
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut unpacked).unwrap();
        assert_eq!(unpacked, b);
        assert!(!image.blobs.write(base.digest, &mut packed).unwrap(), "it is not ours to write");
        drop((image, again));
        assert_eq!(dir.path().read_dir().unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn an_archive_that_is_not_whole_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let a = layer("a");
        let refused = |bytes: &[u8]| {
            let error = Parts::read(bytes, dir.path()).and_then(|parts| parts.image(&BTreeMap::new())).map(drop);
            error.unwrap_err().message
        };
        assert!(refused(&archive(&[&a], &[], &["0/missing"]).0).contains("0/missing"));
        assert!(
            refused(&archive(&[&a], &[("1/layer.tar", "1/layer.tar")], &["1/layer.tar"]).0).contains("1/layer.tar")
        );
        let (whole, _) = archive(&[&a], &[], &["0/layer.tar"]);
        assert!(refused(&whole[..700]).contains("cannot be taken"));
    }

    #[test]
    fn what_we_hand_over_can_be_taken_apart_again() {
        let dir = tempfile::tempdir().unwrap();
        let (a, b) = (layer("a"), layer("b"));
        let (bytes, _) = archive(&[&a, &b], &[], &["0/layer.tar", "1/layer.tar"]);
        let image = Parts::read(&bytes[..], dir.path()).unwrap().image(&BTreeMap::new()).unwrap();
        let store = Store {
            images: Arc::new(crate::adapters::layout::Layouts),
            at: Repository::layout(dir.path().join("store").display().to_string()),
            logins: Arc::new(|_| Ok(None)),
        };
        let push = crate::ports::images::Push {
            target: &store.at,
            tags: &["x".to_string()],
            manifest: &image.manifest,
            config: &image.config,
            blobs: &*image.blobs,
            from: &[],
        };
        let digest = store.images.push(&push).unwrap();
        let fetched = store.images.fetch(&store.at, digest, &Default::default()).unwrap();
        let mut out = Vec::new();
        pack(&store, &fetched, &[], "lockgate/image:x", &mut out).unwrap();
        let back = Parts::read(&out[..], dir.path()).unwrap().image(&BTreeMap::new()).unwrap();
        assert_eq!(Digest::of(&back.manifest), digest, "packed layers keep their names");
    }
}
