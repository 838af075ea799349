//! Letting images of a layout go: those that nobody names any more, with the blobs that are of no image that stays.

use super::folder::{BLOBS, Folder, MARK, failed};
use super::store::Writer;
use crate::digest::Digest;
use crate::image::limits;
use crate::image::manifest::Document;
use crate::ports::{Fault, PortError};
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// What went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gone {
    /// Images.
    pub images: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

/// Lets images of the layout at a path go that were written before a moment and are not named. Nobody writes into it meanwhile. Where
/// `dry` is set, it is only told what would go; where there is no layout, nothing does.
pub fn prune(path: &Path, is_named: &dyn Fn(Digest) -> bool, before: SystemTime, dry: bool) -> Result<Gone, PortError> {
    if !path.join(MARK).is_file() {
        return Ok(Gone::default());
    }
    let writer = if dry { None } else { Some(Writer::open(path)?) };
    let folder = Folder::open(path)?;
    let is_old = |digest: Digest| match folder.blob_path(digest).metadata().and_then(|there| there.modified()) {
        Ok(written) => written < before,
        Err(why) => why.kind() == ErrorKind::NotFound,
    };
    let mut index = folder.index()?;
    let listed: BTreeSet<Digest> = index.manifests.iter().map(|image| image.digest).collect();
    index.manifests.retain(|image| is_named(image.digest) || !is_old(image.digest));
    let mut needed: BTreeSet<Digest> = index.manifests.iter().map(|image| image.digest).collect();
    let images = (listed.len() - needed.len()) as u64;
    for image in &index.manifests {
        reach(&folder, image.digest, 0, &mut needed)?;
    }
    if let Some(writer) = writer.as_ref().filter(|_| images > 0) {
        writer.write_index(&index)?;
    }
    let mut gone = Gone { images, bytes: 0 };
    let blobs = path.join(BLOBS);
    let entries = match std::fs::read_dir(&blobs) {
        Ok(entries) => entries,
        Err(why) if why.kind() == ErrorKind::NotFound => return Ok(gone),
        Err(why) => return Err(failed(&blobs, &why)),
    };
    for entry in entries {
        let entry = entry.map_err(|why| failed(&blobs, &why))?;
        // Other names are none of ours to remove.
        let name = entry.file_name().to_str().and_then(|name| format!("sha256:{name}").parse::<Digest>().ok());
        let Some(digest) = name.filter(|digest| !needed.contains(digest) && is_old(*digest)) else { continue };
        let path = folder.blob_path(digest);
        gone.bytes += path.metadata().map_or(0, |there| there.len());
        if !dry {
            std::fs::remove_file(&path).map_err(|why| failed(&path, &why))?;
        }
    }
    Ok(gone)
}

/// Notes what a manifest or an index needs. What is not there needs nothing.
fn reach(folder: &Folder, digest: Digest, depth: usize, needed: &mut BTreeSet<Digest>) -> Result<(), PortError> {
    let bytes = match folder.document(digest, limits::MANIFEST) {
        Ok(bytes) => bytes,
        Err(error) if error.fault == Fault::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    match Document::parse(&folder.blob_name(digest), &bytes)? {
        Document::Manifest(manifest) => {
            needed.insert(manifest.config.digest);
            needed.extend(manifest.layers.iter().map(|layer| layer.digest));
        }
        Document::Index(index) => {
            for image in &index.manifests {
                needed.insert(image.digest);
                if depth < super::INDEX_DEPTH {
                    reach(folder, image.digest, depth + 1, needed)?;
                }
            }
        }
    }
    Ok(())
}
