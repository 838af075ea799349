//! The sources of a rehearsal: what is at hand, moved on as a test says.

use super::Local;
use super::files::Imagined;
use super::mentioned;
use crate::digest::Digest;
use crate::helm::semver;
use crate::image::TagRule;
use crate::model::{Pipeline, Source, SourceKind};
use crate::ports::files::{Files, Listing};
use crate::ports::filter::Filter;
use crate::ports::sources::{About, Head, Version};
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// All sources of a pipeline.
pub(super) struct Sources(BTreeMap<String, Watched>);

/// One source: its head, and the files of all versions that it had.
struct Watched {
    kind: SourceKind,
    head: Head,
    files: Imagined,
    /// The files of each version, by its id.
    versions: BTreeMap<String, Imagined>,
    /// Tags and what they name, of an image.
    tags: BTreeMap<String, Digest>,
    /// How often it moved.
    moves: u32,
}

impl Sources {
    /// The sources of a pipeline as they are at first.
    pub fn new(pipeline: &Pipeline, local: &dyn Local) -> Result<Sources, PortError> {
        let watched = |s: &Source| Ok((s.name.value.to_string(), Watched::new(pipeline, s, local)?));
        Ok(Sources(pipeline.sources.iter().map(watched).collect::<Result<_, PortError>>()?))
    }

    fn of(&self, source: &str) -> Result<&Watched, PortError> {
        self.0.get(source).ok_or_else(|| missing(format!("there is no source `{source}`")))
    }

    /// The newest version that counts.
    pub fn head(&self, source: &str) -> Result<Head, PortError> {
        Ok(self.of(source)?.head.clone())
    }

    /// The files of a version.
    pub fn files(&self, source: &str, version: &Version) -> Result<&Imagined, PortError> {
        let gone = || missing(format!("`{source}` has no version {}", version.id));
        self.of(source)?.versions.get(&version.id).ok_or_else(gone)
    }

    /// Files change; all of them when none is named. Says whether anything that counts did.
    pub fn push(&mut self, source: &str, paths: &[String], by: Option<&str>) -> Result<bool, PortError> {
        let Some(watched) = self.0.get_mut(source) else { return Ok(false) };
        watched.moves += 1;
        let all = match paths {
            [] => watched.files.base.list()?.entries.iter().map(|e| e.path.to_string()).collect(),
            paths => paths.to_vec(),
        };
        for path in all {
            watched.files.changes.insert(path.trim_start_matches("./").to_string(), watched.moves);
        }
        watched.move_on(by)
    }

    /// A tag names another image. Says whether the head moved.
    pub fn retag(&mut self, source: &str, tag: Option<&str>) -> Result<bool, PortError> {
        let Some(watched) = self.0.get_mut(source) else { return Ok(false) };
        watched.moves += 1;
        let tag = tag.or(watched.head.version.name.as_deref()).unwrap_or("latest").to_string();
        let digest = Digest::of(format!("{source} {tag} {}", watched.moves));
        watched.tags.insert(tag, digest);
        watched.move_on(None)
    }

    /// A version of a chart comes out. Says whether it counts.
    pub fn release(&mut self, source: &str, version: Option<&str>) -> Result<bool, PortError> {
        let Some(watched) = self.0.get_mut(source) else { return Ok(false) };
        watched.moves += 1;
        let now = watched.head.version.name.clone().unwrap_or_default();
        let next = || {
            semver::Version::parse(&now)
                .map_or_else(|_| format!("0.1.{}", watched.moves), |v| v.inc_patch().to_string())
        };
        let version = version.map_or_else(next, ToString::to_string);
        if let SourceKind::Helm { version: Some(range), .. } = &watched.kind
            && !semver::compatible(range, &version)
        {
            return Ok(false);
        }
        let old = watched.files.read("Chart.yaml").unwrap_or_default();
        watched.files.texts.insert("Chart.yaml".to_string(), with_version(&old, &version).into_bytes().into());
        watched.move_on(None)
    }
}

impl Watched {
    fn new(pipeline: &Pipeline, source: &Source, local: &dyn Local) -> Result<Watched, PortError> {
        let texts = |list: &[crate::model::Spanned<crate::model::Said>]| {
            list.iter().map(|s| s.value.to_string()).collect::<Vec<_>>()
        };
        let filter = Filter::new(&texts(&source.paths), &texts(&source.ignore))?;
        let base = local.files(&source.kind).transpose()?;
        let base = base.unwrap_or_else(|| Arc::new(mentioned::files(pipeline, &source.name)));
        let mut watched = Watched {
            kind: source.kind.clone(),
            head: Head {
                version: Version { id: String::new(), name: None, content: Digest::default() },
                about: About::default(),
            },
            files: Imagined::new(base, filter),
            versions: BTreeMap::new(),
            tags: BTreeMap::new(),
            moves: 0,
        };
        match &source.kind {
            SourceKind::Image { tag, .. } => {
                let tag = example(tag);
                watched.tags.insert(tag.clone(), Digest::of(format!("{} {tag}", source.name.value)));
            }
            SourceKind::Helm { version: Some(range), .. } => {
                let old = watched.files.read("Chart.yaml").unwrap_or_default();
                if !semver::compatible(range, &version_of(&old)) {
                    let text = with_version(&old, &example(range));
                    watched.files.texts.insert("Chart.yaml".to_string(), text.into_bytes().into());
                }
            }
            _ => {}
        }
        watched.move_on(None)?;
        Ok(watched)
    }

