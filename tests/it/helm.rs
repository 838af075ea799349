//! Charts against what the real Helm makes of them.

mod charts;
mod corpus;
mod functions;
mod table;

use lockgate::helm::{Chart, Request, render};
use std::collections::BTreeMap;
use std::path::Path;

/// All files below a folder, by their path in it.
pub(crate) fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).expect("a folder").flatten() {
            let path = entry.path();
            // The kind is known without asking for it, but for what a link leads to.
            let kind = entry.file_type().expect("a kind");
            match kind.is_dir() || (kind.is_symlink() && path.is_dir()) {
                true => folders.push(path),
                false => {
                    let name = path.strip_prefix(folder).expect("inside").to_string_lossy().replace('\\', "/");
                    files.insert(name, std::fs::read(&path).expect("a file"));
                }
            }
        }
    }
    files
}

/// What a template renders to as the NOTES.txt of the chart of these tests; an error as `ERROR` and its text.
pub(crate) fn render_case(template: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm");
    let mut chart = BTreeMap::from([
        ("Chart.yaml".to_string(), b"apiVersion: v2\nname: chart\nversion: 1.2.3\nappVersion: v4\n".to_vec()),
        ("values.yaml".to_string(), std::fs::read(folder.join("values.yaml")).expect("values.yaml")),
        ("templates/NOTES.txt".to_string(), template.as_bytes().to_vec()),
    ]);
    chart.extend(files(&folder.join("files")).into_iter().map(|(name, data)| (format!("files/{name}"), data)));
    let chart = Chart::from_files(chart).expect("a chart");
    let mut request = Request::new(&chart, "rel", "ns");
    request.now = jiff::Timestamp::from_second(1_767_323_045).expect("a time");
    match render(&request) {
        Ok(rendered) => rendered.notes,
        Err(error) => format!("ERROR {error}"),
    }
}
