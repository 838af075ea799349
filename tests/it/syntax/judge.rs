//! The `kdl` crate as judge: on generated and mutated texts it has to give the same verdict and the same tree.
//!
//! Where the two differ on purpose or because the judge errs, [`known_difference`] says so and why.

use super::{brief, read};
use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use lockgate::diag::{Diagnostic, codes};
use lockgate::syntax::{Document, Entry, Node, Value, ValueKind};
use proptest::prelude::*;

/// A text in lines, one a node, from which all that has no meaning is gone.
fn ours(document: &Document) -> String {
    let mut out = String::new();
    let mut stack: Vec<(usize, Node<'_>)> = document.roots().map(|node| (0, node)).collect();
    stack.reverse();
    while let Some((depth, node)) = stack.pop() {
        line(&mut out, depth, node.ty(), node.name());
        for entry in node.entries() {
            match entry {
                Entry::Arg(value) => out += &format!(" {}", our_value(value)),
                Entry::Prop(prop) => out += &format!(" {:?}={}", prop.key(), our_value(prop.value())),
            }
        }
        let first = stack.len();
        stack.extend(node.children().map(|child| (depth + 1, child)));
        stack[first..].reverse();
    }
    out
}

fn line(out: &mut String, depth: usize, ty: Option<&str>, name: &str) {
    *out += &format!("\n{depth} {ty:?} {name:?}");
}

fn our_value(value: Value<'_>) -> String {
    let says = match value.kind() {
        ValueKind::Str => format!("{:?}", value.as_str().expect("a string")),
        ValueKind::Int => value.as_i64().map_or("big".to_owned(), |n| n.to_string()),
        ValueKind::Float => format!("{:?}", value.as_f64().expect("a float")),
        ValueKind::Bool => value.as_bool().expect("a truth value").to_string(),
        ValueKind::Null => "null".to_owned(),
    };
    format!("{:?}{says}", value.ty())
}

/// The judge's document in the same form.
fn theirs(document: &KdlDocument) -> String {
    let mut out = String::new();
    let mut stack: Vec<(usize, &KdlNode)> = document.nodes().iter().rev().map(|node| (0, node)).collect();
    while let Some((depth, node)) = stack.pop() {
        line(&mut out, depth, node.ty().map(|ty| ty.value()), node.name().value());
        for entry in node.entries() {
            match entry.name() {
                None => out += &format!(" {}", their_value(entry)),
                Some(key) => out += &format!(" {:?}={}", key.value(), their_value(entry)),
            }
        }
        stack.extend(node.children().into_iter().flat_map(|c| c.nodes().iter().rev()).map(|child| (depth + 1, child)));
    }
    out
}

fn their_value(entry: &KdlEntry) -> String {
    let says = match entry.value() {
        KdlValue::String(says) => format!("{says:?}"),
        KdlValue::Integer(n) => i64::try_from(*n).map_or("big".to_owned(), |n| n.to_string()),
        KdlValue::Float(n) => format!("{n:?}"),
        KdlValue::Bool(b) => b.to_string(),
        KdlValue::Null => "null".to_owned(),
    };
    format!("{:?}{says}", entry.ty().map(|ty| ty.value()))
}

/// Compares the two on one text.
pub fn compare(text: &str) -> Result<(), String> {
    let (document, faults) = read(text);
    if known_difference(text, &faults).is_some() {
        return Ok(());
    }
    match (faults.is_empty(), KdlDocument::parse(text)) {
        (true, Ok(judged)) => {
            let (ours, theirs) = (ours(&document), theirs(&judged));
            if ours == theirs { Ok(()) } else { Err(format!("{text:?}: ours{ours}\ntheirs{theirs}")) }
        }
        (true, Err(_)) => Err(format!("{text:?} is refused by the judge only")),
        (false, Ok(_)) => Err(format!("{text:?} is refused by us only: {}", brief(&faults))),
        (false, Err(_)) => Ok(()),
    }
}

/// Why the two may differ on a text with these faults, if they may.
fn known_difference(text: &str, faults: &[Diagnostic]) -> Option<&'static str> {
    let before_slashdashes = text.match_indices("/-").map(|(at, _)| &text[..at]);
    let glued = |before: &str| before.ends_with(|c: char| !c.is_whitespace() && !"{};".contains(c));
    if before_slashdashes.clone().count() > 3 {
        Some("slashdashes in each other cost the judge exponential time")
    } else if text.contains("-inf") {
        Some("the grammar keeps `-inf` from being a bare name; the judge takes it as one")
    } else if faults.iter().any(|fault| fault.code == &codes::FORBIDDEN_CHARACTER) {
        Some(
            "the grammar forbids such characters everywhere; the judge lets them stand in comments, and U+007F in words",
        )
    } else if before_slashdashes.clone().any(glued) {
        Some("the grammar asks for no space before a slashdash; the judge does, behind a bare word")
    } else if text.contains("/-")
        && (text.contains(';') || faults.iter().any(|f| f.message.contains("follows a block")))
    {
        Some(
            "a node under a slashdash ends like any node; the judge refuses some that end with `;`, and takes some with no end",
        )
    } else {
        None
    }
}

