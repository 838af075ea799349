//! What is offered, said and changed, on short texts. `|` is the cursor.

use super::*;
use crate::check::{self, AnyRepository};
use crate::diag::Edit;
use crate::syntax::{Limits, include};
use std::path::Path;

const FILE: FileId = FileId(0);

/// A whole file around a few lines of a pipeline.
fn whole(lines: &str) -> String {
    format!("lockgate 1\npipeline p {{\n{lines}\n}}\n")
}

fn analysis(text: &str, others: &[(&str, &str)]) -> Analysis {
    let mut sources = Sources::new();
    let mut read = |path: &Path| {
        let other = others.iter().find(|(name, _)| Path::new(name) == path).map(|(_, text)| *text);
        let text = if path == Path::new("lockgate.kdl") { Some(text) } else { other };
        text.map(|t| t.as_bytes().to_vec()).ok_or_else(|| std::io::ErrorKind::NotFound.into())
    };
    let (document, found) =
        include::load(Path::new("lockgate.kdl"), Path::new(""), &Limits::default(), &mut sources, &mut read);
    let (_, diagnostics) = check::document(&document, found, &AnyRepository);
    Analysis::new(PathBuf::from("/nowhere"), sources, document, diagnostics)
}

/// The analysis of a text with a cursor, and where that is.
fn cursor(text: &str) -> (Analysis, u32) {
    let at = text.find('|').expect("a cursor");
    (analysis(&text.replacen('|', "", 1), &[]), u32::try_from(at).expect("short"))
}

fn labels(lines: &str) -> Vec<String> {
    let (analysis, at) = cursor(&whole(lines));
    complete(&analysis, FILE, at).into_iter().map(|i| i.label).collect()
}

fn applied(text: &str, edits: &[Edit], file: FileId) -> String {
    let mut text = text.to_string();
    for edit in edits.iter().rev().filter(|e| e.span.file == file) {
        text.replace_range(edit.span.range(), &edit.text);
    }
    text
}

const NAMES: &str =
    "source app {\n git \"https://h/a.git\"\n}\nsecret token {\n env TOKEN\n}\nrelease mi {\n chart app\n}\n";

#[test]
fn nodes_are_offered_where_they_may_stand() {
    assert!(labels("|").contains(&"environment".to_string()));
    assert!(labels("source app {\n |\n}").contains(&"git".to_string()));
    assert!(labels("source app {\n gi|\n}").contains(&"git".to_string()), "half written");
    assert!(labels("source app {\n |").contains(&"git".to_string()), "not closed");
    let second = labels("source app {\n git \"https://h/a.git\"\n |\n}");
    assert!(!second.contains(&"git".to_string()) && !second.contains(&"folder".to_string()), "{second:?}");
    assert!(second.contains(&"paths".to_string()));
    assert!(labels("// |").is_empty());
    assert!(labels("source app { } /* |").is_empty());
}

#[test]
fn keys_and_values_are_offered() {
    assert_eq!(labels("source app {\n git \"https://h/a.git\" |\n}"), ["branch"]);
    assert_eq!(labels("source app {\n git \"https://h/a.git\" branch=main |\n}"), [""; 0]);
    assert!(labels("source app {\n trigger cron=\"H 3 * * *\" tz=|\n}").contains(&"Asia/Colombo".to_string()));
    assert!(labels("source app {\n trigger cron=\"H 3 * * *\" tz=\"Eur|\n}").contains(&"Europe/Berlin".to_string()));
    assert_eq!(labels("environment dev {\n rollback |\n}"), ["#true", "#false"]);
    assert!(labels("environment dev {\n gate |\n}").contains(&"none".to_string()));
    assert!(labels("task t {\n on-unknown |\n}").len() > 1);
}

#[test]
fn names_are_offered_where_they_fit() {
    assert_eq!(labels(&format!("{NAMES}environment dev {{\n deploy |\n}}")), ["mi"]);
    assert_eq!(labels(&format!("{NAMES}build b {{\n context |\n}}")), ["app"]);
    assert_eq!(labels(&format!("{NAMES}source s {{\n trigger webhook=|\n}}")), ["token"]);
    assert_eq!(labels("environment dev {\n}\nenvironment prod after=|{\n}"), ["dev"]);
}

