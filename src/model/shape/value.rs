//! Values: their type and, where they have one, their grammar.

use super::super::format::{self, Format, Wrong};
use super::super::spec::{Names, Ty, Word, one_of};
use crate::diag::{Code, Diagnostic, codes, did_you_mean};
use crate::source::Span;
use crate::syntax::{Prop, Value, ValueKind, quoted};
use std::ops::Range;

/// Checks a value; `what` is what the value is called.
pub(super) fn check(value: Value<'_>, ty: &Ty, what: &str, faults: &mut Vec<Diagnostic>) {
    annotation(value.ty_span(), faults);
    if value.is_faulty() {
        return;
    }
    let fault = match (ty, value.kind()) {
        (Ty::Template | Ty::TemplateOrNumber | Ty::Any, ValueKind::Str) => None,
        (Ty::TemplateOrNumber | Ty::Any, ValueKind::Int | ValueKind::Float) => number(value, what),
        (Ty::Any, ValueKind::Bool | ValueKind::Null) | (Ty::Bool, ValueKind::Bool) => None,
        (Ty::Text, ValueKind::Str) => empty(value, what),
        (Ty::Count(least, most), ValueKind::Int) => count(value, what, *least, *most),
        (Ty::Word(words), ValueKind::Str) => word(value, what, words),
        (Ty::Name(names), ValueKind::Str) => name(value, what, *names),
        (Ty::Format(format), ValueKind::Str) => text(value, what, format),
        _ => Some(wrong_type(value, ty, what)),
    };
    if let Some(fault) = fault {
        faults.push(fault);
    }
}

/// Checks the name of a property whose name is the user's own.
pub(super) fn check_key(prop: Prop<'_>, format: &'static Format, faults: &mut Vec<Diagnostic>) {
    if let Err(wrong) = (format.check)(prop.key()) {
        let message = format!("`{}` is not {}: {}", prop.key(), format.is, wrong.why);
        let fault = Diagnostic::new(format.code, message).at(prop.key_span(), wrong.why);
        faults.push(fault.help(format!("{} is {}", format.is, format.prose)));
    }
}

/// Says that a type annotation means nothing.
#[inline]
pub(super) fn annotation(span: Option<Span>, faults: &mut Vec<Diagnostic>) {
    if let Some(span) = span {
        faults.push(means_nothing(span));
    }
}

#[cold]
fn means_nothing(annotation: Span) -> Diagnostic {
    Diagnostic::new(&codes::TYPE_ANNOTATION, "a type annotation means nothing here")
        .at(annotation, "not read")
        .help("leave it out; types are known from the place")
}

/// A number that is none, or that cannot be kept.
fn number(value: Value<'_>, what: &str) -> Option<Diagnostic> {
    let kept = value.as_i64().is_some() || value.as_f64().is_some_and(f64::is_finite);
    (!kept).then(|| at(&codes::OUT_OF_RANGE, format!("`{what}` is no number that can be kept"), value, "this one"))
}

fn count(value: Value<'_>, what: &str, least: i64, most: i64) -> Option<Diagnostic> {
    if value.as_i64().is_some_and(|n| (least..=most).contains(&n)) {
        return None;
    }
    Some(out_of_range(value, what, least, most))
}

#[cold]
fn out_of_range(value: Value<'_>, what: &str, least: i64, most: i64) -> Diagnostic {
    let range = if most == i64::MAX { format!("from {least}") } else { format!("from {least} to {most}") };
    let fault = at(&codes::OUT_OF_RANGE, format!("`{what}` cannot be {}", value.raw()), value, "out of range");
    fault.help(format!("a whole number {range} can stand here"))
}

fn word(value: Value<'_>, what: &str, words: &[Word]) -> Option<Diagnostic> {
    let text = value.as_str()?;
    if words.iter().any(|w| w.name == text) {
        return None;
    }
    Some(no_word(value, what, words, text))
}

#[cold]
fn no_word(value: Value<'_>, what: &str, words: &[Word], text: &str) -> Diagnostic {
    let known = || words.iter().map(|w| w.name);
    let message = match words {
        [only] => format!("only `{}` can stand here, not `{text}`", only.name),
        _ => format!("`{what}` cannot be `{text}`"),
    };
    let fault = at(&codes::UNKNOWN_WORD, message, value, "unknown");
    match did_you_mean(text, known()) {
        Some(near) => meant(fault, value, near),
        None => fault.help(format!("there is {}", one_of(known()))),
    }
}

