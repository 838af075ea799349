//! Where a rendered field comes from: which values change it, and the file and line that set each of them.
//!
//! The way is by trial: a value is changed, the chart rendered again, and the field looked at. That finds what really has an
//! influence, through any function, and needs no bookkeeping in the executor. Values whose text stands in the field are
//! tried first; only if none of them matters are the others.

use super::chart::Chart;
use super::error::RenderError;
use super::manifest::Manifest;
use super::render::{Rendered, Request, final_values, render_changed};
use super::value::{List, Map, Value};
use super::values::{Layers, Origin, exact};
use super::yaml::{Data, Node};

/// How many values are tried at most: at some milliseconds each, what somebody waits for.
const MAX_TRIALS: usize = 1_000;

/// Where a field comes from.
#[derive(Clone, Debug, PartialEq)]
pub struct Explanation {
    /// What stands in the field.
    pub value: serde_json::Value,
    /// The template that wrote it.
    pub template: String,
    /// The values that have an influence on it; none if the template alone says so.
    pub causes: Vec<Cause>,
    /// Whether all values were tried that could matter.
    pub complete: bool,
}

/// A value that has an influence on a field.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// The path below `.Values` of the chart itself.
    pub path: Vec<String>,
    /// Who set it; nothing for a value that only the chart's own computing made.
    pub origin: Option<Origin>,
}

/// Explains a field: of the object of that kind and name, the one that keys and indices lead to. Nothing if there is no such
/// field.
///
/// # Errors
/// What [`super::render`] says of the request.
pub fn explain(
    request: &Request<'_>,
    kind: &str,
    name: &str,
    field: &[String],
) -> Result<Option<Explanation>, RenderError> {
    super::remembering(|| explain_by_trials(request, kind, name, field))
}

fn explain_by_trials(
    request: &Request<'_>,
    kind: &str,
    name: &str,
    field: &[String],
) -> Result<Option<Explanation>, RenderError> {
    let quick = Request { skip_schemas: true, ..request.clone() };
    let layers = Layers::read(&request.values, &request.sets)?;
    let rendered = render_changed(&quick, &layers, |_| {})?;
    let Some((template, value)) = look_up(&rendered, kind, name, field) else { return Ok(None) };
    let text = plain_text(&value);
    let all = final_values(&quick, &layers)?;
    let mut leaves = Vec::new();
    collect_leaves(&Value::Map(all.clone()), &mut Vec::new(), &mut leaves);
    let (near, far): (Vec<_>, Vec<_>) =
        leaves.into_iter().partition(|(_, leaf)| text.contains(leaf) && !leaf.is_empty());
    let mut trial =
        Trial { request: &quick, layers: &layers, all, kind, name, field, before: &value, left: MAX_TRIALS };
    let mut causes = trial.causes(&near);
    if causes.is_empty() {
        causes = trial.causes(&far);
    }
    let complete = trial.left > 0;
    Ok(Some(Explanation { value, template, causes, complete }))
}

/// The object and the field in it.
fn look_up(rendered: &Rendered, kind: &str, name: &str, field: &[String]) -> Option<(String, serde_json::Value)> {
    let mut objects = rendered.objects.iter().chain(&rendered.hooks);
    let manifest: &Manifest = objects.find(|m| m.kind == kind && m.name == name)?;
    let node = field.iter().try_fold(manifest.object.as_ref()?, |node, step| match &node.data {
        Data::Map(entries) => entries.get(step).map(|entry| &entry.value),
        Data::Seq(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })?;
    Some((manifest.source.clone(), node.to_json()))
}

fn plain_text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_string)
}

/// The scalars of the values, each with its path and text.
fn collect_leaves(value: &Value, path: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, String)>) {
    let below: Vec<(String, Value)> = match value {
        Value::Map(map) => map.entries().into_iter().map(|(k, v)| (k.to_text().into_owned(), v)).collect(),
        Value::List(list) => list.iter().enumerate().map(|(i, v)| (i.to_string(), v.clone())).collect(),
        scalar => {
            leaves
                .push((path.clone(), String::from_utf8_lossy(&super::template::format::to_bytes(scalar)).into_owned()));
            return;
        }
    };
    for (key, value) in below {
        path.push(key);
        collect_leaves(&value, path, leaves);
        path.pop();
    }
}

struct Trial<'a> {
    request: &'a Request<'a>,
    layers: &'a Layers,
    all: Map,
    kind: &'a str,
    name: &'a str,
    field: &'a [String],
    before: &'a serde_json::Value,
    left: usize,
}

impl Trial<'_> {
    fn causes(&mut self, leaves: &[(Vec<String>, String)]) -> Vec<Cause> {
        let mut causes = Vec::new();
        for (path, _) in leaves {
            if self.left == 0 {
                break;
            }
            self.left -= 1;
            if self.matters(path) {
                let origin = origin(self.layers, self.request.chart, path);
                causes.push(Cause { path: path.clone(), origin });
            }
        }
        causes
    }

    /// Whether a change of the value changes the field. A change that the chart refuses says nothing; then another is tried.
    fn matters(&self, path: &[String]) -> bool {
        let Some(value) = at(&Value::Map(self.all.clone()), path) else { return false };
        variants(&value).into_iter().find_map(|variant| {
            let (top, changed) = replaced(&self.all, path, variant)?;
            let rendered = render_changed(self.request, self.layers, |user| put(user, &top, changed)).ok()?;
            Some(look_up(&rendered, self.kind, self.name, self.field).is_none_or(|(_, value)| value != *self.before))
        }) == Some(true)
    }
}

