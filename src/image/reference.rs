//! References to images: `registry/repository:tag@digest`, in the grammar of the distribution project's `reference`
//! package, with Docker's short forms for Docker Hub.

use crate::digest::Digest;
use std::fmt;
use std::ops::Range;

/// Docker Hub, which is meant where no registry is named.
const HUB: &str = "docker.io";
/// Docker Hub's repositories of one word are below this.
const LIBRARY: &str = "library/";
/// The longest name of a repository with its registry.
const NAME: usize = 255;
/// The longest tag.
const TAG: usize = 128;

/// A reference in its full form.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The registry's host, with its port where it has one.
    pub domain: String,
    /// The repository in the registry.
    pub path: String,
    /// The tag.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Option<Digest>,
}

/// What is wrong with a reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ReferenceError {
    /// What, in words.
    pub message: String,
    /// Which bytes of the text it is about.
    pub range: Range<usize>,
}

impl ReferenceError {
    fn new(message: impl Into<String>, range: Range<usize>) -> ReferenceError {
        ReferenceError { message: message.into(), range }
    }
}

impl Reference {
    /// Reads a reference.
    pub fn parse(text: &str) -> Result<Reference, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::new("the image has no name", 0..0));
        }
        if let Some((at, c)) = text.char_indices().find(|(_, c)| c.is_whitespace() || c.is_control()) {
            return Err(ReferenceError::new("an image's name has no white space", at..at + c.len_utf8()));
        }
        let (rest, digest) = split_digest(text)?;
        let (name, tag) = split_tag(rest)?;
        let (domain, path, start) = split_domain(name);
        if let Some(domain) = domain {
            check_domain(domain)?;
        }
        check_path(path, start)?;
        let domain = domain.filter(|domain| *domain != "index.docker.io").unwrap_or(HUB);
        let library = if domain == HUB && !path.contains('/') { LIBRARY } else { "" };
        let reference = Reference { domain: domain.to_string(), path: format!("{library}{path}"), tag, digest };
        if reference.repository().len() > NAME {
            return Err(ReferenceError::new(format!("the name is longer than {NAME} characters"), 0..name.len()));
        }
        Ok(reference)
    }

    /// The registry and the repository.
    pub fn repository(&self) -> String {
        format!("{}/{}", self.domain, self.path)
    }

    /// As Docker shows it: without what is understood.
    pub fn familiar(&self) -> String {
        let text = self.to_string();
        let Some(short) = text.strip_prefix(HUB).and_then(|text| text.strip_prefix('/')) else { return text };
        short.strip_prefix(LIBRARY).unwrap_or(short).to_string()
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.domain, self.path)?;
        self.tag.iter().try_for_each(|tag| write!(f, ":{tag}"))?;
        self.digest.iter().try_for_each(|digest| write!(f, "@{digest}"))
    }
}

impl std::str::FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Reference, ReferenceError> {
        Reference::parse(text)
    }
}

/// Takes `@sha256:…` off the end.
fn split_digest(text: &str) -> Result<(&str, Option<Digest>), ReferenceError> {
    let Some((rest, digest)) = text.split_once('@') else { return Ok((text, None)) };
    let range = rest.len() + 1..text.len();
    let bad = "behind the `@` belongs `sha256:` and 64 hexadecimal digits";
    match digest.parse() {
        Ok(digest) => Ok((rest, Some(digest))),
        Err(_) => Err(ReferenceError::new(bad, range)),
    }
}

/// Takes `:tag` off the end; a colon before the last slash belongs to a port.
fn split_tag(text: &str) -> Result<(&str, Option<String>), ReferenceError> {
    let slash = text.rfind('/').map_or(0, |at| at + 1);
    let Some(at) = text.get(slash..).and_then(|last| last.find(':')).map(|at| at + slash) else {
        return Ok((text, None));
    };
    let (name, tag) = text.split_at_checked(at).unwrap_or((text, ""));
    let tag = tag.trim_start_matches(':');
    match tag_fault(tag) {
        None => Ok((name, Some(tag.to_string()))),
        Some(why) => Err(ReferenceError::new(why, at + 1..text.len())),
    }
}

/// What is wrong with a tag.
pub(super) fn tag_fault(tag: &str) -> Option<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if tag.is_empty() {
        return Some("the tag is empty".to_string());
    }
    if tag.len() > TAG {
        return Some(format!("the tag is longer than {TAG} characters"));
    }
    if !tag.starts_with(word) {
        return Some("a tag starts with a letter, a digit or `_`".to_string());
    }
    let strange = tag.chars().find(|&c| !(word(c) || c == '.' || c == '-'))?;
    Some(format!("a tag has no `{strange}`, only letters, digits, `_`, `.` and `-`"))
}

/// The registry, where the first part is one; the repository; and where that starts.
fn split_domain(name: &str) -> (Option<&str>, &str, usize) {
    let Some((first, rest)) = name.split_once('/') else { return (None, name, 0) };
    let host = first.contains(['.', ':']) || first == "localhost" || first.contains(|c: char| c.is_ascii_uppercase());
    if host { (Some(first), rest, first.len() + 1) } else { (None, name, 0) }
}

