//! Traces of runs, to a collector.

use super::notices::Receiver;
use crate::lab::Lab;

#[test]
fn a_run_is_sent_as_a_trace_and_a_collector_that_is_away_keeps_nobody() {
    let collector = Receiver::start();
    let lab = Lab::copy_of("examples/01-first-light");
    let apply = |endpoint: &str| {
        let mut command = lab.command(&["apply"]);
        command.env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).env("OTEL_SERVICE_NAME", "till");
        crate::lab::Ran::new(&["apply"], command.output().expect("it starts"))
    };
    apply(&format!("http://{}", collector.address)).exits(3);
    let got = collector.got();
    assert_eq!((got.len(), got[0].path.as_str()), (1, "/v1/traces"));
    let of = &got[0].body["resourceSpans"][0];
    assert!(of["resource"]["attributes"].to_string().contains("till"));
    let spans = of["scopeSpans"][0]["spans"].as_array().expect("spans").clone();
    assert_eq!(spans[0]["name"], "run first-light");
    assert!(
        spans.iter().any(|s| s["name"] == "deploy.dev.mi" && s["parentSpanId"] == spans[0]["spanId"]),
        "{spans:#?}"
    );
    lab.edit("app/Dockerfile", "good morning", "good evening");
    apply("http://127.0.0.1:1").exits(3);
}