fn at(value: &Value, path: &[String]) -> Option<Value> {
    path.iter().try_fold(value.clone(), |value, step| match &value {
        Value::Map(map) => map.get(step),
        Value::List(list) => list.get(step.parse().ok()?).cloned(),
        _ => None,
    })
}

/// Other values of the same type, the most different first.
fn variants(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(b) => vec![Value::Bool(!b)],
        Value::Float(n) => vec![Value::Float(n + 1.0), Value::Float(n - 1.0)],
        Value::Int64(n) => vec![Value::Int64(n.wrapping_add(1)), Value::Int64(n.wrapping_sub(1))],
        Value::Str(s) => {
            let text = s.to_text();
            let other_digit = |c: char| c.to_digit(10).and_then(|d| char::from_digit((d + 1) % 10, 10)).unwrap_or(c);
            let turned: String = text.chars().map(other_digit).collect();
            let mut all = vec![Value::from(format!("{text}x"))];
            if turned != text {
                all.push(Value::from(turned));
            }
            all
        }
        _ => vec![Value::from("x")],
    }
}

/// What to put into the user's values, and where, so that a value is another: a list can only be given as a whole.
fn replaced(all: &Map, path: &[String], variant: Value) -> Option<(Vec<String>, Value)> {
    let list = (1..path.len()).find(|n| matches!(at(&Value::Map(all.clone()), &path[..*n]), Some(Value::List(_))));
    let Some(n) = list else { return Some((path.to_vec(), variant)) };
    let (top, rest) = path.split_at(n);
    let whole = at(&Value::Map(all.clone()), top)?;
    Some((top.to_vec(), with(&whole, rest, variant)?))
}

/// A copy of a value with another one inside.
fn with(value: &Value, path: &[String], variant: Value) -> Option<Value> {
    let Some((step, rest)) = path.split_first() else { return Some(variant) };
    match value {
        Value::Map(map) => {
            let copy = map.copy();
            copy.set(step.as_str(), with(&map.get(step)?, rest, variant)?);
            Some(Value::Map(copy))
        }
        Value::List(list) => {
            let mut items = list.items().to_vec();
            let item = items.get_mut(step.parse::<usize>().ok()?)?;
            *item = with(item, rest, variant)?;
            Some(Value::List(List::new(items)))
        }
        _ => None,
    }
}

fn put(values: &Map, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => values.set(last.as_str(), value),
        [first, rest @ ..] => {
            let inner = match values.get(first) {
                Some(Value::Map(map)) => map,
                _ => {
                    let map = Map::new();
                    values.set(first.as_str(), Value::Map(map.clone()));
                    map
                }
            };
            put(&inner, rest, value);
        }
    }
}

/// Who set a value: the user's last layer that has it, else the values.yaml of the chart or of one below.
fn origin(layers: &Layers, chart: &Chart, path: &[String]) -> Option<Origin> {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    // Globals stand in every chart; the user sets them at the top.
    let global = keys.iter().position(|k| *k == "global").map(|n| &keys[n..]);
    layers
        .origin(&keys)
        .or_else(|| global.and_then(|keys| layers.origin(keys)))
        .or_else(|| default_origin(chart, chart.name(), &keys))
        .or_else(|| global.and_then(|keys| default_origin(chart, chart.name(), keys)))
}

fn default_origin(chart: &Chart, place: &str, path: &[&str]) -> Option<Origin> {
    let own: &Node = &chart.values;
    if let Some(mark) = exact(own, path) {
        return Some(Origin { source: format!("{place}/values.yaml"), mark: Some(mark) });
    }
    let (first, rest) = path.split_first()?;
    let dependency = chart.metadata.dependencies.iter().find(|d| d.effective_name() == *first);
    let name = dependency.map_or(*first, |d| d.name.as_str());
    let below = chart.charts.iter().find(|c| c.name() == name)?;
    default_origin(below, &format!("{place}/charts/{name}"), rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::{Layer, Set, SetKind};

    #[test]
    fn names_file_and_line() {
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("values.yaml", "image:\n  repository: app\n  tag: '1'\nreplicas: 1\nports: [{p: 80}]\non: x\n"),
            (
                "templates/t.yaml",
                "kind: D\nmetadata: {name: d}\nimage: {{ .Values.image.repository }}:{{ .Values.image.tag }}\n\
                 replicas: {{ .Values.replicas }}\nport: {{ (index .Values.ports 0).p }}\nfixed: here\n",
            ),
        ];
        let chart =
            Chart::from_files(files.map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).into()).expect("a chart");
        let mut request = Request::new(&chart, "r", "n");
        request.values.push(Layer { name: "dev.yaml".to_string(), text: b"# dev\nreplicas: 3\n".to_vec() });
        let set = Set { text: "image.tag=v2".to_string(), kind: SetKind::Typed, file: None, name: "set".to_string() };
        request.sets.push(set);
        let causes = |field: &str| {
            let found = explain(&request, "D", "d", &[field.to_string()]).expect("renders").expect("a field");
            let told = found.causes.iter().map(|c| {
                let origin = c.origin.as_ref().expect("an origin");
                let line = origin.mark.map_or(String::new(), |m| format!(":{}", m.line));
                format!("{}={}{line}", c.path.join("."), origin.source)
            });
            told.collect::<Vec<_>>()
        };
        assert_eq!(causes("replicas"), ["replicas=dev.yaml:2"]);
        assert_eq!(causes("image"), ["image.repository=c/values.yaml:2", "image.tag=set"]);
        assert_eq!(causes("port"), ["ports.0.p=c/values.yaml:5"]);
        assert_eq!(causes("fixed"), Vec::<String>::new());
        assert_eq!(explain(&request, "D", "d", &["none".to_string()]).expect("renders"), None);
    }
}
