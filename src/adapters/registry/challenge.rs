//! What a registry asks for with 401: `WWW-Authenticate`, as RFC 9110 writes it.

use std::collections::BTreeMap;

/// A way to be let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// A name and a password with each request.
    Basic,
    /// A token, to be had elsewhere.
    Bearer {
        /// Where.
        realm: String,
        /// What for.
        service: Option<String>,
        /// Which rights the registry names; ours are asked for where we know better.
        scope: Option<String>,
    },
}

impl Challenge {
    /// The best of those in the headers; nothing where none is known.
    pub(crate) fn best(headers: &[String]) -> Option<Challenge> {
        let all: Vec<Challenge> = headers.iter().flat_map(|header| read(header)).collect();
        all.iter().find(|c| matches!(c, Challenge::Bearer { .. })).or(all.first()).cloned()
    }
}

fn read(header: &str) -> Vec<Challenge> {
    let mut found = Vec::new();
    let mut rest = header.trim();
    while !rest.is_empty() {
        let (scheme, after) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
        let (parameters, next) = parameters(after.trim_start());
        if scheme.eq_ignore_ascii_case("basic") {
            found.push(Challenge::Basic);
        } else if scheme.eq_ignore_ascii_case("bearer") {
            let get = |name: &str| parameters.get(name).filter(|value| !value.is_empty()).cloned();
            if let Some(realm) = get("realm") {
                found.push(Challenge::Bearer { realm, service: get("service"), scope: get("scope") });
            }
        }
        rest = next;
    }
    found
}

/// `name=value` and `name="value"` with commas between, up to where another scheme begins.
fn parameters(text: &str) -> (BTreeMap<String, String>, &str) {
    let mut found = BTreeMap::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([',', ' ', '\t']);
        let end = rest.find(['=', ' ', '\t', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        let Some(value) = after.strip_prefix('=') else { return (found, rest) };
        let (value, after) = match value.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => value.split_at_checked(value.find([',', ' ']).unwrap_or(value.len())).unwrap_or((value, "")),
        };
        found.insert(name.to_ascii_lowercase(), value.to_string());
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges() {
        let bearer = |realm: &str, service: Option<&str>, scope: Option<&str>| Challenge::Bearer {
            realm: realm.into(),
            service: service.map(String::from),
            scope: scope.map(String::from),
        };
        for (headers, expected) in [
            (vec![r#"Basic realm="x""#], Some(Challenge::Basic)),
            (vec!["basic"], Some(Challenge::Basic)),
            (
                vec![r#"Bearer realm="https://a.io/token",service="r.io",scope="repository:a/b:pull,push""#],
                Some(bearer("https://a.io/token", Some("r.io"), Some("repository:a/b:pull,push"))),
            ),
            (vec![r#"Basic realm="x", Bearer realm="https://a.io/t""#], Some(bearer("https://a.io/t", None, None))),
            (vec!["Basic", "BEARER realm=https://a.io/t, service=s"], Some(bearer("https://a.io/t", Some("s"), None))),
            (vec!["Bearer"], None),
            (vec!["Negotiate"], None),
            (vec![r#"Bearer realm="x"#], Some(bearer("x", None, None))),
            (vec![",,= ,\""], None),
            (vec![], None),
        ] {
            let headers: Vec<String> = headers.into_iter().map(String::from).collect();
            assert_eq!(Challenge::best(&headers), expected, "{headers:?}");
        }
    }
}
