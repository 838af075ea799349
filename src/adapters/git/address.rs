//! Where a repository is: on this disk, or behind a URL.

use crate::ports::{Fault, PortError};
use std::path::PathBuf;

/// Where a repository is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A folder of this machine, with a working tree or bare.
    Local(PathBuf),
    /// Behind a URL.
    Remote(Remote),
}

/// A repository behind a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    /// The URL, perhaps with a password in it.
    pub url: String,
    /// The URL as it may be shown.
    pub shown: String,
    /// The host, without a port.
    pub host: String,
    /// The port, where the URL names one.
    pub port: Option<u16>,
    /// The way there.
    pub scheme: Scheme,
}

/// The way to a remote repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scheme {
    /// `http:` or `https:`.
    Http,
    /// `ssh:` or `user@host:path`.
    Ssh,
}

impl Address {
    /// Understands a URL or path as a user writes it.
    pub(super) fn parse(text: &str) -> Result<Address, PortError> {
        if text.starts_with('/') {
            return Ok(Address::Local(text.into()));
        }
        match text.split_once("://") {
            Some(("file", rest)) => local(text, rest),
            Some(("http" | "https", rest)) => remote(text, rest, Scheme::Http),
            Some(("ssh" | "git+ssh" | "ssh+git", rest)) => remote(text, rest, Scheme::Ssh),
            Some((scheme, _)) => Err(PortError::new(
                Fault::Invalid,
                format!("`{}` is reached by `{scheme}:`, which is not supported", without_password(text)),
            )
            .help("use `https:`, `ssh:`, `user@host:path`, or a path")),
            None => short(text),
        }
    }
}

/// `file:///path` or `file://localhost/path`.
fn local(text: &str, rest: &str) -> Result<Address, PortError> {
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    match percent_decoded(path).filter(|path| path.starts_with('/') && !path.contains('\0')) {
        Some(path) => Ok(Address::Local(path.into())),
        None => Err(no_address(text).help("a file URL has three slashes: `file:///srv/git/app.git`")),
    }
}

fn remote(text: &str, rest: &str, scheme: Scheme) -> Result<Address, PortError> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = authority.rsplit_once('@').map_or(authority, |(_, place)| place);
    let (host, port) = match place.strip_prefix('[') {
        Some(v6) => v6.split_once(']').unwrap_or(("", "")),
        None => place.find(':').map_or((place, ""), |at| place.split_at(at)),
    };
    let port = port.strip_prefix(':').and_then(|port| port.parse().ok());
    if host.is_empty() || path.is_empty() || is_odd(text) || host.starts_with('-') {
        return Err(no_address(text));
    }
    Ok(Address::Remote(Remote { url: text.into(), shown: without_password(text), host: host.into(), port, scheme }))
}

/// `user@host:path`, as ssh writes it.
fn short(text: &str) -> Result<Address, PortError> {
    let parts = text.split_once(':').filter(|(place, path)| !place.contains('/') && !path.is_empty());
    let Some((place, _)) = parts else {
        return Err(no_address(text).help("write a URL, `user@host:path`, or an absolute path"));
    };
    let host = place.rsplit_once('@').map_or(place, |(_, host)| host);
    if host.is_empty() || host.starts_with('-') || is_odd(text) {
        return Err(no_address(text));
    }
    Ok(Address::Remote(Remote {
        url: text.into(),
        shown: text.into(),
        host: host.into(),
        port: None,
        scheme: Scheme::Ssh,
    }))
}

/// Whether there is something in it that no URL has.
fn is_odd(text: &str) -> bool {
    text.chars().any(|c| c.is_control() || c.is_whitespace())
}

fn no_address(text: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("`{}` is not the address of a git repository", without_password(text)))
}

/// A URL without the password that may be in it; a user name alone stays, unless it is likely to be a token.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return url.to_string() };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    match authority.rsplit_once('@') {
        Some((user, place)) if user.contains(':') || scheme.starts_with("http") => {
            format!("{scheme}://…@{place}{path}")
        }
        _ => url.to_string(),
    }
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = after.get(2..)?;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_what_users_write() {
        let local =
            |text| Address::parse(text).map(|a| matches!(a, Address::Local(path) if path.starts_with("/srv/my app")));
        assert_eq!(local("/srv/my app/x"), Ok(true));
        assert_eq!(local("file:///srv/my%20app/x"), Ok(true));
        assert_eq!(local("file://localhost/srv/my%20app"), Ok(true));
        let remote = |text| match Address::parse(text) {
            Ok(Address::Remote(remote)) => (remote.host, remote.shown, remote.scheme),
            other => panic!("{text}: {other:?}"),
        };
        let is = |host: &str, shown: &str, scheme| (host.to_string(), shown.to_string(), scheme);
        assert_eq!(remote("https://h.org/a.git"), is("h.org", "https://h.org/a.git", Scheme::Http));
        assert_eq!(remote("https://me:pw@h.org:8443/a"), is("h.org", "https://…@h.org:8443/a", Scheme::Http));
        assert_eq!(remote("http://[::1]:80/a"), is("::1", "http://[::1]:80/a", Scheme::Http));
        let port = |text| match Address::parse(text) {
            Ok(Address::Remote(remote)) => remote.port,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(port("ssh://git@h.org:2222/a"), Some(2222));
        assert_eq!((port("ssh://[::1]:7/a"), port("git@h.org:7/a")), (Some(7), None));
        assert_eq!(remote("ssh://git@h.org/a"), is("h.org", "ssh://git@h.org/a", Scheme::Ssh));
        assert_eq!(remote("git@h.org:a/b.git"), is("h.org", "git@h.org:a/b.git", Scheme::Ssh));
    }

    #[test]
    fn refuses_the_rest() {
        let bad =
            ["", "a/b", "./a", "git://h/a", "https://", "https://h", "file://host/x", "file:///%zz", "ext::sh -c x"];
        for text in [&bad[..], &["ssh://-oProxyCommand=x/y", "-oX:y", "https://h/a b", "git@:x"]].concat() {
            assert_eq!(Address::parse(text).expect_err(text).fault, Fault::Invalid, "{text}");
        }
        let error = Address::parse("git://me:secret@h/a").expect_err("scheme");
        assert!(!error.message.contains("secret"), "{error}");
    }
}
