//! The pages of the rules are their tests: what a page calls failing gives its code and no other, what it calls passing
//! gives nothing. A new case is a new block in a page.

use lockgate::check::{self, Repository};
use lockgate::diag::{Diagnostic, Fix, codes, render};
use lockgate::graph::Graph;
use lockgate::model::Source;
use lockgate::source::{FileId, Sources};
use lockgate::syntax::{self, Limits};
use lockgate::values::{self, Hand, Known, Text};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The files that a page says there are; all that one asks for when it says nothing. Of some it has the texts.
#[derive(Default)]
struct Files(Option<Vec<String>>, BTreeMap<String, String>);

impl Repository for Files {
    fn exists(&self, path: &str) -> bool {
        let path = path.trim_start_matches("./").trim_end_matches('/');
        let below = |file: &String| file == path || file.starts_with(&format!("{path}/"));
        self.0.as_ref().is_none_or(|files| path.is_empty() || path == "." || files.iter().any(below))
    }

    fn values(&self, graph: &Graph) -> Vec<Diagnostic> {
        values::judge(graph, self)
    }
}

impl Hand for Files {
    fn chart(&self, _: &Source, folder: &str) -> Option<Arc<Known>> {
        let inside = |(name, text): (&String, &String)| {
            Some((name.strip_prefix(&format!("{folder}/"))?.to_string(), text.clone().into_bytes()))
        };
        Known::from_files(self.1.iter().filter_map(inside).collect()).ok().map(Arc::new)
    }

    fn text(&self, _: &Source, path: &str) -> Option<Text> {
        let number = self.1.keys().position(|name| name == path)?;
        Some(Text { file: FileId(1000 + number as u32), text: self.1[path].as_str().into() })
    }
}

/// A block of code of a page.
pub struct Block {
    pub info: String,
    pub text: String,
}

pub fn blocks(page: &str) -> Vec<Block> {
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

/// The files of a page: those in its block `files`, and those whose texts it shows.
fn files(blocks: &[Block]) -> Files {
    let listed = blocks.iter().find(|b| b.info == "files");
    let listed: Option<Vec<String>> = listed.map(|b| b.text.lines().map(str::to_string).collect());
    let shown = |b: &Block| {
        let name = b.info.strip_prefix("yaml file=").or_else(|| b.info.strip_prefix("json file="))?;
        Some((name.to_string(), b.text.clone()))
    };
    let texts: BTreeMap<String, String> = blocks.iter().filter_map(shown).collect();
    let names = || (!texts.is_empty()).then(|| texts.keys().cloned().collect());
    Files(listed.or_else(names), texts)
}

/// An example is a whole file, or what stands in a pipeline.
pub fn whole(text: &str) -> String {
    let is_file = text.lines().any(|l| l.starts_with("lockgate ") || l.starts_with("pipeline "));
    if is_file { text.to_string() } else { format!("lockgate 1\n\npipeline example {{\n{text}}}\n") }
}

fn check(text: &str, files: &Files) -> (Vec<Diagnostic>, String) {
    check_with(text, files, &[])
}

/// Checks a text that may include others, given with their names.
fn check_with(text: &str, files: &Files, others: &[(&str, &str)]) -> (Vec<Diagnostic>, String) {
    let mut sources = Sources::new();
    let entry = Path::new("lockgate.kdl");
    let mut read = |path: &Path| {
        let other = others.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| *text);
        let text = if path == entry { Some(text) } else { other };
        text.map(|t| t.as_bytes().to_vec()).ok_or(std::io::ErrorKind::NotFound.into())
    };
    let (document, faults) = syntax::include::load(entry, Path::new(""), &Limits::default(), &mut sources, &mut read);
    let (checked, found) = check::document(&document, faults, files);
    assert_eq!(checked.is_some(), !found.iter().any(Diagnostic::is_error), "an error and nothing else holds it back");
    let report = render::render(&found, &sources, render::Style::default());
    (found, report)
}

fn grammar() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("grammar")
}

