//! Reading a layout folder. Whatever is wrong is said with the file it is wrong in.

use crate::adapters::verified::Verified;
use crate::digest::Digest;
use crate::image::limits;
use crate::image::manifest::{Descriptor, Document, Index};
use crate::image::reference::Reference;
use crate::image::tags::TagRule;
use crate::ports::images::Resolved;
use crate::ports::{Fault, PortError};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

/// The annotation that tags an image.
pub(super) const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// The file that says that a folder is a layout.
pub(super) const MARK: &str = "oci-layout";
/// The file that names the images.
pub(super) const INDEX: &str = "index.json";
/// The folder of the blobs.
pub(super) const BLOBS: &str = "blobs/sha256";
/// The largest mark: it is one line.
const MARK_SIZE: u64 = 4096;
/// How many tags an error names.
const SHOWN: usize = 8;

/// A layout folder.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mark {
    image_layout_version: String,
}

impl Folder {
    /// Opens a layout that is there.
    pub(super) fn open(path: &Path) -> Result<Folder, PortError> {
        let folder = Folder { path: path.to_path_buf() };
        let metadata = std::fs::metadata(path).map_err(|why| failed(path, &why))?;
        if !metadata.is_dir() {
            let error =
                PortError::new(Fault::Invalid, format!("`{}` is a file, not an OCI layout folder", path.display()));
            return Err(error.help("unpack the archive and name the folder"));
        }
        let mark = path.join(MARK);
        let bytes = match read(&mark, MARK_SIZE) {
            Err(error) if error.fault == Fault::NotFound => {
                let message = format!("`{}` is no OCI layout: it has no file `{MARK}`", path.display());
                return Err(PortError::new(Fault::Invalid, message).help(
                    "an OCI layout is what `skopeo copy … oci:FOLDER` and `docker buildx build -o type=oci` write",
                ));
            }
            other => other?,
        };
        let invalid = |why: String| PortError::new(Fault::Invalid, format!("`{}` {why}", mark.display()));
        let Mark { image_layout_version: version } =
            serde_json::from_slice(&bytes).map_err(|why| invalid(format!("is not as it should be: {why}")))?;
        if version != "1" && !version.starts_with("1.") {
            return Err(invalid(format!("says version {version}; only 1 is known")));
        }
        Ok(folder)
    }

    /// Which images there are.
    pub(super) fn index(&self) -> Result<Index, PortError> {
        let path = self.path.join(INDEX);
        let bytes = read(&path, limits::MANIFEST)?;
        match Document::parse(&format!("`{}`", path.display()), &bytes)? {
            Document::Index(index) => Ok(index),
            Document::Manifest(_) => {
                Err(PortError::new(Fault::Invalid, format!("`{}` is a manifest, not an index", path.display())))
            }
        }
    }

    /// What a tag rule or digest comes to.
    pub(super) fn resolve(&self, rule: &str) -> Result<Resolved, PortError> {
        let index = self.index()?;
        if let Ok(digest) = rule.parse::<Digest>() {
            let known = index.manifests.iter().any(|image| image.digest == digest) || self.has(digest);
            let missing = || PortError::new(Fault::NotFound, format!("`{}` has no {digest}", self.path.display()));
            return if known { Ok(Resolved { tag: None, digest }) } else { Err(missing()) };
        }
        let parsed = TagRule::parse(rule).map_err(|why| PortError::new(Fault::Invalid, why.message))?;
        let tagged: Vec<(String, Digest)> =
            index.manifests.iter().filter_map(|image| Some((tag(image)?, image.digest))).collect();
        let tags: Vec<&str> = tagged.iter().map(|(tag, _)| tag.as_str()).collect();
        let chosen = parsed.choose(&tags).ok_or_else(|| self.no_tag(rule, &tags))?;
        let mut digests: Vec<Digest> =
            tagged.iter().filter(|(tag, _)| tag == chosen).map(|(_, digest)| *digest).collect();
        digests.dedup();
        match digests.as_slice() {
            [digest] => Ok(Resolved { tag: Some(chosen.to_string()), digest: *digest }),
            _ => {
                let index = self.path.join(INDEX);
                let message = format!("`{}` gives the tag `{chosen}` to {} images", index.display(), digests.len());
                Err(PortError::new(Fault::Invalid, message))
            }
        }
    }

