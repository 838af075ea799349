//! From the text of a template to objects: splitting into documents, reading their heads, telling hooks apart.

use super::order::by_install_order;
use super::yaml::{self, Data, Node};
use std::collections::BTreeMap;

/// One document of a template.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    /// The template, such as `chart/templates/service.yaml`.
    pub source: String,
    /// The text of the document, as Helm prints it.
    pub text: String,
    /// The object, with its places in `text`; nothing for a document that holds only comments.
    pub object: Option<Node>,
    /// `apiVersion`; "" if there is none.
    pub api_version: String,
    /// `kind`; "" if there is none.
    pub kind: String,
    /// `metadata.name`; "" if there is none.
    pub name: String,
    /// `metadata.namespace`, as it is written; "" if there is none.
    pub namespace: String,
    /// What makes it a hook.
    pub hook: Option<Hook>,
}

/// When an object is created that is a hook, and when it goes.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Hook {
    /// Its moments.
    pub events: Vec<HookEvent>,
    /// Hooks of one moment run in this order, the smallest first.
    pub weight: i64,
    /// When it is deleted: `before-hook-creation`, `hook-succeeded`, `hook-failed`.
    pub delete_policies: Vec<String>,
    /// When its log is shown.
    pub log_policies: Vec<String>,
}

/// A moment in the life of a release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names are Helm's")]
pub enum HookEvent {
    PreInstall,
    PostInstall,
    PreDelete,
    PostDelete,
    PreUpgrade,
    PostUpgrade,
    PreRollback,
    PostRollback,
    Test,
}

impl HookEvent {
    fn parse(text: &str) -> Option<HookEvent> {
        Some(match text {
            "pre-install" => HookEvent::PreInstall,
            "post-install" => HookEvent::PostInstall,
            "pre-delete" => HookEvent::PreDelete,
            "post-delete" => HookEvent::PostDelete,
            "pre-upgrade" => HookEvent::PreUpgrade,
            "post-upgrade" => HookEvent::PostUpgrade,
            "pre-rollback" => HookEvent::PreRollback,
            "post-rollback" => HookEvent::PostRollback,
            "test" | "test-success" => HookEvent::Test,
            _ => return None,
        })
    }
}

/// A rendered document that is no YAML, or no object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("YAML parse error on {source_path}: {message}")]
pub struct ManifestError {
    /// The template.
    pub source_path: String,
    /// What is wrong.
    pub message: String,
    /// The line in the rendered document, where one is known.
    pub line: Option<u32>,
    /// The rendered document.
    pub text: String,
}

/// The documents of a text: Helm's `SplitManifests`, which splits at `(?:^|\s*\n)---\s*`.
pub fn split(text: &str) -> Vec<&str> {
    let text = text.trim_start();
    let is_space = |b: &u8| matches!(b, b'\t' | b'\n' | b'\x0c' | b'\r' | b' ');
    let bytes = text.as_bytes();
    let behind = |at: usize| at + bytes.iter().skip(at).take_while(|b| is_space(b)).count();
    let mut parts = Vec::new();
    let mut from = if text.starts_with("---") { behind(3) } else { 0 };
    while let Some(at) = memchr::memmem::find(bytes.get(from..).unwrap_or_default(), b"\n---") {
        let before = text.get(from..from + at).unwrap_or_default();
        parts.push(before.trim_end_matches(|c: char| c.is_ascii() && is_space(&(c as u8))));
        from = behind(from + at + 4);
    }
    parts.push(text.get(from..).unwrap_or_default());
    parts.into_iter().map(str::trim_start).filter(|part| !part.is_empty()).collect()
}

/// Reads the documents of all templates in Helm's order: objects first, then hooks, each by kind.
///
/// # Errors
/// The first document that is no object: Helm refuses the whole chart for it.
pub fn sort(files: &BTreeMap<String, String>) -> Result<(Vec<Manifest>, Vec<Manifest>), ManifestError> {
    let (mut objects, mut hooks) = (Vec::new(), Vec::new());
    for (source, text) in files {
        if source.rsplit('/').next().is_some_and(|name| name.starts_with('_')) {
            continue;
        }
        for document in split(text) {
            match read(source, document)? {
                Some(manifest) if manifest.hook.is_some() => hooks.push(manifest),
                Some(manifest) => objects.push(manifest),
                None => {}
            }
        }
    }
    objects.sort_by(|a, b| by_install_order(&a.kind, &b.kind));
    hooks.sort_by(|a, b| by_install_order(&a.kind, &b.kind));
    Ok((objects, hooks))
}

/// Reads one document; nothing for a hook of an unknown moment, which Helm leaves out.
///
/// # Errors
/// A document that is no YAML or whose head has the wrong types.
pub fn read(source: &str, text: &str) -> Result<Option<Manifest>, ManifestError> {
    let error = |message: String, line| ManifestError {
        source_path: source.to_string(),
        message,
        line,
        text: text.to_string(),
    };
    let node = yaml::parse_chars(text)
        .map_err(|e| error(format!("error converting YAML to JSON: {e}"), e.line))?
        .filter(|node| node.data != Data::Null);
    let head = Head::of(node.as_ref()).map_err(|(message, node)| {
        error(format!("error unmarshaling JSON: while decoding JSON: json: {message}"), Some(node.mark.line))
    })?;
    let hook = match head.hook() {
        Ok(hook) => hook,
        Err(UnknownEvent) => return Ok(None),
    };
    Ok(Some(Manifest {
        source: source.to_string(),
        text: text.to_string(),
        api_version: head.api_version,
        kind: head.kind,
        name: head.name,
        namespace: head.namespace,
        object: node,
        hook,
    }))
}