/// What texts are made of, and what may get into them.
pub const FRAGMENTS: &[&str] = &[
    "a",
    "b",
    " ",
    " ",
    " ",
    "\n",
    "{",
    "}",
    "(",
    ")",
    "=",
    ";",
    "\"",
    "\"x\"",
    "#\"r\"#",
    "\"\"\"\n",
    "\n\"\"\"",
    "/*",
    "*/",
    "//c\n",
    "/-",
    "\\",
    "\\\n",
    "#true",
    "true",
    "1",
    "-1",
    "0x",
    "0xF",
    ".",
    "1.5e3",
    "-",
    ".5",
    "#",
    "\\u{41}",
    "\\n",
    "é",
    "\u{A0}",
    "\r",
    "\r\n",
    "\u{2028}",
    "\u{202E}",
    "\u{FEFF}",
    "_",
    "[",
    "]",
    "\t",
    "+",
    "e",
    "#inf",
    "-inf",
    "\\s",
    "/",
    "#\"\"\"\n  a\n  \"\"\"#",
    "\"\"\"\n  b\n  \"\"\"",
    "a b {\n c=1\n}\n",
    "(t)",
    "k=v",
];

/// Texts that are well, to be mutated.
pub const WELL: &[&str] = &[
    "lockgate 1\npipeline p {\n    // why\n    source app {\n        git \"https://x/y.git\" branch=main\n        trigger poll=\"1m\"\n    }\n}\n",
    "node (u8)1 key=(t)\"v\\n\" #\"raw\"# {\n    child #true 1.5e-3; other 0x_F\n}\n",
    "a \"\"\"\n    one\n      two \\\n    three\n    \"\"\" b\n/- skipped { x }\nc \\ // on\n  d\n",
    "/* a /* b */ c */ \"quoted\" #null #-inf /-x y\n(t)n /-{ a } { b; c }\n",
];

/// A text with some pieces cut out and some fragments put in.
pub fn mutated() -> impl Strategy<Value = String> {
    let change = (any::<prop::sample::Index>(), 0..4_usize, prop::option::of(prop::sample::select(FRAGMENTS)));
    (prop::sample::select(WELL), prop::collection::vec(change, 1..4)).prop_map(|(well, changes)| {
        let mut text: Vec<char> = well.chars().collect();
        for (at, cut, put) in changes {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, put.unwrap_or("").chars());
        }
        text.into_iter().collect()
    })
}

/// Texts that are well, of nodes in nodes, with all that may stand between.
pub fn well() -> impl Strategy<Value = String> {
    let pick = |from: &'static [&'static str]| prop::sample::select(from);
    let space = pick(&[" ", "  ", "\t", " /* c */ ", " \\\n  ", " \\ // c\n"]);
    let name = pick(&["a", "b-c", "\"q r\"", "#\"raw\"#", "(t)n", "( t )\"n\"", "é", "-", "+x", "..."]);
    let value = pick(&[
        "1",
        "-0xF",
        "x",
        "\"s\\n\"",
        "#true",
        "#null",
        "1_0.5e-3",
        "(u8)2",
        "k=v",
        "k = \"v\"",
        "k=(t)#false",
        "#inf",
        "\"\"\"\n  l\n   m\n  \"\"\"",
        "#\"\"\"\n  l\\\n  \"\"\"#",
        "0b1_0",
        "0o7",
        "+1",
    ]);
    let end = pick(&["\n", ";", " // c\n", "\r\n", "\n\n\n", ";\n", "\n// c\n", "\n/* c */ "]);
    let header = (name, prop::collection::vec((space.clone(), value), 0..4))
        .prop_map(|(name, values)| values.iter().fold(name.to_owned(), |text, (space, value)| text + space + value));
    let node = (header.clone(), end.clone()).prop_map(|(header, end)| header + end);
    node.prop_recursive(4, 24, 4, move |inner| {
        let nodes = prop::collection::vec(inner, 0..4).prop_map(|nodes| nodes.concat());
        let block = (header.clone(), space.clone(), pick(&["", "\n", " ", " // c\n"]), nodes, end.clone());
        block.prop_map(|(header, space, open, nodes, end)| format!("{header}{space}{{{open}{nodes}}}{end}"))
    })
}

/// Fragments in any order.
pub fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(FRAGMENTS), 0..10).prop_map(|fragments| fragments.concat())
}

proptest! {
    #[test]
    fn the_judge_agrees_on_what_is_well(text in well()) {
        let faults = read(&text).1;
        prop_assert!(faults.is_empty(), "{}", brief(&faults));
        compare(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_judge_agrees_on_soup(text in soup()) {
        compare(&text).map_err(TestCaseError::fail)?;
    }

    #[test]
    fn the_judge_agrees_on_mutated_texts(text in mutated()) {
        compare(&text).map_err(TestCaseError::fail)?;
    }
}