    fn no_tag(&self, rule: &str, tags: &[&str]) -> PortError {
        let error = PortError::new(Fault::NotFound, format!("`{}` has no tag `{rule}`", self.path.display()));
        if tags.is_empty() {
            return error.help("no image in it has a tag");
        }
        let mut shown = tags.iter().take(SHOWN).map(|tag| format!("`{tag}`")).collect::<Vec<_>>().join(", ");
        if tags.len() > SHOWN {
            shown.push_str(" and others");
        }
        error.help(format!("it has {shown}"))
    }

    /// Whether the blob's file is there.
    pub(super) fn has(&self, digest: Digest) -> bool {
        self.blob_path(digest).is_file()
    }

    /// The blob's file.
    pub(super) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.path.join(BLOBS).join(digest.hex())
    }

    /// The blob's file, for errors.
    pub(super) fn blob_name(&self, digest: Digest) -> String {
        format!("`{}`", self.blob_path(digest).display())
    }

    /// A manifest or configuration, read as a whole and verified.
    pub(super) fn document(&self, digest: Digest, limit: u64) -> Result<Vec<u8>, PortError> {
        let path = self.blob_path(digest);
        let bytes = read(&path, limit)?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(damaged(&path)) }
    }

    /// A blob, verified while it is read. Its size is checked at once, where it is known.
    pub(super) fn blob(&self, digest: Digest, size: Option<u64>) -> Result<Verified<File>, PortError> {
        let path = self.blob_path(digest);
        let file = File::open(&path).map_err(|why| failed(&path, &why))?;
        let length = file.metadata().map_err(|why| failed(&path, &why))?.len();
        if size.is_some_and(|size| size != length) {
            return Err(damaged(&path));
        }
        Ok(Verified::new(file, digest))
    }
}

/// The tag of an image: the whole annotation, or the tag in it where tools write a full reference.
pub(super) fn tag(image: &Descriptor) -> Option<String> {
    let name = image.annotations.get(REF_NAME)?;
    if !name.contains([':', '/', '@']) {
        return Some(name.clone());
    }
    Reference::parse(name).ok()?.tag
}

/// Reads a file of at most that many bytes.
pub(super) fn read(path: &Path, limit: u64) -> Result<Vec<u8>, PortError> {
    let file = File::open(path).map_err(|why| failed(path, &why))?;
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|why| failed(path, &why))?;
    if bytes.len() as u64 > limit {
        return Err(PortError::new(Fault::Limit, format!("`{}` has more than {limit} bytes", path.display())));
    }
    Ok(bytes)
}

/// A blob that is not what its name says.
pub(super) fn damaged(path: &Path) -> PortError {
    let error =
        PortError::new(Fault::Invalid, format!("`{}` is damaged: it is not what its name says", path.display()));
    error.help("remove the file and copy or build the image again")
}

/// What the operating system would not do with a file.
pub(super) fn failed(path: &Path, why: &io::Error) -> PortError {
    let path = path.display();
    match why.kind() {
        ErrorKind::NotFound => PortError::new(Fault::NotFound, format!("`{path}` does not exist")),
        ErrorKind::PermissionDenied => PortError::new(Fault::Denied, format!("`{path}`: permission denied")),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            PortError::new(Fault::Unavailable, format!("`{path}` cannot be written: the disk is full"))
                .help("make room and go on; nothing half-written is left in use")
        }
        ErrorKind::NotADirectory => PortError::new(Fault::Invalid, format!("`{path}`: a part of the path is a file")),
        _ => PortError::new(Fault::Unavailable, format!("`{path}`: {why}")),
    }
}
