//! What changes in an environment, object by object and field by field.

use super::{SHOWN, more};
use crate::plan::{Change, FieldChange, ObjectChange};
use crate::report::layout::{Rows, cell, clean, elide, paragraph, width};
use crate::report::{Paint, Style};
use serde_json::Value;
use std::fmt::Write as _;

/// How far in objects and fields stand.
const OBJECT: usize = 4;
const FIELD: usize = 8;
/// How many lines of a text that changed are shown.
pub(crate) const LINES: usize = 12;

pub(crate) fn text(changes: &[Change], style: Style) -> String {
    let mut out = String::new();
    for change in changes.iter().take(SHOWN) {
        match &change.what {
            ObjectChange::Create => line(&mut out, '+', &change.object, "", Paint::Good, style),
            ObjectChange::Delete => line(&mut out, '-', &change.object, "", Paint::Bad, style),
            ObjectChange::Restore => {
                line(
                    &mut out,
                    '~',
                    &change.object,
                    "is not as it was deployed, and is brought back",
                    Paint::Notice,
                    style,
                );
            }
            ObjectChange::Update(fields) => update(&mut out, &change.object, fields, style),
        }
    }
    if changes.len() > SHOWN {
        let _ = writeln!(out, "{:OBJECT$}{}", "", Paint::Faint.on(&more(changes.len() - SHOWN), style));
    }
    out
}

fn line(out: &mut String, sign: char, object: &str, text: &str, paint: Paint, style: Style) {
    let object = elide(&clean(object), style.width.saturating_sub(OBJECT + 2));
    let _ = writeln!(out, "{:OBJECT$}{}  {text}", "", paint.on(&format!("{sign} {object}"), style));
    while out.ends_with(" \n") {
        out.truncate(out.len() - 2);
        out.push('\n');
    }
}

fn update(out: &mut String, object: &str, fields: &[FieldChange], style: Style) {
    if let [only] = fields {
        let said = format!("{} {}", clean(&only.path), values(object, only));
        if as_lines(only).is_none() && OBJECT + 4 + width(object) + width(&said) <= style.width {
            return line(out, '~', object, &said, Paint::Notice, style);
        }
    }
    line(out, '~', object, "", Paint::Notice, style);
    let mut rows = Rows::new(FIELD);
    for field in fields.iter().take(SHOWN) {
        match as_lines(field).filter(|_| !is_secret(object, &field.path)) {
            Some((before, after)) => {
                out.push_str(&std::mem::replace(&mut rows, Rows::new(FIELD)).render(style));
                paragraph(out, FIELD, &field.path, Paint::Plain, style);
                difference(out, before, after, style);
            }
            None => rows.push([cell(&field.path, Paint::Plain), cell(values(object, field), Paint::Plain)]),
        }
    }
    out.push_str(&rows.render(style));
    if fields.len() > SHOWN {
        let _ = writeln!(out, "{:FIELD$}{}", "", Paint::Faint.on(&more(fields.len() - SHOWN), style));
    }
}

/// `1 → 2`; for what is new or goes, the one value with its sign.
fn values(object: &str, field: &FieldChange) -> String {
    if is_secret(object, &field.path) {
        return "changes (not shown)".to_string();
    }
    match (&field.before, &field.after) {
        (Some(before), Some(after)) => format!("{} → {}", value(before), value(after)),
        (None, Some(after)) => format!("+ {}", value(after)),
        (Some(before), None) => format!("- {}", value(before)),
        (None, None) => String::new(),
    }
}

/// Whether a field holds what a secret holds.
pub(crate) fn is_secret(object: &str, path: &str) -> bool {
    object.starts_with("Secret/") && (path.starts_with("data") || path.starts_with("stringData"))
}

/// A value in one line, its digests cut to what people compare.
pub(crate) fn value(value: &Value) -> String {
    /// More of one value tells nobody more.
    const LONGEST: usize = 160;
    let text = match value {
        Value::String(text) if !text.is_empty() && *text == text.trim() => text.clone(),
        other => other.to_string(),
    };
    elide(&short_digests(&crate::report::layout::one_line(&text)), LONGEST)
}