#[test]
fn references_are_offered_inside_strings() {
    let names = labels(&format!("{NAMES}build b {{\n arg X=\"a-{{|\n}}"));
    assert!(
        names.starts_with(&["app".to_string(), "token".to_string()]) && names.contains(&"candidate".to_string()),
        "{names:?}"
    );
    let fields = labels(&format!("{NAMES}build b {{\n arg X=\"{{app.sh|}}\"\n}}"));
    assert!(fields.contains(&"short".to_string()) && fields.contains(&"commit".to_string()), "{fields:?}");
    let (analysis, at) = cursor(&whole(&format!("{NAMES}build b {{\n arg X=\"{{app.sh|}}\"\n}}")));
    let item = complete(&analysis, FILE, at).into_iter().find(|i| i.label == "short").expect("offered");
    assert_eq!(analysis.sources.text(item.replaces), "sh");
}

#[test]
fn rules_are_offered_by_name() {
    let (analysis, at) = cursor("lockgate 1\nallow |");
    let items = complete(&analysis, FILE, at);
    assert!(items.iter().any(|i| i.label == "mutable-tag"), "{items:?}");
}

#[test]
fn hover_tells_what_there_is() {
    let said = |lines: &str| {
        let (mut analysis, at) = cursor(&whole(lines));
        let mut facts = PipelineFacts::default();
        facts.values.insert(("app".into(), "short".into()), "3f2a1c9".into());
        let has = Deployed { name: Some("calm-otter-3f2".into()), ..Deployed::default() };
        facts.environments.insert("dev".into(), has);
        analysis.facts.pipelines.insert("p".into(), facts);
        hover(&analysis, FILE, at).map(|h| h.text).unwrap_or_default()
    };
    assert!(said("sou|rce app {\n}").contains("A thing that is watched"));
    assert!(said("source app {\n git \"u\" bra|nch=x\n}").contains("default: `main`"));
    let read = said(&format!("{NAMES}build b {{\n arg X=\"{{app.sh|ort}}\"\n}}"));
    assert!(read.contains("source") && read.contains("seven digits") && read.contains("3f2a1c9"), "{read}");
    let environment = said("// Where we try.\nenvironment de|v after=scan {\n}");
    assert!(environment.contains("calm-otter-3f2") && environment.contains("Waits for: scan"), "{environment}");
    assert!(environment.contains("Where we try."));
}

#[test]
fn a_name_is_changed_everywhere() {
    let entry = "lockgate 1\npipeline p {\ninclude \"b.kdl\"\nsource app {\n git \"https://h/a.git\"\n}\nrelease app {\n chart \"app\"\n}\n}\n";
    let other = "build b {\n context app\n arg X=\"{{app}} {app.short}-{app}\"\n}\n";
    let analysis = analysis(entry, &[("b.kdl", other)]);
    let at = u32::try_from(entry.find("app").expect("there")).expect("short");
    let edits = renamed(&analysis, FILE, at, "shop").expect("may be");
    let renamed_entry = entry.replacen("source app", "source shop", 1).replace("chart \"app\"", "chart \"shop\"");
    assert_eq!(applied(entry, &edits, FILE), renamed_entry, "the release has a name of its own");
    assert_eq!(
        applied(other, &edits, FileId(1)),
        "build b {\n context shop\n arg X=\"{{app}} {shop.short}-{shop}\"\n}\n"
    );
    assert_eq!(mentions(&analysis, FILE, at, true).len(), 5);
    for bad in ["b", "environment", "no good", ""] {
        assert!(renamed(&analysis, FILE, at, bad).is_err(), "{bad}");
    }
}

#[test]
fn outputs_are_known_by_their_references() {
    let lines = "task t {\n run x\n output report \"r.txt\"\n}\ntask u {\n run y \"{t.rep|ort}\"\n}";
    let (analysis, at) = cursor(&whole(lines));
    let target = definition(&analysis, FILE, at);
    let Some(Target::Place(span)) = target.first() else { panic!("{target:?}") };
    assert_eq!(analysis.sources.text(*span), "report");
    assert_eq!(renamed(&analysis, FILE, at, "result").expect("may be").len(), 2);
}

