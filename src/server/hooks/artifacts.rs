//! What a deployer is sent: artifacts in the payload of a webhook, as Spinnaker takes them, so that an existing job can point
//! here. This is the one webhook that carries content, and only for a source that is of the kind `webhook`.
//!
//! An artifact of the type `embedded/base64` is a file under its name; one that is a packaged chart is the folder of that chart.

use crate::helm::chart::archive;
use crate::ports::files::{MemoryFiles, Mode};
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::{Map, Value};

/// How many artifacts one payload may have.
const MOST: usize = 100;
/// How long the name of an artifact may be.
const NAME: usize = 200;

/// What is sent. Whatever else stands in it may be the secret.
#[derive(Debug, Deserialize)]
pub struct Payload {
    #[serde(default)]
    artifacts: Vec<Artifact>,
    #[serde(default)]
    payload: Map<String, Value>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
struct Artifact {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    reference: String,
}

impl Payload {
    /// Reads a payload, or says why it is none.
    pub fn read(body: &[u8]) -> Result<Payload, String> {
        serde_json::from_slice(body).map_err(|e| format!("the payload is not what a deployer is sent: {e}"))
    }

    /// What the payload says as its secret: the constraint that a job of the old deployer satisfies. It is compared whole.
    pub fn secret(&self) -> Option<&str> {
        ["secret", "token"].iter().find_map(|k| self.rest.get(*k).or_else(|| self.payload.get(*k))?.as_str())
    }

    /// The files of all artifacts.
    pub fn files(&self) -> Result<MemoryFiles, String> {
        if self.artifacts.is_empty() {
            return Err("the payload has no artifacts".to_string());
        }
        if self.artifacts.len() > MOST {
            return Err(format!("the payload has {} artifacts, and {MOST} are the limit", self.artifacts.len()));
        }
        let mut files = MemoryFiles::default();
        let mut names: Vec<&str> = Vec::new();
        for artifact in &self.artifacts {
            let name = plain(&artifact.name)?;
            let below = |a: &str, b: &str| a == b || a.strip_prefix(b).is_some_and(|rest| rest.starts_with('/'));
            if names.iter().any(|other| below(name, other) || below(other, name)) {
                return Err(format!("two artifacts are named `{name}`"));
            }
            names.push(name);
            if artifact.kind != "embedded/base64" {
                return Err(format!(
                    "the artifact `{name}` is of type `{}`; `embedded/base64` is taken",
                    artifact.kind
                ));
            }
            let bytes = decode(&artifact.reference).map_err(|e| format!("the artifact `{name}` is not base64: {e}"))?;
            if !bytes.starts_with(b"\x1f\x8b\x08") {
                files.add(name, Mode::File, bytes);
                continue;
            }
            let folder = name.strip_suffix(".tgz").unwrap_or(name);
            let chart = archive::unpack(&bytes, &archive::LIMITS).map_err(|e| format!("the artifact `{name}`: {e}"))?;
            for file in chart {
                files.add(format!("{folder}/{}", file.name), Mode::File, &*file.data);
            }
        }
        Ok(files)
    }
}

/// The name of an artifact, if it leads nowhere else.
fn plain(name: &str) -> Result<&str, String> {
    let is_part = |p: &str| !p.is_empty() && p != "." && p != ".." && !p.starts_with('.');
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    if name.len() <= NAME && name.chars().all(is_plain) && name.split('/').all(is_part) {
        return Ok(name);
    }
    let shown: String = name.chars().take(40).collect();
    Err(format!(
        "`{}` is no name of an artifact: letters, digits, `-`, `_`, `.` and `/` between",
        shown.escape_default()
    ))
}

/// As `base64` of a shell writes it: in lines or not, with padding or not.
fn decode(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let engine = GeneralPurpose::new(&base64::alphabet::STANDARD, config);
    let text: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    engine.decode(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::files::Files;

    fn payload(artifacts: &str) -> Payload {
        Payload::read(format!(r#"{{"secret":"s","artifacts":[{artifacts}]}}"#).as_bytes()).expect("a payload")
    }

    #[test]
    fn artifacts_are_files() {
        let one =
            payload(r#"{"type":"embedded/base64","name":"values-dev.yaml","reference":"Z3JlZXRpbmc6IGhp\nCg=="}"#);
        assert_eq!(one.secret(), Some("s"));
        let files = one.files().expect("files");
        assert_eq!(&*files.read("values-dev.yaml").expect("a file"), b"greeting: hi\n");
    }

    #[test]
    fn what_leads_elsewhere_or_is_something_else_is_refused() {
        let fault = |artifacts: &str| payload(artifacts).files().expect_err("refused");
        for name in ["../x", "/etc/passwd", "a/../b", "", ".git/config", "a//b", "a b", "x\u{0}"] {
            let artifact = serde_json::json!({"type": "embedded/base64", "name": name, "reference": ""}).to_string();
            assert!(fault(&artifact).contains("is no name"), "{name}");
        }
        assert!(fault("").contains("no artifacts"));
        assert!(fault(r#"{"type":"http/file","name":"a","reference":"http://x"}"#).contains("http/file"));
        assert!(fault(r#"{"type":"embedded/base64","name":"a","reference":"%%"}"#).contains("not base64"));
        assert!(fault(r#"{"type":"embedded/base64","name":"a","reference":"H4sIAAAA"}"#).contains("artifact `a`"));
        let twice = r#"{"type":"embedded/base64","name":"a","reference":""}"#;
        assert!(fault(&format!("{twice},{twice}")).contains("two artifacts"));
        assert!(Payload::read(b"[").is_err() && Payload::read(b"{\"artifacts\":{}}").is_err());
    }
}
