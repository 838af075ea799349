//! Tag rules: which tag of a repository is the newest that counts.
//!
//! A rule is one exact tag (`latest`), a glob (`1.2.*`), or a range of versions as Helm writes it, in which one of its
//! signs stands (`^1.2`, `~1.2.3`, `>=1, <3`, `~1 || ~3`, `1.2 - 1.4`). Of the tags that fit, the one with the highest version is chosen; numbers
//! in them are compared as numbers. What has a `-` behind its version (`1.2.0-rc1`, `1.2.0-alpine`) is a pre-release or
//! a variant, and counts only where the rule has a `-` too.

use super::reference::tag_fault;
use crate::helm::semver::{Constraint, Version};
use globset::{GlobBuilder, GlobMatcher};
use std::cmp::Ordering;
use std::ops::Range;

/// The longest rule: a tag, and room for operators.
const RULE: usize = 256;

/// A rule that chooses among tags.
#[derive(Clone, Debug)]
pub struct TagRule {
    kind: Kind,
    /// Whether tags with a `-` behind their version count.
    suffixes: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    Exact(String),
    Glob(GlobMatcher),
    Range(Constraint),
}

/// What is wrong with a tag rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TagRuleError {
    /// What, in words.
    pub message: String,
    /// Which bytes of the text it is about.
    pub range: Range<usize>,
}

impl TagRule {
    /// Reads a rule.
    pub fn parse(text: &str) -> Result<TagRule, TagRuleError> {
        let fail = |message: String| Err(TagRuleError { message, range: 0..text.len() });
        if text.len() > RULE {
            return fail(format!("the tag rule is longer than {RULE} characters"));
        }
        let is_range = is_range(text);
        let kind = if is_range {
            match Constraint::parse(text) {
                Ok(range) => Kind::Range(range),
                Err(why) => return fail(format!("`{text}` is no range of versions: {why}")),
            }
        } else if text.contains(['*', '?', '[', '{']) {
            match GlobBuilder::new(text).literal_separator(false).build() {
                Ok(glob) => Kind::Glob(glob.compile_matcher()),
                Err(why) => return fail(format!("`{text}` is no glob over tags: {}", why.kind())),
            }
        } else {
            match tag_fault(text) {
                None => Kind::Exact(text.to_string()),
                Some(why) => return fail(why),
            }
        };
        // The dash of `1.2 - 1.4` is none of a version.
        let suffixes = if is_range { text.replace(" - ", " ").contains('-') } else { text.contains('-') };
        Ok(TagRule { kind, suffixes })
    }

    /// The tag itself, where the rule is one exact tag.
    pub fn exact(&self) -> Option<&str> {
        if let Kind::Exact(tag) = &self.kind { Some(tag) } else { None }
    }

    /// Whether a tag fits.
    pub fn matches(&self, tag: &str) -> bool {
        match &self.kind {
            Kind::Exact(exact) => exact == tag,
            Kind::Glob(glob) => (self.suffixes || !has_suffix(tag)) && glob.is_match(tag),
            Kind::Range(range) => {
                version(tag).is_some_and(|version| (self.suffixes || version.pre.is_empty()) && range.check(&version))
            }
        }
    }

    /// The newest of the tags that fit.
    pub fn choose<'a>(&self, tags: &[&'a str]) -> Option<&'a str> {
        tags.iter().copied().filter(|tag| self.matches(tag)).max_by(|a, b| compare(a, b))
    }
}

/// Whether a rule is a range of versions: one of the signs of ranges stands in it.
fn is_range(text: &str) -> bool {
    text.contains(['~', '^', '<', '>', '=', '|', ',', ' ', '!'])
}

/// The numbers at the front of a tag and what follows them: `v1.2.0-rc1` is `1.2.0` and `-rc1`.
fn split(tag: &str) -> (&str, &str) {
    let body =
        tag.strip_prefix(['v', 'V']).filter(|body| body.starts_with(|c: char| c.is_ascii_digit())).unwrap_or(tag);
    let end = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
    body.split_at_checked(end).unwrap_or((body, ""))
}

/// Whether a `-` follows the tag's version.
fn has_suffix(tag: &str) -> bool {
    let (numbers, rest) = split(tag);
    !numbers.is_empty() && rest.starts_with('-')
}

/// A tag as a version: a `v` before it and missing numbers are forgiven, a fourth number is not.
fn version(tag: &str) -> Option<Version> {
    let (numbers, rest) = split(tag);
    // A tag cannot have the `+` of build metadata, so nothing but a `-` may follow.
    let whole = rest.is_empty() || rest.starts_with('-');
    if whole { Version::parse(&format!("{numbers}{rest}")).ok() } else { None }
}

