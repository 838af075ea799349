//! Chart.yaml, of apiVersion v1 and v2, and requirements.yaml, with Helm's checks.
//!
//! Go's JSON decoder is lenient about names (case does not matter) and strict about types; `sigs.k8s.io/yaml` turns numbers
//! and booleans into text where a text is wanted.

use super::ChartError;
use crate::helm::semver::Version;
use crate::helm::template::format;
use crate::helm::value::{Map, MapType, Value};
use crate::helm::yaml::{self, Data, Node, text_of};
use std::collections::{BTreeMap, BTreeSet};

/// What Chart.yaml says.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs, reason = "the fields are those of Chart.yaml")]
pub struct Metadata {
    pub name: String,
    pub home: String,
    pub sources: Vec<String>,
    pub version: String,
    pub description: String,
    pub keywords: Vec<String>,
    pub maintainers: Vec<Maintainer>,
    pub icon: String,
    pub api_version: String,
    pub condition: String,
    pub tags: String,
    pub app_version: String,
    pub deprecated: bool,
    pub annotations: BTreeMap<String, String>,
    pub kube_version: String,
    pub dependencies: Vec<Dependency>,
    /// `application`, `library` or nothing: the field `type`.
    pub kind: String,
}

/// Somebody who looks after the chart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of Chart.yaml")]
pub struct Maintainer {
    pub name: String,
    pub email: String,
    pub url: String,
}

/// A chart this one depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields are those of Chart.yaml")]
pub struct Dependency {
    pub name: String,
    pub version: String,
    pub repository: String,
    pub condition: String,
    pub tags: Vec<String>,
    pub enabled: bool,
    pub import_values: Vec<ImportValue>,
    pub alias: String,
}

/// An entry of `import-values`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportValue {
    /// `data`: what the chart exports under `exports.data` goes to the top.
    Export(String),
    /// `{child: a.b, parent: c}`
    Table {
        /// The path in the chart below.
        child: String,
        /// The path here.
        parent: String,
    },
    /// Anything else has no effect.
    Other,
}

/// How the fields of a mapping are read.
struct Fields<'a> {
    file: &'static str,
    kind: &'static str,
    node: &'a Node,
}

impl<'a> Fields<'a> {
    fn error(&self, error: String, node: &Node) -> ChartError {
        let error = format!("error unmarshaling JSON: while decoding JSON: json: {error}");
        ChartError::Unreadable { name: self.file, error, line: Some(node.mark.line) }
    }

    fn wrong(&self, node: &Node, field: &str, wanted: &str) -> ChartError {
        let found = yaml::json_kind(&node.to_value());
        self.error(
            format!("cannot unmarshal {found} into Go struct field {}.{field} of type {wanted}", self.kind),
            node,
        )
    }

