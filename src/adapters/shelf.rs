//! The shelf in files: `KIND/xx/NAME`, where `xx` are the last two characters of the name, so that no folder gets long.
//!
//! Several processes may share it. A file has its place only when it is whole, and the same name always stands for the
//! same bytes, so that it does not matter who was first.

use super::disk::{self, Durable};
use crate::ports::shelf::{Kind, Shelf};
use crate::ports::{Fault, PortError};
use std::io::ErrorKind;
use std::path::PathBuf;

/// How long a name may be; file systems end at 255 bytes.
const NAME_LIMIT: usize = 200;

/// A shelf below a folder, which is made when something is put there.
#[derive(Clone, Debug)]
pub struct FolderShelf {
    root: PathBuf,
}

impl FolderShelf {
    /// The shelf below that folder.
    pub fn new(root: impl Into<PathBuf>) -> FolderShelf {
        FolderShelf { root: root.into() }
    }

    fn path(&self, kind: Kind, name: &str) -> Result<PathBuf, PortError> {
        // A digest's digits, with dashes and dots where one thing is made of two. Never a path, never hidden.
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if name.len() < 2 || name.len() > NAME_LIMIT || name.starts_with('.') || !name.chars().all(plain) {
            return Err(PortError::new(Fault::Invalid, format!("`{name}` is no name of something kept")));
        }
        let (_, drawer) = name.split_at(name.len() - 2);
        // `..` would lead out of the folder.
        let drawer = drawer.replace('.', "-");
        Ok(self.root.join(kind.word()).join(drawer).join(name))
    }
}

/// What was found out of images can be found out again; rendered objects are what an environment is brought back to.
fn durable(kind: Kind) -> Durable {
    match kind {
        Kind::Bundle => Durable::Yes,
        Kind::Layer | Kind::Tree => Durable::No,
    }
}

impl Shelf for FolderShelf {
    fn put(&self, kind: Kind, name: &str, bytes: &[u8]) -> Result<(), PortError> {
        let path = self.path(kind, name)?;
        // What is there already is only written again where it was damaged, as by a loss of power.
        if std::fs::read(&path).is_ok_and(|there| there == bytes) && disk::touch(&path) {
            return Ok(());
        }
        disk::make_folder(path.parent().unwrap_or(&self.root))?;
        disk::replace(&path, bytes, durable(kind))
    }

    fn get(&self, kind: Kind, name: &str) -> Result<Option<Vec<u8>>, PortError> {
        let path = self.path(kind, name)?;
        match std::fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(None),
            Err(why) => Err(disk::failed(&path, "read", &why)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lies_where_it_says() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = FolderShelf::new(dir.path().join("shelf"));
        assert_eq!(shelf.get(Kind::Layer, "abcdef").expect("read"), None);
        shelf.put(Kind::Layer, "abcdef", b"bytes").expect("put");
        assert_eq!(std::fs::read(dir.path().join("shelf/layers/ef/abcdef")).expect("a file"), b"bytes");
        // A name that ends in dots stays within.
        shelf.put(Kind::Tree, "a..", b"dots").expect("put");
        assert_eq!(std::fs::read(dir.path().join("shelf/trees/--/a..")).expect("a file"), b"dots");
    }

    #[test]
    fn putting_again_writes_nothing_unless_it_was_damaged() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = FolderShelf::new(dir.path());
        shelf.put(Kind::Bundle, "abcdef", b"bytes").expect("put");
        let path = dir.path().join("bundles/ef/abcdef");
        let before = path.metadata().expect("there").modified().expect("a time");
        shelf.put(Kind::Bundle, "abcdef", b"bytes").expect("put");
        assert_eq!(path.metadata().expect("there").modified().expect("a time"), before);
        std::fs::write(&path, "").expect("damaged");
        shelf.put(Kind::Bundle, "abcdef", b"bytes").expect("put");
        assert_eq!(std::fs::read(&path).expect("a file"), b"bytes");
    }

    #[test]
    fn refuses_what_is_no_name() {
        let dir = tempfile::tempdir().expect("a folder");
        let shelf = FolderShelf::new(dir.path());
        for name in ["", "a", "../ab", "a/b", ".hidden", "sha256:ab", &"a".repeat(201)] {
            let error = shelf.put(Kind::Bundle, name, b"").expect_err(name);
            assert_eq!(error.fault, Fault::Invalid);
            assert!(shelf.get(Kind::Bundle, name).is_err(), "{name}");
        }
        assert_eq!(std::fs::read_dir(dir.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn a_folder_in_the_way_is_named() {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(dir.path().join("bundles/ef/abcdef")).expect("a folder");
        let shelf = FolderShelf::new(dir.path());
        assert!(shelf.get(Kind::Bundle, "abcdef").expect_err("a folder").message.ends_with("it is a folder"));
        assert!(shelf.put(Kind::Bundle, "abcdef", b"x").expect_err("a folder").message.contains("bundles/ef/abcdef"));
    }
}
