//! Values that a user sets and nobody knows: neither the chart's values.yaml nor any template of it. Mostly misspelt.
//!
//! It is made to err on the side of "known". A key below a chart that lies in another is known when the one or the other
//! knows it; what stands in a schema is known; and so is what a text in the values mentions, since charts run such texts as
//! templates.

use super::mentions::mentioned;
use super::reads::{Path, Reads, read_paths};
use crate::diag::did_you_mean;
use crate::helm::chart::{Chart, ImportValue};
use crate::helm::yaml::{Data, Mark, Node};
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// A key that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadKey {
    /// The keys that lead to it.
    pub path: Vec<String>,
    /// Where it stands in the layer.
    pub mark: Mark,
    /// The key that was probably meant.
    pub meant: Option<String>,
}

/// What a chart and those below it read of their values. Made once for a chart, and asked for each of its values files.
#[derive(Clone, Debug, Default)]
pub struct Readable {
    reads: Reads,
    schema: Option<Json>,
    below: Vec<Readable>,
}

impl Readable {
    /// Reads all templates of a chart and of those below it.
    pub fn of(chart: &Chart) -> Readable {
        let mut reads = read_paths(chart);
        for dependency in &chart.metadata.dependencies {
            let conditions = dependency.condition.split(',').map(|c| keys(c.trim()));
            let imports = dependency.import_values.iter().filter_map(|import| match import {
                // What a chart exports may have any name here.
                ImportValue::Export(_) => Some(Path::new()),
                ImportValue::Table { parent, .. } => Some(keys(parent.trim_matches('.'))),
                ImportValue::Other => None,
            });
            reads.whole.extend(conditions.filter(|c| !c.is_empty()).chain(imports));
        }
        mentioned(&chart.values, &mut reads);
        if runs_files(chart) {
            for file in chart.files.iter().filter(|f| !f.name.ends_with(".md")) {
                super::mentions::in_text(&String::from_utf8_lossy(&file.data), &mut reads);
            }
        }
        let schema = chart.schema.as_deref().and_then(|s| serde_json::from_slice(s).ok());
        Readable { reads, schema, below: chart.charts.iter().map(Readable::of).collect() }
    }
}

fn keys(path: &str) -> Path {
    path.split('.').filter(|k| !k.is_empty()).map(str::to_string).collect()
}

/// Whether a template of the chart may run files of the chart as templates.
fn runs_files(chart: &Chart) -> bool {
    let has = |data: &[u8], word: &[u8]| memchr::memmem::find(data, word).is_some();
    chart.templates.iter().any(|t| has(&t.data, b"tpl") && has(&t.data, b".Files"))
}

/// The keys of values that neither the chart's values.yaml nor any template reads, each at its highest level. `beside`: the
/// other values that are given with them, whose texts may mention these.
pub fn unread_keys(chart: &Chart, readable: &Readable, values: &Node, beside: &[&Node]) -> Vec<UnreadKey> {
    let mut texts = Reads::default();
    beside.iter().chain([&values]).for_each(|values| mentioned(values, &mut texts));
    let mut walk = Walk { texts, views: vec![View { chart, readable, depth: 0 }], found: Vec::new() };
    walk.map(values, &[Some(&chart.values)], &mut Path::new());
    walk.found
}

/// A chart that sees the values at hand, and how many keys lead to its own.
#[derive(Clone, Copy)]
struct View<'a> {
    chart: &'a Chart,
    readable: &'a Readable,
    depth: usize,
}

struct Walk<'a> {
    texts: Reads,
    /// The chart at the top first, then the one in it whose values these are, and so on.
    views: Vec<View<'a>>,
    found: Vec<UnreadKey>,
}

