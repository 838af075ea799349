//! The window of planning to the `helm` room: files and values in, a bundle out.

use crate::diag::{Code, codes};
use crate::digest::Digest;
use crate::helm::{self, Chart, HelmVersion, HookEvent, Layer, Manifest, RenderError, UnknownValue, manifest};
use crate::model::{SetKind, SetTo};
use crate::ports::bundle::{Bundle, Hook, Object, Origin};
use crate::ports::places::{Facts, Sought};
use crate::values::setting;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The files of a chart by path.
pub type ChartFiles = Arc<BTreeMap<String, Arc<[u8]>>>;

/// A values file.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    /// Its path, for messages.
    pub path: String,
    /// Its content.
    pub content: Arc<[u8]>,
}

/// One value over all files.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    /// The path in the values.
    pub path: String,
    /// What it becomes; texts have no references left.
    pub to: SetTo,
    /// How it is read.
    pub kind: SetKind,
}

/// What is to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The chart.
    pub chart: ChartFiles,
    /// Values files, later ones over earlier ones.
    pub values: Vec<Values>,
    /// Single values over all files.
    pub sets: Vec<Set>,
    /// Texts in `sets` that stand for what is not known yet.
    pub unknowns: Vec<String>,
    /// The name of the release.
    pub name: String,
    /// The namespace.
    pub namespace: String,
    /// Whether Helm 3's rules hold where Helm 4's differ.
    pub helm3: bool,
    /// What random functions draw from, so that plan and apply of one candidate agree.
    pub seed: Digest,
    /// What is known of the cluster it is rendered for.
    pub facts: Option<Arc<Facts>>,
    /// What its templates have looked up in the cluster, as JSON.
    pub found: BTreeMap<Sought, Arc<str>>,
}

/// Whether a chart's files ask for `.Capabilities`, and for kinds among them. Where that cannot be read off their text, they
/// count as asking.
pub fn asks(chart: &ChartFiles) -> (bool, bool) {
    let (mut facts, mut kinds) = (false, false);
    for (path, content) in chart.iter() {
        // What is packed cannot be read here.
        if path.ends_with(".tgz") {
            return (true, true);
        }
        let is_asked = memchr::memmem::find(content, b"Capabilities").is_some();
        facts |= is_asked || path.ends_with("Chart.yaml") && memchr::memmem::find(content, b"kubeVersion").is_some();
        if !is_asked {
            continue;
        }
        for at in memchr::memmem::find_iter(content, b"APIVersions") {
            let rest = content.get(at + "APIVersions".len()..).unwrap_or_default();
            let line = rest.split(|b| matches!(b, b'\n' | b'}' | b')')).next().unwrap_or_default();
            let literal = line.split(|b| *b == b'"').nth(1);
            kinds |= literal.is_none_or(|text| text.iter().filter(|b| **b == b'/').count() > 1);
        }
    }
    (facts, kinds)
}

/// Why something cannot be rendered.
#[derive(Clone, Debug)]
pub struct RenderFault {
    /// The kind.
    pub code: &'static Code,
    /// What happened, with the chart's file and line.
    pub message: String,
    /// How to go on.
    pub help: Option<String>,
}

/// Where a rendered field comes from: what stands in it, the template, and for each value that has an influence on it its
/// path and who set it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// What stands in the field.
    pub value: serde_json::Value,
    /// The template that wrote it.
    pub template: String,
    /// Values with an influence: the path below `.Values`, and the file and line or the setting, where somebody set it.
    pub values: Vec<(String, Option<String>)>,
}

