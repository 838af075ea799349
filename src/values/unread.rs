//! Keys that neither the chart's values.yaml nor any of its templates reads.

use super::cases::Case;
use super::place;
use super::{Known, Text};
use crate::diag::{Diagnostic, codes};
use crate::helm::values::{UnreadKey, load, unread_keys};
use crate::helm::yaml::{Data, Entries, Entry, Mark, Node};
use crate::model::format::set_path;
use crate::model::{SetValue, ValuesFile};
use crate::source::{FileId, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong with the keys of values files and with what is set. A file of several releases is only at fault where none
/// of them reads a key.
/// Nothing is said of `open` ones.
pub(super) fn look(cases: &[Case<'_>], open: &BTreeSet<FileId>, found: &mut Vec<Diagnostic>) {
    let mut files: BTreeMap<FileId, Found<'_>> = BTreeMap::new();
    for case in cases {
        let nodes: Vec<Option<Node>> = case.files.iter().map(|(_, t)| load(t.text.as_bytes()).ok()).collect();
        let beside: Vec<&Node> = nodes.iter().flatten().collect();
        for ((file, text), node) in case.files.iter().zip(&nodes) {
            let Some(node) = node.as_ref().filter(|_| !open.contains(&text.file)) else { continue };
            let keys = keys(&case.chart, node, &beside, text);
            let here = files.entry(text.file).or_insert_with(|| Found::new(file, text, case, keys.clone()));
            here.keys.retain(|key| keys.contains(key));
        }
        sets(case, &beside, found);
    }
    for here in files.into_values() {
        found.extend(
            here.keys.iter().filter(|k| !is_refused(&here.text, k, found)).map(|k| fault(&here, k)).collect::<Vec<_>>(),
        );
    }
}

/// What is found in one values file.
struct Found<'a> {
    node: &'a ValuesFile,
    text: Text,
    chart: String,
    keys: Vec<UnreadKey>,
}

impl<'a> Found<'a> {
    fn new(node: &'a ValuesFile, text: &Text, case: &Case<'a>, keys: Vec<UnreadKey>) -> Found<'a> {
        Found { node, text: text.clone(), chart: case.chart.chart.name().to_string(), keys }
    }
}

/// The keys of a text that a chart does not read, without those that are there for something else.
fn keys(chart: &Known, node: &Node, beside: &[&Node], text: &Text) -> Vec<UnreadKey> {
    let mut keys = unread_keys(&chart.chart, &chart.readable, node, beside);
    keys.retain(|key| !is_extension(key) && !place::holds_anchor(&text.text, key.mark));
    keys
}

/// `x-…` at the top is by custom for parts that are repeated below.
fn is_extension(key: &UnreadKey) -> bool {
    matches!(key.path.as_slice(), [only] if only.starts_with("x-") || only.starts_with('.'))
}

/// Whether the schema refuses the key already.
fn is_refused(text: &Text, key: &UnreadKey, found: &[Diagnostic]) -> bool {
    let span = place::key(text, key.mark);
    found.iter().any(|d| d.code == &codes::VALUES_REFUSED && d.span() == Some(span))
}

fn fault(here: &Found<'_>, key: &UnreadKey) -> Diagnostic {
    let span = place::key(&here.text, key.mark);
    let fault = Diagnostic::new(&codes::UNREAD_VALUE, message(&key.path, &here.chart))
        .at(span, "not read")
        .at(here.node.file.span, "named here");
    let quoted = here.text.text.get(span.range()).is_some_and(|t| t.starts_with(['"', '\'']));
    match &key.meant {
        Some(near) if !quoted => {
            fault.help(format!("did you mean `{near}`?")).fix(format!("Rename to `{near}`"), span, near.clone())
        }
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help(HELP),
    }
}

const HELP: &str =
    "take it out; or, if the chart reads it in a way that cannot be seen, say `allow unread-value reason=\"…\"`";

fn message(path: &[String], chart: &str) -> String {
    format!("nothing in the chart `{chart}` reads `{}`", path.join("."))
}

