//! Values that a user sets and nobody knows: neither the chart's values.yaml nor any template of it. Mostly misspelt.

use super::layers::{Layer, ValuesError};
use super::load;
use super::reads::{Path, Reads, read_paths};
use crate::diag::did_you_mean;
use crate::helm::chart::Chart;
use crate::helm::yaml::{Data, Mark, Node};
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

/// The keys of a values file that neither the chart's values.yaml nor any template reads, each at its highest level.
///
/// # Errors
/// A layer that is no values file.
pub fn unread_keys(chart: &Chart, layer: &Layer) -> Result<Vec<UnreadKey>, ValuesError> {
    let node = load(&layer.text).map_err(|error| ValuesError::Layer { name: layer.name.clone(), error })?;
    let mut found = Vec::new();
    in_chart(chart, &node, &mut Vec::new(), true, &mut found);
    Ok(found)
}

/// Looks at the values of one chart; `prefix` leads to them.
fn in_chart(chart: &Chart, values: &Node, prefix: &mut Path, top: bool, found: &mut Vec<UnreadKey>) {
    let mut reads = read_paths(chart);
    for condition in conditions(chart) {
        reads.whole.insert(condition);
    }
    let known = Known { chart, reads: &reads, top };
    known.walk(values, Some(&chart.values), &mut Vec::new(), prefix, found);
}

/// The paths that decide on charts below.
fn conditions(chart: &Chart) -> Vec<Path> {
    let all = chart.metadata.dependencies.iter().flat_map(|d| d.condition.split(','));
    all.map(|c| c.trim().split('.').map(str::to_string).collect()).collect()
}

struct Known<'a> {
    chart: &'a Chart,
    reads: &'a Reads,
    top: bool,
}

impl Known<'_> {
    fn walk(
        &self,
        values: &Node,
        defaults: Option<&Node>,
        path: &mut Path,
        prefix: &mut Path,
        found: &mut Vec<UnreadKey>,
    ) {
        let Data::Map(entries) = &values.data else { return };
        for (key, entry) in entries {
            path.push(key.clone());
            prefix.push(key.clone());
            let default = defaults.and_then(|d| d.get(key)).map(|e| &e.value);
            match self.below(path) {
                Some(below) if !self.is_whole(path) => in_chart(below, &entry.value, prefix, false, found),
                Some(_) => {}
                None if self.is_open(path, default) => {}
                None if default.is_some() || self.is_looked_at(path) => {
                    self.walk(&entry.value, default, path, prefix, found);
                }
                None => found.push(UnreadKey {
                    path: prefix.clone(),
                    mark: entry.key,
                    meant: self.meant(key, path, defaults),
                }),
            }
            path.pop();
            prefix.pop();
        }
    }

    /// The chart whose values stand under a key.
    fn below(&self, path: &[String]) -> Option<&Chart> {
        let [name] = path else { return None };
        let dependency = self.chart.metadata.dependencies.iter().find(|d| d.effective_name() == name);
        let real = dependency.map_or(name.as_str(), |d| d.name.as_str());
        self.chart.charts.iter().find(|c| c.name() == real)
    }

    fn is_whole(&self, path: &[String]) -> bool {
        (0..=path.len()).any(|n| self.reads.whole.contains(&path[..n]))
    }

    /// Whether anything may stand below: it is read as a whole, or the default says that its contents are the user's.
    fn is_open(&self, path: &[String], default: Option<&Node>) -> bool {
        let special =
            path.len() == 1 && matches!(path[0].as_str(), "global" | "tags" if self.top || path[0] == "global");
        special
            || self.is_whole(path)
            || default.is_some_and(|node| match &node.data {
                Data::Map(entries) => entries.is_empty(),
                _ => true,
            })
    }

    fn is_looked_at(&self, path: &[String]) -> bool {
        let starts = |read: &Path| read.starts_with(path);
        self.reads.looked_at.iter().any(starts) || self.reads.whole.iter().any(starts)
    }

    fn meant(&self, key: &str, path: &[String], defaults: Option<&Node>) -> Option<String> {
        let parent = path.get(..path.len() - 1).unwrap_or_default();
        let mut names: BTreeSet<&str> = BTreeSet::new();
        if let Some(Data::Map(entries)) = defaults.map(|d| &d.data) {
            names.extend(entries.keys().map(String::as_str));
        }
        let reads = self.reads.looked_at.iter().chain(&self.reads.whole);
        names.extend(reads.filter(|r| r.starts_with(parent)).filter_map(|r| r.get(parent.len())).map(String::as_str));
        did_you_mean(key, names).map(str::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(template: &str) -> Chart {
        let files = [
            ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
            ("values.yaml", "image: {repository: a, tag: b}\nannotations: {}\nextra: null\n"),
            ("templates/t.yaml", template),
        ];
        Chart::from_files(files.map(|(n, t)| (n.to_string(), t.as_bytes().to_vec())).into()).expect("a chart")
    }

    fn unread(template: &str, values: &str) -> Vec<(String, Option<String>)> {
        let layer = Layer { name: "v".to_string(), text: values.as_bytes().to_vec() };
        let found = unread_keys(&chart(template), &layer).expect("values");
        found.into_iter().map(|u| (u.path.join("."), u.meant)).collect()
    }

    #[test]
    fn tells_what_nobody_reads() {
        let template = "{{ with .Values.service }}{{ .port }}{{ end }}{{ .Values.a.b }}{{ toYaml .Values.whole }}\
            {{ define \"x\" }}{{ .Values.inside }}{{ end }}{{ include \"x\" (dict \"Values\" 1) }}{{ include \"x\" . }}";
        #[allow(clippy::type_complexity, reason = "a table")]
        let cases: [(&str, &[(&str, Option<&str>)]); 9] = [
            ("image: {repository: x}", &[]),
            ("image: {repositry: x}", &[("image.repositry", Some("repository"))]),
            ("annotations: {any: thing}\nextra: {x: 1}", &[]),
            ("service: {port: 1}", &[]),
            ("service: {prot: 1}", &[("service.prot", Some("port"))]),
            ("whole: {any: {thing: 1}}", &[]),
            ("inside: 1\nglobal: {x: 1}", &[]),
            ("a: {c: 1}", &[("a.c", Some("b"))]),
            ("nobody: 1", &[("nobody", None)]),
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
        assert_eq!(unread("{{ toYaml .Values }}", "nobody: 1"), []);
    }
}
