//! Texts that are not well: no panic, no hang, bounded cost, and a tree all the same.

use super::judge::{mutated, soup, well};
use super::{brief, formatting, read};
use lockgate::diag::codes;
use lockgate::source::FileId;
use lockgate::syntax::{self, Limits, Node, reference};
use proptest::prelude::*;
use std::time::{Duration, Instant};

/// Walks all that can be asked of a document, and checks that its places fit together.
fn walk(text: &str) {
    let (document, faults) = read(text);
    for fault in &faults {
        for label in &fault.labels {
            assert!(text.get(label.span.range()).is_some(), "{fault:?} in {text:?}");
        }
        for edit in fault.fix.iter().flat_map(|fix| &fix.edits) {
            assert!(text.get(edit.span.range()).is_some(), "{fault:?} in {text:?}");
        }
    }
    let mut stack: Vec<Node<'_>> = document.roots().collect();
    while let Some(node) = stack.pop() {
        check(text, node);
        let mut before = node.block_span().map_or(0, |block| block.start);
        for child in node.children() {
            assert!(child.span().start >= before && child.span().end <= node.span().end, "{child:?} in {text:?}");
            assert_eq!(child.parent().map(|parent| parent.id()), Some(node.id()));
            before = child.span().end;
            stack.push(child);
        }
    }
    for offset in 0..=text.len() {
        document.node_at(FileId(0), offset as u32);
        document.header_at(FileId(0), offset as u32);
    }
}

fn check(text: &str, node: Node<'_>) {
    assert!(text.get(node.span().range()).is_some(), "{node:?} in {text:?}");
    assert!(node.header_span().end <= node.span().end, "{node:?} in {text:?}");
    node.comment_text();
    node.ty();
    for entry in node.entries() {
        let value = entry.value();
        assert!(entry.span().start >= node.name_span().end && entry.span().end <= node.header_span().end);
        assert!(text.get(entry.span().range()).is_some(), "{entry:?} in {text:?}");
        let _ = (value.as_i64(), value.as_f64(), value.as_bool());
        if let Some(says) = value.as_str() {
            for at in 0..=says.len() {
                assert!(value.inner_span(at..says.len()).end <= value.span().end);
            }
        }
        for reference in reference::parse(value).0.refs() {
            assert!(text.get(reference.span.range()).is_some(), "{reference:?} in {text:?}");
        }
    }
}

proptest! {
    #[test]
    fn any_bytes_have_a_tree(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (text, _) = syntax::text_of(FileId(0), bytes, &Limits::default());
        walk(&text);
    }

    #[test]
    fn any_fragments_have_a_tree(text in soup()) {
        walk(&text);
    }

    #[test]
    fn mutated_texts_have_a_tree(text in mutated()) {
        walk(&text);
    }

    #[test]
    fn tokens_are_the_text(text in soup()) {
        let slice = |t: syntax::Token| &text[t.start as usize..t.end as usize];
        prop_assert_eq!(syntax::tokens(&text).map(slice).collect::<String>(), text);
    }

    #[test]
    fn what_is_well_has_one_form(text in prop_oneof![soup(), mutated(), well()]) {
        if read(&text).1.is_empty() {
            formatting::formatted(&text);
        }
    }
}

/// The time that reading a text takes, with what is asked of its tree.
fn time(text: &str) -> Duration {
    let limits = Limits { size: usize::MAX, ..Limits::default() };
    let start = Instant::now();
    let (tree, faults) = syntax::parse(FileId(0), text.into(), &limits);
    let taken = start.elapsed();
    assert!(faults.len() <= limits.diagnostics + 1);
    drop(tree);
    taken
}

#[test]
fn no_text_takes_more_than_linear_time() {
    let patterns = [
        "/-{",
        "/- a {",
        "a {",
        "}",
        "{",
        "/*",
        "/* */ ",
        "\"",
        "\"\"\"",
        "\"\"\"a\"\"\" ",
        "#\"",
        "#\"a\"# ",
        "#",
        "##\"",
        "(",
        "(t)",
        "=",
        "a=",
        "\\",
        "\\ ",
        "\\ /**/ ",
        "\\\n",
        "/-",
        "/-\n",
        "/-a ",
        ";",
        "a;",
        "\u{202E}",
        "é",
        "\u{A0}",
        "\"\\u{1}\" ",
        "true ",
        "a{}",
        "\"\\",
        "{ }",
        "\n",
        "a /- {\n",
        "(\n",
        "\"{a}\\n\"",
    ];
    for pattern in patterns {
        assert_linear(pattern, |size| time(&pattern.repeat(size / pattern.len())));
    }
    for pattern in ["a{};", "a{}b ", "\"\\q\" ", "}", "a#b;"] {
        assert_linear(&format!("blanks and {pattern}"), |size| time(&(" ".repeat(size) + &pattern.repeat(size / 4))));
    }
}

/// Asserts that sixteen times the size takes nothing like the 256 times the time that quadratic would be, which are
/// seconds. A machine with other work is given some slack and several attempts.
fn assert_linear(what: &str, time: impl Fn(usize) -> Duration) {
    let mut seen = Vec::new();
    for _ in 0..8 {
        let (small, large) = (time(20_000), time(320_000));
        if large < small * 40 + Duration::from_millis(500) {
            return;
        }
        seen.push((small, large));
    }
    panic!("{what:?}: {seen:?}");
}

