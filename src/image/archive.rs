//! Reading tar archives that come from outside: a base's layers, and what ADD unpacks. Long names in GNU's and in
//! POSIX's way are understood here and not by the tar crate, which would take in a name of any length.

use super::names;
use crate::ports::{Fault, PortError};
use std::io::{self, Read};
use tar::EntryType;

/// The longest name or set of attributes of one member.
const NAME: u64 = 1 << 20;

/// A member of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Member {
    /// The path, from the root of where it is unpacked.
    pub(super) path: String,
    pub(super) kind: Kind,
    pub(super) mode: u32,
    pub(super) uid: u64,
    pub(super) gid: u64,
    pub(super) size: u64,
}

/// What a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic link to that path, as written.
    Link(String),
    /// Another name of the member with that path.
    Hard(String),
    /// A device or a pipe.
    Special,
}

/// The header of a member that we write: it is root's, and nothing of the machine is in it.
pub fn header(kind: EntryType, mode: u32, size: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    header
}

/// What a file's first bytes say of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Packing {
    /// A tar archive.
    Tar,
    /// A tar archive packed with gzip.
    Gzip,
    /// Packed in a way that we cannot undo.
    Other(&'static str),
    /// No archive.
    None,
}

/// Looks whether some bytes are an archive that ADD would unpack.
pub(super) fn packing(bytes: &[u8]) -> Packing {
    let is_tar = |reader: &mut dyn Read| first_is_member(reader);
    match bytes {
        [0x1f, 0x8b, ..] => {
            let tar = is_tar(&mut flate2::read::MultiGzDecoder::new(bytes));
            if tar { Packing::Gzip } else { Packing::None }
        }
        [b'B', b'Z', b'h', ..] => Packing::Other("bzip2"),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Packing::Other("xz"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Packing::Other("zstd"),
        plain if is_tar(&mut io::Cursor::new(plain)) => Packing::Tar,
        _ => Packing::None,
    }
}

/// Whether the reader starts with the header of a member, its checksum right.
fn first_is_member(reader: &mut dyn Read) -> bool {
    let mut archive = tar::Archive::new(reader);
    archive.entries().is_ok_and(|entries| entries.raw(true).next().is_some_and(|first| first.is_ok()))
}

/// The bytes of an archive, unpacked.
pub(super) fn open<'a>(packing: Packing, bytes: impl Read + 'a) -> Option<Box<dyn Read + 'a>> {
    match packing {
        Packing::Tar => Some(Box::new(bytes)),
        Packing::Gzip => Some(Box::new(flate2::read::MultiGzDecoder::new(bytes))),
        Packing::Other(_) | Packing::None => None,
    }
}

/// Goes through the members of an archive that unpacks to at most `limit` bytes. `what` names it in errors.
pub(super) fn walk(
    what: &str,
    reader: impl Read,
    limit: u64,
    visit: &mut dyn FnMut(Member, &mut dyn Read) -> Result<(), PortError>,
) -> Result<(), PortError> {
    let broken = |why: io::Error| PortError::new(Fault::Invalid, format!("{what} is no sound tar archive: {why}"));
    let bounded = Bounded { reader, left: limit };
    let mut archive = tar::Archive::new(bounded);
    let mut long = Long::default();
    for entry in archive.entries().map_err(broken)?.raw(true) {
        let mut entry = entry.map_err(broken)?;
        if long.take(&mut entry).map_err(broken)? {
            continue;
        }
        let member = member(&entry, std::mem::take(&mut long)).map_err(broken)?;
        visit(member, &mut entry)?;
    }
    Ok(())
}

/// A reader that fails behind a bound, so that a small archive does not unpack to a disk full.
struct Bounded<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self.left.checked_sub(count as u64).ok_or_else(|| io::Error::other("it unpacks to too much"))?;
        Ok(count)
    }
}

/// What members before a member say of it.
#[derive(Default)]
struct Long {
    path: Option<String>,
    link: Option<String>,
    uid: Option<u64>,
    gid: Option<u64>,
}

impl Long {
    /// Takes in a member that only says something of the next one; answers whether it was such.
    fn take<R: Read>(&mut self, entry: &mut tar::Entry<'_, R>) -> io::Result<bool> {
        let kind = entry.header().entry_type();
        let says = matches!(kind, EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader);
        if !says {
            // What holds for the whole archive is comments and times.
            return Ok(kind == EntryType::XGlobalHeader);
        }
        if entry.size() > NAME {
            return Err(io::Error::other("a name in it is too long"));
        }
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        match kind {
            EntryType::GNULongName => self.path = Some(text(trim_nul(&bytes))?),
            EntryType::GNULongLink => self.link = Some(text(trim_nul(&bytes))?),
            _ => self.attributes(&bytes)?,
        }
        Ok(true)
    }