fn name(value: Value<'_>, what: &str, names: Names) -> Option<Diagnostic> {
    if let Some((text, range)) = reference_in(value) {
        let fault = no_reference(value, what, range.clone());
        let inner =
            text.get(range.start + 1..range.end - 1).filter(|n| format::is_name(n) && range.len() == text.len());
        return Some(match inner {
            Some(inner) => meant(fault, value, inner).help("a name stands here without braces"),
            None => fault.help(format!("the name of a {} stands here, without braces", names.words())),
        });
    }
    empty(value, what)
}

fn empty(value: Value<'_>, what: &str) -> Option<Diagnostic> {
    let text = value.as_str()?;
    // Most texts start with something that is no blank.
    let starts = text.bytes().next().is_some_and(|first| first.is_ascii_graphic());
    (!starts && text.trim().is_empty())
        .then(|| at(&codes::EMPTY_TEXT, format!("`{what}` is empty"), value, "says nothing"))
}

fn text(value: Value<'_>, what: &str, format: &'static Format) -> Option<Diagnostic> {
    let text = value.as_str()?;
    let checked = (format.check)(text);
    if let Some((_, range)) = reference_in(value) {
        return Some(
            no_reference(value, what, range).help(format!("{} stands here as it is: {}", format.is, format.prose)),
        );
    }
    checked.err().map(|wrong| bad_text(value, text, what, format, wrong))
}

#[cold]
fn bad_text(value: Value<'_>, text: &str, what: &str, format: &'static Format, wrong: Wrong) -> Diagnostic {
    if text.trim().is_empty() {
        return at(&codes::EMPTY_TEXT, format!("`{what}` is empty"), value, format!("{} is wanted", format.is));
    }
    let message = format!("`{}` is not {}: {}", shown(text), format.is, wrong.why);
    let place = wrong.range.filter(|r| text.get(r.clone()).is_some()).map_or(value.span(), |r| value.inner_span(r));
    let fault = Diagnostic::new(format.code, message).at(place, "");
    let help = format!("{} is written so: {}", format.is, format.prose);
    match wrong.meant {
        Some(text) => meant(fault, value, &text),
        None => fault.help(help),
    }
}

/// A text that is not read for references, and the first `{name}` or `{name.field}` in it. Globs have braces too, with a comma.
fn reference_in(value: Value<'_>) -> Option<(&str, Range<usize>)> {
    if !value.may_hold_brace() {
        return None;
    }
    let text = value.as_str()?;
    let range = memchr::memchr_iter(b'{', text.as_bytes()).find_map(|start| {
        let length = text.get(start..)?.find('}')?;
        let inner = text.get(start + 1..start + length)?;
        inner.split('.').all(format::is_name).then_some(start..start + length + 1)
    });
    Some((text, range?))
}

#[cold]
fn no_reference(value: Value<'_>, what: &str, range: Range<usize>) -> Diagnostic {
    let message = format!("`{what}` reads no references");
    Diagnostic::new(&codes::REFERENCE_NOT_READ, message).at(value.inner_span(range), "would be taken as it stands")
}

#[cold]
fn wrong_type(value: Value<'_>, ty: &Ty, what: &str) -> Diagnostic {
    let is = match value.kind() {
        ValueKind::Str => "a text",
        ValueKind::Int | ValueKind::Float => "a number",
        ValueKind::Bool => "a truth value",
        ValueKind::Null => "nothing",
    };
    let fault = at(&codes::WRONG_TYPE, format!("`{what}` wants {}", ty.words()), value, format!("this is {is}"));
    let plain = value.as_str().unwrap_or(value.raw());
    let instead = match ty {
        Ty::Bool => ["true", "false"].into_iter().find(|w| plain == *w).map(|w| format!("#{w}")),
        Ty::Count(..) => plain.parse::<i64>().ok().map(|n| n.to_string()),
        _ if value.kind() == ValueKind::Str || value.is_null() => None,
        _ => Some(format!("\"{}\"", plain.trim_start_matches('#'))),
    };
    match instead {
        Some(text) => fault.help(format!("write `{text}`")).fix(format!("Write `{text}`"), value.span(), text),
        None => fault,
    }
}

#[cold]
fn at(
    code: &'static Code,
    message: String,
    value: Value<'_>,
    label: impl Into<std::borrow::Cow<'static, str>>,
) -> Diagnostic {
    Diagnostic::new(code, message).at(value.span(), label)
}

/// Adds the text that was probably meant, and the replacement.
#[cold]
fn meant(fault: Diagnostic, value: Value<'_>, text: &str) -> Diagnostic {
    let written = match quoted(text) {
        // What stood in quotes stays in quotes.
        bare if bare == text && !value.is_bare() => format!("\"{text}\""),
        written => written.into_owned(),
    };
    fault.help(format!("did you mean `{text}`?")).fix(format!("Change to `{text}`"), value.span(), written)
}

/// A text as it can stand in a message: its beginning when it is long.
fn shown(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    let short: String = line.chars().take(60).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
