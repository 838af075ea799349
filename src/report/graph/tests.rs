use super::*;
use crate::report::layout::width;
use crate::source::{FileId, Sources};
use crate::syntax::{Document, Limits, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

fn graph(text: &str) -> Graph {
    let mut sources = Sources::new();
    let id: FileId = sources.add("lockgate.kdl", text);
    let (tree, faults) = parse(id, text.into(), &Limits::default());
    assert!(faults.is_empty(), "{faults:?}");
    let (file, _) = crate::model::decode(&Document::from(tree));
    crate::graph::lower(Arc::new(file.pipelines.into_iter().next().expect("a pipeline"))).0
}

/// Some sources, builds and environments that read and wait for one another as the numbers say.
fn made_up(seed: u64) -> Graph {
    let mut dice = seed;
    let mut throw = |sides: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) % sides
    };
    let mut text = "lockgate 1\npipeline p {\n".to_string();
    let sources = 1 + throw(6);
    for n in 0..sources {
        text +=
            &format!("source s{n} {{ git \"https://example.com/{n}\" branch=b{} }}\n", "x".repeat(throw(30) as usize));
    }
    let tasks = throw(8);
    for n in 0..tasks {
        let reads = if n > 0 && throw(2) == 0 { format!(" {{s{}}}", throw(sources)) } else { String::new() };
        let after = if n > 0 && throw(2) == 0 { format!("after t{}", throw(n)) } else { String::new() };
        text += &format!("task t{n} {{ run \"x{reads}\"\n{after}\n}}\n");
    }
    for n in 0..1 + throw(5) {
        let after = if n > 0 { format!(" after=e{}", throw(n)) } else { String::new() };
        let task = if tasks > 0 && throw(2) == 0 { format!("after t{}", throw(tasks)) } else { String::new() };
        text += &format!(
            "environment e{n}{after} {{ {task}\n gate {{ approve 1 from=people; soak \"2h\" }}\n folder out }}\n"
        );
    }
    graph(&(text + "}\n"))
}

fn style(width: usize) -> Style {
    Style { width, ..Style::default() }
}

#[test]
fn what_is_drawn_fits_and_every_node_is_there() {
    for seed in 0..150 {
        let graph = made_up(seed);
        for columns in [60, 80, 120, 200] {
            let text = text(&graph, false, style(columns));
            let widest = text.lines().map(width).max().unwrap_or(0);
            assert!(widest <= columns, "seed {seed}: {widest} columns of {columns}\n{text}");
            for (id, _) in graph.nodes() {
                assert!(text.contains(graph.name(id)), "seed {seed}: {} is missing\n{text}", graph.name(id));
            }
        }
    }
}

#[test]
fn each_node_that_waits_has_its_tip_and_a_gate_its_mark() {
    for seed in 0..150 {
        let graph = made_up(seed);
        let Some(text) = boxes::text(&graph, false, style(200)) else { continue };
        let waits = |id: NodeId| graph.needs(id).next().is_some();
        let all: Vec<NodeId> = graph.nodes().map(|(id, _)| id).filter(|id| waits(*id)).collect();
        let gated = all.iter().filter(|id| is_gated(&graph, **id)).count();
        assert_eq!(text.matches('◆').count(), gated, "seed {seed}\n{text}");
        assert_eq!(text.matches('▼').count(), all.len() - gated, "seed {seed}\n{text}");
    }
}

#[test]
fn ascii_is_ascii() {
    for seed in 0..20 {
        let text = text(&made_up(seed), true, style(100));
        assert!(text.is_ascii(), "{text}");
    }
}

#[test]
fn a_pipeline_is_drawn_from_above_to_below() {
    let text = text(
        &graph(
            "lockgate 1\npipeline p {\nsource app { git \"https://example.com/a\" }\nbuild image { context app }\n\
             release r { chart app; set image=\"{image}\" }\nenvironment dev { folder out; deploy r }\n\
             environment prod after=dev { folder prod; deploy r; gate { approve 2 from=sre } }\n}",
        ),
        false,
        style(80),
    );
    let order: Vec<Option<usize>> =
        ["app", "image", "│ r ", "dev", "prod"].iter().map(|name| text.find(name)).collect();
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{order:?}\n{text}");
    assert!(text.contains("║ 2 of sre    ║"), "{text}");
}

#[test]
fn a_picture_is_whole_and_what_comes_from_outside_is_inert() {
    let graph = graph(
        "lockgate 1\npipeline p {\nsource app { git \"https://example.com/a\" branch=\"<script>&\\\"\" }\n\
         environment dev { folder out; verify app \"x\" }\n}",
    );
    let states = BTreeMap::from([("environment.dev".to_string(), "good".to_string())]);
    let links = BTreeMap::from([("source.app".to_string(), "/s?a=1&b=2".to_string())]);
    let picture = svg(&graph, &Picture { states, links, bare: false });
    assert!(
        picture.contains("class=\"environment good\"") && picture.contains("prefers-color-scheme:dark"),
        "{picture}"
    );
    assert!(picture.contains("href=\"/s?a=1&amp;b=2\"") && !picture.contains("<script"), "{picture}");
    for tag in ["svg", "g", "text", "title", "a", "style"] {
        let (open, close) = (
            picture.matches(&format!("<{tag}>")).count() + picture.matches(&format!("<{tag} ")).count(),
            picture.matches(&format!("</{tag}>")).count(),
        );
        assert_eq!(open, close, "{tag}: {picture}");
    }
    assert!(!svg(&graph, &Picture { bare: true, ..Picture::default() }).contains("<style"));
}