/// Which of two tags is newer: those with a version before those without, then number by number, then a version
/// before its own pre-releases, then the suffix with its numbers as numbers, then the text.
fn compare(a: &str, b: &str) -> Ordering {
    let ((a_numbers, a_rest), (b_numbers, b_rest)) = (split(a), split(b));
    let versioned = |numbers: &str| !numbers.is_empty();
    versioned(a_numbers)
        .cmp(&versioned(b_numbers))
        .then_with(|| numbers(a_numbers, b_numbers))
        .then_with(|| a_rest.is_empty().cmp(&b_rest.is_empty()))
        .then_with(|| natural(a_rest, b_rest))
        .then_with(|| a.cmp(b))
}

/// Compares `1.2.10` and `1.2.9` number by number; what is missing is zero.
fn numbers(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let ordering = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (a, b) => digits(a.unwrap_or_default(), b.unwrap_or_default()),
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
}

/// Compares decimal numbers of any length.
fn digits(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

/// Compares texts; digits in a row are one number.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let (Some(x), Some(y)) = (a.chars().next(), b.chars().next()) {
        let number = x.is_ascii_digit() && y.is_ascii_digit();
        let (left, right) = if number { (run(a), run(b)) } else { (x.len_utf8(), y.len_utf8()) };
        let ((left, a_rest), (right, b_rest)) = match (a.split_at_checked(left), b.split_at_checked(right)) {
            (Some(a), Some(b)) => (a, b),
            _ => return a.cmp(b),
        };
        let ordering = if number { digits(left, right) } else { left.cmp(right) };
        if ordering.is_ne() {
            return ordering;
        }
        (a, b) = (a_rest, b_rest);
    }
    a.len().cmp(&b.len())
}

/// How many digits a text starts with.
fn run(text: &str) -> usize {
    text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chooses_the_newest() {
        for (rule, tags, expected) in [
            ("latest", "1 latest 2", Some("latest")),
            ("latest", "1 2", None),
            ("1.2", "1.2 1.2.1", Some("1.2")),
            ("1.2.*", "1.2.9 1.2.10 1.3.0 1.2.10-rc1", Some("1.2.10")),
            ("1.2.*", "1.2.11-rc1 1.2.10", Some("1.2.10")),
            ("1.2.*", "1.2.11-rc1", None),
            ("1.2.*-rc*", "1.2.1-rc9 1.2.1-rc10 1.2.1", Some("1.2.1-rc10")),
            ("*-alpine", "1.9-alpine 1.10-alpine 1.11", Some("1.10-alpine")),
            ("v*", "v1 v2 v10 w", Some("v10")),
            ("*", "nightly 1.0 latest", Some("1.0")),
            ("*", "main-abc main-abd", Some("main-abd")),
            ("build-*", "build-9 build-10", Some("build-10")),
            ("4.3.0.*", "4.3.0.2 4.3.0.12", Some("4.3.0.12")),
            ("^1.2", "1.2.0 1.9.3 2.0.0 v1.10", Some("v1.10")),
            ("~1.2.3", "1.2.3 1.2.9 1.3.0", Some("1.2.9")),
            (">=1, <3", "0.9 1 2.9.9 3", Some("2.9.9")),
            ("~1 || ~3", "1.9 2.0 3.1 4", Some("3.1")),
            ("1.2 - 1.4", "1.1 1.3.9 1.4.0 1.5 1.3.9-rc1", Some("1.4.0")),
            ("!=1.3.0, ^1", "1.2.0 1.3.0", Some("1.2.0")),
            ("^1.2", "1.3.0-rc.1 1.2.4-alpine", None),
            ("^1.3.0-rc.1", "1.3.0-rc.2 1.3.0-rc.10", Some("1.3.0-rc.10")),
            ("^1", "1.2.3.4 one 1x", None),
            ("20*", "20240101 20231231", Some("20240101")),
            ("*", "1.0.0 1.0", Some("1.0.0")),
        ] {
            let tags: Vec<&str> = tags.split(' ').collect();
            let rule_read = TagRule::parse(rule).unwrap();
            assert_eq!(rule_read.choose(&tags), expected, "{rule} of {tags:?}");
            let reversed: Vec<&str> = tags.iter().rev().copied().collect();
            assert_eq!(rule_read.choose(&reversed), expected, "{rule} of {reversed:?}");
        }
    }

    #[test]
    fn refuses() {
        for rule in ["", "a b", "-x", "^y", ">=1 <", "[", "a:b"] {
            assert!(TagRule::parse(rule).is_err(), "{rule}");
        }
        assert!(TagRule::parse(&"*".repeat(300)).is_err());
    }
}
