//! What differs between two environments: in what the pipeline file says of them, in their values, and in what is rendered.

use super::changes::{Change, between};
use super::{Plan, RenderedRelease};
use crate::graph::Graph;
use crate::helm::Layer;
use crate::helm::values::Layers;
use crate::helm::yaml::{Data, Node};
use crate::model::{Environment, GateRule, Said, SetTo, Spanned, Target};
use crate::ports::bundle::Bundle;
use crate::source::{Sources, Span};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What differs between two environments.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// The one.
    pub left: String,
    /// The other.
    pub right: String,
    /// What the pipeline file says of them: target, order, gate, verification, what is deployed.
    pub settings: Vec<Difference>,
    /// The releases that both deploy and that differ.
    pub releases: Vec<ReleaseComparison>,
}

/// What differs in a release that two environments deploy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReleaseComparison {
    /// The release.
    pub release: String,
    /// Values of its values files.
    pub values: Vec<Difference>,
    /// Values that the pipeline file sets.
    pub sets: Vec<Difference>,
    /// The rendered objects: from the one to the other.
    pub objects: Vec<Change>,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Difference {
    /// What it is: `gate`, `replicas`.
    pub what: String,
    /// What stands in the one; nothing where it is not there.
    pub left: Option<Side>,
    /// What stands in the other.
    pub right: Option<Side>,
}

/// What stands in one of them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// The value.
    pub value: Value,
    /// The file and line that say so, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

impl Comparison {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.releases.is_empty()
    }
}

/// Compares two environments of a pipeline as they would be deployed. `sources` are the texts of the pipeline file. Nothing
/// when one of the names is that of no environment.
pub fn environments(graph: &Graph, plan: &Plan, sources: &Sources, left: &str, right: &str) -> Option<Comparison> {
    let of = |name: &str| graph.environment(graph.find(name)?);
    let (one, other) = (of(left)?, of(right)?);
    let mut settings = Vec::new();
    let place = |span: Span| place(sources, span);
    for ((what, a), (_, b)) in target(one, &place).into_iter().zip(target(other, &place)) {
        if a.as_ref().map(|s| &s.value) != b.as_ref().map(|s| &s.value) {
            settings.push(Difference { what: what.to_string(), left: a, right: b });
        }
    }
    for (what, lines) in [("after", after as Lines), ("gate", gate), ("verify", verify), ("deploy", deploys)] {
        apart(what, lines(one, sources), lines(other, sources), &mut settings);
    }
    let releases = one.deploys.iter().filter(|d| other.deploys.iter().any(|o| o.value == d.value));
    let rendered =
        |environment: &str, release: &str| plan.rendered.get(&(environment.to_string(), release.to_string()));
    let compared = releases.filter_map(|r| release(r, rendered(left, r)?, rendered(right, r)?));
    let releases = compared.filter(|r| !(r.values.is_empty() && r.sets.is_empty() && r.objects.is_empty())).collect();
    Some(Comparison { left: left.to_string(), right: right.to_string(), settings, releases })
}

/// What an environment says, a line each, and where.
type Lines = fn(&Environment, &Sources) -> Vec<(String, Option<String>)>;

fn place(sources: &Sources, span: Span) -> Option<String> {
    let file = sources.get(span.file)?;
    let name = file.path().file_name()?.to_string_lossy().into_owned();
    Some(format!("{name}:{}", file.position(span.start).line))
}

/// A node as it is written, in one line.
fn written(sources: &Sources, span: Span) -> (String, Option<String>) {
    (sources.text(span).split_whitespace().collect::<Vec<_>>().join(" "), place(sources, span))
}

