//! Helm's own record of a release, as it lies in a Secret of the cluster: read, written, and moved on. With it `helm list`,
//! `helm history` and `helm get` see what Lockgate deployed, and Lockgate what Helm did.
//!
//! A record is kept as the JSON it is, so that one that Helm wrote loses nothing when its status changes.

use super::manifest::{self, Manifest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

/// The type of the Secret.
pub const SECRET_TYPE: &str = "helm.sh/release.v1";
/// How many records of a release are kept, as Helm does.
pub const HISTORY: usize = 10;
/// How large a record may be, unpacked; the largest charts have some megabytes.
const LIMIT: u64 = if cfg!(test) { 4 << 20 } else { 64 << 20 };
/// What a Secret may hold, with some room for its head.
const SECRET_LIMIT: usize = 1_000_000;

/// How a release is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are Helm's")]
pub enum Status {
    Unknown,
    Deployed,
    Uninstalled,
    Superseded,
    Failed,
    Uninstalling,
    PendingInstall,
    PendingUpgrade,
    PendingRollback,
}

const STATUSES: &[(Status, &str)] = &[
    (Status::Unknown, "unknown"),
    (Status::Deployed, "deployed"),
    (Status::Uninstalled, "uninstalled"),
    (Status::Superseded, "superseded"),
    (Status::Failed, "failed"),
    (Status::Uninstalling, "uninstalling"),
    (Status::PendingInstall, "pending-install"),
    (Status::PendingUpgrade, "pending-upgrade"),
    (Status::PendingRollback, "pending-rollback"),
];

impl Status {
    /// Helm's word for it.
    pub fn word(self) -> &'static str {
        STATUSES.iter().find(|(status, _)| *status == self).map_or("unknown", |(_, word)| word)
    }

    /// Whether somebody began something and has not come to an end.
    pub fn is_pending(self) -> bool {
        matches!(self, Status::PendingInstall | Status::PendingUpgrade | Status::PendingRollback | Status::Uninstalling)
    }

    fn of(word: &str) -> Status {
        STATUSES.iter().find(|(_, known)| *known == word).map_or(Status::Unknown, |(status, _)| *status)
    }
}

/// Why a record cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It is no text in base64.
    #[error("it is no base64")]
    Base64,
    /// It cannot be unpacked.
    #[error("it cannot be unpacked: {0}")]
    Packed(String),
    /// It would be too large.
    #[error("it has more than {0} bytes, and that is the limit")]
    TooLarge(u64),
    /// It is no JSON, or no record.
    #[error("it is no record of a release: {0}")]
    Json(String),
}

/// A hook of a release.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedHook {
    /// The object's name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// The template that wrote it.
    pub path: String,
    /// The object as it was written.
    pub manifest: String,
    /// Its moments.
    pub events: Vec<String>,
    /// The order among those of one moment.
    pub weight: i64,
    /// When it is deleted.
    pub delete: Vec<String>,
}

/// What a new record says.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The release.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its number, from 1.
    pub revision: u32,
    /// How it is.
    pub status: Status,
    /// When the first revision of it was deployed, as RFC 3339; now when nothing is said.
    pub first_deployed: Option<String>,
    /// When this one is deployed, as RFC 3339.
    pub now: String,
    /// One line about it.
    pub description: String,
    /// The chart's notes.
    pub notes: String,
    /// What Chart.yaml says.
    pub chart: Value,
    /// The chart's default values.
    pub defaults: Value,
    /// The values that were given.
    pub values: Value,
    /// The objects: the template that wrote each, and its text.
    pub objects: Vec<(String, String)>,
    /// The hooks.
    pub hooks: Vec<RecordedHook>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Record(Value);

impl Record {
    /// The record of an entry.
    pub fn new(entry: &Entry) -> Record {
        let first = entry.first_deployed.as_ref().unwrap_or(&entry.now);
        let manifest: String = entry.objects.iter().map(|(path, text)| document(path, text)).collect();
        Record(json!({
            "name": entry.name,
            "info": {
                "first_deployed": first,
                "last_deployed": entry.now,
                "description": entry.description,
                "status": entry.status.word(),
                "notes": entry.notes,
            },
            "chart": {
                "metadata": entry.chart, "lock": null, "templates": [], "values": mapping(&entry.defaults),
                "schema": null, "files": [],
            },
            "config": mapping(&entry.values),
            "manifest": manifest,
            "hooks": entry.hooks.iter().map(hook).collect::<Vec<_>>(),
            "version": entry.revision,
            "namespace": entry.namespace,
            "apply_method": "ssa",
        }))
    }

