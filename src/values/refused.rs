//! Values that cannot be read, and values that the chart's schema refuses.

use super::cases::{Case, known};
use super::place;
use super::settings::setting;
use crate::diag::{Diagnostic, codes};
use crate::helm::values::{Layers, SchemaError, SchemaFault, ValuesError};
use crate::helm::{self, HelmVersion, Layer, RenderError, UnknownValue};
use crate::model::{Part, SetKind, SetTo, SetValue, Template};
use crate::source::Span;

/// What stands in the place of a value that is only known later. No text of a person has it.
const UNKNOWN: &str = "\u{e000}not known yet\u{e000}";

pub(super) fn look(case: &Case<'_>, found: &mut Vec<Diagnostic>) {
    let before = found.len();
    for (at, (_, text)) in case.files.iter().enumerate() {
        if let Err(error) = helm::values::load(text.text.as_bytes()) {
            found.push(unreadable(case, at, &error));
        }
    }
    // JSON with a reference in it has no shape yet.
    let open = |set: &SetValue| match (&set.to, set.kind) {
        (SetTo::Text(t), SetKind::Json) => known(t, case.environment).is_none(),
        _ => false,
    };
    if found.len() > before || !case.whole || case.release.sets.iter().any(open) {
        return;
    }
    let mut request = helm::Request::new(&case.chart.chart, &case.release.name, "default");
    request.values = layers(case);
    request.sets = settings(case);
    request.unknowns = vec![UnknownValue { marker: UNKNOWN.to_string(), what: "a value".to_string() }];
    let is_3 = case.release.helm.as_ref().is_some_and(|h| h.value == 3);
    request.helm = if is_3 { HelmVersion::V3 } else { HelmVersion::V4 };
    let Ok(layers) = Layers::read(&request.values, &request.sets) else { return };
    match helm::check_values(&request, &layers) {
        Err(RenderError::Schema(errors)) => {
            for error in &errors.0 {
                error.faults.iter().for_each(|fault| refused(case, &layers, error, fault, found));
            }
        }
        Err(error @ (RenderError::Coalesce(_) | RenderError::Values(ValuesError::Set { .. }))) => {
            let fault = Diagnostic::new(&codes::VALUES_REFUSED, format!("the values do not fit the chart: {error}"));
            found.push(fault.at(case.release.name.span, "of this release"));
        }
        _ => {}
    }
}

/// The files of a case, each named by its number.
pub(super) fn layers(case: &Case<'_>) -> Vec<Layer> {
    let layer = |(at, (_, text)): (usize, &(_, super::Text))| Layer {
        name: at.to_string(),
        text: text.text.as_bytes().to_vec(),
    };
    case.files.iter().enumerate().map(layer).collect()
}

/// What a case sets, each named by its number behind those of the files.
fn settings(case: &Case<'_>) -> Vec<helm::Set> {
    let set = |(at, set): (usize, &SetValue)| {
        let to = match (&set.to, set.kind) {
            (SetTo::Text(_), SetKind::File) => text(UNKNOWN.to_string()),
            (SetTo::Text(t), _) => text(known(t, case.environment).unwrap_or_else(|| UNKNOWN.to_string())),
            (other, _) => other.clone(),
        };
        setting(&set.path, &to, set.kind, &(case.files.len() + at).to_string())
    };
    case.release.sets.iter().enumerate().map(set).collect()
}

fn text(text: String) -> SetTo {
    SetTo::Text(Template { parts: vec![Part::Text(text.into())], span: Span::default() })
}

fn unreadable(case: &Case<'_>, at: usize, error: &helm::yaml::YamlError) -> Diagnostic {
    let fault = Diagnostic::new(&codes::VALUES_SYNTAX, format!("the values cannot be read: {}", error.message));
    let Some((node, text)) = case.files.get(at) else { return fault };
    fault.at(place::line(text, error.line.unwrap_or(1)), "here").at(node.file.span, "named here")
}

fn refused(case: &Case<'_>, layers: &Layers, error: &SchemaError, fault: &SchemaFault, found: &mut Vec<Diagnostic>) {
    let chart = &error.chart;
    let release = case.release.chart.as_ref().map_or(case.release.name.span, |c| c.span);
    let Some(pointer) = &fault.place else {
        let message = format!("the schema of the chart `{chart}` cannot be used: {}", fault.text);
        found.push(Diagnostic::new(&codes::VALUES_REFUSED, message).at(release, "of this chart"));
        return;
    };
    let mut path = error.path.clone();
    path.extend(pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")));
    let places: Vec<Vec<String>> = match fault.keys.as_slice() {
        [] => vec![path],
        keys => keys.iter().map(|key| path.iter().chain([key]).cloned().collect()).collect(),
    };
    for path in places {
        let message = match (path.is_empty(), fault.keys.is_empty()) {
            (true, _) => format!("the schema of the chart `{chart}` refuses the values: {}", fault.text),
            (_, true) => format!("the schema of the chart `{chart}` refuses `{}`: {}", path.join("."), fault.text),
            (_, false) => format!("the schema of the chart `{chart}` has no `{}`", path.join(".")),
        };
        let diagnostic = Diagnostic::new(&codes::VALUES_REFUSED, message);
        let label = if fault.keys.is_empty() { fault.text.clone() } else { "not in the schema".to_string() };
        found.push(match origin(case, layers, &path) {
            Some((span, named)) => {
                let diagnostic = diagnostic.at(span, label);
                named.map_or(diagnostic.clone(), |named| diagnostic.at(named, "named here"))
            }
            None => diagnostic.at(release, "of this chart").help(format!(
                "as it is deployed to `{}`; what is wrong stands in the chart's own values, or is missing everywhere",
                case.environment
            )),
        });
    }
}

/// Where a value was set, and the node that names the file; nothing where it is the chart's own.
fn origin(case: &Case<'_>, layers: &Layers, path: &[String]) -> Option<(Span, Option<Span>)> {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let origin = layers.origin(&path)?;
    let number: usize = origin.source.parse().ok()?;
    match (case.files.get(number), origin.mark) {
        (Some((node, text)), Some(mark)) => Some((place::key(text, mark), Some(node.file.span))),
        _ => Some((case.release.sets.get(number.checked_sub(case.files.len())?)?.span, None)),
    }
}
