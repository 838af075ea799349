//! What an image has on its file system, as far as a build on top of it must know: its folders with their owners, its
//! links, and the names of its users. Read once from a base's layers and kept by the digest of its manifest.
//!
//! It is needed because a layer that adds a file also says what the folders above it are: a runtime that unpacks the
//! layer by itself takes that, and nothing said means root. A link among those folders must be followed, since a
//! folder of its name would hide it.

use super::archive::{self, Kind, Member, Packing};
use super::{limits, names};
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::io::Read;

/// The longest `/etc/passwd` and `/etc/group` that are read.
const USERS: u64 = 1 << 20;

/// The folders, links and users of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Tree {
    spots: BTreeMap<String, Spot>,
    passwd: String,
    group: String,
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Spot {
    /// A folder.
    Folder {
        /// The permission bits.
        mode: u32,
        /// The owner.
        uid: u64,
        /// The group.
        gid: u64,
    },
    /// A symbolic link to that path.
    Link(String),
}

/// What one layer does to what is below it.
#[derive(Default)]
struct Changes {
    /// Paths that are gone, with all below them.
    removed: Vec<String>,
    /// Folders whose former content is gone.
    emptied: Vec<String>,
    /// What is new at a path; nothing for a file.
    added: BTreeMap<String, Option<Spot>>,
    passwd: Option<String>,
    group: Option<String>,
}

impl Tree {
    /// What is at a path, if it is a folder or a link.
    pub fn spot(&self, path: &str) -> Option<&Spot> {
        self.spots.get(path)
    }

    /// The numbers of a user: its own and its group's.
    pub fn user(&self, name: &str) -> Option<(u64, u64)> {
        let fields = self.passwd.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.filter(|fields| fields.first() == Some(&name)).find_map(|fields| match fields.as_slice() {
            [_, _, uid, gid, ..] => Some((uid.parse().ok()?, gid.parse().ok()?)),
            _ => None,
        })
    }

    /// The number of a group.
    pub fn group(&self, name: &str) -> Option<u64> {
        let fields = self.group.lines().map(|line| line.split(':').collect::<Vec<_>>());
        fields.filter(|fields| fields.first() == Some(&name)).find_map(|fields| fields.get(2)?.parse().ok())
    }

    /// Lays a layer on top: the stored bytes, plain or packed with gzip. `what` names it in errors.
    pub fn add_layer(&mut self, what: &str, layer: impl Read) -> Result<(), PortError> {
        let mut layer = layer;
        let mut magic = [0; 4];
        let got = read_up_to(&mut layer, &mut magic).map_err(|why| unreadable(what, &why))?;
        let start = magic.get(..got).unwrap_or_default();
        let packing = match start {
            [0x1f, 0x8b, ..] => Packing::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd] => {
                return Err(PortError::new(
                    Fault::Invalid,
                    format!("{what} is packed with zstd, which is not supported"),
                ));
            }
            _ => Packing::Tar,
        };
        let whole = std::io::Cursor::new(start.to_vec()).chain(layer);
        let Some(reader) = archive::open(packing, whole) else { return Ok(()) };
        let mut changes = Changes::default();
        archive::walk(what, reader, limits::BASE, &mut |member, content| changes.take(what, member, content))?;
        self.apply(changes);
        if self.spots.len() > limits::ENTRIES {
            let message = format!("{what} has more than {} folders and links", limits::ENTRIES);
            return Err(PortError::new(Fault::Limit, message));
        }
        Ok(())
    }

    fn apply(&mut self, changes: Changes) {
        for path in &changes.removed {
            self.remove(path, true);
        }
        for path in &changes.emptied {
            self.remove(path, false);
        }
        for (path, spot) in changes.added {
            let folder = matches!(spot, Some(Spot::Folder { .. }));
            if !folder {
                self.remove(&path, true);
            }
            if let Some(spot) = spot {
                self.spots.insert(path, spot);
            }
        }
        self.passwd = changes.passwd.unwrap_or(std::mem::take(&mut self.passwd));
        self.group = changes.group.unwrap_or(std::mem::take(&mut self.group));
    }

    /// Removes what is below a path, and perhaps the path.
    fn remove(&mut self, path: &str, itself: bool) {
        let prefix = names::below(path, "").to_string() + "/";
        let below = self.spots.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
        let mut gone: Vec<String> = below.map(|(key, _)| key.clone()).collect();
        gone.extend(itself.then(|| path.to_string()));
        for key in gone {
            self.spots.remove(&key);
        }
    }
}

