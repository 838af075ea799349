//! URLs, as Go's `net/url` takes them apart and puts them together.

use super::args::{Outcome, chars, map};
use crate::helm::template::Param::{Map as MapParam, String as Text};
use crate::helm::template::{Context, FuncError, FuncSpec};
use crate::helm::value::{Map, Value};

pub(super) const FUNCTIONS: &[FuncSpec] =
    &[FuncSpec::fixed("urlParse", &[Text], parse), FuncSpec::fixed("urlJoin", &[MapParam], join)];

/// The parts of a URL, decoded.
#[derive(Default)]
struct Url {
    scheme: String,
    opaque: String,
    user: Option<(String, Option<String>)>,
    host: String,
    path: String,
    query: String,
    fragment: String,
}

/// Where a text stands in a URL: what needs no escape depends on it.
#[derive(Clone, Copy, PartialEq)]
enum Part {
    Path,
    User,
    Host,
    Fragment,
}

fn parse(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let text = chars(args, 0);
    let url = Url::parse(&text).map_err(|e| FuncError::Message(format!("unable to parse url: parse {text:?}: {e}")))?;
    let user = url.user.as_ref().map(print_user).unwrap_or_default();
    let host = url.host.clone();
    Ok(Value::map([
        ("scheme", Value::from(url.scheme)),
        ("host", Value::from(url.host)),
        ("hostname", Value::from(hostname(&host).to_string())),
        ("path", Value::from(url.path)),
        ("query", Value::from(url.query)),
        ("opaque", Value::from(url.opaque)),
        ("fragment", Value::from(url.fragment)),
        ("userinfo", Value::from(user)),
    ]))
}

fn join(_: &mut Context<'_>, args: &[Value]) -> Outcome {
    let parts = map(args, 0);
    let mut url = Url {
        scheme: part(&parts, "scheme")?,
        host: part(&parts, "host")?,
        path: part(&parts, "path")?,
        query: part(&parts, "query")?,
        opaque: part(&parts, "opaque")?,
        fragment: part(&parts, "fragment")?,
        user: None,
    };
    let user = part(&parts, "userinfo")?;
    if !user.is_empty() {
        let inner = Url::parse(&format!("proto://{user}@host"));
        url.user = inner.map_err(|e| FuncError::Message(format!("unable to parse userinfo in dict: {e}")))?.user;
    }
    Ok(Value::from(url.print()))
}

fn part(parts: &Map, name: &str) -> Result<String, FuncError> {
    match parts.get(name) {
        None => Ok(String::new()),
        Some(Value::Str(text)) => Ok(text.to_text().into_owned()),
        Some(other) => {
            let kind = other.kind().name();
            Err(FuncError::Message(format!("unable to parse {name} key, must be of type string, but {kind} found")))
        }
    }
}

fn hostname(host: &str) -> &str {
    if let Some((inner, _)) = host.strip_prefix('[').and_then(|h| h.split_once(']')) {
        return inner;
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn print_user((name, password): &(String, Option<String>)) -> String {
    let name = escape(name, Part::User);
    password.as_ref().map_or(name.clone(), |p| format!("{name}:{}", escape(p, Part::User)))
}

impl Url {
    fn parse(text: &str) -> Result<Url, String> {
        if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err("net/url: invalid control character in URL".to_string());
        }
        let (rest, fragment) = text.split_once('#').unwrap_or((text, ""));
        let mut url = Url { fragment: unescape(fragment)?, ..Url::default() };
        let (scheme, rest) = scheme(rest)?;
        url.scheme = scheme.to_ascii_lowercase();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        url.query = query.to_string();
        if !rest.starts_with('/') && !url.scheme.is_empty() {
            url.opaque = rest.to_string();
            return Ok(url);
        }
        if url.scheme.is_empty() && rest.split('/').next().is_some_and(|first| first.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_string());
        }
        let mut path = rest;
        if let Some(body) = rest.strip_prefix("//").filter(|_| !url.scheme.is_empty() || !rest.starts_with("///")) {
            let cut = body.find('/').unwrap_or(body.len());
            url.authority(&body[..cut])?;
            path = &body[cut..];
        }
        url.path = unescape(path)?;
        Ok(url)
    }

    fn authority(&mut self, text: &str) -> Result<(), String> {
        let (user, host) = text.rsplit_once('@').map_or((None, text), |(user, host)| (Some(user), host));
        if let Some(user) = user {
            let (name, password) = user.split_once(':').map_or((user, None), |(n, p)| (n, Some(p)));
            self.user = Some((unescape(name)?, password.map(unescape).transpose()?));
        }
        let port = if host.starts_with('[') {
            host.split_once(']').ok_or("missing ']' in host")?.1
        } else {
            host.rfind(':').map_or("", |i| &host[i..])
        };
        let is_port = |port: &str| port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()));
        if !port.is_empty() && !is_port(port) {
            return Err(format!("invalid port {port:?} after host"));
        }
        self.host = unescape(host)?;
        Ok(())
    }

    fn print(&self) -> String {
        let mut out = String::new();
        if !self.scheme.is_empty() {
            out.push_str(&self.scheme);
            out.push(':');
        }
        if !self.opaque.is_empty() {
            out.push_str(&self.opaque);
        } else {
            if !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some() {
                if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                    out.push_str("//");
                }
                if let Some(user) = &self.user {
                    out.push_str(&print_user(user));
                    out.push('@');
                }
                out.push_str(&escape(&self.host, Part::Host));
            }
            let path = escape(&self.path, Part::Path);
            if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
                out.push('/');
            }
            if out.is_empty() && path.split('/').next().is_some_and(|first| first.contains(':')) {
                out.push_str("./");
            }
            out.push_str(&path);
        }
        if !self.query.is_empty() {
            out.push('?');
            out.push_str(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push('#');
            out.push_str(&escape(&self.fragment, Part::Fragment));
        }
        out
    }
}

fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if i > 0 => {}
            ':' if i == 0 => return Err("missing protocol scheme".to_string()),
            ':' => return Ok((&text[..i], &text[i + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn unescape(text: &str) -> Result<String, String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes().enumerate();
    while let Some((i, byte)) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let hex = text.get(i + 1..i + 3).and_then(|h| u8::from_str_radix(h, 16).ok());
        out.push(hex.ok_or_else(|| {
            let shown: String = text[i..].chars().take(3).collect();
            format!("invalid URL escape {shown:?}")
        })?);
        bytes.nth(1);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn escape(text: &str, part: Part) -> String {
    let plain = |b: u8| {
        b.is_ascii_alphanumeric()
            || b"-_.~".contains(&b)
            || match part {
                Part::Path => b"$&+,/:;=@!'()*".contains(&b) && !b"!'()*".contains(&b),
                Part::User => b"$&+,;=".contains(&b),
                Part::Host => b"!$&'()*+,;=:[]<>\"".contains(&b),
                Part::Fragment => b"$&+,/:;=?@!()*".contains(&b),
            }
    };
    let mut out = String::new();
    for byte in text.bytes() {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}
