//! Writing a layout folder. Every file is written beside its place, brought to the disk, and moved there; `index.json`
//! is the last. One writer at a time: the folder itself is locked, and the lock ends with the process.

use super::folder::{BLOBS, Folder, INDEX, MARK, REF_NAME, damaged, failed, read, tag};
use crate::adapters::verified::Verified;
use crate::digest::Digest;
use crate::image::config::ImageConfig;
use crate::image::manifest::{self, Descriptor, Index, IndexPlatform};
use crate::ports::images::Blobs;
use crate::ports::{Fault, PortError};
use rustix::fs::FlockOperation;
use sha2::Digest as _;
use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::NamedTempFile;

/// How long to wait for another writer: longer than an image takes to be written, shorter than a person's patience.
const LOCK_WAIT: Duration = Duration::from_secs(120);
/// How often to look whether the other is done.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// What files are called before they have their place.
const TEMPORARY: &str = ".lockgate-";
/// The version of layouts that is written.
const MARK_TEXT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// The one writer of a layout.
pub(super) struct Writer {
    folder: Folder,
    /// Holds the lock while it is open.
    _lock: File,
}

impl Writer {
    /// Opens a layout to write, and makes it if there is none.
    pub(super) fn open(path: &Path) -> Result<Writer, PortError> {
        fs::create_dir_all(path).map_err(|why| failed(path, &why))?;
        let lock = lock(path)?;
        if !path.join(MARK).exists() {
            found(path)?;
        }
        let folder = Folder::open(path)?;
        let blobs = path.join(BLOBS);
        fs::create_dir_all(&blobs).map_err(|why| failed(&blobs, &why))?;
        let writer = Writer { folder, _lock: lock };
        writer.sweep();
        if !path.join(INDEX).exists() {
            writer.write_index(&Index {
                schema_version: 2,
                media_type: Some(manifest::INDEX.to_string()),
                manifests: Vec::new(),
                annotations: BTreeMap::new(),
                other: serde_json::Map::new(),
            })?;
        }
        Ok(writer)
    }

    /// Removes what a writer that was cut off left behind. We hold the lock, so it is nobody's.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.folder.path).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(TEMPORARY)) {
            // What cannot be removed does no harm.
            drop(fs::remove_file(entry.path()));
        }
    }

    /// Makes sure of a layer: it is there, or it is made, or it is taken from another layout. A base's layer that is
    /// nowhere stays a reference.
    pub(super) fn layer(&self, layer: &Descriptor, blobs: &dyn Blobs, from: &[Folder]) -> Result<(), PortError> {
        let target = self.folder.blob_path(layer.digest);
        if fs::metadata(&target).is_ok_and(|file| file.is_file() && file.len() == layer.size) {
            return Ok(());
        }
        let mut file = self.temporary()?;
        match make(layer.digest, blobs, file.as_file_mut(), &target)? {
            Some(digest) if digest == layer.digest => return self.place(file, &target),
            Some(_) => return Err(damaged(&target)),
            None => drop(file),
        }
        match from.iter().find(|other| other.has(layer.digest)) {
            Some(other) => self.take(layer, other, &target),
            None => Ok(()),
        }
    }

    /// Takes a layer from another layout: as a second name of its file where that can be, else as a copy. Either way
    /// its bytes are verified first.
    fn take(&self, layer: &Descriptor, from: &Folder, target: &Path) -> Result<(), PortError> {
        let source = from.blob_path(layer.digest);
        let bad = |at: &Path, why: io::Error| match why.kind() {
            io::ErrorKind::InvalidData => damaged(&source),
            _ => failed(at, &why),
        };
        io::copy(&mut from.blob(layer.digest, Some(layer.size))?, &mut io::sink()).map_err(|why| bad(&source, why))?;
        if fs::hard_link(&source, target).is_ok() {
            return sync(target.parent().unwrap_or(target));
        }
        let mut file = self.temporary()?;
        let source_file = File::open(&source).map_err(|why| failed(&source, &why))?;
        let mut verified = Verified::new(source_file, layer.digest);
        io::copy(&mut verified, file.as_file_mut()).map_err(|why| bad(target, why))?;
        self.place(file, target)
    }

    /// Makes sure of a manifest or a configuration.
    pub(super) fn document(&self, digest: Digest, bytes: &[u8]) -> Result<(), PortError> {
        let target = self.folder.blob_path(digest);
        if read(&target, bytes.len() as u64).is_ok_and(|there| there == bytes) {
            return Ok(());
        }
        self.write(&target, bytes)
    }

    /// Enters an image into the index under its tags. An image that loses its last tag stays, without one: whoever
    /// wrote down its digest still finds it.
    pub(super) fn name(
        &self,
        digest: Digest,
        size: u64,
        media_type: &str,
        config: &[u8],
        tags: &[String],
    ) -> Result<(), PortError> {
        let old = self.folder.index()?;
        let mut new = old.clone();
        let mut image = Descriptor::new(media_type, digest, size);
        image.platform = platform(config);
        for tag in tags {
            retag(&mut new.manifests, &image, tag);
        }
        if !new.manifests.iter().any(|other| other.digest == digest) {
            new.manifests.push(image);
        }
        if new == old { Ok(()) } else { self.write_index(&new) }
    }

    /// Writes down which images there are.
    pub(super) fn write_index(&self, index: &Index) -> Result<(), PortError> {
        let unwritten = |why| PortError::new(Fault::Invalid, format!("`{INDEX}` cannot be written: {why}"));
        let bytes = serde_json::to_vec(index).map_err(unwritten)?;
        self.write(&self.folder.path.join(INDEX), &bytes)
    }

    fn write(&self, target: &Path, bytes: &[u8]) -> Result<(), PortError> {
        let mut file = self.temporary()?;
        file.write_all(bytes).map_err(|why| failed(target, &why))?;
        self.place(file, target)
    }

    fn temporary(&self) -> Result<NamedTempFile, PortError> {
        temporary(&self.folder.path)
    }

    fn place(&self, file: NamedTempFile, target: &Path) -> Result<(), PortError> {
        place(file, target)
    }
}