struct UnknownEvent;

/// Helm's `SimpleHead`.
#[derive(Default)]
struct Head {
    api_version: String,
    kind: String,
    name: String,
    namespace: String,
    annotations: BTreeMap<String, String>,
}

type Wrong<'a> = (String, &'a Node);

impl Head {
    fn of(node: Option<&Node>) -> Result<Head, Wrong<'_>> {
        let Some(node) = node else { return Ok(Head::default()) };
        if !matches!(node.data, Data::Map(_)) {
            let found = yaml::json_kind(&node.to_value());
            return Err((format!("cannot unmarshal {found} into Go value of type util.SimpleHead"), node));
        }
        let mut head = Head {
            api_version: text(node, "apiVersion", "SimpleHead.apiVersion")?,
            kind: text(node, "kind", "SimpleHead.kind")?,
            ..Head::default()
        };
        let Some(metadata) = get(node, "metadata") else { return Ok(head) };
        if !matches!(metadata.data, Data::Map(_)) {
            return Err((wrong(metadata, "SimpleHead.metadata", "struct"), metadata));
        }
        head.name = text(metadata, "name", "SimpleHead.metadata.name")?;
        head.namespace = get(metadata, "namespace").and_then(Node::as_str).unwrap_or_default().to_string();
        let Some(annotations) = get(metadata, "annotations") else { return Ok(head) };
        let Data::Map(entries) = &annotations.data else {
            return Err((wrong(annotations, "SimpleHead.metadata.annotations", "map[string]string"), annotations));
        };
        for (key, entry) in entries {
            let value = match entry.value.data {
                Data::Null => String::new(),
                _ => yaml::text_of(&entry.value)
                    .ok_or_else(|| (wrong(&entry.value, "SimpleHead.metadata.annotations", "string"), &entry.value))?,
            };
            head.annotations.insert(key.to_string(), value);
        }
        Ok(head)
    }

    fn hook(&self) -> Result<Option<Hook>, UnknownEvent> {
        let Some(events) = self.annotations.get("helm.sh/hook") else { return Ok(None) };
        let events = words(events).iter().map(|e| HookEvent::parse(e)).collect::<Option<Vec<_>>>();
        let list = |name: &str| self.annotations.get(name).map(|text| words(text)).unwrap_or_default();
        Ok(Some(Hook {
            events: events.ok_or(UnknownEvent)?,
            weight: self.annotations.get("helm.sh/hook-weight").and_then(|w| w.parse().ok()).unwrap_or(0),
            delete_policies: list("helm.sh/hook-delete-policy"),
            log_policies: list("helm.sh/hook-output-log-policy"),
        }))
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(',').map(|word| word.trim().to_lowercase()).collect()
}

fn get<'a>(node: &'a Node, name: &str) -> Option<&'a Node> {
    node.get_folded(name).filter(|value| value.data != Data::Null)
}

fn text<'a>(node: &'a Node, name: &str, field: &str) -> Result<String, Wrong<'a>> {
    match get(node, name) {
        None => Ok(String::new()),
        Some(value) => yaml::text_of(value).ok_or_else(|| (wrong(value, field, "string"), value)),
    }
}

fn wrong(node: &Node, field: &str, wanted: &str) -> String {
    format!("cannot unmarshal {} into Go struct field {field} of type {wanted}", yaml::json_kind(&node.to_value()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_helm_does() {
        let cases: [(&str, &[&str]); 9] = [
            ("---\n---\na: 1", &["---\na: 1"]),
            ("a: 1\n---\n---\nb: 2", &["a: 1", "---\nb: 2"]),
            ("a: ä\u{a0}\r\n\t\x0c\n----\n", &["a: ä\u{a0}", "-\n"]),
            ("--- a: 1\n ---\n---", &["a: 1\n ---"]),
            ("a: 1\n---\nb: 2\n", &["a: 1", "b: 2\n"]),
            ("\n---\n# x\n---\n", &["# x"]),
            ("a: |\n  ---\n", &["a: |\n  ---\n"]),
            ("a: 1\n--- # c\nb: 2", &["a: 1", "# c\nb: 2"]),
            ("a: 1 \n\n \n---b: 2", &["a: 1", "b: 2"]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text), expected, "{text:?}");
        }
    }

    #[test]
    fn hooks_are_told_apart() {
        let text = "kind: Job\nmetadata:\n  name: x\n  annotations:\n    helm.sh/hook: pre-install, Test\n    helm.sh/hook-weight: \"-5\"\n    helm.sh/hook-delete-policy: hook-succeeded\n";
        let manifest = read("t", text).expect("reads").expect("a hook");
        let hook = manifest.hook.expect("a hook");
        assert_eq!(hook.events, [HookEvent::PreInstall, HookEvent::Test]);
        assert_eq!((hook.weight, hook.delete_policies), (-5, vec!["hook-succeeded".to_string()]));
        assert_eq!(read("t", &text.replace("pre-install", "crd-install")), Ok(None));
        assert!(read("t", "- a").is_err() && read("t", "kind: [a]").is_err() && read("t", "a: b: c").is_err());
        assert_eq!(read("t", "# only\n").expect("reads").expect("kept").object, None);
    }
}
