//! Image repositories, tags, platforms and version ranges.

use super::{Format, Wrong, first_outside};
use crate::diag::codes;
use crate::model::source::is_path;

/// The repository of an image.
pub static IMAGE: Format = Format {
    placeholder: "REPOSITORY",
    is: "the repository of an image",
    prose: "`registry.example.com/team/name`, without tag and digest; a path (`./…`) is an OCI layout folder",
    code: &codes::BAD_IMAGE,
    check: check_repository,
};

/// A rule by which one tag is chosen.
pub static TAG: Format = Format {
    placeholder: "TAG",
    is: "a tag, a glob over tags or a version range",
    prose: "`1.2.3`, `1.2.*`, `~1.2`, `>=1.2, <2`; of several the highest version is taken",
    code: &codes::BAD_TAG,
    check: check_tag,
};

/// A range of versions.
pub static VERSION_RANGE: Format = Format {
    placeholder: "RANGE",
    is: "a version range",
    prose: "`1.2.3`, `~1.2`, `^1.2`, `1.2.x`, `>=1.2, <2`, `1.2 - 1.4`, `~1 || ~2`",
    code: &codes::BAD_VERSION_RANGE,
    check: check_range,
};

/// A platform.
pub static PLATFORM: Format = Format {
    placeholder: "PLATFORM",
    is: "a platform",
    prose: "operating system and architecture, as `linux/amd64` or `linux/arm/v7`",
    code: &codes::BAD_PLATFORM,
    check: |text| {
        first_outside(text, |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '/' || c == '_')?;
        let parts: Vec<&str> = text.split('/').collect();
        let complete = matches!(parts.len(), 2 | 3) && parts.iter().all(|p| !p.is_empty());
        if complete { Ok(()) } else { Err(Wrong::new("it is not an operating system and an architecture")) }
    },
};

fn check_repository(text: &str) -> Result<(), Wrong> {
    if text.is_empty() {
        return Err(Wrong::new("it is empty"));
    }
    if is_path(text) {
        return first_outside(text, |c| !c.is_control());
    }
    if memchr::memchr2(b':', b'@', text.as_bytes()).is_some() {
        if let Some((scheme, rest)) = text.split_once("://") {
            return Err(Wrong::new("a repository has no scheme").at(0..scheme.len() + 3).meant(rest));
        }
        if let Some((name, _)) = text.split_once('@') {
            let wrong = Wrong::new("a digest does not belong to the repository");
            return Err(wrong.at(name.len()..text.len()).meant(name));
        }
    }
    let (registry, path) = split_registry(text);
    let start = text.len() - path.len();
    if let Some(name) = memchr::memchr(b':', path.as_bytes()).and_then(|at| path.get(..at)) {
        let name = registry.map_or(name.to_string(), |r| format!("{r}/{name}"));
        return Err(Wrong::new("a tag does not belong to the repository").at(name.len()..text.len()).meant(name));
    }
    let small = || registry.map_or(String::new(), |r| format!("{r}/")) + &path.to_ascii_lowercase();
    let mut at = start;
    for part in path.split('/') {
        if !is_component(part) {
            let wrong = Wrong::new(format!("`{part}` is no part of a repository's name")).at(at..at + part.len());
            let lower = part.to_ascii_lowercase();
            return Err(if is_component(&lower) { wrong.meant(small()) } else { wrong });
        }
        at += part.len() + 1;
    }
    let port = registry.and_then(|r| r.rsplit_once(':')).map(|(_, port)| port);
    match port {
        Some(port) if port.parse::<u16>().is_err() => Err(Wrong::new(format!("`{port}` is no port"))),
        _ => Ok(()),
    }
}

/// The registry, where the first part names one, and the rest: what has a dot or a port, or is `localhost`.
fn split_registry(text: &str) -> (Option<&str>, &str) {
    let slash = memchr::memchr(b'/', text.as_bytes());
    match slash.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)?))) {
        Some((first, rest)) if first.bytes().any(|b| matches!(b, b'.' | b':')) || first == "localhost" => {
            (Some(first), rest)
        }
        _ => (None, text),
    }
}

/// Small letters and digits, with `.`, `_`, `__` or dashes between, as the OCI distribution specification has it.
fn is_component(part: &str) -> bool {
    let alphanumeric = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let part = part.as_bytes();
    let ends = part.first().is_some_and(alphanumeric) && part.last().is_some_and(alphanumeric);
    let separator = |s: &[u8]| matches!(s, b"" | b"." | b"_" | b"__") || s.iter().all(|b| *b == b'-');
    ends && (part.iter().all(alphanumeric) || part.split(alphanumeric).all(separator))
}

