//! Paths of this repository, for the rules that look whether something is there.

use crate::check::Context;
use crate::graph::{Graph, Kind, NodeId};
use crate::model::source::is_path;
use crate::model::{Part, SourceKind, SourcePath, Template};

/// The folder of a source as a path relative to the pipeline file; nothing where it is elsewhere.
pub(super) fn folder_of<'a>(context: &Context<'a>, source: &str) -> Option<&'a str> {
    let id = context.graph.find(source)?;
    match &context.graph.source(id)?.kind {
        SourceKind::Folder { path } => is_within(path).then_some(path.as_str()),
        SourceKind::Helm { chart, .. } => {
            // A packed chart is one file, and what is in it is not looked at here.
            let folder = is_path(chart) && is_within(chart) && !chart.ends_with(".tgz");
            folder.then_some(chart.as_str())
        }
        _ => None,
    }
}

/// Whether a path is one below the pipeline file, so that it is in the repository.
pub(super) fn is_within(path: &str) -> bool {
    !path.starts_with('/') && path.split('/').all(|part| part != "..")
}

/// A path below a folder.
pub(super) fn join(folder: &str, path: &str) -> String {
    let folder = folder.strip_prefix("./").unwrap_or(folder).trim_end_matches('/');
    if folder.is_empty() || folder == "." { path.to_string() } else { format!("{folder}/{path}") }
}

/// The paths that a path with references can mean, where all that is needed is in the file: `{environment}` for each of
/// `environments`. Nothing when it has another reference.
pub(super) fn meanings(template: Option<&Template>, environments: &[&str]) -> Option<Vec<String>> {
    let Some(template) = template else { return Some(vec![String::new()]) };
    if let Some(text) = template.as_text() {
        return Some(vec![text.to_string()]);
    }
    let known =
        |r: &crate::model::Reference| r.name == "environment" && r.fields.first().is_none_or(|(f, _)| f == "name");
    if !template.refs().all(known) {
        return None;
    }
    let of =
        |name: &&str| template.parts.iter().map(|p| if let Part::Text(t) = p { t.as_str() } else { name }).collect();
    Some(environments.iter().map(of).collect())
}

/// The names of the environments that deploy a release.
pub(super) fn environments_of(graph: &Graph, release: NodeId) -> Vec<&str> {
    let environments =
        graph.needed_by(release).map(|(n, _)| n).filter(|n| matches!(graph.kind(*n), Kind::Environment(_)));
    let mut environments: Vec<NodeId> = environments.collect();
    environments.sort_unstable();
    environments.dedup();
    environments.into_iter().map(|n| graph.name(n)).collect()
}

/// The first of the paths that a place can mean and that is not there.
pub(super) fn first_missing(
    context: &Context<'_>,
    path: &SourcePath,
    environments: &[&str],
    below: &str,
) -> Option<String> {
    let folder = folder_of(context, &path.source).filter(|f| context.repository.exists(f))?;
    let meanings = meanings(path.path.as_ref(), environments)?;
    let whole = |path: &String| join(folder, join(path, below).trim_end_matches('/'));
    meanings.iter().filter(|p| is_within(p)).map(whole).find(|p| !context.repository.exists(p))
}
