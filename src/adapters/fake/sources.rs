//! Sources whose heads a test moves.

use super::Power;
use crate::digest::Digest;
use crate::ports::files::{Files, Listing, MemoryFiles};
use crate::ports::filter::Filter;
use crate::ports::sources::{About, Head, HeadQuery, Origin, Sources, Version};
use crate::ports::{Fault, PortError};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// Sources in memory.
#[derive(Debug)]
pub struct FakeSources {
    power: Power,
    known: Mutex<HashMap<Origin, Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// All versions that can be opened; the last is the head.
    versions: Vec<Kept>,
    fault: Option<PortError>,
}

#[derive(Clone, Debug)]
struct Kept {
    id: String,
    name: Option<String>,
    about: About,
    files: MemoryFiles,
}

impl FakeSources {
    /// No sources.
    pub fn new(power: Power) -> FakeSources {
        FakeSources { power, known: Mutex::default() }
    }

    /// Moves the head of a source to a version with that id and these files. A version that was there once is the head
    /// again, with the files that it is given now.
    pub fn set(&self, origin: &Origin, id: &str, files: MemoryFiles) {
        self.set_about(origin, id, None, About::default(), files);
    }

    /// The same, with a name such as a tag, and what is known of the version.
    pub fn set_about(&self, origin: &Origin, id: &str, name: Option<&str>, about: About, files: MemoryFiles) {
        let mut known = self.known.lock();
        let versions = &mut known.entry(origin.clone()).or_default().versions;
        versions.retain(|kept| kept.id != id);
        versions.push(Kept { id: id.to_string(), name: name.map(str::to_string), about, files });
    }

    /// Makes a version disappear, as a rewritten branch does.
    pub fn forget(&self, origin: &Origin, id: &str) {
        if let Some(known) = self.known.lock().get_mut(origin) {
            known.versions.retain(|kept| kept.id != id);
        }
    }

    /// Lets every question about a source fail like that, until it is called with nothing.
    pub fn fail(&self, origin: &Origin, fault: Option<PortError>) {
        self.known.lock().entry(origin.clone()).or_default().fault = fault;
    }

    fn find<T>(&self, origin: &Origin, pick: impl FnOnce(&[Kept]) -> Option<T>) -> Result<T, PortError> {
        self.power.check()?;
        let known = self.known.lock();
        let missing = || PortError::new(Fault::NotFound, format!("there is no such source or version: {origin:?}"));
        let source = known.get(origin).ok_or_else(missing)?;
        match &source.fault {
            Some(fault) => Err(fault.clone()),
            None => pick(&source.versions).ok_or_else(missing),
        }
    }
}

impl Sources for FakeSources {
    fn head(&self, query: &HeadQuery) -> Result<Head, PortError> {
        let head = self.find(&query.origin, |versions| versions.last().cloned())?;
        let filter = Filter::new(&query.paths, &query.ignore)?;
        let content = if filter.is_all() {
            Digest::of(&head.id)
        } else {
            Listing::digest_of(filter.of(&head.files.list()?.entries))
        };
        // A head in which nothing that counts has changed is no new version.
        let version = match &query.last {
            Some(last) if last.content == content => last.clone(),
            _ => Version { id: head.id, name: head.name, content },
        };
        Ok(Head { version, about: head.about })
    }

    fn open(&self, query: &HeadQuery, version: &Version) -> Result<Arc<dyn Files>, PortError> {
        let of = |versions: &[Kept]| versions.iter().find(|kept| kept.id == version.id).map(|kept| kept.files.clone());
        Ok(Arc::new(self.find(&query.origin, of)?))
    }
}
