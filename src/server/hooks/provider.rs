//! Who sends a webhook, known by its headers, and how each of them proves that it is them.

use super::super::tokens::same;
use crate::digest::Digest;
use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

/// Who sends a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Provider {
    /// GitHub, and whatever speaks as it does.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea, Forgejo, Gogs.
    Gitea,
    /// Bitbucket, in the cloud or one's own.
    Bitbucket,
    /// Docker Hub.
    DockerHub,
    /// Harbor.
    Harbor,
    /// A registry that follows the distribution specification.
    Distribution,
    /// Anything else.
    Generic,
}

impl Provider {
    /// Its name, as it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Provider::GitHub => "github",
            Provider::GitLab => "gitlab",
            Provider::Gitea => "gitea",
            Provider::Bitbucket => "bitbucket",
            Provider::DockerHub => "docker-hub",
            Provider::Harbor => "harbor",
            Provider::Distribution => "distribution",
            Provider::Generic => "generic",
        }
    }

    /// Who sends this. Gitea and its kin also say what GitHub says, so they are asked first.
    pub fn of(headers: &HeaderMap, body: &[u8]) -> Provider {
        let has = |name: &str| headers.contains_key(name);
        if has("x-gitea-event") || has("x-forgejo-event") || has("x-gogs-event") {
            Provider::Gitea
        } else if has("x-gitlab-event") {
            Provider::GitLab
        } else if has("x-github-event") {
            Provider::GitHub
        } else if has("x-event-key") {
            Provider::Bitbucket
        } else if text(headers, "content-type").starts_with("application/vnd.docker.distribution.events") {
            Provider::Distribution
        } else {
            by_body(body)
        }
    }

    /// Whether somebody who knows the secret sent this: by a signature over the body, or by the secret itself where a
    /// provider knows nothing better. `asked` is what stands behind `token=` in the address.
    pub fn verify(self, headers: &HeaderMap, body: &[u8], secret: &str, asked: Option<&str>) -> bool {
        let is = |said: &str| same(said.as_bytes(), secret.as_bytes());
        let authorization = text(headers, "authorization");
        let bearer = authorization.strip_prefix("Bearer ").unwrap_or(authorization);
        match self {
            Provider::GitHub => signed(text(headers, "x-hub-signature-256"), body, secret),
            Provider::Gitea => {
                let names = ["x-forgejo-signature", "x-gitea-signature", "x-gogs-signature"];
                let own = names.iter().map(|n| text(headers, n)).find(|t| !t.is_empty()).unwrap_or_default();
                signed(own, body, secret)
            }
            Provider::Bitbucket => signed(text(headers, "x-hub-signature"), body, secret),
            Provider::GitLab => is(text(headers, "x-gitlab-token")),
            Provider::Harbor | Provider::Distribution => is(bearer),
            // It sends nothing but an address that it was given.
            Provider::DockerHub => asked.is_some_and(is),
            Provider::Generic => {
                let signature = text(headers, "x-lockgate-signature");
                if signature.is_empty() {
                    is(bearer) || is(text(headers, "x-lockgate-token"))
                } else {
                    signed(signature, body, secret)
                }
            }
        }
    }

    /// What names this delivery, where it comes again; nothing where each one counts for itself.
    pub fn delivery(self, headers: &HeaderMap, body: &[u8]) -> Option<String> {
        let said = |names: &[&str]| {
            let mut all = names.iter().map(|n| text(headers, n));
            all.find(|t| !t.is_empty() && t.len() <= 200).map(str::to_string)
        };
        match self {
            Provider::GitHub => said(&["x-github-delivery"]),
            Provider::Gitea => said(&["x-forgejo-delivery", "x-gitea-delivery", "x-gogs-delivery"]),
            Provider::GitLab => said(&["idempotency-key", "x-gitlab-event-uuid"]),
            Provider::Bitbucket => said(&["x-request-uuid", "x-request-id"]),
            // These name nothing, and say in the body when it was that they speak of.
            Provider::DockerHub | Provider::Harbor => Some(Digest::of(body).hex()),
            Provider::Distribution => {
                let body: Value = serde_json::from_slice(body).ok()?;
                let ids = body.get("events")?.as_array()?.iter().filter_map(|e| e.get("id")?.as_str());
                Some(Digest::of(ids.collect::<Vec<_>>().join(" ")).hex())
            }
            Provider::Generic => said(&["x-lockgate-delivery"]),
        }
    }
}

/// Those who say nothing in headers.
fn by_body(body: &[u8]) -> Provider {
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Provider::Generic };
    if body.get("push_data").is_some() && body.get("repository").is_some() {
        Provider::DockerHub
    } else if body.get("event_data").is_some() && body.get("occur_at").is_some() {
        Provider::Harbor
    } else {
        Provider::Generic
    }
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().trim()
}

