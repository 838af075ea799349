//! Chart.yaml as JSON, in Helm's names: what its record of a release says about the chart.

use super::{Dependency, ImportValue, Maintainer, Metadata};
use serde_json::{Map, Value, json};

impl Metadata {
    /// The fields that say something, as Helm writes them.
    pub fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut say = |name: &str, value: Value| {
            let is_empty = match &value {
                Value::String(text) => text.is_empty(),
                Value::Array(items) => items.is_empty(),
                Value::Object(entries) => entries.is_empty(),
                Value::Bool(is) => !is,
                _ => false,
            };
            if !is_empty {
                fields.insert(name.to_string(), value);
            }
        };
        say("name", json!(self.name));
        say("home", json!(self.home));
        say("sources", json!(self.sources));
        say("version", json!(self.version));
        say("description", json!(self.description));
        say("keywords", json!(self.keywords));
        say("maintainers", self.maintainers.iter().map(maintainer).collect());
        say("icon", json!(self.icon));
        say("apiVersion", json!(self.api_version));
        say("condition", json!(self.condition));
        say("tags", json!(self.tags));
        say("appVersion", json!(self.app_version));
        say("deprecated", json!(self.deprecated));
        say("annotations", json!(self.annotations));
        say("kubeVersion", json!(self.kube_version));
        say("dependencies", self.dependencies.iter().map(dependency).collect());
        say("type", json!(self.kind));
        Value::Object(fields)
    }
}

fn maintainer(of: &Maintainer) -> Value {
    json!({"name": of.name, "email": of.email, "url": of.url})
}

fn dependency(of: &Dependency) -> Value {
    let import = |value: &ImportValue| match value {
        ImportValue::Export(name) => json!(name),
        ImportValue::Table { child, parent } => json!({"child": child, "parent": parent}),
        ImportValue::Other => Value::Null,
    };
    json!({
        "name": of.name, "version": of.version, "repository": of.repository, "condition": of.condition,
        "tags": of.tags, "enabled": of.enabled, "import-values": of.import_values.iter().map(import).collect::<Vec<_>>(),
        "alias": of.alias,
    })
}