/// Explains a field of an object: `spec.replicas`, `spec.containers[app].image`. Nothing if there is no such field.
pub fn explain(request: &Request, object: &Object, field: &str) -> Result<Option<Cause>, Vec<RenderFault>> {
    let Some(steps) = steps(&object.body, field) else { return Ok(None) };
    let chart = chart(&request.chart)?;
    let explained = helm::explain(&order(request, &chart), &object.kind, &object.name, &steps)
        .map_err(|e| vec![render_fault(&e)])?;
    let origin = |o: &helm::values::Origin| match &o.mark {
        Some(mark) => format!("{}:{}", o.source, mark.line),
        None => o.source.clone(),
    };
    Ok(explained.map(|e| Cause {
        value: e.value,
        template: e.template,
        values: e.causes.iter().map(|c| (c.path.join("."), c.origin.as_ref().map(origin))).collect(),
    }))
}

/// The keys and indices of a field; items of a list may be told by their name.
fn steps(body: &serde_json::Value, field: &str) -> Option<Vec<String>> {
    let mut at = body;
    let mut steps = Vec::new();
    for part in field.replace('[', ".[").split('.').filter(|p| !p.is_empty()) {
        let step = match part.strip_prefix('[').and_then(|p| p.strip_suffix(']')) {
            Some(name) => match at.as_array() {
                Some(items) => item(items, name)?.to_string(),
                None => name.trim_matches('"').to_string(),
            },
            None => part.to_string(),
        };
        at = match at.as_array() {
            Some(items) => items.get(step.parse::<usize>().ok()?)?,
            None => at.get(&step)?,
        };
        steps.push(step);
    }
    Some(steps)
}

fn item(items: &[serde_json::Value], name: &str) -> Option<usize> {
    let named = |i: &serde_json::Value| i.get("name").and_then(|n| n.as_str()) == Some(name);
    name.parse().ok().filter(|n| *n < items.len()).or_else(|| items.iter().position(named))
}

/// Reads a chart.
pub fn chart(files: &ChartFiles) -> Result<Chart, Vec<RenderFault>> {
    let shared = |content: &Arc<[u8]>| Bytes::from_owner(content.clone());
    let files: BTreeMap<_, _> = files.iter().map(|(path, content)| (path.clone(), shared(content))).collect();
    Chart::from_files(files).map_err(|e| vec![fault(&codes::CHART_INVALID, &e.to_string())])
}

/// What is to be rendered, in the words of the `helm` room.
fn order<'c>(request: &Request, chart: &'c Chart) -> helm::Request<'c> {
    let mut order = helm::Request::new(chart, &request.name, &request.namespace);
    order.values = request.values.iter().map(|v| Layer { name: v.path.clone(), text: v.content.to_vec() }).collect();
    order.sets = request.sets.iter().map(|s| setting(&s.path, &s.to, s.kind, "set")).collect();
    order.unknowns = request.unknowns.iter().map(|u| UnknownValue { marker: u.clone(), what: u.clone() }).collect();
    order.seed = request.seed.0;
    // A rendering must not depend on when it is made: for templates that ask, it is always the same moment.
    order.now = jiff::Timestamp::UNIX_EPOCH;
    if let Some(facts) = &request.facts {
        order.kube_version = helm::KubeVersion::parse(&facts.version).unwrap_or_default();
        order.api_versions.clone_from(&facts.api_versions);
        order.only_api_versions = true;
    }
    order.lookups = request.found.iter().map(|(sought, found)| (lookup(sought), found.to_string())).collect();
    order.helm = if request.helm3 { HelmVersion::V3 } else { HelmVersion::V4 };
    order
}

fn lookup(sought: &Sought) -> helm::Lookup {
    let Sought { api_version, kind, namespace, name } = sought.clone();
    helm::Lookup { api_version, kind, namespace, name }
}

