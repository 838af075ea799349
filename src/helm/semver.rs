//! Semantic versions and ranges of them, by the rules of Masterminds/semver v3.5, which Helm uses for chart versions,
//! `kubeVersion`, dependencies and `semverCompare`.
//!
//! A version may lack its minor and patch, a range may have wildcards; a pre-release only matches a range one of whose
//! parts names a pre-release.

use regex::Regex;
use std::cmp::Ordering;
use std::fmt;
use std::sync::LazyLock;

const OPERATORS: &str = r"=||!=|>|<|>=|=>|<=|=<|~|~>|\^";
const RANGE: &str = r"v?([0-9|x|X|\*]+)(\.[0-9|x|X|\*]+)?(\.[0-9|x|X|\*]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?";

// Leftmost-first alternation, as Go's regexp has it, needs the longer operators to be tried; the anchors see to it.
static LOOSE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(
        r"^v?([0-9]+)(\.[0-9]+)?(\.[0-9]+)?(-([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?(\+([0-9A-Za-z\-]+(\.[0-9A-Za-z\-]+)*))?$",
    )
});
static PART: LazyLock<Option<Regex>> = LazyLock::new(|| compile(&format!(r"^\s*({OPERATORS})\s*({RANGE})\s*$")));
static HYPHEN: LazyLock<Option<Regex>> = LazyLock::new(|| compile(&format!(r"\s*({RANGE})\s+-\s+({RANGE})\s*")));
static FIND: LazyLock<Option<Regex>> = LazyLock::new(|| compile(&format!(r"({OPERATORS})\s*({RANGE})")));
static VALID: LazyLock<Option<Regex>> = LazyLock::new(|| {
    compile(&format!(r"^(\s*({OPERATORS})\s*({RANGE})\s*)((?:\s+|,\s*)({OPERATORS})\s*({RANGE})\s*)*$"))
});

/// The patterns are constants; a test compiles them all.
fn compile(pattern: &str) -> Option<Regex> {
    regex::RegexBuilder::new(pattern).unicode(false).build().ok()
}

/// A version.
#[derive(Clone, Debug)]
pub struct Version {
    /// The first number.
    pub major: u64,
    /// The second number; 0 if it was not given.
    pub minor: u64,
    /// The third number; 0 if it was not given.
    pub patch: u64,
    /// What follows `-`, without it.
    pub pre: String,
    /// What follows `+`, without it.
    pub metadata: String,
    /// The text as it was given.
    pub original: String,
}

/// Why a text is no version or no range; displays in Masterminds' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SemverError(String);

fn invalid(text: &str) -> SemverError {
    SemverError(text.to_string())
}

impl Version {
    /// Reads a version as `semver.NewVersion` does.
    ///
    /// # Errors
    /// A text that is none, a number beyond 64 bits, a numeric pre-release part with a leading zero.
    pub fn parse(text: &str) -> Result<Version, SemverError> {
        let found = LOOSE.as_ref().and_then(|r| r.captures(text)).ok_or_else(|| invalid("invalid semantic version"))?;
        let group = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let number = |i: usize| match group(i).trim_start_matches('.') {
            "" => Ok(0),
            digits => digits.parse::<u64>().map_err(|_| {
                invalid(&format!(
                    "error parsing version segment: strconv.ParseUint: parsing {digits:?}: value out of range"
                ))
            }),
        };
        let (major, minor, patch) = (number(1)?, number(2)?, number(3)?);
        let pre = group(5).to_string();
        let zero_led = |p: &str| p.len() > 1 && p.starts_with('0') && p.bytes().all(|b| b.is_ascii_digit());
        if pre.split('.').any(zero_led) {
            return Err(invalid("version segment starts with 0"));
        }
        Ok(Version { major, minor, patch, pre, metadata: group(8).to_string(), original: text.to_string() })
    }

    /// The order of precedence, which build metadata has no part in.
    pub fn compare(&self, other: &Version) -> Ordering {
        let numbers = |v: &Version| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| compare_pre(&self.pre, &other.pre))
    }

    /// This version with no pre-release and metadata, and the number after that if it had no pre-release.
    pub fn inc_patch(&self) -> Version {
        let patch = if self.pre.is_empty() { self.patch + 1 } else { self.patch };
        Version::of(self.major, self.minor, patch)
    }

    /// The next minor version.
    pub fn inc_minor(&self) -> Version {
        Version::of(self.major, self.minor + 1, 0)
    }

    /// The next major version.
    pub fn inc_major(&self) -> Version {
        Version::of(self.major + 1, 0, 0)
    }

    fn of(major: u64, minor: u64, patch: u64) -> Version {
        let original = format!("{major}.{minor}.{patch}");
        Version { major, minor, patch, pre: String::new(), metadata: String::new(), original }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Version) -> bool {
        self.compare(other).is_eq()
    }
}