#[test]
fn fixes_can_be_applied() {
    let text = "pipeline p {\n sorce app {\n  git \"https://h/a.git\" brnach=main\n }\n}\n";
    let analysis = analysis(text, &[]);
    let all = Span::new(FILE, 0, text.len());
    let titles: Vec<String> = actions(&analysis, all).into_iter().map(|a| a.title).collect();
    assert!(titles.len() >= 3, "{titles:?}");
    let mended = applied(text, &mend_all(&analysis, FILE), FILE);
    assert_eq!(mended, "lockgate 1\n\npipeline p {\n source app {\n  git \"https://h/a.git\" branch=main\n }\n}\n");
}

#[test]
fn the_form_is_reached_by_small_edits() {
    let text = "lockgate 1\n\npipeline p {\n    source app {\n  git   \"https://h/a.git\"\n    }\n}\n";
    let analysis = analysis(text, &[]);
    let edits = form(&analysis, FILE).expect("no fault");
    assert_eq!(edits.len(), 1, "{edits:?}");
    assert_eq!(applied(text, &edits, FILE), crate::syntax::format(text).expect("no fault"));
}

#[test]
fn pieces_meet_and_never_overlap() {
    let text = whole(&format!("{NAMES}build b {{\n arg X=\"{{app.short}} é {{environment}}\" // c\n}}"));
    let analysis = analysis(&text, &[]);
    let pieces = pieces(&analysis, FILE);
    assert!(pieces.windows(2).all(|w| w[0].span.end <= w[1].span.start));
    let of = |colour| pieces.iter().filter(|p| p.colour == colour).map(|p| &text[p.span.range()]).collect::<Vec<_>>();
    assert_eq!(of(Colour::Field), ["short"]);
    assert_eq!(of(Colour::Context), ["environment"]);
    assert_eq!(of(Colour::Definition), ["p", "app", "token", "mi", "b"]);
    assert_eq!(folds(&analysis, FILE).len(), 5);
    assert_eq!(outline(&analysis, FILE).first().map(|e| e.children.len()), Some(4));
    assert_eq!(find(&analysis, "TKN").len(), 1);
}

/// A small generator of numbers, the same ones each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap_or(0) % below.max(1)
    }
}

#[test]
fn no_text_and_no_place_is_too_odd() {
    let seed = include_str!("../../examples/01-first-light/lockgate.kdl");
    let scraps = [
        "{",
        "}",
        "\"",
        "{app.",
        "=",
        "/-",
        "/*",
        "\\",
        "#\"",
        "\"\"\"",
        "é",
        "𝒳",
        "\r",
        "\u{feff}",
        ";",
        "(",
        "include \"x\"\n",
        "\n",
    ];
    let mut dice = Dice(7);
    let mut text = seed.to_string();
    for round in 0..150 {
        let boundary = |text: &str, mut at: usize| {
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let from = boundary(&text, dice.roll(text.len() + 1));
        let to = boundary(&text, (from + dice.roll(12)).min(text.len())).max(from);
        let scrap = scraps[dice.roll(scraps.len())];
        text.replace_range(from..to, if dice.roll(3) == 0 { "" } else { scrap });
        let analysis = analysis(&text, &[("x", "source shared {\n folder \"./x\"\n}\n")]);
        let _ = (outline(&analysis, FILE), folds(&analysis, FILE), pieces(&analysis, FILE), form(&analysis, FILE));
        let _ = (lenses(&analysis, FILE), mend_all(&analysis, FILE), find(&analysis, "a"));
        for place in [from, from + scrap.len(), dice.roll(text.len() + 1), text.len(), text.len() + 9] {
            let at = u32::try_from(place).expect("short");
            let _ = (complete(&analysis, FILE, at), hover(&analysis, FILE, at), definition(&analysis, FILE, at));
            let _ = (
                mentions(&analysis, FILE, at, true),
                rename(&analysis, FILE, at),
                renamed(&analysis, FILE, at, "other"),
            );
            let _ = actions(&analysis, Span::new(FILE, place, place + 3));
        }
        if round % 30 == 29 {
            text = seed.to_string();
        }
    }
}