#[test]
fn references_take_linear_time() {
    assert_linear("references", |size| {
        let count = size / 8;
        let (document, _) = read(&format!("a \"\\n{}\"", "{a.b}\\n".repeat(count)));
        let value = document.roots().next().and_then(|node| node.arg(0)).expect("a value");
        let start = Instant::now();
        assert_eq!(reference::parse(value).0.refs().count(), count);
        start.elapsed()
    });
}

/// The codes of the faults of a text.
fn codes_of(text: &str) -> Vec<&'static str> {
    read(text).1.iter().map(|fault| fault.code.id).collect()
}

#[test]
fn depth_is_bounded_and_said_once() {
    for text in ["a {".repeat(10_000), format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000))] {
        assert_eq!(codes_of(&text), [codes::TOO_DEEP.id]);
        let (document, _) = read(&text);
        let mut depth = 0;
        let mut node = document.roots().next();
        while let Some(here) = node {
            depth += 1;
            node = here.children().next();
        }
        assert_eq!(depth, 65);
    }
    assert_eq!(codes_of(&format!("{}{}", "/*".repeat(1_000), "*/".repeat(1_000))), [codes::TOO_DEEP.id]);
}

#[test]
fn braces_are_complained_of_once() {
    assert_eq!(codes_of(&"}".repeat(100_000)), [codes::UNEXPECTED_BRACE.id]);
    assert_eq!(codes_of("a {\n  b {\n    c\n}\n"), [codes::UNCLOSED.id]);
    assert_eq!(codes_of("a {\n  b \"open {\n  }\n}\n"), [codes::UNCLOSED.id]);
    assert_eq!(codes_of("a {\n  /* open\n}\n"), [codes::UNCLOSED.id]);
}

#[test]
fn a_missing_brace_is_found_by_its_indentation() {
    let text = "a {\n    b {\n        c\n}\nd {\n    e\n}\n";
    let (document, faults) = read(text);
    assert_eq!(faults.len(), 1);
    assert_eq!(faults[0].span().map(|span| span.start), text.find("{\n        c").map(|at| at as u32));
    let names: Vec<_> = document.roots().map(|node| (node.name(), node.children().count())).collect();
    assert_eq!(names, [("a", 1), ("d", 1)]);

    let text = "p {\n    a {\n        x\n    b {\n        y\n    }\n    c\n}\nq {\n}\n";
    let (document, faults) = read(text);
    assert_eq!(brief(&faults), "LG0007 10..11 a block is not closed");
    let names: Vec<_> = document.roots().map(|node| (node.name(), node.children().count())).collect();
    assert_eq!(names, [("p", 3), ("q", 0)]);
    // Without indentation there is nothing to go by.
    assert_eq!(brief(&read("p {\na {\nx\n}\n").1), "LG0007 2..3 a block is not closed");
}

#[test]
fn fixes_mend() {
    let cases = [
        ("a r\"b\\d\"", "a #\"b\\d\"#"),
        ("a r#\"b\"#", "a #\"b\"#"),
        ("image registry/app:1.2 x", "image \"registry/app:1.2\" x"),
        ("a k=b/c", "a k=\"b/c\""),
        ("branch = \"main\"", "branch  \"main\""),
        ("a b#c true", "a \"b#c\" #true"),
        ("a \"b\"\"c\"", "a \"b\" \"c\""),
        ("a 1.2.3", "a \"1.2.3\""),
        ("a {b} c", "a {b} \nc"),
        ("a #ture;;", "a #true;"),
        ("a \"\\d\"", "a \"\\\\d\""),
        ("true false=1", "\"true\" \"false\"=1"),
    ];
    for (text, mended) in cases {
        let (_, faults) = read(text);
        let mut edits: Vec<_> =
            faults.iter().flat_map(|fault| fault.fix.iter()).flat_map(|fix| fix.edits.clone()).collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span));
        let mut out = text.to_owned();
        for edit in edits {
            out.replace_range(edit.span.range(), &edit.text);
        }
        assert_eq!(out, mended, "{}", brief(&faults));
        assert_eq!(brief(&read(&out).1), "", "{out:?}");
    }
}

#[test]
fn the_first_faults_are_shown_and_the_others_counted() {
    let (_, faults) = read(&"a true\n".repeat(10_000));
    assert_eq!(faults.len(), 101);
    assert_eq!(faults[100].message, "9900 more faults in this file; only 100 are shown");
}

#[test]
fn a_text_over_the_limit_is_refused() {
    let limits = Limits { size: 1 << 20, ..Limits::default() };
    let text = "a\n".repeat(1 << 20);
    let (tree, faults) = syntax::parse(FileId(0), text.as_str().into(), &limits);
    assert_eq!(
        faults.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(),
        ["the file has 2097152 bytes; the limit is 1 MiB"]
    );
    assert_eq!(&**tree.text(), text);
    let (text, faults) = syntax::text_of(FileId(0), text.into_bytes(), &limits);
    assert_eq!((&*text, faults.len()), ("", 1));
}

#[test]
fn bytes_that_are_no_text_are_shown() {
    let (text, faults) = syntax::text_of(FileId(0), b"a \xFF\xFE b \xE2\x82".to_vec(), &Limits::default());
    assert_eq!(&*text, "a \u{FFFD}\u{FFFD} b \u{FFFD}");
    let places: Vec<_> = faults.iter().map(|f| (f.code.id, f.span().map_or(0, |s| s.start))).collect();
    assert_eq!(places, [("LG0003", 2), ("LG0003", 5), ("LG0003", 11)]);
}
