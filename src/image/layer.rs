//! A layer: what it holds as data, and its bytes, which are the same for the same data whenever and wherever they are
//! made. Entries stand in the order of their paths, times are 1970, nothing depends on the machine.

use super::archive;
use super::limits;
use super::owner::Owner;
use crate::digest::{Digest, Hasher, Hashing};
use crate::ports::files::Files;
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Names the way in which layers are packed. It changes when the bytes of any layer change, so that nothing kept
/// from before is taken for what would be packed now.
const FORMAT: &str = "layer tar gnu gzip 6 v1";

/// How hard to pack. Part of the layer's digest, as is the packer itself: a test holds a digest against both.
const GZIP_LEVEL: u32 = 6;

/// What is at a path of a layer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder {
        mode: u32,
        owner: Owner,
    },
    File {
        mode: u32,
        owner: Owner,
        content: Content,
    },
    Link {
        owner: Owner,
        target: String,
    },
    /// Another name of a file of the same layer. It says the file's attributes again: runtimes set them by either name.
    Hard {
        mode: u32,
        owner: Owner,
        target: String,
    },
}

/// Where a file's bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// A file of the context, by its path in the listing.
    File { path: Arc<str>, digest: Digest, size: u64 },
    /// A text of the Dockerfile.
    Inline(Arc<str>),
    /// A member of an archive in the context, by its number.
    Member { archive: Arc<str>, digest: Digest, ordinal: usize, size: u64 },
}

/// What a layer holds, by path.
pub(super) type Nodes = BTreeMap<String, Node>;

/// What is known of a layer once it was packed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LayerInfo {
    /// The digest of the packed bytes, which names the blob.
    pub digest: Digest,
    /// How many these are.
    pub size: u64,
    /// The digest before packing, as the image's configuration has it.
    pub diff_id: Digest,
}

/// Keeps what layers came to, by the key of what they hold, so that what was packed once is not packed again to know
/// its digest.
pub trait LayerCache {
    /// What the layer of that key came to.
    fn get(&self, key: Digest) -> Option<LayerInfo>;
    /// Keeps what it came to.
    fn put(&self, key: Digest, info: LayerInfo);
}

/// Keeps nothing.
impl LayerCache for () {
    fn get(&self, _: Digest) -> Option<LayerInfo> {
        None
    }

    fn put(&self, _: Digest, _: LayerInfo) {}
}

impl Content {
    fn size(&self) -> u64 {
        match self {
            Content::File { size, .. } | Content::Member { size, .. } => *size,
            Content::Inline(text) => text.len() as u64,
        }
    }
}

/// The key of a layer: equal keys, equal bytes.
pub(super) fn key(nodes: &Nodes) -> Digest {
    let mut hasher = Hasher::new(FORMAT);
    for (path, node) in nodes {
        hasher.field(path);
        match node {
            Node::Folder { mode, owner } => attributes(&mut hasher, "folder", *mode, *owner),
            Node::File { mode, owner, content } => {
                attributes(&mut hasher, "file", *mode, *owner);
                content_key(&mut hasher, content);
            }
            Node::Link { owner, target } => {
                attributes(&mut hasher, "link", 0, *owner);
                hasher.field(target);
            }
            Node::Hard { mode, owner, target } => {
                attributes(&mut hasher, "hard", *mode, *owner);
                hasher.field(target);
            }
        }
    }
    hasher.finish()
}

fn attributes(hasher: &mut Hasher, kind: &str, mode: u32, owner: Owner) {
    hasher.field(kind).field(mode.to_le_bytes()).field(owner.uid.to_le_bytes()).field(owner.gid.to_le_bytes());
}

fn content_key(hasher: &mut Hasher, content: &Content) {
    match content {
        Content::File { digest, .. } => hasher.field("file").digest(*digest),
        Content::Inline(text) => hasher.field("inline").field(text.as_bytes()),
        Content::Member { archive, digest, ordinal, .. } => {
            // Members are written archive by archive in the order of the archives' paths.
            hasher.field("member").field(archive.as_bytes()).digest(*digest).field(ordinal.to_le_bytes())
        }
    };
}