    /// POSIX's attributes.
    fn attributes(&mut self, bytes: &[u8]) -> io::Result<()> {
        for attribute in tar::PaxExtensions::new(bytes) {
            let attribute = attribute?;
            let value = attribute.value_bytes();
            let number = || std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
            match attribute.key_bytes() {
                b"path" => self.path = Some(text(value)?),
                b"linkpath" => self.link = Some(text(value)?),
                b"uid" => self.uid = number(),
                b"gid" => self.gid = number(),
                b"size" => return Err(io::Error::other("it has a member larger than 8 GiB")),
                _ => {}
            }
        }
        Ok(())
    }
}

fn trim_nul(bytes: &[u8]) -> &[u8] {
    bytes.strip_suffix(&[0]).unwrap_or(bytes)
}

fn text(bytes: &[u8]) -> io::Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|_| io::Error::other("a name in it is not UTF-8"))?;
    if text.contains('\0') { Err(io::Error::other("a name in it has a zero byte")) } else { Ok(text.to_string()) }
}

/// The member that a header describes.
fn member<R: Read>(entry: &tar::Entry<'_, R>, long: Long) -> io::Result<Member> {
    let header = entry.header();
    let path = long.path.map_or_else(|| text(&header.path_bytes()), Ok)?;
    let link = || match long.link {
        Some(link) => Ok(link),
        None => header.link_name_bytes().map_or(Ok(String::new()), |bytes| text(&bytes)),
    };
    let outside = |path: &str| io::Error::other(format!("`{path}` leaves the archive"));
    let inside = |path: &str| names::inside(path).ok_or_else(|| outside(path));
    let kind = match header.entry_type() {
        // Very old archives mark folders by the name alone.
        EntryType::Regular if path.ends_with('/') => Kind::Folder,
        EntryType::Regular | EntryType::Continuous => Kind::File,
        EntryType::Directory => Kind::Folder,
        EntryType::Symlink => Kind::Link(link()?),
        EntryType::Link => Kind::Hard(inside(&link()?)?),
        EntryType::GNUSparse => return Err(io::Error::other("it has a sparse file")),
        _ => Kind::Special,
    };
    Ok(Member {
        path: inside(&path)?,
        kind,
        mode: header.mode()? & 0o7777,
        uid: long.uid.map_or_else(|| header.uid(), Ok)?,
        gid: long.gid.map_or_else(|| header.gid(), Ok)?,
        size: entry.size(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An archive of these members; for folders and links the content is nothing and the target.
    pub(in crate::image) fn archive(members: &[(&str, EntryType, &str)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (path, kind, content) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(if *kind == EntryType::Directory { 0o750 } else { 0o640 });
            header.set_uid(7);
            header.set_gid(8);
            let link = matches!(kind, EntryType::Symlink | EntryType::Link);
            if link {
                header.set_size(0);
                builder.append_link(&mut header, path, content).unwrap();
            } else {
                header.set_size(content.len() as u64);
                builder.append_data(&mut header, path, content.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn members(bytes: &[u8], limit: u64) -> Result<Vec<(String, Kind)>, PortError> {
        let mut found = Vec::new();
        walk("a.tar", bytes, limit, &mut |member, _| {
            found.push((member.path, member.kind));
            Ok(())
        })?;
        Ok(found)
    }

    #[test]
    fn reads_members_with_long_names() {
        let long = "d/".repeat(100) + "f";
        let bytes = archive(&[
            ("a/", EntryType::Directory, ""),
            (&long, EntryType::Regular, "x"),
            ("a/l", EntryType::Symlink, "../b"),
            ("a/h", EntryType::Link, &long),
        ]);
        let expected = [
            ("a".to_string(), Kind::Folder),
            (long.clone(), Kind::File),
            ("a/l".to_string(), Kind::Link("../b".to_string())),
            ("a/h".to_string(), Kind::Hard(long)),
        ];
        assert_eq!(members(&bytes, 1 << 20).unwrap(), expected);
        assert_eq!(packing(&bytes), Packing::Tar);
        assert!(members(&bytes, 600).unwrap_err().message.contains("unpacks to too much"));
    }

    #[test]
    fn looks_at_the_first_bytes() {
        use std::io::Write;
        let gzip = |bytes: &[u8]| {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        assert_eq!(packing(&gzip(&archive(&[("a", EntryType::Regular, "x")]))), Packing::Gzip);
        assert_eq!(packing(&gzip(b"text")), Packing::None);
        assert_eq!(packing(b""), Packing::None);
        assert_eq!(packing(&[b'x'; 2000]), Packing::None);
        assert_eq!(packing(b"BZh91"), Packing::Other("bzip2"));
    }

    #[test]
    fn refuses_what_leaves_the_archive() {
        let mut builder = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.as_mut_bytes()[..4].copy_from_slice(b"../x");
        header.set_size(0);
        header.set_mode(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        builder.append(&header, &[][..]).unwrap();
        let bytes = builder.into_inner().unwrap();
        assert!(members(&bytes, 1 << 20).unwrap_err().message.contains("leaves the archive"));
        assert!(members(&[1; 1024], 1 << 20).is_err());
    }
}