/// The text with its digests cut to what people compare.
fn short_digests(text: &str) -> String {
    const WHOLE: usize = 64;
    const SHORT: usize = 12;
    let mut parts = text.split("sha256:");
    let mut out = parts.next().unwrap_or_default().to_string();
    for part in parts {
        out.push_str("sha256:");
        let digits = part.bytes().take_while(u8::is_ascii_hexdigit).count();
        match (part.get(..SHORT), part.get(WHOLE..)) {
            (Some(short), Some(rest)) if digits == WHOLE => {
                out.push_str(short);
                out.push('…');
                out.push_str(rest);
            }
            _ => out.push_str(part),
        }
    }
    out
}

/// Both texts, where one of them has several lines.
pub(crate) fn as_lines(field: &FieldChange) -> Option<(&str, &str)> {
    let (before, after) = (field.before.as_ref()?.as_str()?, field.after.as_ref()?.as_str()?);
    (before.trim_end().contains('\n') || after.trim_end().contains('\n')).then_some((before, after))
}

/// The lines of a text that go and come.
fn difference(out: &mut String, before: &str, after: &str, style: Style) {
    let difference = similar::TextDiff::from_lines(before, after);
    let changed = difference.iter_all_changes().filter(|c| c.tag() != similar::ChangeTag::Equal);
    let mut hidden = 0;
    for (number, change) in changed.enumerate() {
        if number >= LINES {
            hidden += 1;
            continue;
        }
        let (sign, paint) = match change.tag() {
            similar::ChangeTag::Delete => ('-', Paint::Bad),
            _ => ('+', Paint::Good),
        };
        let text = clean(change.value().trim_end()).replace('\t', "    ");
        let text = elide(&format!("{sign} {text}"), style.width.saturating_sub(FIELD + 2));
        let _ = writeln!(out, "{:indent$}{}", "", paint.on(&text, style), indent = FIELD + 2);
    }
    if hidden > 0 {
        let _ = writeln!(out, "{:indent$}{}", "", Paint::Faint.on(&more(hidden), style), indent = FIELD + 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn update(object: &str, fields: &[(&str, Value, Value)]) -> Change {
        let field = |(path, before, after): &(&str, Value, Value)| FieldChange {
            path: path.to_string(),
            before: (!before.is_null()).then(|| before.clone()),
            after: (!after.is_null()).then(|| after.clone()),
        };
        let what = ObjectChange::Update(fields.iter().map(field).collect());
        Change { release: "shop".into(), object: object.into(), what }
    }

    fn shown(changes: &[Change]) -> String {
        text(changes, Style::default())
    }

    #[test]
    fn what_a_secret_holds_is_not_shown() {
        let got = shown(&[update("Secret/shop", &[("stringData.token", json!("old"), json!("new"))])]);
        assert_eq!(got, "    ~ Secret/shop  stringData.token changes (not shown)\n");
    }

    #[test]
    fn digests_are_cut_and_text_of_others_cannot_move_the_cursor() {
        let digest = "0123456789abcdef".repeat(4);
        let fields =
            [("image", json!("a"), json!(format!("b@sha256:{digest}"))), ("x", Value::Null, json!("\u{1b}[2J"))];
        assert_eq!(
            shown(&[update("Pod/a", &fields)]),
            "    ~ Pod/a\n        image  a → b@sha256:0123456789ab…\n        x      + \\u{1b}[2J\n"
        );
    }

    #[test]
    fn of_many_objects_the_first_are_shown() {
        let changes: Vec<Change> = (0..30)
            .map(|i| Change { release: "shop".into(), object: format!("Pod/{i}"), what: ObjectChange::Create })
            .collect();
        let got = shown(&changes);
        assert_eq!(got.lines().count(), SHOWN + 1);
        assert!(got.ends_with("… and 10 more (lockgate plan --json shows all)\n"), "{got}");
    }
}