impl<'a> Walk<'a> {
    /// Looks at a mapping; `defaults` is what each of the charts says of it.
    fn map(&mut self, values: &Node, defaults: &[Option<&'a Node>], path: &mut Path) {
        let Data::Map(entries) = &values.data else { return };
        for (key, entry) in entries {
            path.push(key.to_string());
            let below: Vec<Option<&'a Node>> =
                defaults.iter().map(|d| d.and_then(|d| d.get(key)).map(|e| &e.value)).collect();
            self.key(key, entry.key, &entry.value, defaults, below, path);
            path.pop();
        }
    }

    fn key(
        &mut self,
        key: &str,
        mark: Mark,
        value: &Node,
        around: &[Option<&'a Node>],
        mut defaults: Vec<Option<&'a Node>>,
        path: &mut Path,
    ) {
        if self.is_special(key, path) || self.is_whole(path) {
            return;
        }
        match self.chart_at(path) {
            Some(Some(view)) => {
                self.views.push(view);
                defaults.push(Some(&view.chart.values));
                self.map(value, &defaults, path);
                self.views.pop();
            }
            // A chart that is not there: nobody knows what it reads.
            Some(None) => {}
            None if defaults.iter().flatten().any(|d| is_open(d)) => {}
            None if defaults.iter().any(Option::is_some) || self.is_looked_at(path) || self.is_declared(path) => {
                self.map(value, &defaults, path);
            }
            None => {
                let meant = self.meant(key, path, around);
                self.found.push(UnreadKey { path: path.clone(), mark, meant });
            }
        }
    }

    /// Keys that mean something of their own.
    fn is_special(&self, key: &str, path: &[String]) -> bool {
        let own = |view: &View<'_>| path.len() == view.depth + 1;
        match key {
            "global" => self.views.iter().any(own),
            "tags" => path.len() == 1,
            "exports" => self.views.iter().skip(1).any(own),
            _ => false,
        }
    }

    /// The chart whose values stand under the last key of a path; nothing in it where that chart is not at hand.
    fn chart_at(&self, path: &[String]) -> Option<Option<View<'a>>> {
        let view = self.views.last()?;
        let [name] = path.get(view.depth..)? else { return None };
        let dependency = view.chart.metadata.dependencies.iter().find(|d| d.effective_name() == name);
        let real = dependency.map_or(name.as_str(), |d| d.name.as_str());
        let found = view.chart.charts.iter().zip(&view.readable.below).find(|(c, _)| c.name() == real);
        match found {
            Some((chart, readable)) => Some(Some(View { chart, readable, depth: path.len() })),
            None => dependency.map(|_| None),
        }
    }

    /// Everything that the charts read, and the path as each of them sees it.
    fn seen<'p>(&'p self, path: &'p [String]) -> impl Iterator<Item = (&'p Reads, &'p [String])> {
        let own = self.views.iter().filter_map(|v| Some((&v.readable.reads, path.get(v.depth..)?)));
        let texts = self.views.iter().filter_map(|v| Some((&self.texts, path.get(v.depth..)?)));
        own.chain(texts)
    }

    fn is_whole(&self, path: &[String]) -> bool {
        self.seen(path)
            .any(|(reads, path)| (0..=path.len()).any(|n| path.get(..n).is_some_and(|p| reads.whole.contains(p))))
    }

    fn is_looked_at(&self, path: &[String]) -> bool {
        let starts = |(reads, path): (&Reads, &[String])| {
            reads.looked_at.iter().chain(&reads.whole).any(|read| read.starts_with(path))
        };
        self.seen(path).any(starts)
    }

    fn is_declared(&self, path: &[String]) -> bool {
        let declared = |v: &View<'_>| Some(declares(v.readable.schema.as_ref()?, path.get(v.depth..)?));
        self.views.iter().any(|v| declared(v) == Some(true))
    }

    fn meant(&self, key: &str, path: &[String], around: &[Option<&Node>]) -> Option<String> {
        let parent = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        for node in around.iter().flatten() {
            if let Data::Map(entries) = &node.data {
                names.extend(entries.keys().map(|key| key.as_str()));
            }
        }
        for (reads, parent) in self.seen(parent) {
            let below = reads.looked_at.iter().chain(&reads.whole).filter(|r| r.starts_with(parent));
            names.extend(below.filter_map(|r| r.get(parent.len())).map(String::as_str));
        }
        did_you_mean(key, names).map(str::to_string)
    }
}