fn check_tag(text: &str) -> Result<(), Wrong> {
    if is_range(text) {
        return check_range(text);
    }
    first_outside(text, |c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '?'))?;
    match text {
        "" => Err(Wrong::new("it is empty")),
        _ if text.starts_with(['.', '-']) => Err(Wrong::new("a tag does not start so").at(0..1)),
        _ if text.len() > 128 => Err(Wrong::new("a tag has at most 128 characters")),
        _ => Ok(()),
    }
}

/// Whether a rule for tags is a version range, and not a tag or a glob: one of the signs of ranges stands in it.
pub fn is_range(text: &str) -> bool {
    text.bytes().any(|b| matches!(b, b'~' | b'^' | b'<' | b'>' | b'=' | b'|' | b',' | b' ' | b'!'))
}

/// Ranges as Masterminds/semver reads them, which is what Helm does.
fn check_range(text: &str) -> Result<(), Wrong> {
    if text.trim().is_empty() {
        return Err(Wrong::new("it is empty"));
    }
    if !text.bytes().any(|b| matches!(b, b'|' | b',' | b' ')) {
        return check_comparators(text);
    }
    for either in text.split("||") {
        if either.trim().is_empty() {
            return Err(Wrong::new("there is nothing on one side of `||`"));
        }
        let hyphen: Vec<&str> = either.split(" - ").collect();
        match hyphen.as_slice() {
            [low, high] => [low, high].into_iter().try_for_each(|v| check_version(v.trim()))?,
            _ => either.split(',').try_for_each(check_comparators)?,
        }
    }
    Ok(())
}

/// One or more comparators with blanks between; a blank may also stand behind the operator.
fn check_comparators(text: &str) -> Result<(), Wrong> {
    let mut words = text.split_ascii_whitespace().peekable();
    if words.peek().is_none() {
        return Err(Wrong::new("a part of it is empty"));
    }
    while let Some(word) = words.next() {
        let version = word.trim_start_matches(['=', '!', '<', '>', '~', '^']);
        let operator = word.strip_suffix(version).unwrap_or_default();
        if !matches!(operator, "" | "=" | "!=" | ">" | "<" | ">=" | "=>" | "<=" | "=<" | "~" | "~>" | "^") {
            return Err(Wrong::new(format!("`{operator}` is no comparison")));
        }
        let version = if version.is_empty() { words.next().unwrap_or_default() } else { version };
        check_version(version)?;
    }
    Ok(())
}

/// A version of one to three numbers or wildcards, with a pre-release and build metadata.
fn check_version(text: &str) -> Result<(), Wrong> {
    let bad = || Wrong::new(format!("`{text}` is no version"));
    let plain = text.strip_prefix('v').unwrap_or(text);
    let (plain, build) = plain.split_once('+').map_or((plain, None), |(p, b)| (p, Some(b)));
    let (numbers, pre) = plain.split_once('-').map_or((plain, None), |(n, p)| (n, Some(p)));
    let identifier = |i: &str| !i.is_empty() && i.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let number = |n: &str| matches!(n, "x" | "X" | "*") || (!n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    let parts = numbers.split('.').count();
    let good = (1..=3).contains(&parts)
        && numbers.split('.').all(number)
        && pre.is_none_or(|p| p.split('.').all(identifier))
        && build.is_none_or(|b| b.split('.').all(identifier));
    if good { Ok(()) } else { Err(bad()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repositories() {
        for good in [
            "nginx",
            "library/nginx",
            "registry.example.com/wso2/wso2mi",
            "localhost:5000/a/b",
            "a/b__c/d-e",
            "./layout",
        ] {
            assert_eq!(check_repository(good), Ok(()), "{good}");
        }
        let meant = |text: &str| check_repository(text).err().map(|w| w.meant.unwrap_or_default());
        assert_eq!(meant("nginx:1.2"), Some("nginx".into()));
        assert_eq!(meant("nginx@sha256:abc"), Some("nginx".into()));
        assert_eq!(meant("https://r.io/a"), Some("r.io/a".into()));
        assert_eq!(meant("r.io/Acme/App"), Some("r.io/acme/app".into()));
        for bad in ["", "a//b", "a/-b", "r.io:x/a", "a___b", "a b"] {
            assert!(meant(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn tags_and_ranges() {
        for good in
            ["latest", "1.2.*", "v1", "~1.2", ">=1.2, <2", ">= 1.2 <2", "*", "^1.2.3-rc.1", "~1 || ~2", "1.2 - 1.4"]
        {
            assert_eq!(check_tag(good), Ok(()), "{good}");
        }
        for bad in ["", ".x", "a b", "~", "~x.y.z.q", ">>1", "~1 ||", "1.2 -", "a:b"] {
            assert!(check_tag(bad).is_err(), "{bad}");
        }
        assert!(check_range("1.2.x").is_ok() && check_range("1.2.y").is_err());
    }
}