    /// The field of a name: the very name before one that differs in case. A null counts as missing.
    fn get(&self, name: &str) -> Option<&'a Node> {
        self.node.get_folded(name).filter(|node| node.data != Data::Null)
    }

    fn text(&self, name: &str, into: &mut String) -> Result<(), ChartError> {
        if let Some(node) = self.get(name) {
            *into = text_of(node).ok_or_else(|| self.wrong(node, name, "string"))?;
        }
        Ok(())
    }

    fn boolean(&self, name: &str, into: &mut bool) -> Result<(), ChartError> {
        match self.get(name) {
            None => Ok(()),
            Some(Node { data: Data::Bool(b), .. }) => {
                *into = *b;
                Ok(())
            }
            Some(node) => Err(self.wrong(node, name, "bool")),
        }
    }

    fn items(&self, name: &str, wanted: &str) -> Result<Option<&'a [Node]>, ChartError> {
        match self.get(name) {
            None => Ok(None),
            Some(Node { data: Data::Seq(items), .. }) => Ok(Some(items)),
            Some(node) => Err(self.wrong(node, name, wanted)),
        }
    }

    fn texts(&self, name: &str, into: &mut Vec<String>) -> Result<(), ChartError> {
        if let Some(items) = self.items(name, "[]string")? {
            let text = |node: &Node| match node.data {
                Data::Null => Ok(String::new()),
                _ => text_of(node).ok_or_else(|| self.wrong(node, name, "string")),
            };
            *into = items.iter().map(text).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    fn map(&self, name: &str, into: &mut BTreeMap<String, String>) -> Result<(), ChartError> {
        let Some(node) = self.get(name) else { return Ok(()) };
        let Data::Map(entries) = &node.data else { return Err(self.wrong(node, name, "map[string]string")) };
        for (key, entry) in entries {
            let text = match entry.value.data {
                Data::Null => String::new(),
                _ => text_of(&entry.value).ok_or_else(|| self.wrong(&entry.value, name, "string"))?,
            };
            into.insert(key.to_string(), text);
        }
        Ok(())
    }

    /// The mappings of a list; `null` entries are Helm's to refuse.
    fn structs(&self, name: &str, kind: &'static str, null: &str) -> Result<Option<Vec<Fields<'a>>>, ChartError> {
        let Some(items) = self.items(name, &format!("[]*v2.{kind}"))? else { return Ok(None) };
        let fields = items.iter().map(|node| match node.data {
            Data::Map(_) => Ok(Fields { file: self.file, kind, node }),
            Data::Null => Err(ChartError::Invalid(null.to_string())),
            _ => Err(self.wrong(node, name, &format!("v2.{kind}"))),
        });
        fields.collect::<Result<_, _>>().map(Some)
    }
}

/// The top of a file, which must be a mapping.
fn top(text: &[u8], file: &'static str) -> Result<Option<Node>, ChartError> {
    let node = yaml::parse(text).map_err(|e| ChartError::Unreadable {
        name: file,
        error: format!("error converting YAML to JSON: {e}"),
        line: e.line,
    })?;
    match node {
        Some(Node { data: Data::Null, .. }) | None => Ok(None),
        Some(node @ Node { data: Data::Map(_), .. }) => Ok(Some(node)),
        Some(node) => {
            let found = yaml::json_kind(&node.to_value());
            let fields = Fields { file, kind: "Metadata", node: &node };
            Err(fields.error(format!("cannot unmarshal {found} into Go value of type v2.Metadata"), &node))
        }
    }
}

/// Checks that a lock file is a mapping; nothing else of it matters here.
pub(super) fn check_lock(text: &[u8], file: &'static str) -> Result<(), ChartError> {
    top(text, file).map(|_| ())
}

impl Metadata {
    /// Reads Chart.yaml, or adds what requirements.yaml says.
    pub(super) fn read(&mut self, text: &[u8], file: &'static str) -> Result<(), ChartError> {
        let Some(node) = top(text, file)? else { return Ok(()) };
        let fields = Fields { file, kind: "Metadata", node: &node };
        let texts: [(&str, &mut String); 11] = [
            ("name", &mut self.name),
            ("home", &mut self.home),
            ("version", &mut self.version),
            ("description", &mut self.description),
            ("icon", &mut self.icon),
            ("apiVersion", &mut self.api_version),
            ("condition", &mut self.condition),
            ("tags", &mut self.tags),
            ("appVersion", &mut self.app_version),
            ("kubeVersion", &mut self.kube_version),
            ("type", &mut self.kind),
        ];
        for (name, into) in texts {
            fields.text(name, into)?;
        }
        fields.texts("sources", &mut self.sources)?;
        fields.texts("keywords", &mut self.keywords)?;
        fields.boolean("deprecated", &mut self.deprecated)?;
        fields.map("annotations", &mut self.annotations)?;
        let empty = "maintainers must not contain empty or null nodes";
        if let Some(all) = fields.structs("maintainers", "Maintainer", empty)? {
            self.maintainers = all.iter().map(Maintainer::read).collect::<Result<_, _>>()?;
        }
        let empty = "dependencies must not contain empty or null nodes";
        if let Some(all) = fields.structs("dependencies", "Dependency", empty)? {
            self.dependencies = all.iter().map(Dependency::read).collect::<Result<_, _>>()?;
        }
        Ok(())
    }

    /// Cleans the texts and checks what Helm checks.
    pub(super) fn validate(&mut self) -> Result<(), ChartError> {
        let texts = [
            &mut self.name,
            &mut self.description,
            &mut self.home,
            &mut self.icon,
            &mut self.condition,
            &mut self.tags,
            &mut self.app_version,
            &mut self.kube_version,
        ];
        texts.into_iter().chain(&mut self.sources).chain(&mut self.keywords).for_each(sanitize);
        let invalid = |text: String| Err(ChartError::Invalid(text));
        match self.name.as_str() {
            "" => return invalid("chart.metadata.name is required".to_string()),
            "." | ".." => return invalid(format!("chart.metadata.name {:?} is not allowed", self.name)),
            name if name.contains('/') => return invalid(format!("chart.metadata.name {name:?} is invalid")),
            _ => {}
        }
        if self.version.is_empty() {
            return invalid("chart.metadata.version is required".to_string());
        }
        if Version::parse(&self.version).is_err() {
            return invalid(format!("chart.metadata.version {:?} is invalid", self.version));
        }
        if !matches!(self.kind.as_str(), "" | "application" | "library") {
            return invalid("chart.metadata.type must be application or library".to_string());
        }
        for Maintainer { name, email, url } in &mut self.maintainers {
            [name, email, url].into_iter().for_each(sanitize);
        }
        self.validate_dependencies()
    }

    fn validate_dependencies(&mut self) -> Result<(), ChartError> {
        let mut seen = BTreeSet::new();
        for dependency in &mut self.dependencies {
            let Dependency { name, version, repository, condition, tags, alias, .. } = dependency;
            [name, version, repository, condition].into_iter().chain(tags).for_each(sanitize);
            let plain = alias.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            if !plain {
                let text = format!("dependency {:?} has disallowed characters in the alias", dependency.name);
                return Err(ChartError::Invalid(text));
            }
            let key = dependency.effective_name().to_string();
            if !seen.insert(key.clone()) {
                return Err(ChartError::Invalid(format!("more than one dependency with name or alias {key:?}")));
            }
        }
        Ok(())
    }

    /// `.Chart` as templates see it, without `IsRoot`.
    pub(crate) fn to_map(&self) -> Map {
        let list = |items: Vec<Value>| Value::list(items);
        let texts = |items: &[String]| Value::list(items.iter().map(|s| Value::from(s.as_str())).collect());
        let text = |s: &String| Value::from(s.as_str());
        let annotations: Map = self.annotations.iter().map(|(k, v)| (k.as_str().into(), text(v))).collect();
        Map::of([
            ("Name", text(&self.name)),
            ("Home", text(&self.home)),
            ("Sources", texts(&self.sources)),
            ("Version", text(&self.version)),
            ("Description", text(&self.description)),
            ("Keywords", texts(&self.keywords)),
            ("Maintainers", list(self.maintainers.iter().map(Maintainer::to_value).collect())),
            ("Icon", text(&self.icon)),
            ("APIVersion", text(&self.api_version)),
            ("Condition", text(&self.condition)),
            ("Tags", text(&self.tags)),
            ("AppVersion", text(&self.app_version)),
            ("Deprecated", Value::Bool(self.deprecated)),
            ("Annotations", Value::Map(annotations.as_type(MapType::Strings))),
            ("KubeVersion", text(&self.kube_version)),
            ("Dependencies", list(self.dependencies.iter().map(Dependency::to_value).collect())),
            ("Type", text(&self.kind)),
        ])
    }
}

impl Maintainer {
    fn read(fields: &Fields<'_>) -> Result<Maintainer, ChartError> {
        let mut maintainer = Maintainer::default();
        fields.text("name", &mut maintainer.name)?;
        fields.text("email", &mut maintainer.email)?;
        fields.text("url", &mut maintainer.url)?;
        Ok(maintainer)
    }

    fn to_value(&self) -> Value {
        Value::map(
            [("Name", &self.name), ("Email", &self.email), ("URL", &self.url)]
                .map(|(k, v)| (k, Value::from(v.as_str()))),
        )
    }
}

impl Dependency {
    fn read(fields: &Fields<'_>) -> Result<Dependency, ChartError> {
        let mut dependency = Dependency::default();
        fields.text("name", &mut dependency.name)?;
        fields.text("version", &mut dependency.version)?;
        fields.text("repository", &mut dependency.repository)?;
        fields.text("condition", &mut dependency.condition)?;
        fields.texts("tags", &mut dependency.tags)?;
        fields.boolean("enabled", &mut dependency.enabled)?;
        fields.text("alias", &mut dependency.alias)?;
        let imports = fields.items("import-values", "[]interface {}")?.unwrap_or_default();
        dependency.import_values = imports.iter().map(ImportValue::read).collect();
        Ok(dependency)
    }

    /// The alias, or else the name.
    pub fn effective_name(&self) -> &str {
        if self.alias.is_empty() { &self.name } else { &self.alias }
    }

    fn to_value(&self) -> Value {
        let text = |s: &String| Value::from(s.as_str());
        Value::map([
            ("Name", text(&self.name)),
            ("Version", text(&self.version)),
            ("Repository", text(&self.repository)),
            ("Condition", text(&self.condition)),
            ("Tags", Value::list(self.tags.iter().map(text).collect())),
            ("Enabled", Value::Bool(self.enabled)),
            ("ImportValues", Value::list(self.import_values.iter().map(ImportValue::to_value).collect())),
            ("Alias", text(&self.alias)),
        ])
    }
}

impl ImportValue {
    fn read(node: &Node) -> ImportValue {
        let field = |name: &str| {
            let value = node.get(name).map(|entry| entry.value.to_value()).unwrap_or_default();
            match value {
                Value::Nil => "<nil>".to_string(),
                value => String::from_utf8_lossy(&format::to_bytes(&value)).into_owned(),
            }
        };
        match &node.data {
            Data::Str(s) => ImportValue::Export(s.to_string()),
            Data::Map(_) => ImportValue::Table { child: field("child"), parent: field("parent") },
            _ => ImportValue::Other,
        }
    }

    fn to_value(&self) -> Value {
        let (child, parent) = match self {
            ImportValue::Export(name) => (format!("exports.{name}"), ".".to_string()),
            ImportValue::Table { child, parent } => (child.clone(), parent.clone()),
            ImportValue::Other => return Value::Nil,
        };
        Value::Map(Map::of([("child", Value::from(child)), ("parent", Value::from(parent))]).as_type(MapType::Strings))
    }
}

/// Helm's `sanitizeString`: white space becomes a space, what cannot be printed goes.
fn sanitize(text: &mut String) {
    if text.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return;
    }
    let clean = |c: char| match c {
        c if c.is_whitespace() => Some(' '),
        c => format::is_print(c).then_some(c),
    };
    *text = text.chars().filter_map(clean).collect();
}