    /// Looks for the head anew. Says whether it is another version that counts.
    fn move_on(&mut self, by: Option<&str>) -> Result<bool, PortError> {
        let listing = self.files.list()?;
        let version = self.version(&listing)?;
        if version == self.head.version
            || self.versions.contains_key(&self.head.version.id) && version.content == self.head.version.content
        {
            return Ok(false);
        }
        self.versions.insert(version.id.clone(), self.files.clone());
        let about = About { author: by.map(ToString::to_string), ..About::default() };
        self.head = Head { version, about };
        Ok(true)
    }

    fn version(&self, listing: &Listing) -> Result<Version, PortError> {
        let content = Listing::digest_of(&listing.entries);
        Ok(match &self.kind {
            SourceKind::Git { .. } => {
                let id = Digest::of(format!("{content} {}", self.moves)).hex().chars().take(40).collect();
                Version { id, name: None, content }
            }
            SourceKind::Image { tag: rule, .. } => {
                let tags: Vec<&str> = self.tags.keys().map(String::as_str).collect();
                let parsed = TagRule::parse(rule).map_err(|e| PortError::new(Fault::Invalid, e.message))?;
                let none = || missing(format!("no tag fits `{}`", rule.value));
                // A rule of which no example could be made up takes whatever is there.
                let tag = parsed.choose(&tags).or_else(|| tags.last().copied()).ok_or_else(none)?;
                let digest = self.tags.get(tag).copied().unwrap_or_default();
                Version { id: digest.to_string(), name: Some(tag.to_string()), content: digest }
            }
            SourceKind::Helm { .. } => {
                let name = version_of(&self.files.read("Chart.yaml").unwrap_or_default());
                Version { id: content.to_string(), name: Some(name), content }
            }
            _ => {
                let content = Digest::of(format!("{content} {}", if self.kind.has_files() { 0 } else { self.moves }));
                Version { id: content.to_string(), name: None, content }
            }
        })
    }
}

fn missing(message: String) -> PortError {
    PortError::new(Fault::NotFound, message)
}

/// A version that a rule or a range admits: its numbers, with zeros where it leaves them open.
fn example(rule: &str) -> String {
    let first = rule.split([',', ' ', '|']).find(|p| p.contains(|c: char| c.is_ascii_digit())).unwrap_or(rule);
    let plain = first.trim_start_matches(['^', '~', '>', '<', '=', ' ']).replace(['*', '?'], "0");
    let is_range = first.starts_with(['^', '~', '>', '<', '=']) || rule.contains("||");
    let dots = plain.matches('.').count();
    if is_range && dots < 2 { format!("{plain}{}", ".0".repeat(2 - dots)) } else { plain }
}

/// The version that a chart says it is.
fn version_of(chart: &[u8]) -> String {
    let text = String::from_utf8_lossy(chart);
    let line = text.lines().find_map(|l| l.strip_prefix("version:"));
    line.map_or_else(
        || "0.1.0".to_string(),
        |v| v.split('#').next().unwrap_or(v).trim().trim_matches(['"', '\'']).to_string(),
    )
}

/// A chart that says it is another version.
fn with_version(chart: &[u8], version: &str) -> String {
    let text = String::from_utf8_lossy(chart);
    if text.trim().is_empty() {
        return mentioned::chart_file("chart", version);
    }
    let other =
        |line: &str| if line.starts_with("version:") { format!("version: {version}\n") } else { format!("{line}\n") };
    text.lines().map(other).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_an_example() {
        for (rule, tag) in
            [("1.2.*", "1.2.0"), ("~1.2", "1.2.0"), (">=1.2, <2", "1.2.0"), ("latest", "latest"), ("22.04", "22.04")]
        {
            assert_eq!(example(rule), tag, "{rule}");
        }
    }

    #[test]
    fn a_chart_gets_another_version() {
        assert_eq!(version_of(b"name: a\nversion: \"1.2.3\" # yes\n"), "1.2.3");
        assert_eq!(with_version(b"name: a\nversion: 1.2.3\n", "1.3.0"), "name: a\nversion: 1.3.0\n");
    }
}
