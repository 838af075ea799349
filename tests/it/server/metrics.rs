//! What is measured: who may read it, that it is true, and that its page says so.

use super::http::send;
use super::{CONFIG, Served};
use crate::lab::{Lab, repository};
use lockgate::adapters::sqlite::register::Register;
use lockgate::report::metrics::FAMILIES;
use lockgate::server::tokens::{Scope, new_token};
use std::collections::BTreeSet;

/// The value of a series, as it is written.
fn value(page: &str, series: &str) -> Option<f64> {
    page.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}

#[test]
fn the_page_of_the_metrics_says_what_there_is() {
    let page = std::fs::read_to_string(repository().join("docs/metrics.md")).expect("the page");
    let rows: BTreeSet<&str> =
        page.lines().filter(|l| l.starts_with("| `lockgate_") || l.starts_with("| `process_")).collect();
    let written: Vec<String> = FAMILIES
        .iter()
        .map(|f| {
            let labels: Vec<String> = f.labels.iter().map(|l| format!("`{l}`")).collect();
            format!("| `{}` | {} | {} | {} |", f.name, f.kind, labels.join(", "), f.help)
        })
        .collect();
    let written: BTreeSet<&str> = written.iter().map(String::as_str).collect();
    assert_eq!(rows, written, "docs/metrics.md and the code differ");
}

#[test]
fn metrics_take_a_login_and_tell_the_truth() {
    let served = Served::example();
    served.waits_at("staging");
    served.approve("rita", "staging").is(200);
    crate::lab::wait_for("staging", || served.has("staging").is_some());
    served.settled();
    send(&served.address, "GET", "/metrics", &[], b"").is(401);
    let page = served.get("viv", "/metrics").is(200).body;
    let of = |series: &str| value(&page, series).unwrap_or_else(|| panic!("{series} is not in {page}"));
    assert_eq!(of("lockgate_pipeline_up{pipeline=\"first-light\"}"), 1.0);
    assert!(of("lockgate_runs_total{pipeline=\"first-light\",outcome=\"waiting\"}") >= 2.0);
    assert!(of("lockgate_steps_total{pipeline=\"first-light\",kind=\"deploy\",outcome=\"succeeded\"}") >= 2.0);
    assert_eq!(of("lockgate_gate_waiting{pipeline=\"first-light\",environment=\"prod\"}"), 1.0);
    assert_eq!(of("lockgate_gate_waiting{pipeline=\"first-light\",environment=\"staging\"}"), 0.0);
    assert_eq!(of("lockgate_environment_current{pipeline=\"first-light\",environment=\"staging\"}"), 1.0);
    assert_eq!(of("lockgate_deployments{pipeline=\"first-light\",environment=\"dev\"}"), 1.0);
    assert_eq!(of("lockgate_change_failure_ratio{pipeline=\"first-light\",environment=\"dev\"}"), 0.0);
    assert!(of("lockgate_looks_total{pipeline=\"first-light\",source=\"app\",outcome=\"ok\"}") >= 1.0);
    assert!(of("process_resident_memory_bytes") > 1e6 && of("process_cpu_seconds_total") > 0.0);
    let began = of("process_start_time_seconds");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("a time").as_secs_f64();
    assert!((0.0..600.0).contains(&(now - began + 1.0)), "{began}");
    // Every line is of a family that the page tells of, and none is told twice.
    let mut seen = BTreeSet::new();
    for line in page.lines().filter(|l| !l.starts_with('#')) {
        let (series, number) = line.rsplit_once(' ').expect("a series and a value");
        number.parse::<f64>().unwrap_or_else(|e| panic!("{line}: {e}"));
        assert!(seen.insert(series.to_string()), "{series} twice");
        let name = series.split('{').next().unwrap_or_default();
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|s| name.strip_suffix(s)).unwrap_or(name);
        assert!(FAMILIES.iter().any(|f| f.name == name || f.name == base), "{line}");
    }
    // A token for this and nothing else.
    let register = Register::open(&served.lab.at("state")).expect("a register");
    let (shown, token) = new_token("viv", &[Scope::Metrics], "", 1, None).expect("a token");
    register.add_token(&token).expect("kept");
    let bearer = format!("Bearer {shown}");
    let asks = |path: &str| send(&served.address, "GET", path, &[("authorization", &bearer)], b"").status;
    assert_eq!((asks("/metrics"), asks("/api/v1/pipelines")), (200, 404));
    // The same for people.
    served.get("viv", "/api/v1/pipelines/first-light/measures?format=text").is(200).says("staging").says("lead time");
    let measures = served.get("viv", "/api/v1/pipelines/first-light/measures?days=7").is(200).json();
    assert_eq!((&measures["days"], &measures["environments"][0]["environment"]), (&7.into(), &"dev".into()));
    served.lab.run(&["history", "--measures", "--state", "state"]).exits(0).says(&["dev", "failed changes"]);
}

#[test]
fn metrics_are_open_where_the_configuration_says_so_and_only_then() {
    let asks = |config: &str| {
        let served = Served::of(Lab::copy_of("examples/01-first-light"), &format!("{CONFIG}{config}\n"), &[]);
        send(&served.address, "GET", "/metrics", &[], b"").status
    };
    assert_eq!(asks("metrics anyone"), 200);
    assert_eq!(asks("read anyone"), 401, "whoever may look may not measure");
}
