//! What the tree says of a text.

use super::{brief, read};
use lockgate::source::FileId;
use lockgate::syntax::{Entry, Node, ValueKind};

const TEXT: &str = r##"
// The first.
// It has two lines.
first 1 -0xF_0 1.5e3 "a\tb" bare #true #null k=v k=(u8)2

// Not of the second: an empty line follows.

(type)"second" /-gone #"raw"# { // of the brace
    child { grandchild } // of the child
    /* of the other */ other
}
"##;

fn check(text: &str) -> String {
    brief(&read(text).1)
}

/// The first node of a name, wherever it stands.
fn find<'t>(nodes: impl Iterator<Item = Node<'t>>, name: &str) -> Option<Node<'t>> {
    let nodes: Vec<Node<'t>> = nodes.collect();
    nodes.iter().copied().find_map(|node| if node.name() == name { Some(node) } else { find(node.children(), name) })
}

#[test]
fn values_say_what_they_are() {
    let (document, faults) = read(TEXT);
    assert_eq!(brief(&faults), "");
    let first = document.roots().next().expect("a node");
    let kinds: Vec<ValueKind> = first.args().map(|value| value.kind()).collect();
    use ValueKind::{Bool, Float, Int, Null, Str};
    assert_eq!(kinds, [Int, Int, Float, Str, Str, Bool, Null]);
    let arg = |n: usize| first.arg(n).expect("an argument");
    assert_eq!((arg(0).as_i64(), arg(1).as_i64(), arg(2).as_i64()), (Some(1), Some(-240), None));
    assert_eq!((arg(0).as_f64(), arg(2).as_f64(), arg(3).as_f64()), (Some(1.0), Some(1500.0), None));
    assert_eq!((arg(3).as_str(), arg(3).is_bare()), (Some("a\tb"), false));
    assert_eq!((arg(4).as_str(), arg(4).is_bare()), (Some("bare"), true));
    assert_eq!((arg(5).as_bool(), arg(6).is_null()), (Some(true), true));
    let props: Vec<(&str, Option<&str>)> = first.props().map(|p| (p.key(), p.value().ty())).collect();
    assert_eq!(props, [("k", None), ("k", Some("u8"))]);
    assert_eq!(first.prop("k").and_then(|p| p.value().as_i64()), Some(2));
}

#[test]
fn places_are_those_of_the_text() {
    let (document, _) = read(TEXT);
    let second = document.roots().nth(1).expect("a node");
    assert_eq!(&TEXT[second.header_span().range()], "(type)\"second\" /-gone #\"raw\"#");
    assert_eq!(&TEXT[second.name_span().range()], "\"second\"");
    assert_eq!(second.ty(), Some("type"));
    assert!(TEXT[second.span().range()].ends_with("other\n}"));
    assert!(second.block_span().is_some_and(|block| TEXT[block.range()].starts_with("{ // of")));
    assert_eq!(second.args().map(|value| value.raw()).collect::<Vec<_>>(), ["#\"raw\"#"]);
    let first = document.roots().next().expect("a node");
    let last = first.entries().last().expect("an entry");
    assert_eq!(&TEXT[last.span().range()], "k=(u8)2");
}

#[test]
fn a_comment_belongs_to_the_node_below_it() {
    let (document, _) = read(TEXT);
    let comment = |name: &str| find(document.roots(), name).and_then(|node| node.comment_text());
    assert_eq!(comment("first").as_deref(), Some("The first.\nIt has two lines."));
    assert_eq!(comment("second"), None);
    assert_eq!(comment("child"), None);
    assert_eq!(comment("grandchild"), None);
    assert_eq!(comment("other").as_deref(), Some("of the other"));
}

#[test]
fn the_deepest_node_at_an_offset_is_found() {
    let (document, _) = read(TEXT);
    let at = |what: &str, more: usize| {
        let offset = TEXT.find(what).expect("a place") + more;
        let at = document.node_at(FileId(0), offset as u32)?;
        let entry = at.entry.map(|entry| match entry {
            Entry::Arg(value) => value.raw(),
            Entry::Prop(prop) => prop.key(),
        });
        Some((at.node.name(), entry))
    };
    assert_eq!(at("grandchild", 3), Some(("grandchild", None)));
    assert_eq!(at("{ grandchild", 1), Some(("child", None)));
    assert_eq!(at("bare", 4), Some(("first", Some("bare"))));
    assert_eq!(at("k=v", 3), Some(("first", Some("k"))));
    assert_eq!(at("    /* of", 0), Some(("second", None)));
    assert_eq!(at("// Not of", 0), None);
}

#[test]
fn an_entry_can_be_written_behind_a_header() {
    let text = "source app {\n    git \"x\" /* c */  \\ // on\n  \n    poll  // end \n}  \n";
    let (document, _) = read(text);
    let at = |what: &str, more: usize| {
        let offset = text.find(what).expect("a place") + more;
        document.header_at(FileId(0), offset as u32).map(|node| node.name())
    };
    assert_eq!(at("ource", 0), Some("source"));
    assert_eq!(at("{", 0), Some("source"));
    assert_eq!(at("{", 1), None);
    assert_eq!(at("\"x\"", 4), Some("git"));
    assert_eq!(at("/* c", 2), None);
    assert_eq!(at("  \n    poll", 2), Some("git"));
    assert_eq!(at("    poll", 0), None);
    assert_eq!(at("poll", 6), Some("poll"));
    assert_eq!(at("// end", 3), None);
    assert_eq!(at("}", 1), None);
}

#[test]
fn what_is_half_written_is_in_the_tree() {
    let (document, faults) = read("source app {\n    git \"x\" branch=\n    trigger poll=\"1m\n}\ntask \n");
    assert_eq!(
        brief(&faults),
        "LG0005 31..32 the property `branch` has no value\nLG0007 53..53 a string is not closed"
    );
    let names: Vec<_> =
        document.roots().flat_map(|node| std::iter::once(node).chain(node.children())).map(|n| n.name()).collect();
    assert_eq!(names, ["source", "git", "trigger", "task"]);
    let branch = find(document.roots(), "git").and_then(|git| git.prop("branch")).expect("a property");
    assert!(branch.value().is_faulty());
}

#[test]
fn no_fault_is_a_consequence_of_another() {
    let text = "\
a true
b 1.2.3
c \"\\q\"
d k=
e [1, 2]
f x/y
g \"open
h {} i
(t)
k #ture
l \"\"\"x\"\"\"
m = 1
n ()o
p {
";
    let codes: Vec<_> = read(text).1.iter().map(|fault| fault.code.id).collect();
    let expected = [
        "LG0009", "LG0011", "LG0010", "LG0005", "LG0005", "LG0005", "LG0007", "LG0005", "LG0005", "LG0005", "LG0019",
        "LG0005", "LG0005", "LG0007",
    ];
    assert_eq!(codes, expected, "{}", check(text));
}