/// Checks the bounds of a layer before anything is packed.
pub(super) fn check(nodes: &Nodes) -> Result<(), String> {
    if nodes.len() > limits::ENTRIES {
        return Err(format!("the layer has {} entries; {} are the limit", nodes.len(), limits::ENTRIES));
    }
    let mut total = 0u64;
    for (path, node) in nodes {
        let Node::File { content, .. } = node else { continue };
        if content.size() > limits::FILE {
            return Err(format!("`/{path}` has {} bytes; {} are the limit of a file", content.size(), limits::FILE));
        }
        total = total.saturating_add(content.size());
    }
    if total > limits::LAYER {
        return Err(format!("the layer has {total} bytes; {} are the limit", limits::LAYER));
    }
    Ok(())
}

/// Packs a layer into `out`.
pub(super) fn pack(nodes: &Nodes, files: &dyn Files, out: &mut dyn Write) -> Result<LayerInfo, PortError> {
    // The header says neither name nor time nor machine: 255 is "unknown".
    let encoder = flate2::GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Hashing::new(out), flate2::Compression::new(GZIP_LEVEL));
    let mut packer = Packer { tar: tar::Builder::new(Hashing::new(encoder)), files };
    packer.plain(nodes)?;
    packer.members(nodes)?;
    packer.hard_links(nodes)?;
    let (encoder, diff_id, _) = packer.tar.into_inner().map_err(unwritten)?.finish();
    let (_, digest, size) = encoder.finish().map_err(unwritten)?.finish();
    Ok(LayerInfo { digest, size, diff_id })
}

/// What is wanted of an archive: by number, the paths that a member goes to.
type Members<'a> = BTreeMap<usize, Vec<(&'a str, &'a Node)>>;

struct Packer<'a, W: Write> {
    tar: tar::Builder<W>,
    files: &'a dyn Files,
}

