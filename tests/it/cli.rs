//! The command line as people meet it: transcripts in `tests/cli`, each with its files, typed into a shell.
//!
//! A transcript begins with words about it; `=== PATH` begins a file; `=== session` what is typed. `$ ` stands before a command
//! for the shell, below it is what it says, and `? N` is its exit code where that is not 0. With `UPDATE=1` the transcripts are
//! written anew; look at the difference before it is committed.

use crate::lab::{Lab, PROGRAM, repository};
use regex::Regex;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

#[test]
fn transcripts_are_as_they_were_written() {
    let mut wrong = Vec::new();
    for path in transcripts() {
        let written = std::fs::read_to_string(&path).expect("a transcript");
        let played = play(&written, &mut wrong);
        if played == written {
            continue;
        }
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &played).expect("the transcript is written");
        } else {
            let difference =
                similar::TextDiff::from_lines(&written, &played).unified_diff().context_radius(2).to_string();
            wrong.push(format!("{}\n{difference}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn transcripts() -> Vec<PathBuf> {
    let folder = std::fs::read_dir(repository().join("tests/cli")).expect("the folder of transcripts");
    let only = std::env::var("ONLY").unwrap_or_default();
    let mut paths: Vec<PathBuf> = folder.map(|entry| entry.expect("an entry").path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "txt") && p.to_string_lossy().contains(&only));
    paths.sort();
    paths
}

/// The transcript with what is said now, and lines that are too wide.
fn play(written: &str, wrong: &mut Vec<String>) -> String {
    let (head, session) = written.split_once("=== session\n").expect("a session");
    let lab = Lab::with(&[]);
    for file in head.split("\n=== ").skip(1) {
        let (path, text) = file.split_once('\n').expect("a path and a text");
        lab.write(path.trim(), &format!("{}\n", text.trim_end()));
    }
    let mut out = format!("{head}=== session\n");
    let mut first = true;
    for line in session.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let _ = writeln!(out, "{}# {comment}", if first { "" } else { "\n" });
            first = true;
        }
        let Some(command) = line.strip_prefix("$ ") else { continue };
        let (said, code) = shell(&lab, command);
        wrong.extend(too_wide(command, &said));
        let _ = write!(out, "{}$ {command}\n{said}", if first { "" } else { "\n" });
        if code != 0 {
            let _ = writeln!(out, "? {code}");
        }
        first = false;
    }
    out
}

/// What a command says on both of its streams, and how it ends.
fn shell(lab: &Lab, command: &str) -> (String, i32) {
    let program = Path::new(PROGRAM).parent().expect("a folder").display().to_string();
    let path = format!("{program}:{}", std::env::var("PATH").unwrap_or_default());
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("exec 2>&1; {command}")).current_dir(lab.path()).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(n, _)| n.to_string_lossy().starts_with("LOCKGATE_")) {
        shell.env_remove(name);
    }
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "LC_ALL"] {
        shell.env_remove(name);
    }
    let done = shell.env("PATH", path).env("TZ", "UTC").env("LOCKGATE_AS", "ann").output().expect("a shell");
    (steady(&String::from_utf8_lossy(&done.stdout), lab), done.status.code().unwrap_or(-1))
}

/// The text without what is another thing each time: moments, spans, the folder.
fn steady(text: &str, lab: &Lab) -> String {
    let folder = std::fs::canonicalize(lab.path()).expect("the folder").display().to_string();
    let mut text = text.replace(&folder, "[LAB]").replace(&lab.path().display().to_string(), "[LAB]");
    let changes = [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "YYYY-MM-DDThh:mm:ssZ"),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "YYYY-MM-DD hh:mm:ss"),
        (r"\b\d\d:\d\d:\d\d\b", "hh:mm:ss"),
        (r"\b(since|at|met|earliest|before) (yesterday |tomorrow )?\d\d:\d\d\b", "$1 hh:mm"),
        (r"  \d\d:\d\d(\s)", "  hh:mm$1"),
        (r"\b(in|after) \d+(\.\d+)?m?s\b", "$1 TIME"),
    ];
    for (from, to) in changes {
        text = Regex::new(from).expect("a pattern").replace_all(&text, to).into_owned();
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push_str("\\\n");
    }
    text
}

/// Where a command asks for a width, the lines that are wider.
fn too_wide(command: &str, said: &str) -> Vec<String> {
    let Some(columns) = command.split("COLUMNS=").nth(1).and_then(|c| c.split_whitespace().next()) else {
        return Vec::new();
    };
    let columns: usize = columns.parse().expect("a number of columns");
    let wide = said.lines().filter(|l| l.chars().count() > columns);
    wide.map(|line| format!("`{command}`: wider than {columns}:\n{line}")).collect()
}

#[test]
fn nobody_reading_any_more_is_no_reason_to_panic() {
    let lab = Lab::with(&[]);
    let mut child =
        lab.command(&["explain", "rules"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    drop(child.stdout.take());
    let done = child.wait_with_output().expect("it ends");
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()), (Some(0), ""));
}

#[test]
fn the_manual_and_the_completions_are_there() {
    let lab = Lab::with(&[]);
    for shell in ["bash", "zsh", "fish"] {
        lab.run(&["completions", shell]).exits(0).says(&["lockgate", "approve"]);
    }
    lab.run(&["man"]).exits(0).says(&[".TH lockgate"]);
    lab.run(&["man", "--out", "pages"]).exits(0);
    assert!(lab.has("pages/lockgate-apply.1"));
}

#[test]
fn sarif_and_json_are_one_document_each() {
    let lab = Lab::with(&[("lockgate.kdl", "lockgate 1\npipeline p {\n    sorce app {\n    }\n}\n")]);
    let sarif = lab.run(&["check", "--format", "sarif"]).exits(1).json();
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let rules = sarif["runs"][0]["tool"]["driver"]["rules"].as_array().expect("rules");
    assert_eq!(sarif["version"], "2.1.0");
    assert!(!results.is_empty());
    for result in results {
        let rule = result["ruleIndex"].as_u64().and_then(|i| rules.get(usize::try_from(i).ok()?)).expect("a rule");
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(result["message"]["text"].as_str().is_some_and(|t| !t.is_empty()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "lockgate.kdl");
        assert!(place["region"]["startLine"].as_u64().is_some_and(|l| l >= 1));
    }
    let json = lab.run(&["check", "--format", "json"]).exits(1).json();
    assert_eq!(json["errors"].as_u64(), Some(results.len() as u64));
}
