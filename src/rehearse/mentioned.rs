//! The files that a pipeline names, for sources that are not at hand: what is asked of them must be there.

use crate::model::{Environment, Part, Pipeline, SourcePath, Template, VerifyKind};
use crate::ports::files::{MemoryFiles, Mode};

/// A source with the files that the pipeline names.
pub(super) fn files(pipeline: &Pipeline, source: &str) -> MemoryFiles {
    let mut files = MemoryFiles::default();
    for release in &pipeline.releases {
        if let Some(chart) = release.chart.as_ref().filter(|c| c.source.value == source) {
            let folder = chart.path.as_ref().and_then(Template::as_text).map(tidy).unwrap_or_default();
            let path = if folder.is_empty() { "Chart.yaml".to_string() } else { format!("{folder}/Chart.yaml") };
            files.add(path, Mode::File, chart_file(&release.name, "0.1.0").into_bytes());
        }
        for values in release.values.iter().filter(|v| v.file.source.value == source && !v.optional) {
            for path in pipeline.environments.iter().filter_map(|e| path_in(&values.file, Some(e))) {
                files.add(path, Mode::File, b"{}\n".to_vec());
            }
        }
    }
    for environment in &pipeline.environments {
        for verify in &environment.verifies {
            if let VerifyKind::Script { script, .. } = &verify.kind
                && script.source.value == source
                && let Some(path) = path_in(script, Some(environment))
            {
                files.add(path, Mode::Executable, b"#!/bin/sh\n".to_vec());
            }
        }
    }
    inputs(pipeline, source, &mut files);
    // Something that can change: a file that counts.
    let globs =
        pipeline.sources.iter().find(|s| s.name.value == source).map(|s| s.paths.as_slice()).unwrap_or_default();
    for glob in globs {
        files.add(matched(glob), Mode::File, b"\n".to_vec());
    }
    if globs.is_empty() {
        files.add("file", Mode::File, b"\n".to_vec());
    }
    files
}

/// A path that a glob matches, as long as it is a plain one.
fn matched(glob: &str) -> String {
    tidy(glob).replace("**/", "").replace("**", "file").replace(['*', '?'], "x")
}

/// What a chart says of itself.
pub(super) fn chart_file(name: &str, version: &str) -> String {
    format!("apiVersion: v2\nname: {name}\nversion: {version}\n")
}

/// For each input of a task a file that it matches.
fn inputs(pipeline: &Pipeline, source: &str, files: &mut MemoryFiles) {
    for task in &pipeline.tasks {
        let works_in = task.command.workdir.as_ref();
        for input in &task.inputs {
            let of = input.source.as_ref().map(|s| s.value.as_str()).or(works_in.map(|w| w.source.value.as_str()));
            let Some(glob) = input.what.as_text().filter(|_| of == Some(source)) else { continue };
            let folder =
                works_in.filter(|w| w.source.value == source).and_then(|w| path_in(w, None)).unwrap_or_default();
            let name = matched(glob);
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            files.add(path, Mode::File, b"\n".to_vec());
        }
    }
}

/// A path with what it says of the environment; nothing where it says more than that.
fn path_in(path: &SourcePath, environment: Option<&Environment>) -> Option<String> {
    let mut out = String::new();
    for part in &path.path.as_ref()?.parts {
        match (part, environment) {
            (Part::Text(text), _) => out.push_str(text),
            (Part::Ref(reference), Some(environment)) if &*reference.name == "environment" => {
                let is_name = reference.fields.first().is_none_or(|(field, _)| &**field == "name");
                out.push_str(is_name.then_some(environment.name.value.as_str())?);
            }
            _ => return None,
        }
    }
    Some(tidy(&out).to_string())
}

fn tidy(path: &str) -> &str {
    path.trim_start_matches("./").trim_end_matches('/')
}
