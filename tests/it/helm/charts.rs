//! Charts of our own that exercise the rules, byte for byte against the goldens of the real Helm; `tests/charts/refresh.sh`
//! makes those anew.

use super::files;
use lockgate::helm::{Chart, Layer, Rendered, Request, Set, SetKind, capabilities::KubeVersion, render};
use std::path::Path;

fn request<'a>(chart: &'a Chart, folder: &Path, case: &serde_json::Value) -> Request<'a> {
    let text = |key: &str, or: &str| case[key].as_str().unwrap_or(or).to_string();
    let mut request = Request::new(chart, &text("name", "rel"), &text("namespace", "ns1"));
    let names = |key: &str| {
        let items = case[key].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item.as_str().unwrap_or_default().to_string()).collect::<Vec<_>>()
    };
    for name in names("values") {
        let text = std::fs::read(folder.join(&name)).expect("a values file");
        request.values.push(Layer { name, text });
    }
    if !case["set"].is_null() {
        let text = case["set"].to_string();
        request.sets.push(Set { text, kind: SetKind::Json, file: None, name: "set".to_string() });
    }
    if let Some(version) = case["kube_version"].as_str() {
        request.kube_version = KubeVersion::parse(version).expect("a version");
    }
    request.api_versions = names("api_versions");
    request.release.is_upgrade = case["is_upgrade"] == true;
    request
}

fn render_folder(folder: &Path) -> Result<Rendered, String> {
    let case = std::fs::read_to_string(folder.join("case.json")).unwrap_or_else(|_| "{}".to_string());
    let case: serde_json::Value = serde_json::from_str(&case).expect("JSON");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let chart = case["chart"].as_str().map_or_else(|| folder.join("chart"), |path| root.join(path));
    let chart = Chart::from_files(files(&chart)).map_err(|e| e.to_string())?;
    render(&request(&chart, folder, &case)).map_err(|e| e.to_string())
}

/// Each chart writes, byte for byte, what Helm writes; and is refused where Helm refuses it.
#[test]
fn charts_are_helms() {
    let mut seen = 0;
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts")).expect("the charts") {
        let folder = entry.expect("an entry").path();
        let Ok(golden) = std::fs::read_to_string(folder.join("golden.json")) else { continue };
        let golden: serde_json::Value = serde_json::from_str(&golden).expect("JSON");
        seen += 1;
        match (render_folder(&folder), golden["files"].as_object()) {
            (Err(_), None) => {}
            (Ok(_), None) => panic!("{}: rendered, but Helm refuses: {}", folder.display(), golden["error"]),
            (Err(error), Some(_)) => panic!("{}: {error}", folder.display()),
            (Ok(rendered), Some(files)) => {
                for (name, expected) in files.iter().filter(|(name, _)| !name.ends_with("NOTES.txt")) {
                    let ours = rendered.files.get(name).map(String::as_str);
                    assert_eq!(ours, expected.as_str(), "{}: {name}", folder.display());
                }
            }
        }
    }
    assert!(seen >= 5, "only {seen} charts have goldens");
}