impl<W: Write> Packer<'_, W> {
    /// Everything whose bytes are at hand, in the order of the paths: a folder comes before what is in it.
    fn plain(&mut self, nodes: &Nodes) -> Result<(), PortError> {
        for (path, node) in nodes {
            match node {
                Node::Folder { mode, owner } => {
                    let mut header = owned(tar::EntryType::Directory, *mode, *owner);
                    self.tar.append_data(&mut header, format!("{path}/"), io::empty()).map_err(unwritten)?;
                }
                Node::Link { owner, target } => self.link(tar::EntryType::Symlink, path, 0o777, *owner, target)?,
                Node::File { mode, owner, content: Content::File { path: from, size, .. } } => {
                    let bytes = self.files.read(from)?;
                    if bytes.len() as u64 != *size {
                        return Err(PortError::new(Fault::Moved, format!("`{from}` is no longer as it was")));
                    }
                    self.file(path, *mode, *owner, &bytes)?;
                }
                Node::File { mode, owner, content: Content::Inline(text) } => {
                    self.file(path, *mode, *owner, text.as_bytes())?;
                }
                Node::File { content: Content::Member { .. }, .. } | Node::Hard { .. } => {}
            }
        }
        Ok(())
    }

    /// What comes out of archives, archive by archive, each read once and in its own order.
    fn members(&mut self, nodes: &Nodes) -> Result<(), PortError> {
        let mut archives: BTreeMap<&str, Members<'_>> = BTreeMap::new();
        for (path, node) in nodes {
            if let Node::File { content: Content::Member { archive, ordinal, .. }, .. } = node {
                let members = archives.entry(archive).or_default();
                members.entry(*ordinal).or_default().push((path, node));
            }
        }
        for (path, wanted) in archives {
            self.archive(path, &wanted)?;
        }
        Ok(())
    }

    fn archive(&mut self, archive: &str, wanted: &Members<'_>) -> Result<(), PortError> {
        let bytes = self.files.read(archive)?;
        let moved = || PortError::new(Fault::Moved, format!("`{archive}` is no longer as it was"));
        let reader = archive::open(archive::packing(&bytes), &bytes[..]).ok_or_else(moved)?;
        let mut ordinal = 0;
        archive::walk(&format!("`{archive}`"), reader, limits::LAYER, &mut |member, content| {
            let paths = wanted.get(&ordinal).map(Vec::as_slice).unwrap_or_default();
            ordinal += 1;
            let Some(((path, node), others)) = paths.split_first() else { return Ok(()) };
            let Node::File { mode, owner, .. } = node else { return Ok(()) };
            let mut header = owned(tar::EntryType::Regular, *mode, *owner);
            header.set_size(member.size);
            self.tar.append_data(&mut header, path, content).map_err(unwritten)?;
            // The bytes were read once; a second path of the same member is a second name of the first.
            others.iter().try_for_each(|(other, _)| self.link(tar::EntryType::Link, other, *mode, *owner, path))
        })
    }

    /// Second names, when all files they can name are there.
    fn hard_links(&mut self, nodes: &Nodes) -> Result<(), PortError> {
        for (path, node) in nodes {
            if let Node::Hard { mode, owner, target } = node {
                self.link(tar::EntryType::Link, path, *mode, *owner, target)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &str, mode: u32, owner: Owner, bytes: &[u8]) -> Result<(), PortError> {
        let mut header = owned(tar::EntryType::Regular, mode, owner);
        header.set_size(bytes.len() as u64);
        self.tar.append_data(&mut header, path, bytes).map_err(unwritten)
    }

    fn link(
        &mut self,
        kind: tar::EntryType,
        path: &str,
        mode: u32,
        owner: Owner,
        target: &str,
    ) -> Result<(), PortError> {
        let mut header = owned(kind, mode, owner);
        self.tar.append_link(&mut header, path, target).map_err(unwritten)
    }
}

/// A header of somebody's; its size is said when it is known.
fn owned(kind: tar::EntryType, mode: u32, owner: Owner) -> tar::Header {
    let mut header = archive::header(kind, mode, 0);
    header.set_uid(owner.uid);
    header.set_gid(owner.gid);
    header
}

fn unwritten(why: io::Error) -> PortError {
    PortError::new(Fault::Unavailable, format!("a layer cannot be written: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::{MemoryFiles, Mode};

    fn nodes() -> (Nodes, MemoryFiles) {
        let mut files = MemoryFiles::default();
        files.add("src/a", Mode::File, *b"hello");
        let owner = Owner { uid: 1, gid: 2 };
        let content = Content::File { path: "src/a".into(), digest: Digest::of("hello"), size: 5 };
        let nodes = BTreeMap::from([
            ("d".to_string(), Node::Folder { mode: 0o755, owner }),
            ("d/a".to_string(), Node::File { mode: 0o644, owner, content }),
            ("d/l".to_string(), Node::Link { owner, target: "a".into() }),
            ("d/n".repeat(60), Node::File { mode: 0o600, owner, content: Content::Inline("x".into()) }),
        ]);
        (nodes, files)
    }

    #[test]
    fn the_same_bytes_for_ever() {
        let (nodes, files) = nodes();
        let mut out = Vec::new();
        let info = pack(&nodes, &files, &mut out).unwrap();
        assert_eq!((info.digest, info.size), (Digest::of(&out), out.len() as u64));
        // Whoever changes these digests changes FORMAT: every image built before is built anew.
        assert_eq!(info.diff_id.short(), "0d33fc86650f");
        assert_eq!(info.digest.short(), "995946f72827");
    }

    #[test]
    fn every_attribute_is_in_the_key() {
        let (nodes, _) = nodes();
        let owner = Owner::default();
        let first = key(&nodes);
        for (path, node) in [
            ("d", Node::Folder { mode: 0o750, owner: Owner { uid: 1, gid: 2 } }),
            ("d", Node::Folder { mode: 0o755, owner }),
            ("d/l", Node::Link { owner: Owner { uid: 1, gid: 2 }, target: "b".into() }),
            ("d/l", Node::Hard { mode: 0o777, owner: Owner { uid: 1, gid: 2 }, target: "a".into() }),
            ("d/x", Node::Folder { mode: 0o755, owner }),
        ] {
            let mut other = nodes.clone();
            other.insert(path.to_string(), node);
            assert_ne!(key(&other), first, "{path}");
        }
    }

    #[test]
    fn bounds_and_moved_files() {
        let (mut nodes, mut files) = nodes();
        files.add("src/a", Mode::File, *b"longer");
        assert_eq!(pack(&nodes, &files, &mut io::sink()).unwrap_err().fault, Fault::Moved);
        let content = Content::File { path: "x".into(), digest: Digest::of(""), size: limits::FILE + 1 };
        nodes.insert("x".into(), Node::File { mode: 0, owner: Owner::default(), content });
        assert!(check(&nodes).unwrap_err().contains("limit of a file"));
        for n in 0..5 {
            let content = Content::File { path: "x".into(), digest: Digest::of(""), size: limits::FILE };
            nodes.insert("x".repeat(n + 1), Node::File { mode: 0, owner: Owner::default(), content });
        }
        assert!(check(&nodes).unwrap_err().contains("the layer has"));
    }
}