impl Changes {
    fn take(&mut self, what: &str, member: Member, content: &mut dyn Read) -> Result<(), PortError> {
        let (folder, name) = (names::parent(&member.path), names::base(&member.path));
        if name == ".wh..wh..opq" {
            self.emptied.push(folder.to_string());
        } else if let Some(name) = name.strip_prefix(".wh.") {
            self.removed.push(names::below(folder, name));
        } else if !member.path.is_empty() {
            self.users(what, &member, content)?;
            let spot = match member.kind {
                Kind::Folder => Some(Spot::Folder { mode: member.mode, uid: member.uid, gid: member.gid }),
                Kind::Link(target) => Some(Spot::Link(target)),
                Kind::File | Kind::Hard(_) | Kind::Special => None,
            };
            self.added.insert(member.path, spot);
        }
        let count = self.added.len() + self.removed.len() + self.emptied.len();
        if count > limits::ENTRIES {
            return Err(PortError::new(Fault::Limit, format!("{what} has more than {} entries", limits::ENTRIES)));
        }
        Ok(())
    }

    /// Keeps the files that name users and groups.
    fn users(&mut self, what: &str, member: &Member, content: &mut dyn Read) -> Result<(), PortError> {
        let place = match member.path.as_str() {
            "etc/passwd" => &mut self.passwd,
            "etc/group" => &mut self.group,
            _ => return Ok(()),
        };
        let mut bytes = Vec::new();
        content.take(USERS).read_to_end(&mut bytes).map_err(|why| unreadable(what, &why))?;
        *place = Some(String::from_utf8_lossy(&bytes).into_owned());
        Ok(())
    }
}

/// Reads until the buffer is full or the end is reached.
fn read_up_to(reader: &mut impl Read, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut bytes = Vec::new();
    reader.take(buffer.len() as u64).read_to_end(&mut bytes)?;
    buffer.iter_mut().zip(&bytes).for_each(|(to, from)| *to = *from);
    Ok(bytes.len())
}

fn unreadable(what: &str, why: &std::io::Error) -> PortError {
    PortError::new(Fault::Unavailable, format!("{what} cannot be read: {why}"))
}

#[cfg(test)]
mod tests {
    use super::super::archive::tests::archive;
    use super::*;
    use tar::EntryType::{Directory, Regular, Symlink};

    fn tree(layers: &[&[(&str, tar::EntryType, &str)]]) -> Tree {
        let mut tree = Tree::default();
        for layer in layers {
            tree.add_layer("layer", archive(layer).as_slice()).unwrap();
        }
        tree
    }

    fn paths(tree: &Tree) -> Vec<&str> {
        tree.spots.keys().map(String::as_str).collect()
    }

    #[test]
    fn layers_add_and_take_away() {
        let base: &[_] =
            &[("a/", Directory, ""), ("a/b/", Directory, ""), ("a/l", Symlink, "b"), ("a/f", Regular, "x")];
        let folder = Spot::Folder { mode: 0o750, uid: 7, gid: 8 };
        let plain = tree(&[base]);
        assert_eq!(paths(&plain), ["a", "a/b", "a/l"]);
        assert_eq!((plain.spot("a"), plain.spot("a/l")), (Some(&folder), Some(&Spot::Link("b".into()))));
        assert_eq!(paths(&tree(&[base, &[("a/.wh.b", Regular, "")]])), ["a", "a/l"]);
        assert_eq!(paths(&tree(&[base, &[("a/c/", Directory, ""), ("a/.wh..wh..opq", Regular, "")]])), ["a", "a/c"]);
        assert_eq!(paths(&tree(&[base, &[("a", Regular, "")]])), [""; 0]);
        assert_eq!(paths(&tree(&[base, &[("a/.wh.b", Regular, ""), ("a/b/", Directory, "")]])), ["a", "a/b", "a/l"]);
    }

    #[test]
    fn knows_users() {
        let tree = tree(&[&[
            ("etc/passwd", Regular, "root:x:0:0::/:/bin/sh\napp:x:802:803::/:\nbad\nbad2:x:a:b:c\n"),
            ("etc/group", Regular, "root:x:0:\nwso2:x:804:\n"),
        ]]);
        assert_eq!((tree.user("app"), tree.user("bad2"), tree.user("none")), (Some((802, 803)), None, None));
        assert_eq!((tree.group("wso2"), tree.group("none")), (Some(804), None));
    }

    #[test]
    fn refuses_zstd() {
        let error = Tree::default().add_layer("layer 1", &[0x28, 0xb5, 0x2f, 0xfd, 0][..]).unwrap_err();
        assert_eq!(error.message, "layer 1 is packed with zstd, which is not supported");
    }
}
