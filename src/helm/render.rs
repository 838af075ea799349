//! The entry: chart and values in, objects out.
//!
//! The way is Helm's: values are merged, dependencies turned on and off, values coalesced over the charts, checked against
//! schemas; templates are parsed and executed deepest first; the texts are split, read and sorted.

use super::HelmVersion;
use super::before;
use super::capabilities::{DEFAULT_API_VERSIONS, KubeVersion, capabilities};
use super::chart::Chart;
use super::error::RenderError;
use super::files::files;
use super::functions::registry;
use super::manifest::{Manifest, sort};
use super::template::{Context, Environment, Limits, Lookup};
use super::unknowns::{UnknownField, UnknownValue, fields_with_unknowns};
use super::value::{Map, MapType, Unknowns, Value};
use super::values::{self, Layer, Layers, Live, Set};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// Everything a render depends on. Two equal requests yield equal results.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The chart.
    pub chart: &'a Chart,
    /// Values files, in order; later ones win.
    pub values: Vec<Layer>,
    /// Single settings over the files, in order.
    pub sets: Vec<Set>,
    /// `.Release`.
    pub release: Release,
    /// `.Capabilities.KubeVersion`.
    pub kube_version: KubeVersion,
    /// API versions beyond those every cluster of today has; see [`DEFAULT_API_VERSIONS`].
    pub api_versions: Vec<String>,
    /// Whether `api_versions` are all there are, as when a cluster was asked.
    pub only_api_versions: bool,
    /// Which Helm's rules hold.
    pub helm: HelmVersion,
    /// Where random functions begin: the same in plan and apply of one candidate.
    pub seed: [u8; 32],
    /// What `now` says.
    pub now: jiff::Timestamp,
    /// What `lookup` finds, as JSON text; what is missing counts as not there and is reported.
    pub lookups: BTreeMap<Lookup, String>,
    /// Values that nobody knows yet: texts that stand for them in the values.
    pub unknowns: Vec<UnknownValue>,
    /// `--skip-schema-validation`.
    pub skip_schemas: bool,
    /// The bounds.
    pub limits: Limits,
}

/// What is known of the release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Its name.
    pub name: String,
    /// The namespace it goes to.
    pub namespace: String,
    /// Its number, from 1.
    pub revision: u32,
    /// Whether one is there already.
    pub is_upgrade: bool,
}