/// The parts of a target, always the same ones.
fn target(environment: &Environment, place: &dyn Fn(Span) -> Option<String>) -> Vec<(&'static str, Option<Side>)> {
    let side = |text: &str, span: Span| Some(Side { value: text.into(), at: place(span) });
    let own = |said: Option<&Spanned<Said>>| {
        said.map_or_else(|| side(&environment.name, environment.name.span), |s| side(s, s.span))
    };
    let flag = |value: bool| Some(Side { value: value.into(), at: None });
    let timeout = environment.timeout.as_ref().and_then(|t| side(&format!("{}s", t.value.as_secs()), t.span));
    const PLACE: [&str; 8] =
        ["cluster", "git", "branch", "folder", "namespace", "create-namespace", "pull-secret", "author"];
    let sides = match &environment.target {
        Some(Target::Cluster { context, namespace, create_namespace, pull_secret, .. }) => [
            side(context, context.span),
            None,
            None,
            None,
            side(namespace, namespace.span),
            flag(*create_namespace),
            pull_secret.as_ref().and_then(|s| side(s, s.span)),
            None,
        ],
        Some(Target::Branch { url, branch, folder, namespace, author, .. }) => [
            None,
            side(url, url.span),
            side(branch, branch.span),
            own(folder.as_ref()),
            own(namespace.as_ref()),
            None,
            None,
            author.as_ref().and_then(|s| side(s, s.span)),
        ],
        Some(Target::Folder { path, namespace, .. }) => {
            [None, None, None, side(path, path.span), own(namespace.as_ref()), None, None, None]
        }
        None => [const { None }; 8],
    };
    let mut parts: Vec<_> = PLACE.into_iter().zip(sides).collect();
    parts.push(("timeout", timeout));
    parts.push(("rollback", flag(environment.rollback)));
    parts
}

fn after(environment: &Environment, sources: &Sources) -> Vec<(String, Option<String>)> {
    environment.after.iter().map(|a| (a.value.to_string(), place(sources, a.span))).collect()
}

fn deploys(environment: &Environment, sources: &Sources) -> Vec<(String, Option<String>)> {
    environment.deploys.iter().map(|d| (d.value.to_string(), place(sources, d.span))).collect()
}

fn gate(environment: &Environment, sources: &Sources) -> Vec<(String, Option<String>)> {
    let GateRule::Gate(gate) = &environment.gate else { return Vec::new() };
    let mut lines: Vec<_> = gate.approvals.iter().map(|a| written(sources, a.span)).collect();
    lines.extend(gate.windows.iter().map(|w| written(sources, w.span)));
    let said = |word: &str, value: &crate::model::Spanned<std::time::Duration>| {
        (format!("{word} {}", sources.text(value.span).trim_matches('"')), place(sources, value.span))
    };
    lines.extend(gate.soak.iter().map(|s| said("soak", s)));
    lines.extend(gate.expires.iter().map(|s| said("expires", s)));
    let at = || place(sources, gate.span);
    lines.extend(gate.queue.then(|| ("queue".to_string(), at())));
    lines.extend(gate.free_rollback.then(|| ("rollback without approval".to_string(), at())));
    lines
}

fn verify(environment: &Environment, sources: &Sources) -> Vec<(String, Option<String>)> {
    let line = |v: &crate::model::Verify| {
        let (text, at) = written(sources, v.span);
        let text = text.strip_prefix("verify").map_or(text.as_str(), str::trim).to_string();
        (text, at)
    };
    environment.verifies.iter().map(line).collect()
}

/// Adds what stands in only one of two lists.
fn apart(
    what: &str,
    left: Vec<(String, Option<String>)>,
    right: Vec<(String, Option<String>)>,
    found: &mut Vec<Difference>,
) {
    let has = |lines: &[(String, Option<String>)], text: &str| lines.iter().any(|(t, _)| t == text);
    let side = |(text, at): &(String, Option<String>)| Some(Side { value: text.as_str().into(), at: at.clone() });
    for line in left.iter().filter(|(text, _)| !has(&right, text)) {
        found.push(Difference { what: what.to_string(), left: side(line), right: None });
    }
    for line in right.iter().filter(|(text, _)| !has(&left, text)) {
        found.push(Difference { what: what.to_string(), left: None, right: side(line) });
    }
}

