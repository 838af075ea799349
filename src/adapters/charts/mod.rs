//! Charts: of this machine, where one is a folder with a `Chart.yaml` or such a folder packed as `.tgz`; and of elsewhere, in
//! repositories and registries.

mod archive;
#[cfg(feature = "registry")]
mod http;
#[cfg(feature = "registry")]
mod index;
#[cfg(feature = "registry")]
mod oci;
#[cfg(feature = "registry")]
mod remote;
#[cfg(feature = "registry")]
mod select;
#[cfg(feature = "registry")]
mod store;

#[cfg(feature = "registry")]
pub use remote::{Remote, Wanted, kept};

use super::folder::Folder;
use crate::digest::Digest;
use crate::ports::files::Files;
use crate::ports::sources::{About, Head, Version};
use crate::ports::{Fault, PortError};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

/// The largest archive that is read. Helm's own bound for what comes out of one is 100 MiB.
const PACKED: u64 = 64 << 20;

/// The version of the chart at that path now, and its files.
pub fn look(path: &Path) -> Result<(Head, Arc<dyn Files>), PortError> {
    let (digest, note, files) = read(path)?;
    let name = Some(version_of(files.as_ref(), path)?);
    let version = Version { id: digest.to_string(), name, content: digest };
    Ok((Head { version, about: About { note, ..About::default() } }, files))
}

/// The files of that version of the chart, if it still is as it was then.
pub fn open(path: &Path, version: &Version) -> Result<Arc<dyn Files>, PortError> {
    let (digest, _, files) = read(path)?;
    if digest.to_string() != version.id {
        let name = version.name.as_deref().unwrap_or(&version.id);
        return Err(PortError::new(
            Fault::Moved,
            format!("the chart `{}` is no longer as it was when version {name} was seen", path.display()),
        ));
    }
    Ok(files)
}

/// What a chart's version is named by, what there is to say about it, and its files.
type Seen = (Digest, Option<String>, Arc<dyn Files>);

fn read(path: &Path) -> Result<Seen, PortError> {
    let shown = path.display();
    let meta = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => PortError::new(Fault::NotFound, format!("there is no chart `{shown}`")),
        _ => unreadable(path, &e),
    })?;
    if meta.is_dir() {
        let (head, files) = Folder::whole(path).look()?;
        return Ok((head.version.content, head.about.note, files));
    }
    if !meta.is_file() {
        return Err(PortError::new(Fault::Invalid, format!("`{shown}` is neither a chart's folder nor a `.tgz`")));
    }
    let packed = read_archive(path)?;
    Ok((Digest::of(&packed), None, Arc::new(archive::unpack(&packed, &shown.to_string())?)))
}

fn read_archive(path: &Path) -> Result<Vec<u8>, PortError> {
    let mut packed = Vec::new();
    let file = std::fs::File::open(path).map_err(|e| unreadable(path, &e))?;
    file.take(PACKED + 1).read_to_end(&mut packed).map_err(|e| unreadable(path, &e))?;
    if packed.len() as u64 > PACKED {
        let message = format!("the chart `{}` is larger than {} MiB", path.display(), PACKED >> 20);
        return Err(PortError::new(Fault::Limit, message));
    }
    Ok(packed)
}

fn unreadable(path: &Path, error: &std::io::Error) -> PortError {
    let fault = match error.kind() {
        std::io::ErrorKind::PermissionDenied => Fault::Denied,
        _ => Fault::Unavailable,
    };
    PortError::new(fault, format!("the chart `{}` cannot be read: {error}", path.display()))
}

/// The `version:` of a chart's `Chart.yaml`. The rest of it is read by whoever renders the chart.
fn version_of(files: &dyn Files, path: &Path) -> Result<String, PortError> {
    let shown = path.display();
    let text = files.read("Chart.yaml").map_err(|e| match e.fault {
        Fault::NotFound => PortError::new(Fault::Invalid, format!("`{shown}` is no chart: it has no `Chart.yaml`"))
            .help("name the folder that holds `Chart.yaml`, or a chart packed with `helm package`"),
        _ => e,
    })?;
    let text = String::from_utf8_lossy(&text);
    let version =
        text.trim_start_matches('\u{feff}').lines().find_map(|line| line.strip_prefix("version:")).map(plain_value);
    version.filter(|version| !version.is_empty()).ok_or_else(|| {
        PortError::new(Fault::Invalid, format!("the `Chart.yaml` of `{shown}` has no version"))
            .help("add a line such as `version: 0.1.0`")
            .at(path.join("Chart.yaml").display().to_string(), 1, 1)
    })
}

/// A YAML scalar on one line, without quotes and without a comment.
fn plain_value(text: &str) -> String {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some((inside, _)) = text.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return inside.to_string();
        }
    }
    let end = if text.starts_with('#') { 0 } else { text.find(" #").unwrap_or(text.len()) };
    text.get(..end).unwrap_or_default().trim().to_string()
}

#[cfg(test)]
mod tests;