    /// Reads what a Secret holds under its key `release`, without the base64 of Secrets themselves.
    ///
    /// # Errors
    /// What is no record, or too large to be one.
    pub fn decode(text: &[u8]) -> Result<Record, RecordError> {
        let packed = STANDARD.decode(text.trim_ascii()).map_err(|_| RecordError::Base64)?;
        // Helm before 2.6 did not pack.
        let bytes = if packed.starts_with(b"\x1f\x8b\x08") {
            let mut bytes = Vec::new();
            let read = GzDecoder::new(packed.as_slice()).take(LIMIT + 1).read_to_end(&mut bytes);
            read.map_err(|e| RecordError::Packed(e.to_string()))?;
            bytes
        } else {
            packed
        };
        if bytes.len() as u64 > LIMIT {
            return Err(RecordError::TooLarge(LIMIT));
        }
        let value: Value = serde_json::from_slice(&bytes).map_err(|e| RecordError::Json(e.to_string()))?;
        let record = Record(value);
        if record.name().is_empty() || record.revision() == 0 {
            return Err(RecordError::Json("it has no name or no version".to_string()));
        }
        Ok(record)
    }

    /// What a Secret is to hold under its key `release`. Where a Secret cannot take all of it, the chart's defaults and its
    /// notes are left out: `helm` needs neither to show, roll back or remove a release.
    ///
    /// # Errors
    /// A record that is too large even so.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        let whole = packed(&self.0)?;
        if whole.len() <= SECRET_LIMIT {
            return Ok(whole);
        }
        let mut less = self.0.clone();
        for at in ["/chart/values", "/chart/templates", "/chart/files", "/info/notes"] {
            if let Some(part) = less.pointer_mut(at) {
                *part = match part {
                    Value::Array(_) => json!([]),
                    Value::Object(_) => json!({}),
                    _ => json!(""),
                };
            }
        }
        let less = packed(&less)?;
        if less.len() <= SECRET_LIMIT { Ok(less) } else { Err(RecordError::TooLarge(SECRET_LIMIT as u64)) }
    }

    fn text(&self, at: &str) -> &str {
        self.0.pointer(at).and_then(Value::as_str).unwrap_or_default()
    }

    /// The release.
    pub fn name(&self) -> &str {
        self.text("/name")
    }

    /// Its namespace.
    pub fn namespace(&self) -> &str {
        self.text("/namespace")
    }

    /// Its number, from 1; 0 where the record says none.
    pub fn revision(&self) -> u32 {
        self.0.get("version").and_then(Value::as_u64).and_then(|v| u32::try_from(v).ok()).unwrap_or(0)
    }

    /// How it is.
    pub fn status(&self) -> Status {
        Status::of(self.text("/info/status"))
    }

    /// When the first revision was deployed.
    pub fn first_deployed(&self) -> &str {
        self.text("/info/first_deployed")
    }

    /// When this one was.
    pub fn last_deployed(&self) -> &str {
        self.text("/info/last_deployed")
    }

    /// One line about it.
    pub fn description(&self) -> &str {
        self.text("/info/description")
    }

    /// The chart's name and version, `app-1.2.0`.
    pub fn chart(&self) -> String {
        format!("{}-{}", self.text("/chart/metadata/name"), self.text("/chart/metadata/version"))
    }

    /// The values that were given.
    pub fn values(&self) -> &Value {
        self.0.get("config").unwrap_or(&Value::Null)
    }

    /// The objects that it deployed, without hooks. What cannot be read is left out: Helm wrote it, and it was applied.
    pub fn objects(&self) -> Vec<Manifest> {
        let documents = manifest::split(self.text("/manifest"));
        documents.into_iter().filter_map(|document| manifest::read("", document).ok().flatten()).collect()
    }

    /// The Secret's name.
    pub fn secret_name(&self) -> String {
        secret_name(self.name(), self.revision())
    }

    /// The Secret's labels.
    pub fn labels(&self) -> BTreeMap<String, String> {
        [
            ("name", self.name().to_string()),
            ("owner", "helm".to_string()),
            ("status", self.status().word().to_string()),
            ("version", self.revision().to_string()),
        ]
        .map(|(key, value)| (key.to_string(), value))
        .into()
    }

    /// The record with another status, and words why.
    pub fn with_status(mut self, status: Status, description: Option<&str>) -> Record {
        if let Some(info) = self.0.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("status".to_string(), json!(status.word()));
            if let Some(description) = description {
                info.insert("description".to_string(), json!(description));
            }
        }
        self
    }

    /// The record as that of a release that is gone since then.
    pub fn deleted(self, at: &str) -> Record {
        let mut record = self.with_status(Status::Uninstalled, Some("Uninstallation complete"));
        if let Some(info) = record.0.get_mut("info").and_then(Value::as_object_mut) {
            info.insert("deleted".to_string(), json!(at));
        }
        record
    }
}

/// The name of the Secret of a release's revision.
pub fn secret_name(release: &str, revision: u32) -> String {
    format!("sh.helm.release.v1.{release}.v{revision}")
}

fn packed(value: &Value) -> Result<Vec<u8>, RecordError> {
    let failed = |e: std::io::Error| RecordError::Packed(e.to_string());
    let bytes = serde_json::to_vec(value).map_err(|e| RecordError::Json(e.to_string()))?;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(&bytes).map_err(failed)?;
    Ok(STANDARD.encode(encoder.finish().map_err(failed)?).into_bytes())
}