fn release(name: &str, left: &RenderedRelease, right: &RenderedRelease) -> Option<ReleaseComparison> {
    let (a, b) = (values(left), values(right));
    let keys: BTreeSet<&Vec<String>> = a.keys().chain(b.keys()).collect();
    let differs = |path: &&Vec<String>| a.get(*path).map(|s| &s.value) != b.get(*path).map(|s| &s.value);
    let difference = |path: &Vec<String>| Difference {
        what: path.join("."),
        left: a.get(path).cloned(),
        right: b.get(path).cloned(),
    };
    let values = keys.into_iter().filter(differs).map(difference).collect();
    let (one, other) = (neutral(&left.bundle), neutral(&right.bundle));
    Some(ReleaseComparison {
        release: name.to_string(),
        values,
        sets: sets(left, right),
        objects: between(name, Some(&one), &other),
    })
}

/// The scalars and lists of all values files of a release, each with the file and line that set it.
fn values(release: &RenderedRelease) -> BTreeMap<Vec<String>, Side> {
    let mut found = BTreeMap::new();
    let Some(request) = &release.request else { return found };
    let files: Vec<Layer> =
        request.values.iter().map(|v| Layer { name: v.path.clone(), text: v.content.to_vec() }).collect();
    if let Ok(layers) = Layers::read(&files, &[]) {
        leaves(&layers.merged, &mut Vec::new(), &layers, &mut found);
    }
    found
}

fn leaves(node: &Node, path: &mut Vec<String>, layers: &Layers, found: &mut BTreeMap<Vec<String>, Side>) {
    match &node.data {
        Data::Map(entries) if !entries.is_empty() => {
            for (key, entry) in entries {
                path.push(key.to_string());
                leaves(&entry.value, path, layers, found);
                path.pop();
            }
        }
        // A file with nothing in it.
        Data::Map(_) if path.is_empty() => {}
        _ => {
            let keys: Vec<&str> = path.iter().map(String::as_str).collect();
            let at = layers.origin(&keys).and_then(|o| Some(format!("{}:{}", o.source, o.mark?.line)));
            found.insert(path.clone(), Side { value: node.to_json(), at });
        }
    }
}

fn sets(left: &RenderedRelease, right: &RenderedRelease) -> Vec<Difference> {
    let of = |release: &RenderedRelease| -> BTreeMap<String, Value> {
        let sets = release.request.iter().flat_map(|r| &r.sets);
        sets.map(|s| (s.path.clone(), value(&s.to))).collect()
    };
    let (a, b) = (of(left), of(right));
    let paths: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let side =
        |values: &BTreeMap<String, Value>, path: &str| values.get(path).map(|v| Side { value: v.clone(), at: None });
    let difference = |path: &String| Difference { what: path.clone(), left: side(&a, path), right: side(&b, path) };
    paths.into_iter().filter(|p| a.get(*p) != b.get(*p)).map(difference).collect()
}

fn value(to: &SetTo) -> Value {
    match to {
        SetTo::Text(template) => template.as_text().unwrap_or_default().into(),
        SetTo::Int(n) => (*n).into(),
        SetTo::Float(n) => (*n).into(),
        SetTo::Bool(b) => (*b).into(),
        SetTo::Null => Value::Null,
    }
}

/// The objects without the namespace that all of them are in: that it is another is said of the target, once.
fn neutral(bundle: &Bundle) -> Bundle {
    let mut bundle = bundle.clone();
    for object in &mut bundle.objects {
        if object.namespace.as_ref() == Some(&bundle.namespace) {
            object.namespace = None;
            if let Some(metadata) = object.body.get_mut("metadata").and_then(Value::as_object_mut) {
                metadata.remove("namespace");
            }
        }
    }
    bundle
}
