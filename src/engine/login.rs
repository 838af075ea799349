//! What lets in to a registry, out of a secret: `user:password`, or the JSON of a Docker configuration.

use crate::ports::sources::Credentials;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What lets in to the registry of that image; nothing where the secret knows none for it.
pub(super) fn of(secret: &str, image: &str) -> Option<Credentials> {
    let secret = secret.trim();
    if !secret.starts_with('{') {
        return pair(secret);
    }
    let config: Value = serde_json::from_str(secret).ok()?;
    let entry = config.get("auths")?.as_object()?.iter().find(|(name, _)| host(name) == registry(image))?.1;
    let text = |name: &str| entry.get(name).and_then(Value::as_str);
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => {
            Some(Credentials { username: username.to_string(), password: password.to_string() })
        }
        _ => pair(&String::from_utf8(STANDARD.decode(text("auth")?).ok()?).ok()?),
    }
}

fn pair(text: &str) -> Option<Credentials> {
    let (username, password) = text.split_once(':')?;
    Some(Credentials { username: username.to_string(), password: password.to_string() })
}

/// The host in an address such as `https://index.docker.io/v1/`.
fn host(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split('/').next().unwrap_or_default();
    if host == "index.docker.io" { "docker.io" } else { host }
}

/// The registry in an image's name, as Docker reads it.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((first, _)) if first.contains(['.', ':']) || first == "localhost" => first,
        _ => "docker.io",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_pair_and_of_a_docker_configuration() {
        let found = |secret: &str, image: &str| of(secret, image).map(|c| format!("{}/{}", c.username, c.password));
        assert_eq!(found("u:p:q\n", "r.example.com/a"), Some("u/p:q".into()));
        assert_eq!(found("token", "r.example.com/a"), None);
        let config = r#"{"auths": {"r.example.com": {"auth": "dTpw"}, "https://index.docker.io/v1/": {"username": "d", "password": "e"}}}"#;
        assert_eq!(found(config, "r.example.com/a@sha256:00"), Some("u/p".into()));
        assert_eq!(found(config, "busybox"), Some("d/e".into()));
        assert_eq!(found(config, "other.example.com/a"), None);
        assert_eq!(found("{", "a"), None);
    }
}