/// What is set and not read.
fn sets(case: &Case<'_>, beside: &[&Node], found: &mut Vec<Diagnostic>) {
    for set in &case.release.sets {
        let Some(path) = keys_of(set) else { continue };
        let unread = unread_keys(&case.chart.chart, &case.chart.readable, &nested(&path), beside);
        let Some(key) = unread.first() else { continue };
        let fault = Diagnostic::new(&codes::UNREAD_SET, message(&key.path, case.chart.chart.name()));
        let fault = fault.at(set.path.span, "not read");
        let last = key.path.len().saturating_sub(1);
        found.push(match &key.meant {
            Some(near) => fault.help(format!("did you mean `{}`?", renamed(&path, last, near))),
            None => fault.help(HELP.replace("unread-value", "unread-set")),
        });
    }
}

/// The keys of a path, up to the first list.
fn keys_of(set: &SetValue) -> Option<Vec<String>> {
    let path = set_path(&set.path).ok()?;
    let keys: Vec<String> = path.into_iter().take_while(|part| !part.starts_with('[')).collect();
    (!keys.is_empty()).then_some(keys)
}

fn renamed(path: &[String], at: usize, name: &str) -> String {
    path.iter().enumerate().map(|(n, key)| if n == at { name } else { key }).collect::<Vec<_>>().join(".")
}

/// Values with nothing but a path.
fn nested(path: &[String]) -> Node {
    let mark = Mark { line: 1, column: 1 };
    let Some((first, rest)) = path.split_first() else { return Node { mark, data: Data::Null } };
    let entry = Entry { key: mark, value: nested(rest) };
    Node { mark, data: Data::Map(Entries::from([(first.as_str().into(), entry)])) }
}

/// A key that nobody reads, in words: of which file or setting, where, and what was probably meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Nobody {
    /// The values file and the place in it; nothing for a setting.
    pub at: Option<(String, Mark)>,
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// The name of the chart.
    pub chart: String,
    /// The key that was probably meant.
    pub meant: Option<String>,
}

/// What a chart does not read of values files, path and text, and of settings, by their paths: for a plan, which knows the
/// texts and has no spans in them.
pub fn nobody_reads(known: &Known, files: &[(&str, &[u8])], sets: &[&str]) -> Vec<Nobody> {
    let texts: Vec<(&str, Text)> = files
        .iter()
        .filter_map(|(name, text)| {
            Some((*name, Text { file: FileId::default(), text: std::str::from_utf8(text).ok()?.into() }))
        })
        .collect();
    let nodes: Vec<Node> = texts.iter().filter_map(|(_, t)| load(t.text.as_bytes()).ok()).collect();
    let beside: Vec<&Node> = nodes.iter().collect();
    let chart = known.chart.name().to_string();
    let nobody = |at: Option<(String, Mark)>, key: UnreadKey| Nobody {
        at,
        path: key.path,
        chart: chart.clone(),
        meant: key.meant,
    };
    let mut found = BTreeSet::new();
    for ((name, text), node) in texts.iter().zip(&nodes) {
        let unread = keys(known, node, &beside, text).into_iter();
        found.extend(unread.map(|key| nobody(Some((name.to_string(), key.mark)), key)));
    }
    for set in sets {
        let Ok(path) = set_path(set) else { continue };
        let path: Vec<String> = path.into_iter().take_while(|part| !part.starts_with('[')).collect();
        let unread = unread_keys(&known.chart, &known.readable, &nested(&path), &beside);
        found.extend(unread.into_iter().take(1).map(|key| nobody(None, key)));
    }
    found.into_iter().collect()
}

impl Nobody {
    /// The fault, at a place of the pipeline file.
    pub fn diagnostic(&self, span: Span) -> Diagnostic {
        let message = message(&self.path, &self.chart);
        let fault = match &self.at {
            Some((file, mark)) => {
                let message = format!("{file}:{}:{}: {message}", mark.line, mark.column);
                Diagnostic::new(&codes::UNREAD_VALUE, message).at(span, "in this file")
            }
            None => Diagnostic::new(&codes::UNREAD_SET, message).at(span, "not read"),
        };
        match &self.meant {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None if self.at.is_some() => fault.help(HELP),
            None => fault.help(HELP.replace("unread-value", "unread-set")),
        }
    }
}
