//! The secret with which a cluster fetches images.

use super::wanted::{Wanted, registries};
use crate::ports::places::Pull;
use crate::ports::{Fault, PortError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value, json};

/// What the secret of a release is called in its namespace.
pub(super) fn name(release: &str) -> String {
    format!("lockgate-pull-{release}")
}

/// The Secret for the objects of a release.
pub(super) fn object(release: &str, pull: &Pull, objects: &[Wanted]) -> Result<Wanted, PortError> {
    let config = config(pull, objects)?;
    let name = name(release);
    let body = json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name},
        "type": "kubernetes.io/dockerconfigjson",
        "data": {".dockerconfigjson": STANDARD.encode(config)},
    });
    let text = str::to_string;
    Ok(Wanted {
        id: format!("Secret/{name}"),
        api_version: text("v1"),
        kind: text("Secret"),
        namespace: None,
        name,
        shared: false,
        body,
    })
}

/// The Docker configuration: as it is given, or made of `user:password` for the registries that the pipeline itself names.
/// Others that a chart fetches from are never told it.
fn config(pull: &Pull, objects: &[Wanted]) -> Result<String, PortError> {
    let value = pull.value.expose_secret().trim();
    let invalid = |what: &str| {
        PortError::new(Fault::Invalid, format!("secret `{}` cannot be used to fetch images: {what}", pull.name))
            .help("let it be `user:password`, or the JSON of a Docker configuration with `auths`")
    };
    if value.starts_with('{') {
        let parsed: Value = serde_json::from_str(value).map_err(|_| invalid("it begins like JSON and is none"))?;
        return match parsed.get("auths").and_then(Value::as_object) {
            Some(_) => Ok(value.to_string()),
            None => Err(invalid("its JSON has no `auths`")),
        };
    }
    let (user, password) = value.split_once(':').ok_or_else(|| invalid("it is neither JSON nor `user:password`"))?;
    let used = registries(objects);
    let mut hosts: Vec<&String> = pull.registries.iter().filter(|r| used.contains(*r)).collect();
    if hosts.is_empty() {
        hosts = pull.registries.iter().collect();
    }
    if hosts.is_empty() {
        return Err(invalid("it is `user:password`, and the pipeline names no registry that they are for"));
    }
    let auth = STANDARD.encode(format!("{user}:{password}"));
    let entry = |host: &&String| (host.to_string(), json!({"username": user, "password": password, "auth": auth}));
    Ok(json!({"auths": hosts.iter().map(entry).collect::<Map<_, _>>()}).to_string())
}

/// Texts of the secret that must not be seen in a log.
pub(super) fn redact(pull: &Pull) -> Vec<String> {
    let value = pull.value.expose_secret().to_string();
    let password = value.split_once(':').filter(|_| !value.starts_with('{')).map(|(_, p)| p.to_string());
    std::iter::once(value).chain(password).filter(|t| !t.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pull(value: &str, registries: &[&str]) -> Pull {
        let registries = registries.iter().map(ToString::to_string).collect();
        Pull { name: "regcred".into(), value: value.to_string().into(), registries }
    }

    #[test]
    fn a_password_goes_to_the_pipelines_registries_alone() {
        let config = config(&pull("ann:s3cret", &["r.example.com"]), &[]).expect("a configuration");
        let config: Value = serde_json::from_str(&config).expect("JSON");
        assert_eq!(config["auths"].as_object().expect("a map").keys().collect::<Vec<_>>(), ["r.example.com"]);
        assert_eq!(config["auths"]["r.example.com"]["auth"], "YW5uOnMzY3JldA==");
    }

    #[test]
    fn what_cannot_be_a_login_is_refused() {
        for (value, registries) in [("token", &["r"][..]), ("{}", &["r"]), ("{", &["r"]), ("ann:x", &[])] {
            let error = config(&pull(value, registries), &[]).expect_err(value);
            assert!(error.message.starts_with("secret `regcred` cannot be used"), "{error}");
        }
        assert!(config(&pull(r#"{"auths":{"r":{}}}"#, &[]), &[]).is_ok());
    }
}