fn document(path: &str, text: &str) -> String {
    let end = if text.ends_with('\n') { "" } else { "\n" };
    format!("---\n# Source: {path}\n{text}{end}")
}

fn hook(hook: &RecordedHook) -> Value {
    json!({
        "name": hook.name, "kind": hook.kind, "path": hook.path, "manifest": hook.manifest, "events": hook.events,
        "last_run": {"phase": ""}, "weight": hook.weight,
        "delete_policies": hook.delete,
    })
}

/// Helm reads nothing but a mapping here.
fn mapping(value: &Value) -> Value {
    if value.is_object() { value.clone() } else { json!({}) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            name: "web".into(),
            namespace: "shop".into(),
            revision: 3,
            status: Status::Deployed,
            first_deployed: Some("2026-11-01T08:00:00Z".into()),
            now: "2026-11-25T20:00:00Z".into(),
            description: "Upgrade complete".into(),
            notes: "Enjoy.".into(),
            chart: json!({"name": "app", "version": "1.2.0", "apiVersion": "v2"}),
            defaults: json!({"replicas": 1}),
            values: json!({"replicas": 3}),
            objects: vec![
                ("app/templates/a.yaml".into(), "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a".into()),
                ("app/templates/b.yaml".into(), "apiVersion: v1\nkind: Service\nmetadata:\n  name: b\n".into()),
            ],
            hooks: vec![RecordedHook {
                name: "migrate".into(),
                kind: "Job".into(),
                path: "app/templates/job.yaml".into(),
                manifest: "kind: Job\n".into(),
                events: vec!["pre-upgrade".into()],
                weight: -5,
                delete: vec!["hook-succeeded".into()],
            }],
        }
    }

    #[test]
    fn says_what_was_written() {
        let record = Record::decode(&Record::new(&entry()).encode().expect("packed")).expect("read");
        assert_eq!((record.name(), record.namespace(), record.revision()), ("web", "shop", 3));
        assert_eq!((record.status(), record.chart()), (Status::Deployed, "app-1.2.0".to_string()));
        assert_eq!(record.first_deployed(), "2026-11-01T08:00:00Z");
        let objects: Vec<_> = record.objects().into_iter().map(|o| (o.kind, o.name)).collect();
        assert_eq!(objects, [("ConfigMap".into(), "a".into()), ("Service".into(), "b".into())]);
        assert_eq!(record.secret_name(), "sh.helm.release.v1.web.v3");
        let labels: Vec<_> = record.labels().into_iter().map(|(k, v)| format!("{k}={v}")).collect();
        assert_eq!(labels, ["name=web", "owner=helm", "status=deployed", "version=3"]);
    }

    #[test]
    fn what_it_does_not_know_stays_when_the_status_changes() {
        let mut value = Record::new(&entry()).0;
        value["apply_method"] = json!("ssa");
        value["chart"]["templates"] = json!([{"name": "templates/a.yaml", "data": "YQ=="}]);
        let text = packed(&value).expect("packed");
        let moved = Record::decode(&text).expect("read").with_status(Status::Superseded, None);
        value["info"]["status"] = json!("superseded");
        assert_eq!(moved.0, value);
        let gone = moved.deleted("2026-11-25T21:00:00Z");
        assert_eq!((gone.status(), gone.description()), (Status::Uninstalled, "Uninstallation complete"));
    }

    #[test]
    fn what_a_secret_cannot_hold_is_left_out() {
        let mut large = entry();
        large.notes = (0u32..30_000).map(|n| crate::digest::Digest::of(n.to_le_bytes()).hex()).collect();
        let encoded = Record::new(&large).encode().expect("packed");
        assert!(encoded.len() <= SECRET_LIMIT);
        assert_eq!(Record::decode(&encoded).expect("read").objects().len(), 2);
        large.objects = vec![("t".into(), large.notes.clone())];
        assert_eq!(Record::new(&large).encode(), Err(RecordError::TooLarge(1_000_000)));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        assert_eq!(Record::decode(b"%"), Err(RecordError::Base64));
        assert!(matches!(Record::decode(STANDARD.encode("\x1f\u{8b}x").as_bytes()), Err(RecordError::Json(_))));
        assert!(matches!(Record::decode(STANDARD.encode("{}").as_bytes()), Err(RecordError::Json(_))));
        let mut cut = STANDARD.decode(Record::new(&entry()).encode().expect("packed")).expect("base64");
        cut.truncate(40);
        assert!(matches!(Record::decode(STANDARD.encode(&cut).as_bytes()), Err(RecordError::Packed(_))));
        let bomb = packed(&json!({"name": "a".repeat(LIMIT as usize)})).expect("packed");
        assert_eq!(Record::decode(&bomb), Err(RecordError::TooLarge(LIMIT)));
    }

    #[test]
    fn words_and_statuses_are_one() {
        for (status, word) in STATUSES {
            assert_eq!((status.word(), Status::of(word)), (*word, *status));
        }
        assert_eq!(Status::of("sideways"), Status::Unknown);
        assert!(Status::PendingUpgrade.is_pending() && !Status::Failed.is_pending());
    }
}
