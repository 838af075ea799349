//! Rendered objects: what a release is, once chart, values and candidate are known.

use crate::digest::{Digest, Hasher};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The rendered objects of one release for one environment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bundle {
    /// The name of the release.
    pub release: String,
    /// The namespace it was rendered for.
    pub namespace: String,
    /// The chart's name and version, `app-1.2.0`.
    pub chart: String,
    /// The objects in the order of installing.
    pub objects: Vec<Object>,
    /// Objects that are run at certain moments and are no part of the release.
    pub hooks: Vec<Hook>,
    /// The chart's notes.
    pub notes: String,
    /// Where the objects come from, for Helm's record; nothing in bundles that were kept before there was one.
    #[serde(default)]
    pub origin: Option<Origin>,
    /// Templates that draw what another rendering by Helm would not repeat, each with the functions that do. It does not count
    /// for the digest either.
    #[serde(default)]
    pub drawn: Vec<(String, Vec<String>)>,
}

/// What a release was rendered of, as far as Helm's record of it says. It does not count for the bundle's digest: what is
/// deployed are the objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Origin {
    /// What Chart.yaml says.
    pub chart: Value,
    /// The chart's default values.
    pub defaults: Value,
    /// The values that were given.
    pub values: Value,
}

/// One rendered object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Object {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// The namespace that the object itself names.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
    /// The template that wrote it: `app/templates/deployment.yaml`.
    #[serde(default)]
    pub template: String,
    /// The object as it was written by the template.
    pub text: String,
    /// The object.
    pub body: Value,
}

/// The moment of the tests that a chart brings.
pub const TEST: &str = "test";

/// An object that is run at certain moments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hook {
    /// The object.
    pub object: Object,
    /// The moments: `pre-install`, `post-upgrade`, `test`, …
    pub events: Vec<String>,
    /// The order among hooks of one moment.
    pub weight: i64,
    /// When it is deleted.
    pub delete: Vec<String>,
}

impl Hook {
    /// Whether it is run at that moment.
    pub fn is_of(&self, moment: &str) -> bool {
        self.events.iter().any(|event| event == moment)
    }
}

impl Object {
    /// What names the object to people: `Deployment/web`, with its namespace if it names one.
    pub fn id(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{}/{namespace}/{}", self.kind, self.name),
            None => format!("{}/{}", self.kind, self.name),
        }
    }

    /// The name of its file: stable, without surprises on any file system.
    pub fn file_name(&self) -> String {
        let group = self.api_version.split_once('/').map_or("", |(group, _)| group);
        let parts = [self.namespace.as_deref().unwrap_or(""), &self.kind, group, &self.name];
        let joined = parts.iter().filter(|p| !p.is_empty()).copied().collect::<Vec<_>>().join("_");
        let safe = |c: char| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c.to_ascii_lowercase() } else { '-' }
        };
        format!("{}.yaml", joined.chars().map(safe).collect::<String>())
    }
}

impl Bundle {
    /// What names the bundle.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::new("bundle");
        hasher.field(&self.release).field(&self.namespace).field(&self.chart);
        for object in &self.objects {
            hasher.field("object").field(&object.text);
        }
        for hook in &self.hooks {
            hasher.field("hook").field(&hook.object.text);
        }
        hasher.finish()
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty() && self.hooks.is_empty()
    }

    /// The object of that id.
    pub fn get(&self, id: &str) -> Option<&Object> {
        self.objects.iter().find(|o| o.id() == id)
    }
}