impl<'a> Request<'a> {
    /// What `helm template NAME CHART --namespace NAMESPACE` renders.
    pub fn new(chart: &'a Chart, name: &str, namespace: &str) -> Request<'a> {
        Request {
            chart,
            values: Vec::new(),
            sets: Vec::new(),
            release: Release {
                name: name.to_string(),
                namespace: namespace.to_string(),
                revision: 1,
                is_upgrade: false,
            },
            kube_version: KubeVersion::default(),
            api_versions: Vec::new(),
            only_api_versions: false,
            helm: HelmVersion::V4,
            seed: [0; 32],
            now: jiff::Timestamp::UNIX_EPOCH,
            lookups: BTreeMap::new(),
            unknowns: Vec::new(),
            skip_schemas: false,
            limits: Limits::default(),
        }
    }
}

/// What a chart renders to.
#[derive(Clone, Debug, Default)]
pub struct Rendered {
    /// The objects, in install order, without hooks.
    pub objects: Vec<Manifest>,
    /// The hooks, `helm test`'s among them, by kind; [`super::manifest::Hook`] has their moments and weights.
    pub hooks: Vec<Manifest>,
    /// NOTES.txt of the chart itself.
    pub notes: String,
    /// The files of crds/, of this chart and those below: path and text.
    pub crds: Vec<(String, Bytes)>,
    /// The text of each template that is no partial, as it was written.
    pub files: BTreeMap<String, String>,
    /// Templates whose text another render by Helm would not repeat, and the functions that are to blame. Here the text is
    /// the same for the same seed.
    pub irreproducible: BTreeMap<String, BTreeSet<&'static str>>,
    /// What `lookup` asked for and was not in the request.
    pub lookups_missed: BTreeSet<Lookup>,
    /// Which fields contain a value that is not known yet.
    pub unknown_fields: Vec<UnknownField>,
}

/// Renders a chart.
///
/// # Errors
/// Whatever Helm refuses, in its words, with the place; and the bounds of [`Limits`].
pub fn render(request: &Request<'_>) -> Result<Rendered, RenderError> {
    render_and_tell(request, &mut BTreeSet::new())
}

/// Renders a chart, and tells what its templates looked up that was not in the request: also where one of them failed, perhaps
/// for want of it.
///
/// # Errors
/// As [`render`].
pub fn render_and_tell(request: &Request<'_>, missed: &mut BTreeSet<Lookup>) -> Result<Rendered, RenderError> {
    let layers = Layers::read(&request.values, &request.sets)?;
    render_layers(request, &layers, |_| {}, missed)
}

/// Renders with the user's values changed a last time.
pub(super) fn render_changed(
    request: &Request<'_>,
    layers: &Layers,
    change: impl FnOnce(&Map),
) -> Result<Rendered, RenderError> {
    render_layers(request, layers, change, &mut BTreeSet::new())
}

fn render_layers(
    request: &Request<'_>,
    layers: &Layers,
    change: impl FnOnce(&Map),
    missed: &mut BTreeSet<Lookup>,
) -> Result<Rendered, RenderError> {
    check_release(&request.release)?;
    check_chart(request.chart, &request.kube_version)?;
    let (live, user) = prepare(request, layers, change)?;
    let values = values::coalesce_values(&live, &user, request.helm)?;
    if !request.skip_schemas {
        values::validate_all(&live, &values, &markers(request))?;
    }
    let mut rendered = execute(request, &live, &values, missed)?;
    rendered.notes = take_notes(&mut rendered.files, &live.metadata.name);
    (rendered.objects, rendered.hooks) = sort(&rendered.files)?;
    rendered.crds = crds(&live, &live.metadata.name);
    Ok(rendered)
}

/// Reads the user's values, merges them with the chart's and checks them against the schemas, as a render does before it
/// begins.
///
/// # Errors
/// What a render refuses of values.
pub fn check_values(request: &Request<'_>, layers: &Layers) -> Result<(), RenderError> {
    let (live, user) = prepare(request, layers, |_| {})?;
    let values = values::coalesce_values(&live, &user, request.helm)?;
    Ok(values::validate_all(&live, &values, &markers(request))?)
}

/// The texts that stand for what is not known yet.
fn markers<'r>(request: &'r Request<'_>) -> Vec<&'r str> {
    request.unknowns.iter().map(|unknown| unknown.marker.as_str()).collect()
}

/// The values a render of this request sees, those of charts below under their names.
pub(super) fn final_values(request: &Request<'_>, layers: &Layers) -> Result<Map, RenderError> {
    let (live, user) = prepare(request, layers, |_| {})?;
    Ok(values::coalesce_values(&live, &user, request.helm)?)
}

/// The charts that take part, and the user's values as a map.
fn prepare<'a>(
    request: &Request<'a>,
    layers: &Layers,
    change: impl FnOnce(&Map),
) -> Result<(Live<'a>, Map), RenderError> {
    let user = match layers.merged.to_value() {
        Value::Map(map) => map,
        _ => Map::new(),
    };
    change(&user);
    let mut live = Live::new(request.chart);
    values::process(&mut live, &user, request.helm)?;
    Ok((live, user))
}

/// Helm's rule for names of releases.
fn check_release(release: &Release) -> Result<(), RenderError> {
    let part = |part: &str| {
        let plain = part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        plain && !part.is_empty() && !part.starts_with('-') && !part.ends_with('-')
    };
    match release.name.len() <= 53 && release.name.split('.').all(part) {
        true => Ok(()),
        false => Err(RenderError::ReleaseName(release.name.clone())),
    }
}

fn check_chart(chart: &Chart, kube: &KubeVersion) -> Result<(), RenderError> {
    let there = |name: &str| chart.charts.iter().any(|c| c.name() == name);
    let missing: Vec<_> = chart.metadata.dependencies.iter().map(|d| d.name.clone()).filter(|n| !there(n)).collect();
    if !missing.is_empty() {
        return Err(RenderError::MissingDependencies(missing));
    }
    if chart.is_library() {
        return Err(RenderError::Library(chart.name().to_string()));
    }
    let range = &chart.metadata.kube_version;
    if !range.is_empty() && !kube.is_in(range) {
        return Err(RenderError::KubeVersion { range: range.clone(), version: kube.text().to_string() });
    }
    Ok(())
}

