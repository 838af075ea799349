//! `lockgate test` and `lockgate simulate`: what the pipeline would do, tried without running anything.

use super::desk::{from_here, relative};
use super::{Desk, Exit};
use crate::app::Failure;
use crate::app::rehearse::{self, Played, Scene, Tested};
use crate::report::diagnostics::{self, json};
use crate::report::{Paint, Style};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Run the tests of the pipeline, in a world that is only thought of
///
/// Tests stand in the pipeline file, or beside it in files that end in `.test.kdl`. Nothing is built, deployed or asked.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate test
  lockgate test --only staging
  lockgate explain test       # how a test is written")]
pub(super) struct Test {
    /// The pipeline file or its folder, or a file of tests
    path: Option<PathBuf>,
    /// Only the tests with this in their names
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

impl Test {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let path = desk.path(self.path.as_deref());
        let tested = rehearse::test(path.as_deref(), desk.globals.pipeline.as_deref(), self.only.as_deref())?;
        desk.terminal.print(&if self.json { as_json(&tested) } else { as_text(&tested, desk.terminal.out) });
        Ok(if tested.tests.iter().all(holds) { Exit::Done } else { Exit::Error })
    }
}

fn holds(test: &Played) -> bool {
    !crate::diag::any_error(&test.found)
}

fn as_text(tested: &Tested, style: Style) -> String {
    let sources = relative(&tested.sources, None);
    let mut out = String::new();
    for test in &tested.tests {
        let mark = if holds(test) { Paint::Good.on("✓", style) } else { Paint::Bad.on("✗", style) };
        let _ = writeln!(out, "{mark} {}", test.name);
        if !test.found.is_empty() {
            let _ = writeln!(out, "\n{}", diagnostics::text(&test.found, &sources, style).trim_end_matches('\n'));
            out.push('\n');
        }
    }
    let failed = tested.tests.iter().filter(|t| !holds(t)).count();
    let count = crate::report::layout::count(tested.tests.len(), "test");
    let _ = match (tested.tests.len(), failed) {
        (0, _) => writeln!(out, "There are no tests: `lockgate explain test` says how one is written."),
        (_, 0) => writeln!(out, "{count}, and all hold."),
        _ => writeln!(out, "{count}, of which {failed} {} not hold.", if failed == 1 { "does" } else { "do" }),
    };
    out
}

fn as_json(tested: &Tested) -> String {
    let sources = relative(&tested.sources, None);
    let one = |test: &Played| {
        let found: serde_json::Value = serde_json::from_str(&json::text(&test.found, &sources)).unwrap_or_default();
        serde_json::json!({
            "name": test.name,
            "file": from_here(&test.file),
            "line": test.line,
            "holds": holds(test),
            "diagnostics": found.get("diagnostics"),
        })
    };
    let tests: Vec<_> = tested.tests.iter().map(one).collect();
    let failed = tested.tests.iter().filter(|t| !holds(t)).count();
    let document = serde_json::json!({ "version": 1, "tests": tests, "failed": failed });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

/// Show what would happen if something happened
///
/// Every environment has what there is now, verified; then the events happen one after the other, with a clock and a world that
/// are only thought of. An event is written as in a test, behind `when`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate simulate --event \"push app docs/x.md\"
  lockgate simulate --event \"image base\" --event \"approve staging by=ann\"
  lockgate simulate --event \"fails dev\" --event \"push app\"")]
pub(super) struct Simulate {
    /// The pipeline file or its folder
    path: Option<PathBuf>,
    /// What happens; may be given again
    #[arg(short, long = "event", value_name = "EVENT", required = true)]
    events: Vec<String>,
    /// Begin with nothing deployed
    #[arg(long)]
    fresh: bool,
    /// As one JSON document
    #[arg(long)]
    json: bool,
}

impl Simulate {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let path = desk.path(self.path.as_deref());
        let scenes = rehearse::simulate(path.as_deref(), desk.globals.pipeline.as_deref(), &self.events, self.fresh)?;
        let text = if self.json {
            let document = serde_json::json!({ "version": 1, "events": scenes });
            serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
        } else {
            scenes.iter().map(|scene| scene_text(scene, desk.terminal.out)).collect::<Vec<_>>().join("\n")
        };
        desk.terminal.print(&text);
        Ok(Exit::Done)
    }
}

fn scene_text(scene: &Scene, style: Style) -> String {
    let mut out = format!("{}\n", Paint::Strong.on(&scene.event, style));
    for line in &scene.happened {
        let _ = writeln!(out, "  {line}");
    }
    for there in &scene.has {
        let environment = &there.environment;
        let waits = scene.waits.iter().find(|w| w.environment == *environment);
        let waits = waits.map(|w| format!(", and waits for {}", w.what.join(" and "))).unwrap_or_default();
        let has = match there.candidate {
            "newest" => "has the newest",
            "older" => "has an older one",
            _ => "has nothing",
        };
        let _ = writeln!(out, "  {}", Paint::Faint.on(&format!("{environment} {has}{waits}"), style));
    }
    out
}
