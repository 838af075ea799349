//! Diagnostics as SARIF 2.1.0, which code scanners read.

use super::place;
use crate::diag::{Code, Diagnostic, Edit, Severity};
use crate::source::{Sources, Span};
use serde_json::{Value, json};

/// The schema that the document follows.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All diagnostics as one SARIF document and a newline.
pub fn text(diagnostics: &[Diagnostic], sources: &Sources) -> String {
    let mut codes: Vec<&'static Code> = diagnostics.iter().map(|d| d.code).collect();
    codes.sort_by_key(|c| c.id);
    codes.dedup_by_key(|c| c.id);
    let number = |code: &Code| codes.iter().position(|c| c.id == code.id);
    let results: Vec<Value> = diagnostics.iter().map(|d| result(d, number(d.code), sources)).collect();
    let document = json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": "lockgate",
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": codes.iter().map(|c| rule(c)).collect::<Vec<_>>(),
                }
            },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }]
    });
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn rule(code: &Code) -> Value {
    json!({
        "id": code.id,
        "name": code.name,
        "shortDescription": {"text": code.summary},
        "defaultConfiguration": {"level": level(code.severity)},
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "note",
    }
}

fn result(diagnostic: &Diagnostic, rule: Option<usize>, sources: &Sources) -> Value {
    let mut message = diagnostic.message.clone();
    if let Some(help) = &diagnostic.help {
        message.push_str(". Help: ");
        message.push_str(help);
    }
    let mut labels = diagnostic.labels.iter();
    let first: Vec<Value> = labels.next().and_then(|l| location(l.span, &l.text, sources)).into_iter().collect();
    let mut result = json!({
        "ruleId": diagnostic.code.id,
        "level": level(diagnostic.severity),
        "message": {"text": message},
        "locations": first,
    });
    let mut set = |key: &str, value: Value| {
        if let Some(object) = result.as_object_mut() {
            object.insert(key.to_string(), value);
        }
    };
    if let Some(rule) = rule {
        set("ruleIndex", rule.into());
    }
    // Of places that are the same the standard wants one.
    let mut related: Vec<Value> = Vec::new();
    for place in labels.filter_map(|l| location(l.span, &l.text, sources)) {
        if !related.contains(&place) {
            related.push(place);
        }
    }
    if !related.is_empty() {
        set("relatedLocations", related.into());
    }
    if let Some(fix) = &diagnostic.fix {
        let changes: Option<Vec<Value>> = fix.edits.iter().map(|e| change(e, sources)).collect();
        // Half of a fix is none, and neither is one without a change.
        if let Some(changes) = changes.filter(|c| !c.is_empty()) {
            set("fixes", json!([{"description": {"text": fix.title}, "artifactChanges": changes}]));
        }
    }
    result
}

fn location(span: Span, text: &str, sources: &Sources) -> Option<Value> {
    let place = place(span, sources)?;
    let mut location = json!({"physicalLocation": {
        "artifactLocation": {"uri": uri(&place.path)},
        "region": region(span, sources)?,
    }});
    if let Some(object) = location.as_object_mut().filter(|_| !text.is_empty()) {
        object.insert("message".to_string(), json!({"text": text}));
    }
    Some(location)
}

fn change(edit: &Edit, sources: &Sources) -> Option<Value> {
    let place = place(edit.span, sources)?;
    let replacement = json!({"deletedRegion": region(edit.span, sources)?, "insertedContent": {"text": edit.text}});
    Some(json!({"artifactLocation": {"uri": uri(&place.path)}, "replacements": [replacement]}))
}

fn region(span: Span, sources: &Sources) -> Option<Value> {
    let place = place(span, sources)?;
    Some(json!({
        "startLine": place.start.line,
        "startColumn": place.start.column,
        "endLine": place.end.line,
        "endColumn": place.end.column,
    }))
}

/// A path as a URI reference: everything that is not plain is escaped.
fn uri(path: &str) -> String {
    let mut out = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(byte as char),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::codes;

    #[test]
    fn has_the_structure_that_scanners_need() {
        let mut sources = Sources::new();
        let file = sources.add("a b.kdl", "grün brnach\n");
        let fault = Diagnostic::new(&codes::UNKNOWN_PROPERTY, "there is no `brnach`")
            .at(Span::new(file, 6, 12), "unknown")
            .at(Span::new(file, 0, 5), "of this")
            .fix("Change to `branch`", Span::new(file, 6, 12), "branch");
        let plain = Diagnostic::new(&codes::FILE_UNREADABLE, "there is no file");
        let document: Value = serde_json::from_str(&text(&[fault, plain], &sources)).unwrap();
        assert_eq!(document["version"], "2.1.0");
        let run = &document["runs"][0];
        let rules: Vec<&str> =
            run["tool"]["driver"]["rules"].as_array().unwrap().iter().filter_map(|r| r["id"].as_str()).collect();
        assert_eq!(rules, ["LG0001", "LG0102"]);
        let first = &run["results"][0];
        assert_eq!(
            (&first["ruleId"], &first["ruleIndex"], &first["level"]),
            (&json!("LG0102"), &json!(1), &json!("error"))
        );
        let physical = &first["locations"][0]["physicalLocation"];
        assert_eq!(physical["artifactLocation"]["uri"], "a%20b.kdl");
        assert_eq!(physical["region"], json!({"startLine": 1, "startColumn": 6, "endLine": 1, "endColumn": 12}));
        assert_eq!(first["relatedLocations"].as_array().unwrap().len(), 1);
        assert_eq!(first["fixes"][0]["artifactChanges"][0]["replacements"][0]["insertedContent"]["text"], "branch");
        assert_eq!(run["results"][1]["locations"], json!([]));
    }
}