pub fn pages() -> Vec<(String, String)> {
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
        let files = files(&blocks);
        let named = |b: &'_ Block| Some((b.info.strip_prefix("kdl file=")?.to_string(), b.text.clone()));
        let others: Vec<(String, String)> = blocks.iter().filter_map(named).collect();
        let others: Vec<(&str, &str)> = others.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        for block in &blocks {
            let (found, report) = match block.info.as_str() {
                "kdl" | "kdl fails" => check_with(&whole(&block.text), &files, &others),
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
    for code in codes::ALL {
        let (_, page) = pages.iter().find(|(id, _)| id == code.id).unwrap_or_else(|| panic!("{} has no page", code.id));
        // What can only be found in the world, or takes a file of megabytes, has no example.
        if page.contains("**What to do.**") {
            continue;
        }
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

/// What the comments of a case say is found, and where: `// LG0102 LG0301` at the end of a line.
fn expected(text: &str) -> Vec<(usize, String)> {
    let comment = |(n, line): (usize, &str)| {
        let codes = line.split_once("// LG").map_or(String::new(), |(_, codes)| format!("LG{codes}"));
        codes.split_whitespace().map(|code| (n + 1, code.to_string())).collect::<Vec<_>>()
    };
    text.lines().enumerate().flat_map(comment).collect()
}

#[test]
fn each_case_gives_what_its_comments_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cases");
    let paths = std::fs::read_dir(folder).expect("the cases").map(|entry| entry.expect("an entry").path());
    let mut cases: Vec<PathBuf> = paths.filter(|p| p.extension().is_some_and(|e| e == "kdl")).collect();
    cases.sort();
    for case in cases {
        let text = std::fs::read_to_string(&case).expect("a case");
        let (found, report) = check(&text, &Files::default());
        let line = |d: &Diagnostic| {
            let start = d.span().map_or(0, |s| s.start as usize);
            text.get(..start).map_or(0, |before| before.matches('\n').count() + 1)
        };
        let mut lines: Vec<(usize, String)> = found.iter().map(|d| (line(d), d.code.id.to_string())).collect();
        lines.sort();
        let mut expected = expected(&text);
        expected.sort();
        assert_eq!(lines, expected, "{}\n{report}", case.display());
    }
}

/// Applies a fix; its edits do not overlap, so the last one goes first.
fn apply(text: &str, fix: &Fix) -> String {
    let mut edits = fix.edits.clone();
    edits.sort_by_key(|e| std::cmp::Reverse(e.span.start));
    edits.iter().fold(text.to_string(), |mut text, edit| {
        text.replace_range(edit.span.range(), &edit.text);
        text
    })
}

#[test]
fn each_fix_mends_what_it_is_for() {
    let mut fixes = 0;
    for (id, page) in pages() {
        let blocks = blocks(&page);
        let files = files(&blocks);
        for block in blocks.iter().filter(|b| b.info == "kdl fails") {
            let text = whole(&block.text);
            let (found, _) = check(&text, &files);
            for fix in found.iter().filter_map(|d| d.fix.as_ref()) {
                if fix.edits.iter().any(|e| e.span.file != FileId(0)) {
                    continue;
                }
                let (after, report) = check(&apply(&text, fix), &files);
                let count = |found: &[Diagnostic]| found.iter().filter(|d| d.code.id == id).count();
                assert!(count(&after) < count(&found), "{id}: `{}` does not mend it\n{report}", fix.title);
                fixes += 1;
            }
        }
    }
    assert!(fixes >= 12, "only {fixes} fixes were tried");
}

/// A small generator of numbers, so that a failure can be had again.
struct Dice(u64);

impl Dice {
    fn throw(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % sides.max(1)
    }
}

#[test]
fn nothing_that_is_typed_makes_it_fall_over() {
    let text = include_str!("cases/north-star.kdl");
    let lines: Vec<&str> = text.lines().collect();
    for seed in 0..300 {
        let mut dice = Dice(seed);
        let mut lines: Vec<String> = lines.iter().map(|l| l.to_string()).collect();
        for _ in 0..1 + dice.throw(6) {
            let (at, other) = (dice.throw(lines.len()), dice.throw(lines.len()));
            match dice.throw(4) {
                0 => drop(lines.remove(at)),
                1 => lines.swap(at, other),
                2 => lines.insert(at, lines[other].clone()),
                _ => {
                    let words: Vec<&str> = lines[at].split(' ').collect();
                    let left = dice.throw(words.len());
                    lines[at] = words
                        .iter()
                        .enumerate()
                        .filter(|(i, _)| *i != left)
                        .map(|(_, w)| *w)
                        .collect::<Vec<_>>()
                        .join(" ");
                }
            }
        }
        let (found, _) = check(&lines.join("\n"), &Files::default());
        for diagnostic in &found {
            assert!(!diagnostic.message.is_empty() && !diagnostic.message.ends_with('.'), "{}", diagnostic.message);
        }
    }
}
