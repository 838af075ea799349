//! What is known of the world, as an editor shows it.

use std::collections::BTreeMap;

/// What is known, by the name of the pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The pipelines that have a state.
    pub pipelines: BTreeMap<String, PipelineFacts>,
    /// The branches of repositories behind a URL, by the URL, as they were when they were asked last.
    pub branches: BTreeMap<String, Vec<String>>,
}

/// What is known of one pipeline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PipelineFacts {
    /// What each environment has.
    pub environments: BTreeMap<String, Deployed>,
    /// What a reference to a name and a field stands for now; the field is empty for the name alone.
    pub values: BTreeMap<(String, String), String>,
    /// The head of each source, in words.
    pub heads: BTreeMap<String, String>,
}

/// What an environment has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployed {
    /// The name of the candidate; nothing when nothing was verified there yet.
    pub name: Option<String>,
    /// Since when, in words.
    pub since: Option<String>,
    /// The version of each source in it.
    pub versions: Vec<(String, String)>,
    /// What waits, is held or failed there.
    pub notes: Vec<String>,
}

impl Facts {
    /// What an environment of a pipeline has.
    pub fn environment(&self, pipeline: &str, name: &str) -> Option<&Deployed> {
        self.pipelines.get(pipeline)?.environments.get(name)
    }

    /// What a reference stands for now.
    pub fn value(&self, pipeline: &str, name: &str, field: &str) -> Option<&str> {
        let values = &self.pipelines.get(pipeline)?.values;
        values.get(&(name.to_string(), field.to_string())).map(String::as_str)
    }
}

impl Deployed {
    /// All of it in one line.
    pub fn line(&self) -> String {
        let mut words = vec![self.name.clone().unwrap_or_else(|| "nothing yet".to_string())];
        words.extend(self.since.iter().map(|s| format!("since {s}")));
        words.extend(self.notes.iter().cloned());
        words.join(" · ")
    }
}
