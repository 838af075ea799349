//! Tests and simulations of a pipeline: what is at hand on this machine, brought to the rehearsal.

use super::{Failure, Loaded, load};
use crate::adapters::{charts, folder::Folder};
use crate::diag::{Diagnostic, any_error, codes, did_you_mean};
use crate::engine::clean;
use crate::graph::Graph;
use crate::model::source::is_path;
use crate::model::test::{Says, Which};
use crate::model::{self, SourceKind, Test};
use crate::ports::PortError;
use crate::ports::files::Files;
use crate::ports::filter::Filter;
use crate::rehearse::{self, Local, Refusal, Rehearsal, Waiting};
use crate::source::Sources;
use crate::syntax::{Document, Limits, include, parse};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How the names of files with tests end.
pub const SUFFIX: &str = ".test.kdl";

/// What came of the tests of a pipeline file.
#[derive(Clone, Debug)]
pub struct Tested {
    /// The tests that were played, in the order of the texts.
    pub tests: Vec<Played>,
    /// All texts.
    pub sources: Sources,
}

/// A test that was played.
#[derive(Clone, Debug)]
pub struct Played {
    /// What it shows, in words.
    pub name: String,
    /// The file it stands in.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// What of it does not hold.
    pub found: Vec<Diagnostic>,
}

/// What became of one event of a simulation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Scene {
    /// The event as it was given.
    pub event: String,
    /// What happened, a line each.
    pub happened: Vec<String>,
    /// What each environment has afterwards.
    pub has: Vec<There>,
    /// What waits at gates afterwards.
    pub waits: Vec<Waiting>,
}

/// What an environment has.
#[derive(Clone, Debug, serde::Serialize)]
pub struct There {
    /// The environment.
    pub environment: String,
    /// `newest`, `older` or `nothing`.
    pub candidate: &'static str,
}

/// Plays the tests in a pipeline file and in the files beside it; of a file of tests, only those in it. `pipeline` is the one
/// that tests are of which do not say it, and `only` a part of the names of those that are played.
pub fn test(path: Option<&Path>, pipeline: Option<&str>, only: Option<&str>) -> Result<Tested, Failure> {
    let found = load::find(path)?;
    let is_test = found.to_string_lossy().ends_with(SUFFIX);
    let loaded = load::load(&if is_test { load::find(Some(folder_of(&found)))? } else { found.clone() });
    loaded.checked()?;
    let mut sources = loaded.sources.clone();
    let (mut tests, mut faults) = (Vec::new(), Vec::new());
    let main = loaded.root.join(loaded.path.file_name().unwrap_or_default());
    if !is_test {
        tests.extend(read(&main, &loaded.root, &mut sources).0);
    }
    for file in if is_test { vec![found] } else { beside(&loaded.root) } {
        let (more, found) = read(&file, &loaded.root, &mut sources);
        tests.extend(more);
        faults.extend(found);
    }
    faults.extend(repeated(&tests));
    if any_error(&faults) {
        crate::diag::sort(&mut faults);
        return Err(Failure { diagnostics: faults, sources });
    }
    let beside = Beside { root: loaded.root.clone() };
    let wanted = tests.iter().filter(|t| only.is_none_or(|part| t.name.contains(part)));
    let tests = wanted.map(|test| played(test, &loaded, pipeline, &beside, &sources)).collect();
    Ok(Tested { tests, sources })
}

fn played(test: &Test, loaded: &Loaded, pipeline: Option<&str>, beside: &Beside, sources: &Sources) -> Played {
    let found = match graph_of(test, loaded, pipeline) {
        Ok(graph) => rehearse::test(test, graph, loaded.digest, beside),
        Err(diagnostic) => vec![diagnostic],
    };
    let file = sources.get(test.span.file);
    let line = file.map_or(1, |f| f.position(test.span.start).line);
    Played {
        name: test.name.value.to_string(),
        file: file.map(|f| f.path().to_path_buf()).unwrap_or_default(),
        line,
        found,
    }
}

/// Plays events, one after the other, on a pipeline whose environments all have what there is; or nothing, when `fresh`.
pub fn simulate(
    path: Option<&Path>,
    pipeline: Option<&str>,
    events: &[String],
    fresh: bool,
) -> Result<Vec<Scene>, Failure> {
    let loaded = load::load(&load::find(path)?);
    loaded.checked()?;
    let mut sources = loaded.sources.clone();
    let text = as_test(events);
    let id = sources.add("--event", text.as_str());
    let (tree, mut faults) = parse(id, text.into(), &Limits::default());
    let (file, more) = model::decode(&Document::from(tree));
    faults.extend(more);
    let failure = |diagnostics: Vec<Diagnostic>| Failure { diagnostics, sources: sources.clone() };
    let Some(test) = file.tests.first().filter(|_| !any_error(&faults)) else { return Err(failure(faults)) };
    let graph = graph_of(test, &loaded, pipeline).map_err(|d| failure(vec![d]))?;
    let faults = rehearse::faults(test, graph);
    if any_error(&faults) {
        return Err(failure(faults));
    }
    let refused = |r: Refusal| failure(r.0);
    let mut rehearsal = Rehearsal::new(graph, loaded.digest, &Beside { root: loaded.root.clone() }).map_err(refused)?;
    if !fresh {
        rehearsal.given(&[]).map_err(refused)?;
    }
    let whens =
        test.statements.iter().filter_map(|s| if let Says::When(happening) = &s.says { Some(happening) } else { None });
    let mut scenes = Vec::new();
    for (happening, event) in whens.zip(events) {
        rehearsal.turn();
        rehearsal.when(happening).map_err(refused)?;
        let there = |(environment, which): (String, Which)| There { environment, candidate: which.word() };
        let has = rehearsal.has().map_err(refused)?.into_iter().map(there).collect();
        scenes.push(Scene {
            event: event.clone(),
            happened: rehearsal.story().lines().to_vec(),
            has,
            waits: rehearsal.waiting(),
        });
    }
    Ok(scenes)
}

