//! Any bytes are a packed chart, or an error; values that fit a chart render within their bounds.
#![no_main]
use libfuzzer_sys::fuzz_target;
use lockgate::helm::{Chart, Layer, Request, render};
use std::collections::BTreeMap;

const CHART: &str = "apiVersion: v2\nname: c\nversion: 1.0.0\n";

fuzz_target!(|data: &[u8]| {
    let _ = Chart::from_archive(data);
    // The same bytes as a template, as values, and as a file of a chart that is none.
    let half = data.len() / 2;
    let files = BTreeMap::from([
        ("Chart.yaml".to_string(), CHART.as_bytes().to_vec()),
        ("templates/t.yaml".to_string(), data.get(..half).unwrap_or_default().to_vec()),
    ]);
    let Ok(chart) = Chart::from_files(files) else { return };
    let mut request = Request::new(&chart, "r", "n");
    request.values = vec![Layer { name: "v".to_string(), text: data.get(half..).unwrap_or_default().to_vec() }];
    let _ = render(&request);
    let _ = Chart::from_files(BTreeMap::from([("Chart.yaml".to_string(), data.to_vec())]));
});