fn compare_pre(a: &str, b: &str) -> Ordering {
    match (a.is_empty(), b.is_empty()) {
        (true, true) => return Ordering::Equal,
        (true, false) => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let (mut a, mut b) = (a.split('.'), b.split('.'));
    loop {
        let order = match (a.next(), b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (Some(a), Some(b)) => match (a.parse::<u64>(), b.parse::<u64>()) {
                (Ok(a), Ok(b)) => a.cmp(&b),
                (Ok(_), Err(_)) => Ordering::Less,
                (Err(_), Ok(_)) => Ordering::Greater,
                (Err(_), Err(_)) => a.cmp(b),
            },
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A range of versions: alternatives of conditions that must all hold.
#[derive(Clone, Debug)]
pub struct Constraint {
    any: Vec<All>,
}

#[derive(Clone, Debug)]
struct All {
    parts: Vec<Part>,
    names_pre: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Tilde,
    Caret,
}

/// One condition. `dirty` says that a number was left out or a wildcard, and which.
#[derive(Clone, Debug)]
struct Part {
    operator: Operator,
    version: Version,
    dirty: bool,
    minor_dirty: bool,
    patch_dirty: bool,
}

impl Constraint {
    /// Reads a range as `semver.NewConstraint` does.
    ///
    /// # Errors
    /// A text that is none: `improper constraint: …`.
    pub fn parse(text: &str) -> Result<Constraint, SemverError> {
        let text = rewrite_hyphens(text);
        let any = text.split("||").map(All::parse).collect::<Result<_, _>>()?;
        Ok(Constraint { any })
    }

    /// Whether a version lies in the range.
    pub fn check(&self, version: &Version) -> bool {
        self.any.iter().any(|all| all.parts.iter().all(|part| part.check(version, all.names_pre)))
    }
}

/// Whether a version text lies in a range; unreadable texts do not. Helm's `IsCompatibleRange`.
pub fn compatible(constraint: &str, version: &str) -> bool {
    match (Constraint::parse(constraint), Version::parse(version)) {
        (Ok(constraint), Ok(version)) => constraint.check(&version),
        _ => false,
    }
}

/// `1.2 - 2.3` means `>= 1.2, <= 2.3`.
fn rewrite_hyphens(text: &str) -> String {
    let Some(pattern) = HYPHEN.as_ref() else { return text.to_string() };
    let group = |c: &regex::Captures<'_>, i| c.get(i).map_or(String::new(), |m| m.as_str().to_string());
    pattern
        .replace_all(text, |c: &regex::Captures<'_>| format!(">= {}, <= {} ", group(c, 1), group(c, 10 + 1)))
        .into_owned()
}

impl All {
    fn parse(text: &str) -> Result<All, SemverError> {
        let improper = || SemverError(format!("improper constraint: {text:?}"));
        if !VALID.as_ref().is_some_and(|r| r.is_match(text)) {
            return Err(improper());
        }
        let found: Vec<&str> =
            FIND.as_ref().map(|r| r.find_iter(text).map(|m| m.as_str()).collect()).unwrap_or_default();
        let parts = found.into_iter().map(Part::parse).collect::<Result<Vec<_>, _>>()?;
        let names_pre = parts.iter().any(|p| !p.version.pre.is_empty());
        Ok(All { parts, names_pre })
    }
}

impl Part {
    fn parse(text: &str) -> Result<Part, SemverError> {
        let improper = || SemverError(format!("improper constraint: {text:?}"));
        let found = PART.as_ref().and_then(|r| r.captures(text)).ok_or_else(improper)?;
        let group = |i: usize| found.get(i).map_or("", |m| m.as_str());
        let missing = |text: &str| matches!(text.trim_start_matches('.'), "" | "x" | "X" | "*");
        let (major, minor, patch, pre) = (group(3), group(4), group(5), group(6));
        let (version, dirty, minor_dirty, patch_dirty) = if missing(major) {
            (format!("0.0.0{pre}"), true, false, false)
        } else if missing(minor) {
            (format!("{major}.0.0{pre}"), true, true, false)
        } else if missing(patch) {
            (format!("{major}{minor}.0{pre}"), true, false, true)
        } else {
            (group(2).to_string(), false, false, false)
        };
        let version = Version::parse(&version).map_err(|_| invalid("constraint parser error"))?;
        let operator = match group(1) {
            "!=" => Operator::NotEqual,
            ">" => Operator::Greater,
            "<" => Operator::Less,
            ">=" | "=>" => Operator::GreaterEqual,
            "<=" | "=<" => Operator::LessEqual,
            "~" | "~>" => Operator::Tilde,
            "^" => Operator::Caret,
            _ if dirty => Operator::Tilde,
            _ => Operator::Equal,
        };
        Ok(Part { operator, version, dirty, minor_dirty, patch_dirty })
    }

    fn check(&self, v: &Version, with_pre: bool) -> bool {
        if !v.pre.is_empty() && !with_pre {
            return false;
        }
        let order = v.compare(&self.version);
        match self.operator {
            Operator::Equal => order.is_eq(),
            Operator::NotEqual => self.not_equal(v),
            Operator::Greater => self.greater(v),
            Operator::Less => order.is_lt(),
            Operator::GreaterEqual => order.is_ge(),
            Operator::LessEqual => self.less_equal(v),
            Operator::Tilde => order.is_ge() && self.tilde(v),
            Operator::Caret => order.is_ge() && self.caret(v),
        }
    }

    fn not_equal(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.dirty || c.major != v.major {
            return v.compare(c).is_ne();
        }
        if self.minor_dirty {
            return false;
        }
        if c.minor != v.minor || (c.patch != v.patch && !self.patch_dirty) {
            return true;
        }
        match self.patch_dirty {
            true => compare_pre(&v.pre, &c.pre).is_ne(),
            false => v.compare(c).is_ne(),
        }
    }

    fn greater(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.dirty || v.major != c.major {
            return v.compare(c).is_gt();
        }
        match (self.minor_dirty, self.patch_dirty) {
            (true, _) => false,
            (_, true) => v.minor > c.minor,
            _ => v.compare(c).is_gt(),
        }
    }

    fn less_equal(&self, v: &Version) -> bool {
        let c = &self.version;
        if !self.dirty {
            return v.compare(c).is_le();
        }
        v.major < c.major || (v.major == c.major && (v.minor <= c.minor || self.minor_dirty))
    }

    fn tilde(&self, v: &Version) -> bool {
        let c = &self.version;
        let everything = (c.major, c.minor, c.patch) == (0, 0, 0) && !self.minor_dirty && !self.patch_dirty;
        everything || (v.major == c.major && (v.minor == c.minor || self.minor_dirty))
    }

    fn caret(&self, v: &Version) -> bool {
        let c = &self.version;
        if c.major > 0 || self.minor_dirty {
            return v.major == c.major;
        }
        if v.major > 0 {
            return false;
        }
        if c.minor > 0 || self.patch_dirty {
            return v.minor == c.minor;
        }
        v.minor == 0 && v.patch == c.patch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_patterns_compile() {
        assert!([&LOOSE, &PART, &HYPHEN, &FIND, &VALID].iter().all(|p| p.is_some()));
    }

    #[test]
    fn ranges() {
        let cases = [
            (">=1.2.3", "1.2.3", true),
            (">=1.2.3", "1.3.0-beta", false),
            (">=1.2.3-0", "1.3.0-beta", true),
            ("^0.2.3", "0.2.9", true),
            ("^0.2.3", "0.3.0", false),
            ("^1", "1.9.9", true),
            ("~1.2", "1.2.9", true),
            ("~1.2", "1.3.0", false),
            ("1.x", "1.9.0", true),
            ("1.2", "1.2.7", true),
            ("*", "9.9.9", true),
            ("*", "9.9.9-rc1", false),
            (">1.2", "1.2.9", false),
            (">1.2", "1.3.0", true),
            ("<=1.2", "1.2.9", true),
            ("!=1.2", "1.2.3", false),
            ("1.2 - 1.4", "1.4.5", true),
            (">=1.0, <2.0 || >=3", "3.1.0", true),
            (">= 1.19-0", "v1.36.0", true),
            ("^0", "0.9.0", true),
            ("v1.2.3", "1.2.3+meta", true),
        ];
        for (range, version, expected) in cases {
            assert_eq!(compatible(range, version), expected, "{range} {version}");
        }
        assert!(Constraint::parse("a.b").is_err());
        assert!(Version::parse("1.2.3.4").is_err() && Version::parse("1.2.3-01").is_err());
    }

    #[test]
    fn pre_releases_in_order() {
        let order = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0"];
        for pair in order.windows(2) {
            let [a, b] = pair else { continue };
            let (a, b) = (Version::parse(a).expect("a version"), Version::parse(b).expect("a version"));
            assert!(a.compare(&b).is_lt(), "{a} {b}");
        }
    }
}
