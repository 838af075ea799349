//! A collector of OpenTelemetry, spoken with over HTTP in JSON.

use super::web::{Certificates, Patience, Web};
use crate::ports::{Fault, PortError};
use reqwest::Url;
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use std::time::Duration;

/// How long it may take to answer, unless `OTEL_EXPORTER_OTLP_TIMEOUT` says.
const PATIENCE: Duration = Duration::from_secs(10);

/// A collector.
#[derive(Clone)]
pub struct Collector {
    web: Web,
    url: String,
    headers: Arc<Vec<(String, SecretString)>>,
    patience: Duration,
    resource: Arc<Vec<(String, String)>>,
}

impl Collector {
    /// As the variables of OpenTelemetry say; nothing where they name none, or switch it off.
    pub fn of_variables(variable: &dyn Fn(&str) -> Option<String>) -> Option<Collector> {
        let said = |name: &str| variable(name).filter(|v| !v.trim().is_empty());
        let of_traces = |name: &str| {
            said(&format!("OTEL_EXPORTER_OTLP_TRACES_{name}")).or_else(|| said(&format!("OTEL_EXPORTER_OTLP_{name}")))
        };
        if said("OTEL_SDK_DISABLED").is_some_and(|v| v.eq_ignore_ascii_case("true")) {
            return None;
        }
        let url = said("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| {
            let base = said("OTEL_EXPORTER_OTLP_ENDPOINT")?;
            Some(format!("{}/v1/traces", base.trim_end_matches('/')))
        })?;
        let patience = of_traces("TIMEOUT").and_then(|t| t.parse().ok()).map_or(PATIENCE, Duration::from_millis);
        let mut resource = pairs(&said("OTEL_RESOURCE_ATTRIBUTES").unwrap_or_default());
        if let Some(name) = said("OTEL_SERVICE_NAME") {
            resource.retain(|(key, _)| key != "service.name");
            resource.push(("service.name".to_string(), name));
        }
        if !resource.iter().any(|(key, _)| key == "service.name") {
            resource.push(("service.name".to_string(), "lockgate".to_string()));
        }
        resource.push(("service.version".to_string(), env!("CARGO_PKG_VERSION").to_string()));
        let headers = pairs(&of_traces("HEADERS").unwrap_or_default());
        let headers = headers.into_iter().map(|(key, value)| (key, SecretString::from(value))).collect();
        // A run does not wait long for whoever wants to know of it.
        let web = Web::with(Patience { tries: 2, ..Patience::default() }, Certificates::of_machine());
        Some(Collector { web, url, headers: Arc::new(headers), patience, resource: Arc::new(resource) })
    }

    /// What is said of whoever sends.
    pub fn resource(&self) -> Vec<(String, String)> {
        self.resource.to_vec()
    }

    /// Sends one message, and again where that fails for a reason that passes.
    pub fn send(&self, message: &str) -> Result<(), PortError> {
        let bad = || PortError::new(Fault::Invalid, format!("`{}` is no address of a collector", self.url));
        let url = Url::parse(&self.url).map_err(|_| bad())?;
        let host = url.host_str().ok_or_else(bad)?;
        let host = url.port().map_or(host.to_string(), |port| format!("{host}:{port}"));
        let answer = self.web.send(&host, &|client| {
            let mut request = client.post(url.clone()).timeout(self.patience).body(message.to_string());
            request = request.header("content-type", "application/json");
            for (name, value) in self.headers.iter() {
                request = request.header(name, value.expose_secret());
            }
            request
        })?;
        match answer.status() {
            200..=299 => Ok(()),
            status => Err(PortError::new(Fault::Invalid, format!("the collector at {host} answers HTTP {status}"))),
        }
    }
}

/// `key=value,key=value`, where values may have `%XX`.
fn pairs(text: &str) -> Vec<(String, String)> {
    let pair = |one: &str| {
        let (key, value) = one.split_once('=')?;
        Some((key.trim().to_string(), super::notices::percent(value.trim())?)).filter(|(key, _)| !key.is_empty())
    };
    text.split(',').filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adapters::web::server::{Reply, Request, Server};
    use parking_lot::Mutex;

    fn of(variables: &[(&str, &str)]) -> Option<Collector> {
        let variables: Vec<(String, String)> = variables.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
        Collector::of_variables(&|name| variables.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone()))
    }

    #[test]
    fn a_collector_is_as_the_variables_say() {
        assert!(of(&[]).is_none());
        assert!(of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x"), ("OTEL_SDK_DISABLED", "true")]).is_none());
        let collector = of(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://x:4318/"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=test%20bed"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "250"),
        ])
        .expect("a collector");
        assert_eq!(
            (collector.url.as_str(), collector.patience),
            ("http://x:4318/v1/traces", Duration::from_millis(250))
        );
        assert!(collector.resource().contains(&("deployment.environment".into(), "test bed".into())));
        assert!(collector.resource().contains(&("service.name".into(), "lockgate".into())));
        let exact = of(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://y/here")]).expect("a collector");
        assert_eq!(exact.url, "http://y/here");
    }

    #[test]
    fn what_is_sent_arrives_and_what_is_refused_is_told() {
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let log = seen.clone();
        let server = Server::start(move |request: &Request| {
            let body = String::from_utf8_lossy(&request.body).into_owned();
            log.lock().push(format!("{} {} {body}", request.path, request.header("x-key").unwrap_or("")));
            Reply::new(if body.contains("bad") { 400 } else { 200 })
        });
        let endpoint = format!("http://{}", server.address);
        let collector = of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint), ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")]);
        let collector = collector.expect("a collector");
        collector.send("{}").expect("sent");
        assert_eq!(*seen.lock(), ["/v1/traces abc {}"]);
        assert!(collector.send("bad").expect_err("refused").message.contains("HTTP 400"));
    }
}