/// A template and what its dot is.
struct Task<'a> {
    text: &'a [u8],
    dot: Map,
    base: String,
}

fn execute(
    request: &Request<'_>,
    live: &Live<'_>,
    values: &Map,
    missed: &mut BTreeSet<Lookup>,
) -> Result<Rendered, RenderError> {
    let env = environment(request)?;
    let unknowns = Unknowns::none();
    request.unknowns.iter().for_each(|u| unknowns.declare(&u.marker, &u.what));
    let mut context = Context::new(&env, &unknowns, registry());
    let mut tasks = BTreeMap::new();
    let top = Map::of([
        ("Release", release(&request.release)),
        ("Capabilities", capabilities(&request.kube_version, &api_versions(request), request.helm)),
        ("Values", Value::Map(values.as_type(MapType::Values))),
    ]);
    collect(live, &top, None, &live.metadata.name, &mut tasks);
    let order = deepest_first(tasks.keys());
    for name in &order {
        if let Some(task) = tasks.get(name) {
            let parsed = before::parse(name, task.text, &mut context.names).map_err(RenderError::Template)?;
            context.define(parsed);
        }
    }
    let mut rendered = Rendered::default();
    for name in order.iter().filter(|name| !is_partial(name)) {
        let Some(task) = tasks.get(name) else { continue };
        let template = [("Name", Value::from(name.as_str())), ("BasePath", Value::from(task.base.as_str()))];
        task.dot.set("Template", Value::Map(Map::of(template).as_type(MapType::Values)));
        context.irreproducible.clear();
        let dot = Value::Map(task.dot.as_type(MapType::Values));
        let executed = context.execute(name, &dot);
        missed.extend(context.lookups_missed.iter().cloned());
        let text = executed.map_err(RenderError::Template)?;
        if !context.irreproducible.is_empty() {
            rendered.irreproducible.insert(name.clone(), context.irreproducible.clone());
        }
        let text = text_of(text);
        rendered.files.insert(name.clone(), text);
    }
    rendered.lookups_missed = std::mem::take(&mut context.lookups_missed);
    rendered.unknown_fields = fields_with_unknowns(&rendered.files, &unknowns);
    Ok(rendered)
}

fn environment(request: &Request<'_>) -> Result<Environment, RenderError> {
    let mut lookups = BTreeMap::new();
    for (question, answer) in &request.lookups {
        let value = super::json::read(answer.as_bytes())
            .map_err(|error| RenderError::Lookup { question: question.clone(), error })?;
        lookups.insert(question.clone(), value);
    }
    Ok(Environment {
        seed: request.seed,
        now: request.now,
        strict: false,
        lint: false,
        lookups,
        limits: request.limits.clone(),
    })
}

fn api_versions(request: &Request<'_>) -> Vec<String> {
    let known: &[&str] = if request.only_api_versions { &[] } else { DEFAULT_API_VERSIONS };
    known.iter().map(|v| v.to_string()).chain(request.api_versions.iter().cloned()).collect()
}

fn release(release: &Release) -> Value {
    Value::map([
        ("Name", Value::from(release.name.as_str())),
        ("Namespace", Value::from(release.namespace.as_str())),
        ("IsUpgrade", Value::Bool(release.is_upgrade)),
        ("IsInstall", Value::Bool(!release.is_upgrade)),
        ("Revision", Value::Int(i64::from(release.revision))),
        ("Service", Value::from("Helm")),
    ])
}

