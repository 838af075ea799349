//! The pages of the rules are their tests: what a page calls failing gives its code and no other, what it calls passing
//! gives nothing. A new case is a new block in a page.

use lockgate::check::{self, Repository};
use lockgate::diag::{Diagnostic, codes, render};
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};
use std::path::{Path, PathBuf};

/// The files that a page says there are; all that one asks for when it says nothing.
struct Files(Option<Vec<String>>);

impl Repository for Files {
    fn exists(&self, path: &str) -> bool {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let below = |file: &String| file == path || file.starts_with(&format!("{path}/"));
        self.0.as_ref().is_none_or(|files| path.is_empty() || path == "." || files.iter().any(below))
    }
}

/// A block of code of a page.
struct Block {
    info: String,
    text: String,
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.text += &format!("{line}\n"),
            (None, Some(info)) => open = Some(Block { info: info.to_string(), text: String::new() }),
            (None, None) => {}
        }
    }
    blocks
}

/// An example is a whole file, or what stands in a pipeline.
fn whole(text: &str) -> String {
    let is_file = text.lines().any(|l| l.starts_with("lockgate ") || l.starts_with("pipeline "));
    if is_file { text.to_string() } else { format!("lockgate 1\n\npipeline example {{\n{text}}}\n") }
}

fn check(text: &str, files: &Files) -> (Vec<Diagnostic>, String) {
    let mut sources = Sources::new();
    let id = sources.add("lockgate.kdl", text);
    let (tree, faults) = syntax::parse(id, text.into(), &Limits::default());
    let (checked, found) = check::document(&Document::from(tree), faults, files);
    assert_eq!(checked.is_some(), !found.iter().any(Diagnostic::is_error), "an error and nothing else holds it back");
    let report = render::render(&found, &sources, render::Style::default());
    (found, report)
}

fn grammar() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar")
}

fn pages() -> Vec<(String, String)> {
    let folder = std::fs::read_dir(grammar().join("rules")).expect("grammar/rules");
    let is_page = |path: &PathBuf| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with("LG"));
    let paths = folder.map(|entry| entry.expect("an entry").path()).filter(is_page);
    let read = |path: PathBuf| {
        let name = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default().to_string();
        (name, std::fs::read_to_string(path).expect("a page"))
    };
    let mut pages: Vec<_> = paths.map(read).collect();
    pages.sort();
    pages
}

#[test]
fn each_page_proves_its_rule() {
    let mut wrong = String::new();
    for (id, page) in pages() {
        let blocks = blocks(&page);
        let files = blocks.iter().find(|b| b.info == "files");
        let files = Files(files.map(|b| b.text.lines().map(str::to_string).collect()));
        for block in &blocks {
            let (found, report) = match block.info.as_str() {
                "kdl" | "kdl fails" => check(&whole(&block.text), &files),
                _ => continue,
            };
            let right = match block.info.as_str() {
                "kdl fails" => !found.is_empty() && found.iter().all(|d| d.code.id == id),
                _ => found.is_empty(),
            };
            if !right {
                wrong += &format!("{id}, in the block `{}`:\n{}\n{report}\n", block.info, block.text);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn each_rule_has_a_page_with_both_examples() {
    let pages = pages();
    for code in codes::ALL.iter().filter(|c| ("LG0100".."LG0600").contains(&c.id)) {
        let (_, page) = pages.iter().find(|(id, _)| id == code.id).unwrap_or_else(|| panic!("{} has no page", code.id));
        let blocks = blocks(page);
        assert!(blocks.iter().any(|b| b.info == "kdl fails"), "{} shows nothing that fails", code.id);
        assert!(blocks.iter().any(|b| b.info == "kdl"), "{} shows nothing that passes", code.id);
    }
}

#[test]
fn each_page_says_what_the_table_says() {
    for (id, page) in pages() {
        let code = codes::find(&id).unwrap_or_else(|| panic!("{id} is in no row of the table"));
        assert!(
            page.starts_with(&format!("# {id} {}\n", code.name)),
            "the title of {id} is not `# {id} {}`",
            code.name
        );
        assert!(page.contains(code.summary), "the page of {id} does not have its summary: {}", code.summary);
        assert_eq!(
            check::explain(&id).as_deref(),
            Some(page.as_str()),
            "{id} is not in the table of pages in `explain.rs`"
        );
    }
}

#[test]
fn twelve_faults_are_twelve_diagnostics() {
    let text = include_str!("cases/twelve-faults.kdl");
    let (found, report) = check(text, &Files(None));
    let expected: Vec<&str> = text.lines().filter_map(|l| l.split_once("// LG").map(|(_, code)| code.trim())).collect();
    let mut ids: Vec<&str> = found.iter().map(|d| d.code.id.trim_start_matches("LG")).collect();
    let mut sorted = expected.clone();
    sorted.sort_unstable();
    ids.sort_unstable();
    assert_eq!(ids, sorted, "{report}");
    assert_eq!(ids.len(), 12);
}
