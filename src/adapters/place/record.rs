//! What was deployed, written beside it: `.lockgate.json`, and while a deploy is under way what it is going to write.

use super::dir::{Dir, There, in_the_way};
use crate::digest::Digest;
use crate::ports::{Fault, PortError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The name of the record: written last, so that what it says is there.
pub(super) const NAME: &str = ".lockgate.json";
/// The name of the list of what a deploy may have written that was cut off.
pub(super) const UNFINISHED: &str = ".lockgate-unfinished.json";
/// The version of both.
const VERSION: u32 = 1;

/// What was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::adapters) struct Record {
    /// The version of the record.
    pub version: u32,
    /// The name of the release.
    pub release: String,
    /// The chart's name and version.
    pub chart: String,
    /// The namespace it was rendered for.
    pub namespace: String,
    /// The digest of the rendered objects.
    pub bundle: Digest,
    /// The candidate's id.
    pub candidate: Digest,
    /// The candidate's short name.
    pub candidate_name: String,
    /// The files by their paths below the record.
    pub files: BTreeMap<String, Recorded>,
}

/// A file that was deployed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::adapters) struct Recorded {
    /// The object in it.
    pub object: String,
    /// The digest of its bytes.
    pub digest: Digest,
}

impl Record {
    /// The record of what a deployment writes.
    pub(in crate::adapters) fn new(
        deployment: &crate::ports::places::Deployment<'_>,
        files: BTreeMap<String, Recorded>,
    ) -> Record {
        let bundle = deployment.bundle;
        Record {
            version: VERSION,
            release: bundle.release.clone(),
            chart: bundle.chart.clone(),
            namespace: bundle.namespace.clone(),
            bundle: deployment.digest,
            candidate: deployment.candidate,
            candidate_name: deployment.candidate_name.to_string(),
            files,
        }
    }

    /// The record as it is written.
    pub(in crate::adapters) fn bytes(&self) -> Result<Vec<u8>, PortError> {
        let failed = |e| PortError::new(Fault::Invalid, format!("the record of a deploy cannot be encoded: {e}"));
        let mut bytes = serde_json::to_vec_pretty(self).map_err(failed)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}

/// Reads a record, and gives its bytes as well. None where there is none.
pub(super) fn read(dir: &Dir, name: &str) -> Result<Option<(Record, Vec<u8>)>, PortError> {
    let bytes = match dir.read(name)? {
        There::Nothing => return Ok(None),
        There::Other(what) => return Err(in_the_way(&dir.shown(name), what)),
        There::File(bytes) => bytes,
    };
    Ok(Some((parse(&bytes, &dir.shown(name).display().to_string())?, bytes)))
}

/// Reads a record out of its bytes; `shown` is where it stands.
pub(in crate::adapters) fn parse(bytes: &[u8], shown: &str) -> Result<Record, PortError> {
    let invalid = |what: String| PortError::new(Fault::Invalid, format!("`{shown}` {what}"));
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let damaged = |e: serde_json::Error| {
        invalid(format!("cannot be read: {e}"))
            .help("it says which files Lockgate has written; bring it back, or move the folder away and deploy anew")
    };
    let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version > VERSION {
        return Err(invalid(format!("has version {version}, and this Lockgate knows up to {VERSION}"))
            .help("a newer Lockgate has deployed here; use that one"));
    }
    let record: Record = serde_json::from_slice(bytes).map_err(damaged)?;
    match record.files.keys().find(|path| !super::names::is_ours(path)) {
        // Such a path could lead anywhere, and what is recorded may be removed.
        Some(path) => Err(invalid(format!("names the file `{}`, which no Lockgate wrote", path.escape_debug()))),
        None => Ok(record),
    }
}