/// Helm's `recAllTpls`: the templates of a chart and those below, each with its dot; returns the chart's own dot.
fn collect<'a>(
    live: &Live<'a>,
    parent: &Map,
    key: Option<&str>,
    path: &str,
    tasks: &mut BTreeMap<String, Task<'a>>,
) -> Map {
    let chart = live.metadata.to_map();
    chart.set("IsRoot", Value::Bool(key.is_none()));
    let below = Map::new();
    let dot = Map::of([
        ("Chart", Value::Map(chart)),
        ("Files", files(&live.chart.files)),
        ("Release", parent.get("Release").unwrap_or_default()),
        ("Capabilities", parent.get("Capabilities").unwrap_or_default()),
        ("Values", Value::Map(own_values(parent, key))),
        ("Subcharts", Value::Map(below.clone())),
    ]);
    for sub in &live.charts {
        let name = sub.metadata.name.as_str();
        let sub_dot = collect(sub, &dot, Some(name), &format!("{path}/charts/{name}"), tasks);
        below.set(name, Value::Map(sub_dot));
    }
    for template in &live.chart.templates {
        let name = String::from_utf8_lossy(&super::functions::clean(format!("{path}/{}", template.name).as_bytes()))
            .into_owned();
        if live.metadata.kind != "library" || is_partial(&name) {
            tasks.insert(name, Task { text: &template.data, dot: dot.clone(), base: format!("{path}/templates") });
        }
    }
    dot
}

/// The values a chart sees: all at the top, below what stands under its name.
fn own_values(parent: &Map, key: Option<&str>) -> Map {
    let Some(Value::Map(values)) = parent.get("Values") else { return Map::typed(MapType::Values) };
    match key.map(|key| values.get(key)) {
        None => values,
        Some(Some(Value::Map(own))) => own.as_type(MapType::Values),
        Some(_) => Map::typed(MapType::Values),
    }
}

/// Partials are named after `_`: they only define.
fn is_partial(name: &str) -> bool {
    name.rsplit('/').next().is_some_and(|base| base.starts_with('_'))
}

/// Helm's order: more slashes first, then by name backwards; so a chart's own definitions come after those below it.
fn deepest_first<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut names: Vec<String> = names.cloned().collect();
    names.sort_by(|a, b| {
        let depth = |name: &str| name.matches('/').count();
        depth(b).cmp(&depth(a)).then_with(|| b.cmp(a))
    });
    names
}

/// Takes all NOTES.txt out; the chart's own is returned.
fn take_notes(files: &mut BTreeMap<String, String>, chart: &str) -> String {
    let notes = files.get(&format!("{chart}/templates/NOTES.txt")).cloned().unwrap_or_default();
    files.retain(|name, _| !name.ends_with("NOTES.txt"));
    notes
}

/// Bytes as a text. Nearly always they are one, which is sooner seen than what is none in them.
fn text_of(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn crds(live: &Live<'_>, path: &str) -> Vec<(String, Bytes)> {
    let is_manifest = |name: &str| {
        let extension = name.rsplit_once('.').map(|(_, e)| e.to_ascii_lowercase());
        matches!(extension.as_deref(), Some("yaml" | "yml" | "json"))
    };
    let own = live.chart.files.iter().filter(|f| f.name.starts_with("crds/") && is_manifest(&f.name));
    let mut all: Vec<_> = own.map(|f| (format!("{path}/{}", f.name), f.data.clone())).collect();
    for below in &live.charts {
        all.extend(crds(below, &format!("{path}/charts/{}", below.metadata.name)));
    }
    all
}

impl Rendered {
    /// The text that `helm template` prints: CRDs if asked for, objects, then hooks if asked for.
    pub fn to_text(&self, with_crds: bool, with_hooks: bool) -> String {
        let mut out = String::new();
        let mut add = |source: &str, text: &str| out.push_str(&format!("---\n# Source: {source}\n{text}\n"));
        if with_crds {
            self.crds.iter().for_each(|(source, text)| add(source, &String::from_utf8_lossy(text)));
        }
        self.objects.iter().for_each(|m| add(&m.source, &m.text));
        if with_hooks {
            self.hooks.iter().for_each(|m| add(&m.source, &m.text));
        }
        out
    }

    /// Only what comes from templates whose path ends with this one: `--show-only`. Nothing if there is none.
    pub fn show_only(&self, template: &str) -> Option<Vec<&Manifest>> {
        let wanted = |m: &&Manifest| m.source == template || m.source.ends_with(&format!("/{template}"));
        let found: Vec<_> = self.objects.iter().chain(&self.hooks).filter(wanted).collect();
        (!found.is_empty()).then_some(found)
    }
}
