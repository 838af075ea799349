//! Charts: from files to a [`Chart`], with everything Helm checks on the way.
//!
//! A chart is plain data that can go between threads. What a render changes of it (dependencies turned off, values
//! imported) happens on a copy.

pub mod archive;
mod describe;
mod error;
mod ignore;
mod metadata;

pub use archive::{LIMITS, Limits, unpack};
pub use error::ChartError;
pub use ignore::IgnoreRules;
pub use metadata::{Dependency, ImportValue, Maintainer, Metadata};

use super::yaml::{Data, Node};
use crate::helm::values;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The largest file of a chart, as in Helm.
pub const MAX_FILE: usize = 5 << 20;

/// How deep charts may lie in one another.
const MAX_NESTING: usize = 64;

/// A file of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path inside the chart, with slashes.
    pub name: String,
    /// Its contents, without a byte order mark. Charts are large, so they are shared and not copied.
    pub data: Bytes,
}

/// A chart with the charts below it.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What Chart.yaml (and requirements.yaml) says.
    pub metadata: Metadata,
    /// The default values, with their places in values.yaml; a mapping.
    pub values: Node,
    /// values.schema.json, if there is one.
    pub schema: Option<Bytes>,
    /// The files below templates/.
    pub templates: Vec<File>,
    /// All other files, those of crds/ among them: what `.Files` shows.
    pub files: Vec<File>,
    /// The charts of charts/, sorted by name.
    pub charts: Vec<Chart>,
}

impl Chart {
    /// Reads a chart folder: path inside the folder → contents. `.helmignore` is obeyed.
    ///
    /// # Errors
    /// Whatever Helm refuses to load.
    pub fn from_files(files: BTreeMap<String, impl Into<Bytes>>) -> Result<Chart, ChartError> {
        let files: Vec<(String, Bytes)> = files.into_iter().map(|(name, data)| (name, data.into())).collect();
        let rules = match files.iter().find(|(name, _)| name == ".helmignore") {
            Some((_, text)) => IgnoreRules::parse(text)?,
            None => IgnoreRules::default(),
        };
        let kept = files.into_iter().filter(|(name, _)| !rules.ignores_file(name)).map(|(name, data)| {
            match data.len() > MAX_FILE {
                true => Err(ChartError::FileTooLarge { name, limit: MAX_FILE }),
                false => Ok(File { name, data: without_bom(data) }),
            }
        });
        load(kept.collect::<Result<_, _>>()?, 0)
    }

    /// Reads a packaged chart (`.tgz`). `.helmignore` plays no part.
    ///
    /// # Errors
    /// An archive that is unsafe or too large, and whatever Helm refuses to load.
    pub fn from_archive(bytes: &[u8]) -> Result<Chart, ChartError> {
        load(unpack(bytes, &LIMITS)?, 0)
    }

    /// The name in Chart.yaml.
    pub fn name(&self) -> &str {
        &self.metadata.name
    }

    /// Whether it only offers named templates to others.
    pub fn is_library(&self) -> bool {
        self.metadata.kind == "library"
    }

    /// The default values as they were written: the text of values.yaml stands in no other field.
    pub fn value_keys(&self) -> Vec<&str> {
        match &self.values.data {
            Data::Map(entries) => entries.keys().map(|key| key.as_str()).collect(),
            _ => Vec::new(),
        }
    }
}

fn without_bom(data: Bytes) -> Bytes {
    if data.starts_with(b"\xef\xbb\xbf") { data.slice(3..) } else { data }
}

/// Helm's `LoadFiles`.
fn load(files: Vec<File>, nesting: usize) -> Result<Chart, ChartError> {
    if nesting > MAX_NESTING {
        return Err(ChartError::TooDeep { limit: MAX_NESTING });
    }
    let mut metadata = Metadata::default();
    let mut found = false;
    for file in files.iter().filter(|f| f.name == "Chart.yaml") {
        metadata.read(&file.data, "Chart.yaml")?;
        found = true;
    }
    if found && metadata.api_version.is_empty() {
        metadata.api_version = "v1".to_string();
    }
    let mut chart = Chart {
        metadata,
        values: values::empty_node(),
        schema: None,
        templates: Vec::new(),
        files: Vec::new(),
        charts: Vec::new(),
    };
    let mut below: BTreeMap<String, Vec<File>> = BTreeMap::new();
    for file in files {
        chart.take(file, &mut found, &mut below)?;
    }
    if !found {
        return Err(ChartError::NoChartYaml);
    }
    chart.metadata.validate()?;
    for (name, files) in below {
        if let Some(sub) = load_below(&name, files, nesting, chart.name())? {
            chart.charts.push(sub);
        }
    }
    Ok(chart)
}

impl Chart {
    /// Puts a file where it belongs.
    fn take(
        &mut self,
        file: File,
        found: &mut bool,
        below: &mut BTreeMap<String, Vec<File>>,
    ) -> Result<(), ChartError> {
        match file.name.as_str() {
            "Chart.yaml" => {}
            "Chart.lock" => metadata::check_lock(&file.data, "Chart.lock")?,
            "values.yaml" => {
                self.values = values::load(&file.data).map_err(|e| ChartError::Unreadable {
                    name: "values.yaml",
                    error: e.to_string(),
                    line: e.line,
                })?;
            }
            "values.schema.json" => self.schema = Some(file.data),
            "requirements.yaml" => {
                *found = true;
                self.metadata.read(&file.data, "requirements.yaml")?;
                self.keep_if_v1(file);
            }
            "requirements.lock" => {
                metadata::check_lock(&file.data, "requirements.lock")?;
                self.keep_if_v1(file);
            }
            name if name.starts_with("templates/") => self.templates.push(file),
            name if name.starts_with("charts/") && !name.ends_with(".prov") => {
                let name = file.name.trim_start_matches("charts/").to_string();
                let top = name.split('/').next().unwrap_or_default().to_string();
                below.entry(top).or_default().push(File { name, data: file.data });
            }
            _ => self.files.push(file),
        }
        Ok(())
    }

    fn keep_if_v1(&mut self, file: File) {
        if self.metadata.api_version == "v1" {
            self.files.push(file);
        }
    }
}

/// The chart in a folder or archive of charts/; nothing for what begins with `_` or `.`.
fn load_below(name: &str, files: Vec<File>, nesting: usize, parent: &str) -> Result<Option<Chart>, ChartError> {
    if name.starts_with(['_', '.']) {
        return Ok(None);
    }
    let inside =
        |error| ChartError::Below { name: name.to_string(), parent: parent.to_string(), error: Box::new(error) };
    let files = if name.ends_with(".tgz") {
        let Some(file) = files.into_iter().next().filter(|f| f.name == name) else {
            return Err(inside(ChartError::NotAnArchive));
        };
        unpack(&file.data, &LIMITS).map_err(inside)?
    } else {
        let strip = |f: File| Some(File { name: f.name.split_once('/')?.1.to_string(), data: f.data });
        files.into_iter().filter_map(strip).collect()
    };
    load(files, nesting + 1).map(Some).map_err(inside)
}

#[cfg(test)]
mod tests;
