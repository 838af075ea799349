//! What differs between two environments, for people and for programs.

use super::layout::{Rows, cell, clean, elide, one_line};
use super::plan::changes;
use super::{Paint, Style};
use crate::plan::compare::{Comparison, Difference, ReleaseComparison, Side};
use serde_json::Value;
use std::fmt::Write as _;

/// How much of one value is shown.
const LONGEST: usize = 120;

/// The differences as text.
pub fn text(found: &Comparison, style: Style) -> String {
    let mut out = String::new();
    let strong = |text: &str| Paint::Strong.on(text, style);
    let _ = writeln!(out, "{} → {}", strong(&found.left), strong(&found.right));
    if found.is_empty() {
        let _ = writeln!(out, "nothing differs");
        return out;
    }
    if !found.settings.is_empty() {
        let _ = writeln!(out, "\n{}", strong("environment"));
        out.push_str(&rows(&found.settings, style));
    }
    for release in &found.releases {
        of_release(&mut out, release, style);
    }
    out
}

fn of_release(out: &mut String, release: &ReleaseComparison, style: Style) {
    let _ = writeln!(out, "\n{} {}", Paint::Strong.on("release", style), Paint::Strong.on(&release.release, style));
    for (title, differences) in [("values", &release.values), ("set", &release.sets)] {
        if !differences.is_empty() {
            let _ = writeln!(out, "  {}", Paint::Faint.on(title, style));
            out.push_str(&rows(differences, style));
        }
    }
    if !release.objects.is_empty() {
        let _ = writeln!(out, "  {}", Paint::Faint.on("objects", style));
        out.push_str(&changes::text(&release.objects, style));
    }
}

fn rows(differences: &[Difference], style: Style) -> String {
    let mut rows = Rows::new(4);
    for difference in differences {
        let (sign, paint) = match (&difference.left, &difference.right) {
            (Some(_), Some(_)) => ("~", Paint::Notice),
            (None, _) => ("+", Paint::Good),
            (_, None) => ("-", Paint::Bad),
        };
        let what = elide(&clean(&difference.what), style.width.saturating_sub(12));
        rows.push([cell(format!("{sign} {what}"), paint), cell(said(difference), Paint::Plain)]);
    }
    rows.render(style)
}

/// `1 → 3  values-dev.yaml:3 · values-prod.yaml:4`.
fn said(difference: &Difference) -> String {
    let (left, right) = (difference.left.as_ref(), difference.right.as_ref());
    let values: Vec<String> = [left, right].into_iter().flatten().map(|s| shown(&s.value)).collect();
    let at: Vec<&str> = [left, right].into_iter().flatten().filter_map(|s: &Side| s.at.as_deref()).collect();
    match at.is_empty() {
        true => values.join(" → "),
        false => format!("{}  ({})", values.join(" → "), at.join(", ")),
    }
}

fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() && *text == text.trim() => text.clone(),
        other => other.to_string(),
    };
    elide(&one_line(&text), LONGEST)
}

/// The differences as one JSON document. What secrets hold is left out.
pub fn json(found: &Comparison) -> String {
    let mut found = found.clone();
    for change in found.releases.iter_mut().flat_map(|r| &mut r.objects) {
        if let crate::plan::ObjectChange::Update(fields) = &mut change.what {
            for field in fields.iter_mut().filter(|f| changes::is_secret(&change.object, &f.path)) {
                (field.before, field.after) = (None, None);
            }
        }
    }
    let mut value = serde_json::json!({ "version": 1 });
    if let (Some(all), Ok(Value::Object(rest))) = (value.as_object_mut(), serde_json::to_value(&found)) {
        all.extend(rest);
    }
    serde_json::to_string_pretty(&value).unwrap_or_default() + "\n"
}
