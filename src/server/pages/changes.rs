//! What changes in an environment, field by field, as the terminal tells it and with nothing left out.

use super::parts;
use crate::plan::{Change, FieldChange, ObjectChange, Plan};
use crate::report::plan::changes::{as_lines, is_secret, value};
use maud::{Markup, html};

/// How many objects are shown, and how many fields and lines of each; more than that nobody approves by reading.
const OBJECTS: usize = 200;
const FIELDS: usize = 200;
const LINES: usize = 400;
/// How long an object may be to be shown as it is, in bytes.
const WHOLE: usize = 100_000;

/// The changes; of what is new, the whole object, where `plan` has it for that environment.
pub(super) fn html(changes: &[Change], plan: Option<(&Plan, &str)>) -> Markup {
    html! {
        ul.changes {
            @for change in changes.iter().take(OBJECTS) { (object(change, plan)) }
        }
        @if changes.len() > OBJECTS { p.muted { "and " (changes.len() - OBJECTS) " objects more" } }
    }
}

/// The text of an object that is new, unless it holds what nobody is shown.
fn whole<'p>(change: &Change, (plan, environment): (&'p Plan, &str)) -> Option<&'p str> {
    if change.what != ObjectChange::Create || change.object.starts_with("Secret/") {
        return None;
    }
    let rendered = plan.rendered.get(&(environment.to_string(), change.release.clone()))?;
    rendered.bundle.get(&change.object).map(|o| o.text.trim()).filter(|t| t.len() <= WHOLE)
}

fn object(change: &Change, plan: Option<(&Plan, &str)>) -> Markup {
    let (sign, class, word) = match &change.what {
        ObjectChange::Create => ("+", "plus", "is new"),
        ObjectChange::Delete => ("−", "minus", "goes"),
        ObjectChange::Update(_) => ("~", "changed", "changes"),
        ObjectChange::Restore => ("~", "changed", "is not as it was deployed, and is brought back"),
    };
    html! {
        li class=(class) {
            p.object {
                span.sign aria-hidden="true" { (sign) }
                b { (parts::text(&change.object)) } " " span.muted { (word) " · " (parts::text(&change.release)) }
            }
            @if let Some(text) = plan.and_then(|p| whole(change, p)) {
                details { summary { "The whole object" } pre.difference tabindex="0" { (parts::lines(text)) } }
            }
            @if let ObjectChange::Update(fields) = &change.what {
                dl.fields { @for field in fields.iter().take(FIELDS) { (one(&change.object, field)) } }
                @if fields.len() > FIELDS { p.muted { "and " (fields.len() - FIELDS) " fields more" } }
            }
        }
    }
}

fn one(object: &str, field: &FieldChange) -> Markup {
    html! {
        div {
            dt { code { (parts::text(&field.path)) } }
            dd {
                @if is_secret(object, &field.path) {
                    span.muted { "changes; what a secret holds is not shown" }
                } @else if let Some((before, after)) = as_lines(field) {
                    (difference(before, after))
                } @else {
                    @if let Some(before) = &field.before { del title=(exact(before)) { (value(before)) } }
                    @if field.before.is_some() && field.after.is_some() { span.arrow aria-label="becomes" role="img" { " → " } }
                    @if let Some(after) = &field.after { ins title=(exact(after)) { (value(after)) } }
                }
            }
        }
    }
}

/// The whole value, which the short one was made of.
fn exact(value: &serde_json::Value) -> String {
    const LONGEST: usize = 2000;
    let text = value.as_str().map_or_else(|| value.to_string(), ToString::to_string);
    crate::report::layout::elide(&crate::report::layout::clean(&text), LONGEST)
}

/// The lines that differ between two texts, with some around them.
pub(super) fn difference(before: &str, after: &str) -> Markup {
    use similar::ChangeTag::{Delete, Equal};
    let difference = similar::TextDiff::from_lines(before, after);
    let groups = difference.grouped_ops(2);
    let mut left = LINES;
    html! {
        pre.difference tabindex="0" {
            @for (i, group) in groups.iter().enumerate() {
                @if i > 0 { span.gap { "⋯\n" } }
                @for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
                    @if { left = left.saturating_sub(1); left > 0 } {
                        @let text = crate::report::layout::clean(change.value().trim_end_matches(['\n', '\r']));
                        @if change.tag() == Equal { span { "  " (text) "\n" } }
                        @else if change.tag() == Delete { del { "− " (text) "\n" } }
                        @else { ins { "+ " (text) "\n" } }
                    }
                }
            }
            @if left == 0 { span.gap { "and more lines" } }
        }
    }
}
