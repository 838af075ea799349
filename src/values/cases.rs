//! The cases to be judged: a release in an environment, with its chart and the texts of its values.

use super::{Hand, Known, Text};
use crate::graph::{Graph, Kind, NodeId};
use crate::model::{Part, Release, Source, SourcePath, Template, ValuesFile};
use crate::source::FileId;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A release in an environment. Its chart is at hand.
pub(super) struct Case<'a> {
    pub release: &'a Release,
    pub chart: Arc<Known>,
    /// The values files that are at hand, with the node that names them.
    pub files: Vec<(&'a ValuesFile, Text)>,
    /// Whether those are all.
    pub whole: bool,
    pub environment: &'a str,
}

/// All cases, and the values files of releases whose chart is not at hand: what stands in those can be for anything.
pub(super) fn of<'a>(graph: &'a Graph, hand: &dyn Hand) -> (Vec<Case<'a>>, BTreeSet<FileId>) {
    let (mut cases, mut open) = (Vec::new(), BTreeSet::new());
    for (id, _) in graph.nodes() {
        let Some(release) = graph.release(id) else { continue };
        for environment in environments(graph, id) {
            match case(graph, hand, release, environment) {
                Some(case) => cases.push(case),
                None => {
                    open.extend(release.values.iter().filter_map(|v| text(graph, hand, v, environment)).map(|t| t.file))
                }
            }
        }
    }
    (cases, open)
}

fn text(graph: &Graph, hand: &dyn Hand, file: &ValuesFile, environment: &str) -> Option<Text> {
    let (source, path) = place(graph, &file.file, environment)?;
    hand.text(source, &path)
}

fn case<'a>(graph: &'a Graph, hand: &dyn Hand, release: &'a Release, environment: &'a str) -> Option<Case<'a>> {
    let (source, folder) = place(graph, release.chart.as_ref()?, environment)?;
    let chart = hand.chart(source, &folder)?;
    let mut case = Case { release, chart, files: Vec::new(), whole: true, environment };
    for file in &release.values {
        match text(graph, hand, file, environment) {
            Some(text) => case.files.push((file, text)),
            None => case.whole &= file.optional,
        }
    }
    Some(case)
}

/// The environments that deploy a release.
fn environments(graph: &Graph, release: NodeId) -> Vec<&str> {
    let mut found: Vec<NodeId> =
        graph.needed_by(release).map(|(n, _)| n).filter(|n| matches!(graph.kind(*n), Kind::Environment(_))).collect();
    found.sort_unstable();
    found.dedup();
    found.into_iter().map(|n| graph.name(n)).collect()
}

/// The source and the path in it; nothing where that is only known later.
fn place<'a>(graph: &'a Graph, path: &SourcePath, environment: &str) -> Option<(&'a Source, String)> {
    let source = graph.source(graph.find(&path.source)?)?;
    let path = path.path.as_ref().map_or(Some(String::new()), |template| known(template, environment))?;
    let is_within = !path.starts_with('/') && path.split('/').all(|part| part != "..");
    is_within.then(|| (source, path.trim_start_matches("./").trim_end_matches('/').to_string()))
}

/// A text whose references are all to the name of the environment.
pub(super) fn known(template: &Template, environment: &str) -> Option<String> {
    let part = |part: &Part| match part {
        Part::Text(text) => Some(text.to_string()),
        Part::Ref(r) if r.name == "environment" && r.fields.first().is_none_or(|(f, _)| f == "name") => {
            Some(environment.to_string())
        }
        Part::Ref(_) => None,
    };
    template.parts.iter().map(part).collect()
}