/// Events as they are typed, `push app docs/x.md by=ann`, as a test.
fn as_test(events: &[String]) -> String {
    let quoted = |word: &str| format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""));
    let word = |word: &str| match word.split_once('=') {
        Some((key, value)) if key.chars().all(|c| c.is_ascii_lowercase()) && !key.is_empty() => {
            format!("{key}={}", quoted(value.trim_matches('"')))
        }
        _ => quoted(word.trim_matches('"')),
    };
    let line =
        |event: &String| format!("    when {}\n", event.split_whitespace().map(word).collect::<Vec<_>>().join(" "));
    format!(
        "lockgate {}\ntest simulation {{\n{}    expect refused\n}}\n",
        model::pipeline::VERSION,
        events.iter().map(line).collect::<String>()
    )
}

/// The pipeline that a test is of.
#[allow(clippy::result_large_err, reason = "made once for a test that cannot run")]
fn graph_of<'l>(test: &Test, loaded: &'l Loaded, pipeline: Option<&str>) -> Result<&'l Graph, Diagnostic> {
    let mut graphs: Vec<&Graph> = Vec::new();
    for graph in loaded.checked.iter().flat_map(|c| c.graphs()) {
        graphs.push(graph);
    }
    let names: Vec<&str> = graphs.iter().map(|g| g.pipeline().name.as_str()).collect();
    let span = test.pipeline.as_ref().map_or(test.name.span, |p| p.span);
    let unknown = |message: String| Diagnostic::new(&codes::UNKNOWN_NAME, message).at(span, "of which pipeline?");
    match (test.pipeline.as_ref().map(|p| p.as_str()).or(pipeline), graphs.as_slice()) {
        (Some(name), _) => graphs.iter().copied().find(|g| g.pipeline().name.as_str() == name).ok_or_else(|| {
            let fault = unknown(format!("there is no pipeline named `{name}`"));
            match did_you_mean(name, names.iter().copied()) {
                Some(near) => fault.help(format!("did you mean `{near}`?")),
                None => fault.help(format!("there are: {}", names.join(", "))),
            }
        }),
        (None, [only]) => Ok(*only),
        (None, []) => Err(unknown("the file has no pipeline".to_string())),
        (None, _) => {
            let fault = unknown("the file has several pipelines, and the test does not say which it is of".to_string());
            Err(fault.help(format!("write `pipeline=NAME`; there are: {}", names.join(", "))))
        }
    }
}

/// Tests with one name are told apart by nobody.
fn repeated(tests: &[Test]) -> Vec<Diagnostic> {
    let first =
        |at: usize, test: &Test| tests.iter().take(at).find(|t| t.name.value == test.name.value).map(|t| t.name.span);
    let fault = |(at, test): (usize, &Test)| {
        let fault = Diagnostic::new(&codes::DUPLICATE_NAME, format!("two tests are named `{}`", test.name.value));
        Some(fault.at(test.name.span, "a second time here").at(first(at, test)?, "first here"))
    };
    tests.iter().enumerate().filter_map(fault).collect()
}

/// The tests in a file and what is wrong with it.
fn read(path: &Path, root: &Path, sources: &mut Sources) -> (Vec<Test>, Vec<Diagnostic>) {
    let limits = Limits::default();
    let mut open = |path: &Path| {
        let mut bytes = Vec::new();
        std::fs::File::open(path)?.take(limits.size as u64 + 1).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let repository = root.ancestors().find(|f| f.join(".git").exists()).unwrap_or(root);
    let (document, mut faults) = include::load(path, repository, &limits, sources, &mut open);
    let (file, more) = model::decode(&document);
    faults.extend(more);
    (file.tests, faults)
}

/// The files with tests beside the pipeline file.
fn beside(root: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| p.to_string_lossy().ends_with(SUFFIX)).collect();
    files.sort();
    files
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// What is beside the pipeline file.
struct Beside {
    root: PathBuf,
}

impl Local for Beside {
    fn files(&self, kind: &SourceKind) -> Option<Result<Arc<dyn Files>, PortError>> {
        match kind {
            SourceKind::Folder { path } => {
                let folder = Folder::new(clean(&self.root.join(&path.value)), Filter::default());
                Some(folder.look().map(|(_, files)| files as Arc<dyn Files>))
            }
            SourceKind::Helm { chart, repo: None, .. } if is_path(chart) => {
                Some(charts::look(&clean(&self.root.join(&chart.value))).map(|(_, files)| files))
            }
            _ => None,
        }
    }
}