/// Renders a release of the chart that the request names, which was read.
///
/// What its templates looked up and nobody has looked for yet comes in `missed`: also where one of them failed, perhaps for
/// want of it.
pub fn render(request: &Request, chart: &Chart, missed: &mut Vec<Sought>) -> Result<Bundle, Vec<RenderFault>> {
    let mut lookups = std::collections::BTreeSet::new();
    let rendered = helm::render_and_tell(&order(request, chart), &mut lookups);
    let sought = |l: helm::Lookup| {
        let helm::Lookup { api_version, kind, namespace, name } = l;
        Sought { api_version, kind, namespace, name }
    };
    missed.extend(lookups.into_iter().map(sought));
    let rendered = rendered.map_err(|e| vec![render_fault(&e)])?;
    Ok(Bundle {
        release: request.name.clone(),
        namespace: request.namespace.clone(),
        chart: format!("{}-{}", chart.metadata.name, chart.metadata.version),
        objects: crds(&rendered)?.into_iter().chain(rendered.objects.iter().filter_map(object)).collect(),
        hooks: rendered.hooks.iter().filter_map(hook).collect(),
        notes: rendered.notes,
        origin: Some(origin(request, chart)),
        drawn: rendered
            .irreproducible
            .into_iter()
            .map(|(template, by)| (template, by.into_iter().map(String::from).collect()))
            .collect(),
    })
}

/// Where the objects come from. It has been rendered, so that its values can be read.
fn origin(request: &Request, chart: &Chart) -> Origin {
    let order = order(request, chart);
    let given = helm::values::Layers::read(&order.values, &order.sets).map(|layers| layers.merged.to_json());
    Origin {
        chart: chart.metadata.to_json(),
        defaults: chart.values.to_json(),
        values: given.unwrap_or_else(|_| serde_json::json!({})),
    }
}

/// Definitions of resources stand first: what uses them comes after.
fn crds(rendered: &helm::Rendered) -> Result<Vec<Object>, Vec<RenderFault>> {
    let mut objects = Vec::new();
    for (path, text) in &rendered.crds {
        for document in manifest::split(&String::from_utf8_lossy(text)) {
            let read = manifest::read(path, document)
                .map_err(|e| vec![fault(&codes::RENDER_FAILED, &format!("{path}: {}", e.message))])?;
            objects.extend(read.as_ref().and_then(object));
        }
    }
    Ok(objects)
}

fn object(manifest: &Manifest) -> Option<Object> {
    Some(Object {
        api_version: manifest.api_version.clone(),
        kind: manifest.kind.clone(),
        namespace: (!manifest.namespace.is_empty()).then(|| manifest.namespace.clone()),
        name: manifest.name.clone(),
        template: manifest.source.clone(),
        text: manifest.text.clone(),
        body: manifest.object.as_ref()?.to_json(),
    })
}

fn hook(manifest: &Manifest) -> Option<Hook> {
    let hook = manifest.hook.as_ref()?;
    Some(Hook {
        object: object(manifest)?,
        events: hook.events.iter().map(|e| word(*e).to_string()).collect(),
        weight: hook.weight,
        delete: hook.delete_policies.clone(),
    })
}

fn word(event: HookEvent) -> &'static str {
    match event {
        HookEvent::PreInstall => "pre-install",
        HookEvent::PostInstall => "post-install",
        HookEvent::PreDelete => "pre-delete",
        HookEvent::PostDelete => "post-delete",
        HookEvent::PreUpgrade => "pre-upgrade",
        HookEvent::PostUpgrade => "post-upgrade",
        HookEvent::PreRollback => "pre-rollback",
        HookEvent::PostRollback => "post-rollback",
        HookEvent::Test => "test",
    }
}

fn fault(code: &'static Code, message: &str) -> RenderFault {
    let help = match code.id {
        "LG0702" => "put the values right in the file that is named, or what the pipeline sets",
        "LG0703" => "put the chart right, or name a version of it that is",
        _ => "put the template right, or give it the value that it asks for",
    };
    RenderFault { code, message: message.to_string(), help: Some(help.to_string()) }
}

fn render_fault(error: &RenderError) -> RenderFault {
    let code = match error {
        RenderError::Values(_) | RenderError::Coalesce(_) | RenderError::Schema(_) => &codes::VALUES_INVALID,
        RenderError::MissingDependencies(_) | RenderError::Library(_) => &codes::CHART_INVALID,
        _ => &codes::RENDER_FAILED,
    };
    fault(code, &error.to_string())
}
