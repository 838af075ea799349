//! What is written for people is true: pipelines in pages and folders have no fault, and links lead somewhere.

use crate::lab::{Lab, repository, walk};
use std::path::{Path, PathBuf};

/// The pages of the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in [".", "docs", "grammar", "examples", "pipelines"] {
        walk(&repository().join(folder), &mut |path| {
            let below = path.strip_prefix(repository()).expect("inside");
            let is_deep = folder == "." && below.components().count() > 2;
            if path.extension().is_some_and(|e| e == "md") && !is_deep {
                pages.push(path.to_path_buf());
            }
        });
    }
    pages.sort();
    pages.dedup();
    pages
}

/// The blocks of code of a page: the line behind the opening fence, and what stands in it.
fn blocks(page: &str) -> Vec<(String, String)> {
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut is_open = false;
    for line in page.lines() {
        match (is_open, line.strip_prefix("```")) {
            (false, Some(info)) => blocks.push((info.trim().to_string(), String::new())),
            (true, None) => blocks.iter_mut().last().expect("it is open").1 += &format!("{line}\n"),
            _ => {}
        }
        is_open ^= line.starts_with("```");
    }
    blocks
}

/// Where the links of a page lead, without anchors; code is left out.
fn links(page: &str) -> Vec<String> {
    let mut is_code = false;
    let mut links = Vec::new();
    for line in page.lines() {
        is_code ^= line.starts_with("```");
        if is_code {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        for rest in prose.split("](").skip(1) {
            let target = rest.split([')', ' ', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push(target.to_string());
            }
        }
    }
    links
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Folders of the repository with a pipeline, by their path in it.
fn pipelines() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["examples", "pipelines"] {
        walk(&repository().join(folder), &mut |path| {
            if path.extension().is_some_and(|e| e == "kdl") && read(path).contains("\npipeline ") {
                found.push(path.strip_prefix(repository()).expect("inside").display().to_string());
            }
        });
    }
    found
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let folder = page.parent().expect("a folder");
        let dead = |link: &String| !folder.join(link).exists();
        broken.extend(links(&read(&page)).into_iter().filter(dead).map(|link| format!("{}: {link}", page.display())));
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn whole_pipelines_in_pages_have_no_fault() {
    let mut count = 0;
    for page in pages().into_iter().filter(|p| !p.to_string_lossy().contains("grammar/rules")) {
        for (info, text) in blocks(&read(&page)) {
            let is_whole = info.starts_with("kdl")
                && !info.contains("fail")
                && text.contains("lockgate 1")
                && text.contains("pipeline ");
            if !is_whole {
                continue;
            }
            count += 1;
            let lab = Lab::with(&[("lockgate.kdl", &text)]);
            for file in mentioned(&text) {
                lab.write(&file, "");
            }
            let ran = lab.run(&["check", "--format", "github"]);
            assert!(ran.code == Some(0) && !ran.out.contains("::"), "{}:\n{text}\n{}", page.display(), ran.out);
        }
    }
    assert!(count > 0, "there is at least that of the README");
}

/// The files and folders of this machine that a pipeline of a page speaks of, so that they are there.
fn mentioned(text: &str) -> Vec<String> {
    let words = |line: &str| line.split('"').skip(1).step_by(2).map(ToString::to_string).collect::<Vec<_>>();
    let of = |verb: &str| text.lines().filter(|l| l.trim_start().starts_with(verb)).flat_map(words).collect::<Vec<_>>();
    let charts = of("helm").into_iter().filter(|p| p.starts_with('.')).map(|p| format!("{p}/Chart.yaml"));
    let folders = of("folder").into_iter().filter(|p| !p.contains("out/")).map(|p| format!("{p}/Dockerfile"));
    let scripts = text.lines().filter_map(|l| l.trim().strip_prefix("verify ")?.split_once(' '));
    let scripts = scripts.map(|(source, path)| format!("{source}/{}", path.trim_matches('"')));
    charts.chain(folders).chain(scripts).collect()
}

#[test]
fn every_example_and_pipeline_has_no_error_and_can_be_planned() {
    let found = pipelines();
    assert!(found.iter().any(|f| f.contains("01-first-light")), "{found:?}");
    for file in found {
        let path = Path::new(&file);
        let lab = Lab::copy_of(&path.parent().expect("a folder").display().to_string());
        let name = path.file_name().expect("a name").to_string_lossy().to_string();
        lab.run(&["check", &name]).exits(0);
        let needs_more = ["git \"http", "image \"registry", "cluster ", "webhook"]
            .iter()
            .any(|w| read(&repository().join(path)).contains(w));
        if !needs_more {
            lab.run(&["plan", &name]).exits(2);
        }
    }
}

#[test]
fn the_first_example_names_what_it_shows() {
    let page = read(&repository().join("examples/01-first-light/README.md"));
    for (info, text) in blocks(&page).iter().filter(|(info, _)| info == "sh") {
        for line in text.lines().filter(|l| l.contains("lockgate ")) {
            let verb =
                line.split("lockgate ").nth(1).and_then(|rest| rest.split_whitespace().next()).unwrap_or_default();
            let lab = Lab::with(&[]);
            lab.run(&["help", verb]).exits(0);
            assert_eq!(info, "sh");
        }
    }
}
