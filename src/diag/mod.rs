//! What is wrong, as data. Nothing here prints; [`render`] turns diagnostics into a terminal report.
//!
//! A diagnostic has a stable [`Code`], a message that names the fault and not the fix, labelled spans, and, where there is
//! one, help and a [`Fix`] that an editor can apply. The table of codes is [`codes`].

pub mod codes;
pub mod render;

pub use codes::Code;

use crate::source::Span;
use std::borrow::Cow;

/// How bad it is. The order is worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// It runs, and is probably not what was meant.
    Warning,
    /// It is only said.
    Note,
}

/// A place and what is to be said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What stands under the marked text; may be empty.
    pub text: Cow<'static, str>,
}

/// One replacement of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; an empty span inserts.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// A change that mends the fault and that an editor can apply as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What applying it does, as an imperative: "Rename to `branch`".
    pub title: String,
    /// The replacements; they do not overlap.
    pub edits: Vec<Edit>,
}

/// One fault, with all that is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its row in the table of codes.
    pub code: &'static Code,
    /// How bad it is; at first what the code says.
    pub severity: Severity,
    /// The fault in one sentence, without a full stop.
    pub message: String,
    /// The places; the first is the primary one. Empty where no text is concerned.
    pub labels: Vec<Label>,
    /// How to go on.
    pub help: Option<String>,
    /// The mend, where exactly one exists.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A diagnostic of that code with no place yet.
    pub fn new(code: &'static Code, message: impl Into<String>) -> Diagnostic {
        Diagnostic { code, severity: code.severity, message: message.into(), labels: Vec::new(), help: None, fix: None }
    }

    /// Marks a place; the first one marked is the primary one.
    pub fn at(mut self, span: Span, text: impl Into<Cow<'static, str>>) -> Diagnostic {
        self.labels.push(Label { span, text: text.into() });
        self
    }

    /// Says how to go on.
    pub fn help(mut self, help: impl Into<String>) -> Diagnostic {
        self.help = Some(help.into());
        self
    }

    /// Adds the one mend: a title and one replacement.
    pub fn fix(mut self, title: impl Into<String>, span: Span, text: impl Into<String>) -> Diagnostic {
        self.fix = Some(Fix { title: title.into(), edits: vec![Edit { span, text: text.into() }] });
        self
    }

    /// The primary place.
    pub fn span(&self) -> Option<Span> {
        self.labels.first().map(|l| l.span)
    }

    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// Whether any of them is an error.
pub fn any_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(Diagnostic::is_error)
}

/// Sorts the worst first, then by place, then by code, and drops what is said twice of one place.
pub fn sort(diagnostics: &mut Vec<Diagnostic>) {
    diagnostics.sort_by(|a, b| {
        (a.severity, a.span(), a.code.id, &a.message).cmp(&(b.severity, b.span(), b.code.id, &b.message))
    });
    diagnostics.dedup_by(|a, b| a.code.id == b.code.id && a.labels == b.labels && a.message == b.message);
}

/// The name among `known` that was probably meant by `name`, if one is near enough. A name of one letter is near to nothing
/// but itself in the other case: of any other letter as much could be said.
pub fn did_you_mean<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = name.chars().count();
    let far = (length / 3).max(1);
    let plain = name.to_lowercase();
    let near = |known: &'a str| {
        let its = known.chars().count();
        // What differs in length by more than that is no nearer.
        if known == name || its.abs_diff(length) > far {
            return None;
        }
        let distance = strsim::osa_distance(&plain, &known.to_lowercase());
        let is_near = distance == 0 || distance <= far && distance < its && length > 1 && its > 1;
        is_near.then_some((distance, known))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_and_far_ones_are_not() {
        assert_eq!(did_you_mean("brnach", ["branch", "paths"]), Some("branch"));
        assert_eq!(did_you_mean("Branch", ["branch"]), Some("branch"));
        assert_eq!(did_you_mean("zebra", ["branch", "paths"]), None);
        assert_eq!(did_you_mean("ab", ["xy"]), None);
        assert_eq!(did_you_mean("gti", ["git"]), Some("git"));
    }

    #[test]
    fn a_single_letter_is_near_to_nothing() {
        assert_eq!(did_you_mean("a", ["b", "ab", "c"]), None);
        assert_eq!(did_you_mean("ab", ["a", "b"]), None);
        assert_eq!(did_you_mean("A", ["a", "b"]), Some("a"));
    }
}