/// Whether `sha256=HEX`, or the digits alone, are the HMAC of a body.
fn signed(signature: &str, body: &[u8], secret: &str) -> bool {
    let digits = signature.strip_prefix("sha256=").unwrap_or(signature);
    let Some(bytes) = unhex(digits) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(body);
    mac.verify_slice(&bytes).is_ok()
}

fn unhex(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let value = |b: &u8| char::from(*b).to_digit(16).and_then(|n| u8::try_from(n).ok());
    digits.chunks_exact(2).map(|pair| Some(value(pair.first()?)? << 4 | value(pair.last()?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair =
            |(n, v): &(&'static str, &str)| (HeaderName::from_static(n), HeaderValue::from_str(v).expect("a value"));
        pairs.iter().map(pair).collect()
    }

    fn hex(body: &[u8], secret: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("a key");
        mac.update(body);
        mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn the_signature_of_githubs_own_example_is_right() {
        let body = b"Hello, World!";
        let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
        assert!(signed(signature, body, "It's a Secret to Everybody"));
        assert!(!signed(signature, b"Hello, World?", "It's a Secret to Everybody"));
        assert!(!signed(signature, body, "another"));
        for wrong in ["", "sha256=", "sha256=75", "sha1=757107ea", &"z".repeat(64), "sha256=é"] {
            assert!(!signed(wrong, body, "It's a Secret to Everybody"), "{wrong}");
        }
    }

    #[test]
    fn each_is_known_by_its_headers_or_its_body() {
        let of = |pairs: &[(&'static str, &str)], body: &str| Provider::of(&headers(pairs), body.as_bytes());
        assert_eq!(of(&[("x-github-event", "push")], ""), Provider::GitHub);
        assert_eq!(of(&[("x-github-event", "push"), ("x-gitea-event", "push")], ""), Provider::Gitea);
        assert_eq!(of(&[("x-gitlab-event", "Push Hook")], ""), Provider::GitLab);
        assert_eq!(of(&[("x-event-key", "repo:push")], ""), Provider::Bitbucket);
        let kind = "application/vnd.docker.distribution.events.v1+json";
        assert_eq!(of(&[("content-type", kind)], "{}"), Provider::Distribution);
        assert_eq!(of(&[], r#"{"push_data":{},"repository":{}}"#), Provider::DockerHub);
        assert_eq!(of(&[], r#"{"type":"PUSH_ARTIFACT","occur_at":1,"event_data":{}}"#), Provider::Harbor);
        assert_eq!(of(&[], "not json"), Provider::Generic);
    }

    #[test]
    fn each_proves_itself_in_its_own_way_and_in_no_other() {
        let (body, secret) = (br#"{"ref":"refs/heads/main"}"#.as_slice(), "s3cret");
        let signature = format!("sha256={}", hex(body, secret));
        let plain = hex(body, secret);
        let good: [(Provider, HeaderMap, Option<&str>); 8] = [
            (Provider::GitHub, headers(&[("x-hub-signature-256", &signature)]), None),
            (Provider::Gitea, headers(&[("x-gitea-signature", &plain)]), None),
            (Provider::GitLab, headers(&[("x-gitlab-token", secret)]), None),
            (Provider::Bitbucket, headers(&[("x-hub-signature", &signature)]), None),
            (Provider::DockerHub, headers(&[]), Some(secret)),
            (Provider::Harbor, headers(&[("authorization", secret)]), None),
            (Provider::Distribution, headers(&[("authorization", "Bearer s3cret")]), None),
            (Provider::Generic, headers(&[("x-lockgate-signature", &signature)]), None),
        ];
        for (provider, headers, asked) in &good {
            assert!(provider.verify(headers, body, secret, *asked), "{provider:?}");
            assert!(!provider.verify(headers, body, "other", *asked), "{provider:?} with a foreign secret");
            assert!(!provider.verify(&HeaderMap::new(), body, secret, None), "{provider:?} with nothing");
        }
        // A secret that is sent openly does not stand for a signature.
        assert!(!Provider::GitHub.verify(&headers(&[("authorization", "Bearer s3cret")]), body, secret, Some(secret)));
        // A wrong signature is not mended by a right token.
        let both = headers(&[("x-lockgate-signature", "sha256=00"), ("x-lockgate-token", secret)]);
        assert!(!Provider::Generic.verify(&both, body, secret, None));
    }

    #[test]
    fn deliveries_are_named_where_something_names_them() {
        let of = |p: Provider, pairs: &[(&'static str, &str)], body: &str| p.delivery(&headers(pairs), body.as_bytes());
        assert_eq!(of(Provider::GitHub, &[("x-github-delivery", "72d3")], ""), Some("72d3".into()));
        assert_eq!(of(Provider::Generic, &[], "{}"), None);
        assert!(of(Provider::Harbor, &[], "a") != of(Provider::Harbor, &[], "b"));
        let events = r#"{"events":[{"id":"a"},{"id":"b"}]}"#;
        assert!(of(Provider::Distribution, &[], events).is_some());
        assert_eq!(of(Provider::Distribution, &[], "{"), None);
    }
}
