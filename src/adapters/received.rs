//! What was sent under the name of a source: each content is a version, and the one that came last is the head.

use super::disk::{self, Durable};
use super::kept::Kept;
use crate::digest::{Digest, Hasher};
use crate::ports::files::{Files, Listing};
use crate::ports::filter::Filter;
use crate::ports::sources::{About, Head, HeadQuery, Version};
use crate::ports::{Fault, PortError};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

/// What was sent, below a folder.
#[derive(Clone, Debug)]
pub(super) struct Received {
    root: PathBuf,
    kept: Kept,
}

impl Received {
    pub fn new(root: PathBuf) -> Received {
        Received { kept: Kept::new(root.clone()), root }
    }

    /// The file that names the head of a source. A name may be anything; its digest is one of a file.
    fn head_of(&self, name: &str) -> PathBuf {
        self.root.join("heads").join(Digest::of(name).hex())
    }

    /// Takes it in. The same content is the same version, whenever it is sent.
    pub fn take(&self, name: &str, files: &dyn Files) -> Result<Version, PortError> {
        let listing = files.list()?;
        let mut hasher = Hasher::new("received");
        for entry in &listing.entries {
            hasher.field(entry.path.as_bytes()).digest(entry.digest);
        }
        let digest = hasher.finish();
        let version = Version { id: digest.to_string(), name: None, content: digest };
        self.kept.keep_for_good(&version, files)?;
        let place = self.head_of(name);
        disk::make_folder(place.parent().unwrap_or(&self.root))?;
        let text = serde_json::to_vec(&version).unwrap_or_default();
        disk::replace(&place, &text, Durable::Yes)?;
        Ok(version)
    }

    /// What was sent last.
    pub fn head(&self, name: &str, query: &HeadQuery) -> Result<Head, PortError> {
        let place = self.head_of(name);
        let bytes = std::fs::read(&place).map_err(|why| match why.kind() {
            ErrorKind::NotFound => PortError::new(Fault::NotFound, format!("nothing was sent to `{name}` yet"))
                .help(format!("send it to `/webhooks/webhook/{name}` of the server that keeps this pipeline going")),
            _ => disk::failed(&place, "read", &why),
        })?;
        let damaged = |e| PortError::new(Fault::Invalid, format!("{} cannot be read: {e}", place.display()));
        let mut version: Version = serde_json::from_slice(&bytes).map_err(damaged)?;
        let filter = Filter::new(&query.paths, &query.ignore)?;
        if !filter.is_all() {
            let listing = self.open(name, &version)?.list()?;
            version.content = Listing::digest_of(filter.of(&listing.entries));
        }
        let same = query.last.as_ref().filter(|last| last.content == version.content).cloned();
        Ok(Head { version: same.unwrap_or(version), about: About::default() })
    }

    /// The files of a version.
    pub fn open(&self, name: &str, version: &Version) -> Result<Arc<dyn Files>, PortError> {
        let gone = || PortError::new(Fault::NotFound, format!("version {} of `{name}` is not kept", version.id));
        self.kept.open(version).ok_or_else(gone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::{MemoryFiles, Mode};
    use crate::ports::sources::Origin;

    #[test]
    fn what_came_last_is_the_head_and_the_same_is_the_same() {
        let dir = tempfile::tempdir().expect("a folder");
        let received = Received::new(dir.path().join("received"));
        let query = |last: Option<Version>, paths: &[&str]| HeadQuery {
            origin: Origin::Webhook { name: "app".into() },
            paths: paths.iter().map(ToString::to_string).collect(),
            ignore: Vec::new(),
            last,
            credentials: None,
        };
        assert_eq!(received.head("app", &query(None, &[])).expect_err("nothing yet").fault, Fault::NotFound);
        let files = |text: &str| {
            let mut files = MemoryFiles::default();
            files.add("values.yaml", Mode::File, text.as_bytes()).add("other", Mode::File, &b"x"[..]);
            files
        };
        let one = received.take("app", &files("a: 1")).expect("taken");
        let two = received.take("app", &files("a: 2")).expect("taken");
        assert_ne!(one, two);
        assert_eq!(received.head("app", &query(None, &[])).expect("a head").version, two);
        assert_eq!(&*received.open("app", &one).expect("files").read("values.yaml").expect("a file"), b"a: 1");
        assert_eq!(received.take("app", &files("a: 1")).expect("taken"), one);
        assert!(received.head("../app", &query(None, &[])).is_err(), "another name is another source");
        let narrow = received.head("app", &query(None, &["other"])).expect("a head").version;
        received.take("app", &files("a: 3")).expect("taken");
        let after = received.head("app", &query(Some(narrow.clone()), &["other"])).expect("a head").version;
        assert_eq!(after, narrow, "nothing that counts has changed");
    }
}
