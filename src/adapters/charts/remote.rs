//! Charts that are elsewhere: in a repository with an index, or in an OCI registry.

use super::store::Store;
use super::{archive, http, oci, select};
use crate::adapters::registry::{DockerConfig, Shared};
use crate::adapters::web::Web;
use crate::digest::Digest;
use crate::ports::files::Files;
use crate::ports::sources::{About, Credentials, Head, Version};
use crate::ports::{Fault, PortError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Charts elsewhere; what is fetched is kept.
pub struct Remote {
    shared: Arc<Shared>,
    pub(super) store: Store,
}

/// Which chart is meant.
#[derive(Clone, Copy)]
pub struct Wanted<'a> {
    /// The URL of the repository.
    pub repository: &'a str,
    /// The name of the chart in it.
    pub name: &'a str,
    /// The range of versions.
    pub range: Option<&'a str>,
    /// What lets us in.
    pub credentials: Option<&'a Credentials>,
}

/// A version that was found.
pub(super) struct Found {
    pub(super) version: String,
    /// What names it: of its archive, or in a registry of its manifest.
    pub(super) digest: Digest,
}

impl Remote {
    /// Charts as this machine reaches them, kept below `cache`.
    pub fn new(cache: impl Into<PathBuf>) -> Remote {
        Remote::with(Shared::new(Web::new(), DockerConfig::of_machine()), cache)
    }

    pub(crate) fn with(shared: Shared, cache: impl Into<PathBuf>) -> Remote {
        Remote { shared: Arc::new(shared), store: Store::new(cache.into()) }
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub(super) fn web(&self) -> &Web {
        &self.shared.web
    }

    /// The newest version that counts. Of a repository that is away, one that is named exactly and was seen and fetched
    /// before.
    pub fn head(&self, wanted: Wanted<'_>) -> Result<Head, PortError> {
        let key = key_of(wanted);
        let head = |found: &Found, note: Option<String>| Head {
            version: Version { id: found.digest.to_string(), name: Some(found.version.clone()), content: found.digest },
            about: About { note, ..About::default() },
        };
        match self.find(wanted) {
            Ok(found) => {
                if select::is_exact(wanted.range) {
                    self.store.remember("seen", &key, &(&found.version, found.digest));
                }
                Ok(head(&found, None))
            }
            Err(error) if error.fault == Fault::Unavailable => {
                let seen = self.store.note::<(String, Digest)>("seen", &key);
                match seen.filter(|(_, digest)| self.is_kept(wanted, *digest)) {
                    Some((version, digest)) => {
                        let note = format!("{}; version {version} is taken as it was seen last", error.message);
                        Ok(head(&Found { version, digest }, Some(note)))
                    }
                    None if select::is_exact(wanted.range) => Err(error),
                    None => Err(match error.help {
                        None => error
                            .help("a chart that was used before and is named by its exact version needs no repository"),
                        Some(_) => error,
                    }),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The files of a version.
    pub fn open(&self, wanted: Wanted<'_>, version: &Version) -> Result<Arc<dyn Files>, PortError> {
        let digest: Digest = version.id.parse().map_err(|_| {
            PortError::new(Fault::Invalid, format!("`{}` is no version of the chart `{}`", version.id, wanted.name))
        })?;
        let bytes = self.archive(wanted, version, digest)?;
        let (key, archive) = (key_of(wanted), Digest::of(&bytes));
        if self.store.note::<Digest>(LAST, &key) != Some(archive) {
            self.store.remember(LAST, &key, &archive);
        }
        Ok(Arc::new(archive::unpack(&bytes, &format!("{}/{}", wanted.repository.trim_end_matches('/'), wanted.name))?))
    }

    fn find(&self, wanted: Wanted<'_>) -> Result<Found, PortError> {
        match is_oci(wanted) {
            true => oci::Chart::new(self, wanted.repository, wanted.name, wanted.credentials)?.find(wanted.range),
            false => {
                http::Repository::new(self, wanted.repository, wanted.credentials)?.find(wanted.name, wanted.range)
            }
        }
    }

    fn archive(&self, wanted: Wanted<'_>, version: &Version, digest: Digest) -> Result<Vec<u8>, PortError> {
        if is_oci(wanted) {
            return oci::Chart::new(self, wanted.repository, wanted.name, wanted.credentials)?.archive(digest);
        }
        if let Some(bytes) = self.store.archive(digest) {
            return Ok(bytes);
        }
        let repository = http::Repository::new(self, wanted.repository, wanted.credentials)?;
        let bytes = repository.archive(wanted.name, version.name.as_deref(), digest)?;
        self.store.keep_archive(digest, &bytes)?;
        Ok(bytes)
    }

    fn is_kept(&self, wanted: Wanted<'_>, digest: Digest) -> bool {
        match is_oci(wanted) {
            true => oci::Chart::new(self, wanted.repository, wanted.name, wanted.credentials)
                .is_ok_and(|chart| chart.is_kept(digest)),
            false => self.store.has_archive(digest),
        }
    }
}

/// The archive of a chart that was opened last in a range of versions, among those that are kept below `cache`; nothing where none
/// is. Nothing is asked of a repository.
pub fn kept(cache: &Path, repository: &str, name: &str, range: Option<&str>) -> Option<PathBuf> {
    let store = Store::new(cache.to_path_buf());
    let digest = store.note(LAST, &key_of(Wanted { repository, name, range, credentials: None }))?;
    store.has_archive(digest).then(|| store.archive_path(digest))
}

/// What is remembered of the archive that was opened last.
const LAST: &str = "last";

/// What a chart and a range of its versions are remembered by.
fn key_of(wanted: Wanted<'_>) -> String {
    format!("{} {} {}", wanted.repository, wanted.name, wanted.range.unwrap_or_default())
}

fn is_oci(wanted: Wanted<'_>) -> bool {
    wanted.repository.starts_with("oci://")
}
