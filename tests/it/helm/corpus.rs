//! A corpus of public charts, for `docs/helm-fidelity.md`: renders the cases of the file that `HELM_CASES` names into the
//! folder that `HELM_OUT` names, as the judge's `compare.py` wants them. With `HELM_REMEMBER` a text that was parsed for one case
//! is not parsed again for another, as in the environments of a plan. Other people's charts are in no repository of ours.

use super::files;
use lockgate::helm::{Chart, Layer, Request, Set, SetKind, capabilities::KubeVersion, remembering, render};
use std::path::Path;

fn one(case: &serde_json::Value) -> Result<String, String> {
    let text = |key: &str, or: &str| case[key].as_str().unwrap_or(or).to_string();
    let names = |key: &str| case[key].as_array().cloned().unwrap_or_default();
    let folder = text("chart", "");
    let all = std::panic::catch_unwind(|| files(Path::new(&folder))).map_err(|_| "unreadable".to_string())?;
    let chart = Chart::from_files(all).map_err(|e| e.to_string())?;
    let mut request = Request::new(&chart, &text("name", "release-name"), &text("namespace", "default"));
    for name in names("values") {
        let name = name.as_str().unwrap_or_default().to_string();
        let text = std::fs::read(&name).map_err(|e| e.to_string())?;
        request.values.push(Layer { name, text });
    }
    if !case["set_json"].is_null() {
        let text = case["set_json"].to_string();
        request.sets.push(Set { text, kind: SetKind::Json, file: None, name: "set".to_string() });
    }
    if let Some(version) = case["kube_version"].as_str() {
        request.kube_version = KubeVersion::parse(version)?;
    }
    request.api_versions = names("api_versions").iter().filter_map(|v| v.as_str().map(str::to_string)).collect();
    let rendered = render(&request).map_err(|e| e.to_string())?;
    serde_json::to_string(&rendered.files).map_err(|e| e.to_string())
}

/// Run it with `--ignored`, and in release.
#[test]
#[ignore = "needs a corpus: see docs/helm-fidelity.md"]
fn renders_the_corpus() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let (cases, out) = (variable("HELM_CASES"), variable("HELM_OUT"));
    std::fs::create_dir_all(&out).expect("the folder");
    let start = std::time::Instant::now();
    let cases = std::fs::read_to_string(cases).expect("the cases");
    match std::env::var_os("HELM_REMEMBER") {
        Some(_) => remembering(|| render_all(&cases, &out)),
        None => render_all(&cases, &out),
    }
    println!("{:?}", start.elapsed());
}

fn render_all(cases: &str, out: &str) {
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("JSON");
        let id = case["id"].as_str().unwrap_or_default().replace('/', "__");
        let (name, text) = match one(&case) {
            Ok(text) => (format!("{out}/{id}.files.json"), text),
            Err(text) => (format!("{out}/{id}.err"), text),
        };
        std::fs::write(name, text).expect("writes");
    }
}
