//! URLs of repositories and of what is called.

use super::{Format, Wrong, first_outside};
use crate::diag::codes;
use crate::model::source::is_path;

/// Where a git repository is.
pub static GIT_URL: Format = Format {
    placeholder: "URL",
    is: "the place of a git repository",
    prose: "`https://…`, `ssh://…`, `user@host:path`, `file:///…`, or a path relative to the pipeline file",
    code: &codes::BAD_URL,
    check: check_git,
};

/// Where charts are.
pub static REPO_URL: Format = Format {
    placeholder: "URL",
    is: "the URL of a chart repository",
    prose: "`https://…` or `oci://…`",
    code: &codes::BAD_URL,
    check: |text| check_scheme(text, &["https", "http", "oci"]),
};

/// The parts of a URL that are looked at here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    /// What stands before `://`.
    pub scheme: &'a str,
    /// What stands before the `@`, if there is one.
    pub user: Option<&'a str>,
    /// The host with its port.
    pub host: &'a str,
    /// All behind the host.
    pub rest: &'a str,
}

/// Takes a URL apart; nothing where the text is none. Whether its parts are well-formed is not looked at.
pub fn parse_url(text: &str) -> Option<Url<'_>> {
    let colon =
        memchr::memchr_iter(b':', text.as_bytes()).find(|at| text.get(*at..).is_some_and(|t| t.starts_with("://")))?;
    let (scheme, behind) = (text.get(..colon)?, text.get(colon + 3..)?);
    let end = memchr::memchr3(b'/', b'?', b'#', behind.as_bytes()).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at(end);
    let (user, host) = match memchr::memrchr(b'@', authority.as_bytes()) {
        Some(at) => (authority.get(..at), authority.get(at + 1..)?),
        None => (None, authority),
    };
    Some(Url { scheme, user, host, rest })
}

fn check_git(text: &str) -> Result<(), Wrong> {
    if is_path(text) || is_scp(text) {
        return first_outside(text, |c| !c.is_control());
    }
    if !text.as_bytes().contains(&b':') {
        let wrong = Wrong::new("it is neither a URL nor a path");
        return Err(if text.is_empty() { Wrong::new("it is empty") } else { wrong.meant(format!("./{text}")) });
    }
    check_scheme(text, &["https", "http", "ssh", "git", "file"])
}

/// Whether it is `user@host:path`, as git and ssh write it.
fn is_scp(text: &str) -> bool {
    let (before, path) = text.as_bytes().split_at(memchr::memchr(b':', text.as_bytes()).unwrap_or(0));
    if path.starts_with(b"://") {
        return false;
    }
    let host = |at: usize| at > 0 && before.get(at + 1..).is_some_and(|h| !h.is_empty() && !h.contains(&b'/'));
    memchr::memchr(b'@', before).is_some_and(host)
}

/// The bytes that most URLs are of.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut at: u8 = 0;
    while at < 0x80 {
        plain[at as usize] = at.is_ascii_alphanumeric() || matches!(at, b'-' | b'.' | b'/' | b':' | b'_');
        at += 1;
    }
    plain
};

fn check_scheme(text: &str, schemes: &[&str]) -> Result<(), Wrong> {
    let is_odd = |c: char| matches!(c, '\0'..=' ' | '<' | '>' | '"' | '\\' | '^' | '`' | '{' | '|' | '}' | '\x7F');
    if !text.bytes().all(|b| PLAIN[usize::from(b)]) {
        first_outside(text, |c| !is_odd(c) && (c.is_ascii() || !c.is_whitespace() && !c.is_control()))?;
    }
    let Some(url) = parse_url(text) else {
        return Err(Wrong::new("it has no scheme").meant(format!("https://{text}")));
    };
    if !schemes.contains(&url.scheme) {
        let near = crate::diag::did_you_mean(url.scheme, schemes.iter().copied());
        let wrong = Wrong::new(format!("`{}` is no scheme that is read here", url.scheme)).at(0..url.scheme.len());
        let behind = text.strip_prefix(url.scheme).unwrap_or_default();
        return Err(near.map_or(wrong.clone(), |near| wrong.meant(format!("{near}{behind}"))));
    }
    let start = url.scheme.len() + 3 + url.user.map_or(0, |u| u.len() + 1);
    check_host(url.host, url.scheme == "file").map_err(|why| Wrong::new(why).at(start..start + url.host.len()))
}

/// A host name or an address, with its port.
fn check_host(text: &str, may_be_empty: bool) -> Result<(), String> {
    let port = memchr::memrchr(b':', text.as_bytes()).filter(|_| !text.ends_with(']'));
    let (host, port) = port.and_then(|at| Some((text.get(..at)?, text.get(at + 1..)))).unwrap_or((text, None));
    if port.is_some_and(|p| p.parse::<u16>().is_err()) {
        return Err(format!("`{}` is no port", port.unwrap_or_default()));
    }
    let address = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    let name = |h: &str| h.as_bytes().split(|b| *b == b'.').all(is_host_label);
    let good = match address {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => name(host.strip_suffix('.').unwrap_or(host)),
    };
    if good || (may_be_empty && text.is_empty()) { Ok(()) } else { Err(format!("`{text}` is no host")) }
}

fn is_host_label(label: &[u8]) -> bool {
    // `_` is no part of a host's name by the standard, and some have it all the same.
    let inner = |b: &u8| b.is_ascii_alphanumeric() || *b == b'-' || *b == b'_';
    matches!(label.len(), 1..=63) && label.iter().all(inner) && !label.starts_with(b"-") && !label.ends_with(b"-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn git_takes_urls_and_paths() {
        for good in [
            "https://git.example.com/acme/mi-app.git",
            "ssh://git@host:2222/a.git",
            "git@github.com:acme/app.git",
            "file:///srv/app.git",
            "./app",
            "../app.git",
            ".",
            "/srv/app",
            "https://[::1]:8080/a",
        ] {
            assert_eq!(check_git(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "app",
            "https://",
            "https://a b/c",
            "https://host:99999/x",
            "ftp://host/x",
            "http//host",
            "https://-a/x",
        ] {
            assert!(check_git(bad).is_err(), "{bad}");
        }
        assert_eq!(check_git("app").err().and_then(|w| w.meant), Some("./app".into()));
        assert_eq!(check_git("htps://h/x").err().and_then(|w| w.meant), Some("https://h/x".into()));
    }

    #[test]
    fn a_url_has_parts() {
        let url = Url { scheme: "https", user: Some("u:p"), host: "h:1", rest: "/a?b" };
        assert_eq!(parse_url("https://u:p@h:1/a?b"), Some(url));
        assert_eq!(parse_url("h/a"), None);
    }
}
