//! Certificates of our own beside those of the system: in the folders where Docker and Podman look for them too,
//! one folder a host, `certs.d/registry.example.com:5000/`, with
//!
//! - `*.crt`: authorities that are trusted for this host besides the system's,
//! - `*.cert` with `*.key`: who we are, where the host wants to know.
//!
//! The system's own are whatever the operating system has, or the file or folder that `SSL_CERT_FILE` or `SSL_CERT_DIR`
//! name.

use crate::ports::{Fault, PortError};
use reqwest::{Certificate, Identity};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The largest file of certificates: the bundle of a whole operating system has a fourth of it.
const FILE: u64 = 1 << 20;
/// How many files of a folder are read.
const FILES: usize = 64;

/// Where certificates are looked for; the first folder that has some for a host counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Certificates {
    pub(crate) folders: Vec<PathBuf>,
}

/// What there is for a host.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) authorities: Vec<Certificate>,
    pub(crate) identity: Option<Identity>,
}

impl Certificates {
    /// The folders of this machine and of its user.
    pub(crate) fn of_machine() -> Certificates {
        let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let of_user =
            home.iter().flat_map(|home| [".config/docker/certs.d", ".config/containers/certs.d"].map(|p| home.join(p)));
        let of_machine = ["/etc/docker/certs.d", "/etc/containers/certs.d"].map(PathBuf::from);
        let said = std::env::var_os("LOCKGATE_CERTS").filter(|said| !said.is_empty()).map(PathBuf::from);
        Certificates { folders: said.into_iter().chain(of_user).chain(of_machine).collect() }
    }

    /// The folder with something for a host, which may have a port.
    pub(crate) fn folder(&self, host: &str) -> Option<PathBuf> {
        let odd = host.is_empty() || host.starts_with('.') || host.contains(['/', '\0']);
        if odd { None } else { self.folders.iter().map(|folder| folder.join(host)).find(|folder| folder.is_dir()) }
    }

    /// What there is for a host.
    pub(crate) fn of(&self, host: &str) -> Result<Found, PortError> {
        let Some(folder) = self.folder(host) else { return Ok(Found::default()) };
        let unreadable = |why: std::io::Error| {
            PortError::new(Fault::Denied, format!("the certificates in `{}` cannot be read: {why}", folder.display()))
        };
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(&folder).map_err(unreadable)?.take(FILES).flatten().map(|entry| entry.path()).collect();
        files.sort();
        let mut found = Found::default();
        for file in files {
            match file.extension().and_then(|e| e.to_str()) {
                Some("crt") => {
                    let bundle = Certificate::from_pem_bundle(&read(&file)?).map_err(|why| bad(&file, &why))?;
                    found.authorities.extend(bundle);
                }
                Some("cert") if found.identity.is_none() => {
                    let both = [read(&file)?, b"\n".to_vec(), read(&file.with_extension("key"))?].concat();
                    found.identity = Some(Identity::from_pem(&both).map_err(|why| bad(&file, &why))?);
                }
                _ => {}
            }
        }
        Ok(found)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, PortError> {
    let failed = |why: std::io::Error| {
        PortError::new(Fault::Denied, format!("the certificate `{}` cannot be read: {why}", path.display()))
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path).and_then(|file| file.take(FILE + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > FILE {
        return Err(PortError::new(Fault::Limit, format!("`{}` is larger than {} MiB", path.display(), FILE >> 20)));
    }
    Ok(bytes)
}

fn bad(path: &Path, why: &reqwest::Error) -> PortError {
    let why = super::faults::reason(why);
    PortError::new(Fault::Invalid, format!("`{}` is no certificate in PEM: {why}", path.display()))
}