/// Checks `host` or `host:port`.
fn check_domain(domain: &str) -> Result<(), ReferenceError> {
    let whole = 0..domain.len();
    let (host, port) = match domain.strip_prefix('[').and_then(|tail| tail.split_once(']')) {
        Some((address, port)) => {
            let good = address.parse::<std::net::Ipv6Addr>().is_ok() && (port.is_empty() || port.starts_with(':'));
            if !good {
                return Err(ReferenceError::new(format!("`{domain}` is no address of a registry"), whole));
            }
            (None, port.strip_prefix(':'))
        }
        None => {
            let (host, port) = domain.split_once(':').map_or((domain, None), |(host, port)| (host, Some(port)));
            (Some(host), port)
        }
    };
    if let Some(port) = port.filter(|port| port.parse::<u16>().is_err()) {
        let start = domain.len() - port.len();
        return Err(ReferenceError::new(format!("`{port}` is no port"), start..domain.len()));
    }
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match host.filter(|host| !host.split('.').all(label)) {
        Some(host) => Err(ReferenceError::new(format!("`{host}` is no name of a registry"), 0..host.len())),
        None => Ok(()),
    }
}

/// Checks the repository, which starts at that offset of the text.
fn check_path(path: &str, start: usize) -> Result<(), ReferenceError> {
    if path.is_empty() {
        return Err(ReferenceError::new("the repository is empty", start..start));
    }
    let mut at = start;
    for part in path.split('/') {
        if let Some(why) = part_fault(part) {
            return Err(ReferenceError::new(why, at..at + part.len()));
        }
        at += part.len() + 1;
    }
    let hexadecimal = path.len() == 64 && path.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if hexadecimal {
        let why = "64 hexadecimal digits are an identifier, not a name; write `name@sha256:…`";
        return Err(ReferenceError::new(why, start..start + path.len()));
    }
    Ok(())
}

/// What is wrong with one part of a repository: words of small letters and digits, between them one `.`, one or two
/// `_`, or any number of `-`.
fn part_fault(part: &str) -> Option<String> {
    if part.is_empty() {
        return Some("a part of the repository is empty".to_string());
    }
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    if let Some(strange) = part.chars().find(|&c| !(word(c) || "._-".contains(c))) {
        let lower = if strange.is_ascii_uppercase() { "; write it in small letters" } else { "" };
        return Some(format!("a repository's name has no `{strange}`{lower}"));
    }
    if !part.starts_with(word) || !part.ends_with(word) {
        return Some(format!("`{part}` must start and end with a letter or digit"));
    }
    let separator = part
        .split(word)
        .find(|between| !(matches!(*between, "" | "." | "_" | "__") || between.bytes().all(|b| b == b'-')))?;
    Some(format!("`{separator}` cannot stand inside a repository's name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn reads() {
        for (text, full, familiar) in [
            ("alpine", "docker.io/library/alpine", "alpine"),
            ("alpine:3.20", "docker.io/library/alpine:3.20", "alpine:3.20"),
            ("acme/app", "docker.io/acme/app", "acme/app"),
            ("index.docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("docker.io/alpine", "docker.io/library/alpine", "alpine"),
            ("localhost/app", "localhost/app", "localhost/app"),
            ("localhost:5000/app:1", "localhost:5000/app:1", "localhost:5000/app:1"),
            ("registry.example.com/a/b__c.d--e:V_1.2-x", "registry.example.com/a/b__c.d--e:V_1.2-x", ""),
            ("[::1]:5000/a", "[::1]:5000/a", ""),
            ("[::1]/a", "[::1]/a", ""),
            ("REG/a", "REG/a", ""),
        ] {
            let reference = Reference::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!(reference.to_string(), full);
            assert_eq!(reference.familiar(), if familiar.is_empty() { full } else { familiar });
            let pinned = Reference::parse(&format!("{text}@{DIGEST}")).unwrap();
            assert_eq!((pinned.digest.map(|d| d.to_string()).as_deref(), pinned.tag), (Some(DIGEST), reference.tag));
            assert_eq!(Reference::parse(full), Reference::parse(&Reference::parse(full).unwrap().to_string()));
        }
    }

    #[test]
    fn refuses_with_the_range() {
        for (text, range) in [
            ("", 0..0),
            ("a b", 1..2),
            ("Alpine", 0..6),
            ("reg.io/Acme/app", 7..11),
            ("reg.io/acme//app", 12..12),
            ("reg.io/", 7..7),
            ("reg.io:x/app", 7..8),
            ("reg.io:99999/app", 7..12),
            ("-x.io/app", 0..5),
            ("a:", 2..2),
            ("a:-x", 2..4),
            ("a:x+y", 2..5),
            ("a:b:c", 2..5),
            ("a@sha256:12", 2..11),
            ("a@", 2..2),
            ("a_.b", 0..4),
            ("a.", 0..2),
            ("a/b-", 2..4),
            ("a___b", 0..5),
            ("[::g]/a", 0..5),
            ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", 0..64),
        ] {
            let error = Reference::parse(text).expect_err(text);
            assert_eq!(error.range, range, "{text}: {error}");
        }
        assert!(Reference::parse(&format!("a:{}", "x".repeat(129))).is_err());
        assert!(Reference::parse("a/".repeat(200).trim_end_matches('/')).is_err());
    }
}
