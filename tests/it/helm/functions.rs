//! Whole templates over values: `tests/helm/functions/*.cases`, judged by `tests/helm/judge.py`. The table of functions
//! beside this has single expressions; here are types, values and the words of errors.

use super::render_case;
use std::path::Path;

/// A template and what Helm makes of it.
struct Case {
    place: String,
    template: String,
    expected: String,
    /// It comes out otherwise here; the comment before it says why.
    differs: bool,
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/helm/functions");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("a file");
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (mut template, mut differs) = (None, false);
        for (n, line) in text.lines().enumerate() {
            differs |= line.starts_with("# differs");
            match line.strip_prefix("=> ") {
                Some(expected) => cases.push(Case {
                    place: format!("{name}:{n}"),
                    template: template.take().expect("a template before its result"),
                    expected: serde_json::from_str(expected).expect("a JSON string"),
                    differs: std::mem::take(&mut differs),
                }),
                None => template = Some(line.to_string()),
            }
        }
    }
    cases
}

/// Helm words errors over several lines, this project in one: they say the same if they end the same.
fn same(found: &str, expected: &str) -> bool {
    if !expected.starts_with("ERROR ") {
        return found == expected;
    }
    let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
    let (found, expected) = (words(found), words(expected));
    let tail = |words: &[String]| words.iter().rev().take(3).cloned().collect::<Vec<_>>();
    found.first() == expected.first() && tail(&found) == tail(&expected)
}

#[test]
fn every_case_is_as_helm_renders_it() {
    let mut wrong = Vec::new();
    for case in cases() {
        let found = render_case(&case.template);
        if case.differs {
            // What Helm refuses is refused all the same.
            assert_eq!(found.starts_with("ERROR"), case.expected.starts_with("ERROR"), "{}", case.place);
        } else if !same(&found, &case.expected) {
            wrong.push(format!("{}: {}\n  Helm {:?}\n  here {found:?}", case.place, case.template, case.expected));
        }
    }
    assert!(wrong.is_empty(), "{} cases differ\n{}", wrong.len(), wrong.join("\n"));
}