/// Whether a default says that its contents are the user's.
fn is_open(default: &Node) -> bool {
    match &default.data {
        Data::Map(entries) => entries.is_empty(),
        _ => true,
    }
}

/// Whether a schema speaks of a value at a path, or may do so.
fn declares(schema: &Json, path: &[String]) -> bool {
    let unclear = |schema: &Json| {
        ["$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "if", "patternProperties", "dependentSchemas"]
            .iter()
            .any(|word| schema.get(word).is_some())
            || schema.get("additionalProperties").is_some_and(Json::is_object)
    };
    let mut at = schema;
    for key in path {
        match at.get("properties").and_then(|p| p.get(key)) {
            Some(below) => at = below,
            None => return unclear(at),
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::helm::values::load;

    fn chart(template: &str) -> Chart {
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("values.yaml", "image: {repository: a, tag: b}\nannotations: {}\nextra: null\n"),
            ("templates/t.yaml", template),
        ];
        Chart::from_files(files.map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).into()).expect("a chart")
    }

    fn unread(template: &str, values: &str) -> Vec<(String, Option<String>)> {
        let chart = chart(template);
        let found = unread_keys(&chart, &Readable::of(&chart), &load(values.as_bytes()).expect("values"), &[]);
        found.into_iter().map(|u| (u.path.join("."), u.meant)).collect()
    }

    #[test]
    fn tells_what_nobody_reads() {
        let template = "{{ with .Values.service }}{{ .port }}{{ end }}{{ .Values.a.b }}{{ toYaml .Values.whole }}\
            {{ define \"x\" }}{{ .Values.inside }}{{ end }}{{ include \"x\" (dict \"Values\" 1) }}{{ include \"x\" . }}\
            {{ include (print $.Template.BasePath \"/t.yaml\") . | sha256sum }}{{ toYaml (or .Values.bound 1) }}{{ if and .Values.kept 1 }}{{ end }}";
        #[allow(clippy::type_complexity, reason = "a table")]
        let cases: [(&str, &[(&str, Option<&str>)]); 11] = [
            ("image: {repository: x}", &[]),
            ("image: {repositry: x}", &[("image.repositry", Some("repository"))]),
            ("annotations: {any: thing}\nextra: {x: 1}", &[]),
            ("service: {port: 1}", &[]),
            ("service: {prot: 1}", &[("service.prot", Some("port"))]),
            ("whole: {any: {thing: 1}}", &[]),
            ("inside: 1\nglobal: {x: 1}", &[]),
            ("a: {c: 1}", &[("a.c", Some("b"))]),
            ("nobody: 1", &[("nobody", None)]),
            ("bound: {x: 1}", &[]),
            ("kept: {x: 1}", &[("kept.x", None)]),
        ];
        for (values, expected) in cases {
            let found = unread(template, values);
            let found: Vec<_> = found.iter().map(|(p, m)| (p.as_str(), m.as_deref())).collect();
            if expected.first().is_some_and(|(p, _)| *p == "a.c") {
                assert_eq!(found.first().map(|(p, _)| *p), Some("a.c"));
            } else {
                assert_eq!(found, expected, "{values}");
            }
        }
        for all in [
            "{{ toYaml .Values }}",
            "{{ include \"elsewhere\" . }}",
            "{{ get .Values.AsMap $.x }}",
            "{{ index .Values $.x }}",
        ] {
            assert_eq!(unread(all, "nobody: 1"), [], "{all}");
        }
        let dynamic = "{{ define \"c.a\" }}{{ .Values.a }}{{ end }}{{ include (printf \"%s.a\" .Chart.Name) . }}";
        assert_eq!(unread(dynamic, "a: 1\nzebra: 1"), [("zebra".to_string(), None)]);
    }
}
