//! The files of a version that is only thought of: those of before, with some of them changed.

use crate::digest::{Digest, Hasher};
use crate::ports::files::{Entry, Files, Listing, Mode};
use crate::ports::filter::Filter;
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files as they are, changed as a test says. A changed file is read as it was with a line more, so that whoever reads it
/// reads something else, and can still read it.
#[derive(Clone)]
pub(super) struct Imagined {
    /// The files as they are.
    pub base: Arc<dyn Files>,
    /// Which of them count.
    pub filter: Filter,
    /// How often each was changed; a path that is not there is a new file.
    pub changes: BTreeMap<String, u32>,
    /// Files that are wholly other ones.
    pub texts: BTreeMap<String, Arc<[u8]>>,
}

impl Imagined {
    /// The files as they are.
    pub fn new(base: Arc<dyn Files>, filter: Filter) -> Imagined {
        Imagined { base, filter, changes: BTreeMap::new(), texts: BTreeMap::new() }
    }

    /// Whether a file is there or was changed.
    fn is_new(&self, base: &Listing, path: &str) -> bool {
        base.get(path).is_none()
    }

    fn entry(&self, entry: &Entry) -> Entry {
        let digest = match (self.texts.get(&*entry.path), self.changes.get(&*entry.path)) {
            (None, None) => entry.digest,
            (text, times) => changed(text.map_or(entry.digest, Digest::of), times.copied().unwrap_or(0)),
        };
        Entry { digest, ..entry.clone() }
    }
}

fn changed(digest: Digest, times: u32) -> Digest {
    let mut hasher = Hasher::new("imagined");
    hasher.digest(digest).field(times.to_le_bytes());
    hasher.finish()
}

impl Files for Imagined {
    fn list(&self) -> Result<Arc<Listing>, PortError> {
        let base = self.base.list()?;
        let mut entries: Vec<Entry> = base.entries.iter().map(|e| self.entry(e)).collect();
        for path in self.changes.keys().chain(self.texts.keys()).filter(|p| self.is_new(&base, p)) {
            let empty = Entry { path: path.as_str().into(), digest: Digest::default(), size: 0, mode: Mode::File };
            entries.push(self.entry(&empty));
        }
        entries.retain(|e| self.filter.admits(&e.path));
        Ok(Arc::new(Listing::new(entries)))
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, PortError> {
        let times = self.changes.get(path).copied();
        let content = match self.texts.get(path) {
            Some(text) => Ok(text.clone()),
            None => self.base.read(path),
        };
        match (content, times) {
            (Ok(content), None) => Ok(content),
            (Ok(content), Some(times)) => Ok(marked(path, &content, times).into()),
            (Err(e), Some(times)) if e.fault == Fault::NotFound => Ok(marked(path, &[], times).into()),
            (Err(e), _) => Err(e),
        }
    }
}

/// The name of the value that stands for a change of a values file.
const VALUE: &str = "lockgateRehearsal";

/// A file with a line more. A YAML file that is no part of a chart gets a value more, since a comment changes nothing of what
/// is made of it.
fn marked(path: &str, content: &[u8], times: u32) -> Vec<u8> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_yaml = name.ends_with(".yaml") || name.ends_with(".yml");
    let of_chart = path.starts_with("templates/") || path.contains("/templates/") || name.starts_with("Chart.");
    let first = content.iter().copied().find(|b| !b.is_ascii_whitespace());
    let whole = |text: &[u8]| content.trim_ascii() == text;
    let mut out = content.to_vec();
    if is_yaml && !of_chart && (whole(b"{}") || whole(b"---") || first.is_none()) {
        return format!("{VALUE}: {times}\n").into_bytes();
    }
    let line = if is_yaml && !of_chart && !matches!(first, Some(b'{' | b'[')) {
        // Each file has a name of its own, so that one over another hides no change.
        format!("\n{VALUE}{}: {times}\n", Digest::of(path).short())
    } else if name.ends_with(".tpl") || name == "NOTES.txt" {
        format!("\n{{{{- /* changed {times} */}}}}\n")
    } else if name.ends_with(".json") {
        "\n".repeat(times as usize)
    } else {
        format!("\n# changed {times}\n")
    };
    out.extend_from_slice(line.as_bytes());
    out
}

/// The template that a chart has besides its own when it is only tried: it shows all values and the chart, so that any change
/// of them is one of what is deployed.
const WITNESS: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}-lockgate-rehearsal\ndata:\n  values: {{ toJson .Values | quote }}\n  chart: ";

/// The files of a chart, with a witness for every change of it. The schema is left out: what stands for a change is no value
/// that it knows.
pub(super) fn with_witness(mut files: BTreeMap<String, Arc<[u8]>>) -> BTreeMap<String, Arc<[u8]>> {
    if files.contains_key("Chart.yaml") {
        files.remove("values.schema.json");
        let mut hasher = Hasher::new("chart");
        for (path, content) in &files {
            hasher.field(path).digest(Digest::of(content));
        }
        let witness = format!("{WITNESS}\"{}\"\n", hasher.finish().hex());
        files.insert("templates/lockgate-rehearsal.yaml".to_string(), witness.into_bytes().into());
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, content: &str) -> String {
        String::from_utf8(marked(path, content.as_bytes(), 2)).expect("text")
    }

    #[test]
    fn a_change_can_be_read_by_whoever_reads_the_file() {
        assert_eq!(text("values-dev.yaml", "{}\n"), "lockgateRehearsal: 2\n");
        assert!(text("values-dev.yaml", "a: 1").starts_with("a: 1\nlockgateRehearsal"));
        assert_eq!(text("chart/templates/x.yaml", "a: 1"), "a: 1\n# changed 2\n");
        assert_eq!(text("_helpers.tpl", ""), "\n{{- /* changed 2 */}}\n");
        assert_eq!(text("package.json", "{}"), "{}\n\n");
    }
}
