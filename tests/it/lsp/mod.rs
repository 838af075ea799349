//! The language server, as an editor meets it.

mod client;
mod nvim;

use crate::lab::Lab;
use client::{Client, applied, place, uri};
use serde_json::{Value, json};

const TEXT: &str = "lockgate 1

pipeline shop {
    source app {
        folder \"./app\"
    }
    include \"shared.kdl\"
    release web {
        chart app \"chart\"
        set image=\"{image}\" note=\"{app.short}\"
    }
    environment dev {
        folder \"./out\"
        deploy web
    }
}
";

const SHARED: &str = "build image {
    context app
    push \"./out/registry\" tag=\"{app.short}\"
}
";

fn lab() -> Lab {
    Lab::with(&[
        ("lockgate.kdl", TEXT),
        ("shared.kdl", SHARED),
        ("app/Dockerfile", "FROM scratch\n"),
        ("app/chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        ("app/chart/templates/app.yaml", "# {{ .Values.image }} {{ .Values.note }}\n"),
    ])
}

fn labels(list: &Value) -> Vec<&str> {
    list["items"].as_array().expect("a list").iter().filter_map(|i| i["label"].as_str()).collect()
}

#[test]
fn a_session_from_the_first_word_to_the_last() {
    let lab = lab();
    let (path, shared) = (lab.at("lockgate.kdl"), lab.at("shared.kdl"));
    let mut client = Client::new(lab.path());

    // Open: nothing is wrong. Edit, unsaved: something is.
    client.open(&path, TEXT);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    client.change(&path, 2, [3, 4, 3, 10], "sorce");
    assert_eq!(client.wrong(&path, 2), ["LG0101"]);

    // Fix.
    let range = json!({ "start": { "line": 3, "character": 5 }, "end": { "line": 3, "character": 5 } });
    let asked = json!({ "textDocument": { "uri": uri(&path) }, "range": range, "context": { "diagnostics": [] } });
    let actions = client.ask("textDocument/codeAction", asked);
    let fix = &actions[0];
    assert_eq!((&fix["kind"], &fix["isPreferred"]), (&json!("quickfix"), &json!(true)), "{actions}");
    let broken = TEXT.replace("source app", "sorce app");
    assert_eq!(applied(&broken, &fix["edit"]["changes"][uri(&path)]), TEXT);
    client.change(&path, 3, [3, 4, 3, 9], "source");
    assert_eq!(client.wrong(&path, 3), [""; 0]);

    // Complete: a field, while the string is half written. What is asked sees what was written.
    client.change(&path, 4, [9, 35, 9, 46], "app.");
    let fields = client.at("textDocument/completion", &path, 9, 39);
    assert!(labels(&fields).contains(&"digest"), "{fields}");
    client.change_all(&path, 5, json!([{ "text": TEXT }]));
    assert_eq!(labels(&client.at("textDocument/completion", &path, 13, 15)), ["web"]);

    // Hover, go to the definition, references.
    let hover = client.at("textDocument/hover", &path, 9, 40);
    assert!(hover["contents"]["value"].as_str().is_some_and(|t| t.contains("twelve digits")), "{hover}");
    let target = client.at("textDocument/definition", &path, 9, 22);
    assert_eq!(
        (&target[0]["uri"], &target[0]["range"]["start"]),
        (&json!(uri(&shared)), &json!({ "line": 0, "character": 6 }))
    );
    let mut asked = place(&path, 3, 12);
    asked["context"] = json!({ "includeDeclaration": true });
    assert_eq!(client.ask("textDocument/references", asked.clone()).as_array().map(Vec::len), Some(5));

    // Rename, in strings and in the included file.
    asked["newName"] = json!("code");
    let changes = client.ask("textDocument/rename", asked)["changes"].clone();
    assert_eq!(applied(SHARED, &changes[uri(&shared)]), SHARED.replace("app", "code"));
    assert_eq!(applied(TEXT, &changes[uri(&path)]).matches("code").count(), 3);
    let mut refused = place(&path, 3, 12);
    refused["newName"] = json!("image");
    assert!(
        client.answer("textDocument/rename", refused)["error"]["message"]
            .as_str()
            .is_some_and(|m| m.contains("already"))
    );

    // Format, outline, folds, colours, symbols.
    client.change(&path, 6, [0, 8, 0, 8], "   ");
    let options = json!({ "textDocument": { "uri": uri(&path) }, "options": { "tabSize": 4, "insertSpaces": true } });
    let edits = client.ask("textDocument/formatting", options);
    assert_eq!(applied(&TEXT.replacen("lockgate", "lockgate   ", 1), &edits), TEXT);
    let whole = json!({ "textDocument": { "uri": uri(&path) } });
    assert_eq!(
        client.ask("textDocument/documentSymbol", whole.clone())[0]["children"].as_array().map(Vec::len),
        Some(3)
    );
    assert_eq!(client.ask("textDocument/foldingRange", whole.clone()).as_array().map(Vec::len), Some(4));
    let data = client.ask("textDocument/semanticTokens/full", whole.clone())["data"].clone();
    assert!(data.as_array().is_some_and(|d| d.len() > 100 && d.len() % 5 == 0), "{data}");
    assert_eq!(client.ask("workspace/symbol", json!({ "query": "img" }))[0]["name"], "image");
    assert_eq!(client.ask("textDocument/codeLens", whole), json!([]), "there is no state");
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_an_unsaved_text_does_to_others_is_told() {
    let lab = lab();
    let (path, shared) = (lab.at("lockgate.kdl"), lab.at("shared.kdl"));
    let mut client = Client::new(lab.path());
    client.open(&shared, SHARED);
    assert_eq!(client.wrong(&shared, 1), [""; 0], "it is a part of the pipeline that includes it");
    client.open(&path, TEXT);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    client.change(&shared, 2, [0, 6, 0, 11], "picture");
    assert_eq!(client.wrong(&path, 1), ["LG0201"], "what it named is gone");
    // Closed without saving, the file counts again.
    client.tell("textDocument/didClose", json!({ "textDocument": { "uri": uri(&shared) } }));
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    // The file is deleted under the editor.
    lab.remove("shared.kdl");
    client.tell("textDocument/didSave", json!({ "textDocument": { "uri": uri(&path) } }));
    assert!(client.wrong(&path, 1).contains(&"LG0001".to_string()));
    lab.remove("lockgate.kdl");
    client.change(&path, 2, [0, 0, 0, 0], "// still here\n");
    assert!(client.wrong(&path, 2).contains(&"LG0001".to_string()));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_belongs_where_follows_the_texts() {
    let lab = lab();
    lab.write("other/lockgate.kdl", &TEXT.replace("shared.kdl", "../shared.kdl").replace("./app", "../app"));
    lab.git(".", &["init", "-q"]);
    lab.remove("shared.kdl");
    let (path, shared) = (lab.at("lockgate.kdl"), lab.at("shared.kdl"));
    let mut client = Client::new(lab.path());
    client.open(&path, TEXT);
    assert!(client.wrong(&path, 1).contains(&"LG0001".to_string()));
    // A file that is not on the disk yet.
    client.open(&shared, SHARED);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    // It is included twice: its names are changed in both pipelines, of which one is not open.
    let mut asked = place(&shared, 0, 7);
    asked["newName"] = json!("picture");
    let changes = client.ask("textDocument/rename", asked)["changes"].clone();
    let other = &changes[uri(&lab.at("other/lockgate.kdl"))];
    assert_eq!((changes.as_object().map(|c| c.len()), other.as_array().map(Vec::len)), (Some(3), Some(1)), "{changes}");
    assert_eq!(applied(SHARED, &changes[uri(&shared)]), SHARED.replace("build image", "build picture"));
    // Left out, it is a text like any other, and is asked like one.
    client.change(&path, 2, [6, 0, 7, 0], "");
    assert!(!client.wrong(&path, 2).is_empty());
    assert!(!client.at("textDocument/completion", &shared, 0, 0)["items"].is_null());
    assert_eq!(client.end(), Some(0));
}

#[test]
fn values_files_are_judged_while_they_are_edited() {
    let lab = lab();
    let text = TEXT.replace("set image=", "values app \"values.yaml\"\n        set image=");
    lab.write("lockgate.kdl", &text);
    lab.write("app/values.yaml", "note: saved\n");
    let (path, values) = (lab.at("lockgate.kdl"), lab.at("app/values.yaml"));
    let mut client = Client::new(lab.path());
    client.open(&path, &text);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    client.open(&values, "note: saved\n");
    assert_eq!(client.wrong(&values, 1), [""; 0]);
    // Unsaved, and told at the line of the values file.
    client.change(&values, 2, [0, 2, 0, 4], "et");
    assert_eq!(client.wrong(&values, 2), ["LG0512"]);
    let range = json!({ "start": { "line": 0, "character": 1 }, "end": { "line": 0, "character": 1 } });
    let asked = json!({ "textDocument": { "uri": uri(&values) }, "range": range, "context": { "diagnostics": [] } });
    let fix = client.ask("textDocument/codeAction", asked)[0]["edit"]["changes"][uri(&values)].clone();
    assert_eq!(applied("noet: saved\n", &fix), "note: saved\n");
    // What it is written in is the business of others.
    let whole = json!({ "textDocument": { "uri": uri(&values) }, "options": { "tabSize": 4, "insertSpaces": true } });
    assert!(client.ask("textDocument/formatting", whole).is_null());
    assert!(client.at("textDocument/completion", &values, 0, 0).is_null());
    client.change_all(&values, 3, json!([{ "text": "note: [\n" }]));
    assert_eq!(client.wrong(&values, 3), ["LG0510"]);
    client.change_all(&values, 4, json!([{ "text": "note: 1\n" }]));
    assert_eq!(client.wrong(&values, 4), [""; 0]);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn a_burst_is_computed_together_and_in_order() {
    let lab = lab();
    let path = lab.at("lockgate.kdl");
    let mut client = Client::new(lab.path());
    client.open(&path, TEXT);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    // Twenty keys at once, of which the last one makes it wrong.
    for version in 2..22 {
        let text = if version == 21 { "x" } else { " " };
        client.change(&path, version, [2, 0, 2, 0], text);
    }
    assert!(!client.wrong(&path, 21).is_empty());
    // A request right behind a change sees it.
    client.change_all(&path, 22, json!([{ "text": format!("{TEXT}// é𝒳 a\n") }]));
    client.change(&path, 23, [16, 7, 16, 8], "b");
    client.change(&path, 24, [16, 8, 16, 8], "\nallow ");
    assert!(labels(&client.at("textDocument/completion", &path, 17, 6)).contains(&"mutable-tag"));
    assert_eq!(client.end(), Some(0));
}

#[test]
fn what_is_deployed_is_shown() {
    let lab = Lab::copy_of("examples/01-first-light");
    let path = lab.at("lockgate.kdl");
    let text = lab.read("lockgate.kdl");
    let mut client = Client::new(lab.path());
    client.open(&path, &text);
    let whole = json!({ "textDocument": { "uri": uri(&path) } });
    assert_eq!(client.ask("textDocument/codeLens", whole.clone()), json!([]), "nothing was done yet");
    lab.run(&["apply"]).exits(3);
    let lenses = client.ask("textDocument/codeLens", whole);
    let titles: Vec<&str> =
        lenses.as_array().expect("a list").iter().filter_map(|l| l["command"]["title"].as_str()).collect();
    assert_eq!(titles.len(), 3, "{titles:?}");
    assert!(titles[0].starts_with("dev: ") && titles[0].contains(" · since "), "{titles:?}");
    assert!(titles[1].starts_with("staging: nothing yet · "), "{titles:?}");
    // The value that a reference has by now, and what an environment has.
    let hover = |client: &mut Client, wanted: &str, more: usize| {
        let at = text.find(wanted).expect("it is there") + more;
        let line = text[..at].matches('\n').count();
        let column = at - text[..at].rfind('\n').map_or(0, |n| n + 1);
        let number = |n: usize| u32::try_from(n).expect("small");
        let hover = client.at("textDocument/hover", &path, number(line), number(column));
        hover["contents"]["value"].as_str().unwrap_or_default().to_string()
    };
    let version = hover(&mut client, "{base.tag}", 7);
    assert!(version.contains("Now: `1.2."), "{version}");
    let environment = hover(&mut client, "environment staging", 14);
    assert!(environment.contains("nothing yet") && environment.contains("Waits for: dev"), "{environment}");
    assert_eq!(client.end(), Some(0));
}

#[test]
fn garbage_is_survived() {
    let lab = lab();
    let path = lab.at("lockgate.kdl");
    let mut client = Client::silent(lab.path());
    assert_eq!(client.answer("textDocument/hover", place(&path, 0, 0))["error"]["code"], -32002);
    client.raw(b"nonsense\r\n\r\nContent-Length: 7\r\n\r\n{\"a\": [");
    client.raw(b"Content-Length: 12\r\nX: y\r\n\r\n[1,2,3,4,5,6");
    client.ask("initialize", json!({ "capabilities": {} }));
    assert_eq!(client.answer("initialize", json!({ "capabilities": {} }))["error"]["code"], -32600);
    assert_eq!(client.answer("no/such", Value::Null)["error"]["code"], -32601);
    assert_eq!(client.answer("textDocument/hover", json!({ "textDocument": 5 }))["error"]["code"], -32602);
    client.tell("textDocument/didChange", json!({ "textDocument": { "uri": "nonsense" }, "contentChanges": 1 }));
    client.change(&path, 9, [0, 0, 9, 9], "a change of what is not open");
    client.open(&path, TEXT);
    assert_eq!(client.wrong(&path, 1), [""; 0]);
    // Places that are none.
    client.change(&path, 2, [900, 900, 3, 3], "\"{");
    client.change(&path, 3, [7, 900, 2, 2], "{{{");
    for method in ["completion", "hover", "definition", "documentHighlight", "prepareRename"] {
        client.at(&format!("textDocument/{method}"), &path, 4_000_000_000, 4_000_000_000);
    }
    assert_eq!(client.die(), Some(1), "it ends with its client");
}

#[test]
fn a_megabyte_is_no_burden() {
    let lab = lab();
    let path = lab.at("lockgate.kdl");
    let line = "    source s { folder \"./app\"; bad 1; }\n";
    let text = format!("lockgate 1\npipeline p {{\n{}}}\n", line.repeat((1 << 20) / line.len()));
    let mut client = Client::new(lab.path());
    client.open(&path, &text);
    let count = client.wrong(&path, 1).len();
    assert_eq!(count, 101, "a hundred, and how many more there are");
    client.change(&path, 2, [3, 0, 3, 0], "{{{\"");
    assert!(!client.wrong(&path, 2).is_empty());
    client.at("textDocument/completion", &path, 9_000, 8);
    assert_eq!(client.end(), Some(0));
}

#[test]
fn other_files_are_left_alone() {
    let lab = Lab::with(&[]);
    let path = lab.at("config.kdl");
    let mut client = Client::new(lab.path());
    client.open(&path, "layout {\n    gaps 16\n}\n");
    assert_eq!(client.wrong(&path, 1), [""; 0], "it is KDL, and none of ours");
    client.change_all(&path, 2, json!([{ "text": "pipeline p {\n}\n" }]));
    assert!(!client.wrong(&path, 2).is_empty(), "now it is");
    assert_eq!(client.end(), Some(0));
}

#[test]
fn random_edits_never_end_it() {
    let lab = lab();
    let path = lab.at("lockgate.kdl");
    let mut client = Client::new(lab.path());
    client.open(&path, TEXT);
    let scraps =
        ["{", "}", "\"", "{app.", "=", "/-", "/*", "\\", "é𝒳", "\r", "\n", "include \"lockgate.kdl\"\n", "", "#\"\"\""];
    let mut dice: u64 = 11;
    let mut roll = |below: u32| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u32::try_from(dice >> 33).expect("31 bits") % below
    };
    for round in 0..200 {
        let (line, column, length) = (roll(20), roll(40), roll(5));
        let scrap = scraps.get(roll(14) as usize).copied().unwrap_or_default();
        client.change(&path, i64::from(round) + 2, [line, column, line + length / 4, column + length], scrap);
        match roll(8) {
            0 => drop(client.at("textDocument/completion", &path, line, column + 1)),
            1 => drop(client.at("textDocument/hover", &path, line, column)),
            2 => drop(client.ask("textDocument/semanticTokens/full", json!({ "textDocument": { "uri": uri(&path) } }))),
            3 => drop(client.ask("textDocument/documentSymbol", json!({ "textDocument": { "uri": uri(&path) } }))),
            4 => drop(client.ask("textDocument/foldingRange", json!({ "textDocument": { "uri": uri(&path) } }))),
            _ => {}
        }
    }
    assert_eq!(client.end(), Some(0));
}
