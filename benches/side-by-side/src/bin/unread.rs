//! How often a key is called unread that a template does read: charts of the public, rendered with and without what was found.
//!
//! ```text
//! cargo run --release --bin unread -- cases.jsonl
//! ```
//!
//! A case is a line `{"chart": FOLDER, "values": [FILE…]}`. Each chart is judged twice: with its own values files for tests, as they
//! are (which is what a user sees), and with the keys of its `values.yaml` as if the chart did not have that file, so that only
//! what was read off the templates speaks for them. A key that is called unread is then changed and taken away: where what is
//! rendered changes with it, it was read, and the word was false.

use lockgate::adapters::charts;
use lockgate::helm::{Chart, Layer, Request, Set, SetKind, render};
use lockgate::ports::files::Files;
use lockgate::values::{Known, nobody_reads};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

#[derive(Default)]
struct Count {
    texts: usize,
    keys: usize,
    found: usize,
    /// Those that cannot be tried: the chart does not render, not twice the same, or not with anything else in that place.
    untried: usize,
    wrong: Vec<String>,
}

fn main() {
    let cases = std::env::args().nth(1).expect("a file of cases");
    let cases = std::fs::read_to_string(cases).expect("the cases");
    let (mut own, mut bare, mut charts_seen) = (Count::default(), Count::default(), BTreeSet::new());
    for line in cases.lines() {
        let case: serde_json::Value = serde_json::from_str(line).expect("a case");
        let folder = case["chart"].as_str().expect("a folder");
        let Some(files) = files_of(Path::new(folder)) else { continue };
        let values: Vec<String> =
            case["values"].as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_string)).collect();
        let texts: Vec<Vec<u8>> = values.iter().filter_map(|v| std::fs::read(v).ok()).collect();
        if !texts.is_empty() {
            judge(folder, &files, &files, &texts, &mut own);
        }
        if charts_seen.insert(folder.to_string()) {
            let mut without = files.clone();
            if let Some(text) = without.remove("values.yaml") {
                judge(folder, &without, &files, &[text], &mut bare);
            }
        }
    }
    println!("{} charts", charts_seen.len());
    show("values files for tests", &own);
    show("values.yaml against the templates alone", &bare);
}

fn show(what: &str, count: &Count) {
    let Count { texts, keys, found, untried, wrong } = count;
    println!("{what}: {texts} texts, {keys} keys, {found} called unread, {untried} not tried, {} wrongly", wrong.len());
    wrong.iter().for_each(|w| println!("    {w}"));
}

fn files_of(folder: &Path) -> Option<BTreeMap<String, Vec<u8>>> {
    let (_, files) = charts::look(folder).ok()?;
    let files: &dyn Files = files.as_ref();
    files.list().ok()?.entries.iter().map(|e| Some((e.path.to_string(), files.read(&e.path).ok()?.to_vec()))).collect()
}

/// `judged` is what is known of the chart, `whole` the chart that is rendered.
fn judge(
    folder: &str,
    judged: &BTreeMap<String, Vec<u8>>,
    whole: &BTreeMap<String, Vec<u8>>,
    texts: &[Vec<u8>],
    count: &mut Count,
) {
    let (Ok(known), Ok(chart)) = (Known::from_files(judged.clone()), Chart::from_files(whole.clone())) else { return };
    let named: Vec<(&str, &[u8])> = texts.iter().map(|t| ("values", t.as_slice())).collect();
    count.texts += texts.len();
    count.keys +=
        texts.iter().map(|t| String::from_utf8_lossy(t).lines().filter(|l| l.contains(':')).count()).sum::<usize>();
    let found = nobody_reads(&known, &named, &[]);
    count.found += found.len();
    if found.is_empty() {
        return;
    }
    let layers: Vec<Layer> = texts.iter().map(|t| Layer { name: "v".to_string(), text: t.clone() }).collect();
    let rendered = |sets: Vec<Set>| {
        let mut request = Request::new(&chart, "rel", "ns1");
        (request.values, request.sets) = (layers.clone(), sets);
        render(&request).ok().map(|done| format!("{done:?}"))
    };
    let (before, again) = (rendered(Vec::new()), rendered(Vec::new()));
    if before.is_none() || before != again {
        count.untried += found.len();
        return;
    }
    for key in found {
        let path: Vec<String> =
            key.path.iter().map(|k| k.replace('\\', "\\\\").replace('.', "\\.").replace(',', "\\,")).collect();
        let set = |value: &str| {
            let text = format!("{}={value}", path.join("."));
            rendered(vec![Set { text, kind: SetKind::Json, file: None, name: "s".to_string() }])
        };
        let tried = ["null", "\"changed\"", "7", "true", "{}"].map(set);
        if tried.iter().all(Option::is_none) {
            count.untried += 1;
        }
        if tried.iter().flatten().any(|after| Some(after) != before.as_ref()) {
            count.wrong.push(format!("{folder}: {}", key.path.join(".")));
        }
    }
}