/// Lets a layer be made into a file, if it can be; answers what it became.
fn make(digest: Digest, blobs: &dyn Blobs, file: &mut File, target: &Path) -> Result<Option<Digest>, PortError> {
    let mut out = Counting { inner: BufWriter::new(file), hasher: sha2::Sha256::new(), fault: None };
    let made = blobs.write(digest, &mut out).map_err(|error| out.fault(target).unwrap_or(error))?;
    let became = out.finish().map_err(|why| failed(target, &why))?;
    Ok(made.then_some(became))
}

/// Gives a tag to an image, and takes it from whichever had it.
fn retag(images: &mut Vec<Descriptor>, image: &Descriptor, name: &str) {
    let has = |other: &Descriptor| tag(other).as_deref() == Some(name);
    if images.iter().any(|other| has(other) && other.digest == image.digest) {
        images.retain(|other| !has(other) || other.digest == image.digest);
        return;
    }
    let mut kept = Vec::with_capacity(images.len() + 1);
    for mut other in std::mem::take(images) {
        if has(&other) {
            other.annotations.remove(REF_NAME);
        }
        kept.push(other);
    }
    let mut image = image.clone();
    image.annotations.insert(REF_NAME.to_string(), name.to_string());
    // An entry that has lost its tag is only kept when it is the image's last one.
    let digests: Vec<Digest> = kept.iter().filter(|other| tag(other).is_some()).map(|other| other.digest).collect();
    kept.retain(|other| tag(other).is_some() || (other.digest != image.digest && !digests.contains(&other.digest)));
    kept.push(image);
    *images = kept;
}

/// What the image runs on, as its configuration says.
fn platform(config: &[u8]) -> Option<IndexPlatform> {
    let config: ImageConfig = serde_json::from_slice(config).ok()?;
    let ImageConfig { architecture, os, variant, .. } = config;
    Some(IndexPlatform { architecture, os, variant, other: serde_json::Map::new() })
}

/// Waits until nobody else writes.
fn lock(path: &Path) -> Result<File, PortError> {
    let file = File::open(path).map_err(|why| failed(path, &why))?;
    let start = Instant::now();
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) if start.elapsed() < LOCK_WAIT => {
                std::thread::sleep(LOCK_POLL);
            }
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let message = format!("another process has been writing into `{}` for two minutes", path.display());
                return Err(PortError::new(Fault::Unavailable, message));
            }
            Err(why) => return Err(failed(path, &why.into())),
        }
    }
}

/// Makes a layout of an empty folder. A folder with other things in it is none of ours.
fn found(path: &Path) -> Result<(), PortError> {
    let entries = fs::read_dir(path).map_err(|why| failed(path, &why))?;
    let strange = entries.flatten().any(|entry| !entry.file_name().to_string_lossy().starts_with(TEMPORARY));
    if strange {
        let message = format!("`{}` is neither empty nor an OCI layout", path.display());
        return Err(
            PortError::new(Fault::Invalid, message).help("name a new folder, or one that has a file `oci-layout`")
        );
    }
    let target = path.join(MARK);
    let mut file = temporary(path)?;
    file.write_all(MARK_TEXT).map_err(|why| failed(&target, &why))?;
    place(file, &target)
}

/// A file beside its place, readable for all as blobs are.
fn temporary(folder: &Path) -> Result<NamedTempFile, PortError> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(TEMPORARY).permissions(Permissions::from_mode(0o644));
    builder.tempfile_in(folder).map_err(|why| failed(folder, &why))
}

/// Brings a file to the disk and moves it to its place.
fn place(file: NamedTempFile, target: &Path) -> Result<(), PortError> {
    file.as_file().sync_all().map_err(|why| failed(target, &why))?;
    file.persist(target).map_err(|why| failed(target, &why.error))?;
    sync(target.parent().unwrap_or(target))
}

/// Brings a folder's entries to the disk.
fn sync(folder: &Path) -> Result<(), PortError> {
    let folder: PathBuf = folder.to_path_buf();
    File::open(&folder).and_then(|file| file.sync_all()).map_err(|why| failed(&folder, &why))
}

/// A writer that knows the digest of what went through it, and why it failed.
struct Counting<W> {
    inner: W,
    hasher: sha2::Sha256,
    fault: Option<io::Error>,
}

impl<W: Write> Counting<W> {
    fn finish(mut self) -> io::Result<Digest> {
        self.inner.flush()?;
        Ok(Digest(self.hasher.finalize().into()))
    }

    /// Why writing failed, if it did: the packer only knows that it did.
    fn fault(&mut self, target: &Path) -> Option<PortError> {
        self.fault.take().map(|why| failed(target, &why))
    }
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.inner.write(bytes) {
            Ok(count) => {
                self.hasher.update(bytes.get(..count).unwrap_or_default());
                Ok(count)
            }
            Err(why) => {
                let again = io::Error::new(why.kind(), why.to_string());
                self.fault = Some(why);
                Err(again)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
