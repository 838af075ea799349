//! Values that nobody reads, of the releases that a plan would change. What is at hand is judged by `check` already; here it is
//! the exact versions, wherever they are from.

use super::Plan;
use super::kept::Kept;
use super::render::Request;
use crate::check;
use crate::graph::Graph;
use crate::source::Span;
use crate::values::{Known, Nobody, nobody_reads};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Adds what is found to the diagnostics of a plan that is complete.
pub(super) fn judge(graph: &Graph, kept: &Kept, plan: &mut Plan) {
    let changed: Vec<(&str, &Arc<Request>)> =
        plan.changed().filter_map(|(release, rendered)| Some((release, rendered.request.as_ref()?))).collect();
    if changed.is_empty() {
        return;
    }
    let mut charts: Vec<(&Request, Option<Known>)> = Vec::new();
    // A file of several releases is only at fault where none of them reads a key.
    let mut files: BTreeMap<&str, (&str, BTreeSet<Nobody>)> = BTreeMap::new();
    let mut sets: BTreeSet<(&str, Nobody)> = BTreeSet::new();
    for (release, request) in &changed {
        if !charts.iter().any(|(seen, _)| seen.chart == request.chart) {
            let read = kept.chart(&request.chart);
            charts.push((request, read.chart.as_ref().ok().map(|chart| Known::of(chart.clone()))));
        }
        let known = charts.iter().find(|(seen, _)| seen.chart == request.chart).and_then(|(_, known)| known.as_ref());
        let Some(known) = known else { continue };
        let texts: Vec<(&str, &[u8])> = request.values.iter().map(|v| (v.path.as_str(), &*v.content)).collect();
        let settings: Vec<&str> = request.sets.iter().map(|s| s.path.as_str()).collect();
        let (of_files, of_sets): (Vec<Nobody>, Vec<Nobody>) =
            nobody_reads(known, &texts, &settings).into_iter().partition(|n| n.at.is_some());
        sets.extend(of_sets.into_iter().map(|n| (*release, n)));
        for (name, _) in &texts {
            let own = of_files.iter().filter(|n| n.at.as_ref().is_some_and(|(file, _)| file == name)).cloned();
            let own: BTreeSet<Nobody> = own.collect();
            files
                .entry(name)
                .and_modify(|(_, keys)| keys.retain(|k| own.contains(k)))
                .or_insert_with(|| (*release, own.clone()));
        }
    }
    let all =
        files.into_values().flat_map(|(release, keys)| keys.into_iter().map(move |key| (release, key))).chain(sets);
    let mut found: Vec<_> = all.map(|(release, key)| key.diagnostic(place(graph, release, &key))).collect();
    check::apply(&graph.levels, false, &mut found);
    plan.diagnostics.append(&mut found);
}

/// Where the pipeline file speaks of it: the `set`, or the release.
fn place(graph: &Graph, release: &str, key: &Nobody) -> Span {
    let Some(node) = graph.find_release(release).and_then(|id| graph.release(id)) else { return Span::default() };
    let path = key.path.join(".");
    let set = node.sets.iter().find(|s| key.at.is_none() && s.path.value.replace('\\', "").starts_with(&path));
    set.map_or(node.name.span, |s| s.path.span)
}
