//! Includes: transparent in the tree, kept inside the repository, bounded.

use lockgate::diag::{Diagnostic, render};
use lockgate::source::Sources;
use lockgate::syntax::{Document, Limits, Node, include};
use std::io;
use std::path::Path;

/// Loads `lockgate.kdl` of a repository of these files.
fn load(files: &[(&str, &str)]) -> (Document, Vec<Diagnostic>, Sources) {
    let mut sources = Sources::new();
    let mut read = |path: &Path| {
        let file = files.iter().find(|(name, _)| Path::new(name) == path);
        if path == Path::new("folder") {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        file.map(|(_, text)| text.as_bytes().to_vec()).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    };
    let (document, faults) =
        include::load(Path::new("./lockgate.kdl"), Path::new("."), &Limits::default(), &mut sources, &mut read);
    (document, faults, sources)
}

/// The names of all nodes, those in a block in parentheses.
fn names<'t>(nodes: impl Iterator<Item = Node<'t>>) -> String {
    let name = |node: Node<'_>| match node.has_block() {
        true => format!("{}({})", node.name(), names(node.children())),
        false => node.name().to_owned(),
    };
    nodes.map(name).collect::<Vec<_>>().join(" ")
}

fn messages(faults: &[Diagnostic]) -> Vec<&str> {
    faults.iter().map(|f| f.message.as_str()).collect()
}

#[test]
fn included_nodes_stand_in_place_of_their_include() {
    let (document, faults, sources) = load(&[
        (
            "lockgate.kdl",
            "a\npipeline p {\n    b\n    include \"ci/one.kdl\"\n    c { include \"not here\" }\n}\ninclude \"ci/top.kdl\"\nz",
        ),
        ("ci/one.kdl", "one; include \"two.kdl\"; three"),
        ("ci/two.kdl", "two { deep }"),
        ("ci/top.kdl", "pipeline q { include \"../empty.kdl\"; x }"),
        ("empty.kdl", ""),
    ]);
    assert_eq!(messages(&faults), [""; 0]);
    assert_eq!(names(document.roots()), "a pipeline(b one two(deep) three c(include)) pipeline(x) z");
    let pipeline = document.roots().nth(1).expect("a pipeline");
    let deep = pipeline.children().nth(2).expect("two").children().next().expect("deep");
    assert_eq!(sources.text(deep.span()), "deep");
    assert_eq!(sources.get(deep.file()).map(|f| f.path()), Some(Path::new("ci/two.kdl")));
    assert_eq!(deep.parent().and_then(|two| two.parent()).map(|n| n.id()), Some(pipeline.id()));
    let at = document.node_at(deep.file(), deep.span().start).expect("a node");
    assert_eq!(at.node.id(), deep.id());
}

#[test]
fn a_file_may_be_included_twice() {
    let (document, faults, sources) =
        load(&[("lockgate.kdl", "pipeline p { include \"x.kdl\" }\npipeline q { include \"x.kdl\" }"), ("x.kdl", "x")]);
    assert_eq!(messages(&faults), [""; 0]);
    assert_eq!(names(document.roots()), "pipeline(x) pipeline(x)");
    assert_eq!(sources.iter().count(), 2);
    let parents: Vec<_> = document.roots().flat_map(|p| p.children()).map(|x| x.parent().map(|p| p.id())).collect();
    assert_eq!(parents, document.roots().map(|p| Some(p.id())).collect::<Vec<_>>());
}

#[test]
fn faults_stand_at_the_include() {
    let (document, faults, sources) = load(&[
        (
            "lockgate.kdl",
            "include \"gone.kdl\"\ninclude \"folder\"\ninclude \"../x\"\ninclude\ninclude 1\ninclude a b\ninclude a=b\ninclude a { }\ninclude \"broken.kdl\"\ninclude true",
        ),
        ("broken.kdl", "ok\n\"open"),
    ]);
    assert_eq!(names(document.roots()), "ok open");
    let texts: Vec<_> = faults.iter().map(|f| (f.code.id, sources.text(f.span().expect("a place")))).collect();
    assert_eq!(
        texts,
        [
            ("LG0009", "true"),
            ("LG0007", ""),
            ("LG0001", "\"gone.kdl\""),
            ("LG0001", "\"folder\""),
            ("LG0015", "\"../x\""),
            ("LG0016", "include"),
            ("LG0016", "1"),
            ("LG0016", "b"),
            ("LG0016", "a=b"),
            ("LG0016", "{ }"),
        ]
    );
    assert!(!render::render(&faults, &sources, render::Style::default()).is_empty());
}

#[test]
fn circles_are_shown() {
    let (_, faults, _) =
        load(&[("lockgate.kdl", "include \"a.kdl\""), ("a.kdl", "include \"b.kdl\""), ("b.kdl", "include \"a.kdl\"")]);
    assert_eq!(messages(&faults), ["`a.kdl` includes itself"]);
    assert_eq!(faults[0].help.as_deref(), Some("The circle is a.kdl → b.kdl → a.kdl."));
    let (_, faults, _) = load(&[("lockgate.kdl", "include \"lockgate.kdl\"")]);
    assert_eq!(messages(&faults), ["`lockgate.kdl` includes itself"]);
}

#[test]
fn the_number_and_the_depth_of_includes_are_bounded() {
    // Each file includes the next one twice: 2^16 files, if nothing stopped it.
    let files: Vec<(String, String)> = (0..30)
        .map(|n| {
            (
                if n == 0 { "lockgate.kdl".to_owned() } else { format!("{n}.kdl") },
                format!("include \"{0}.kdl\"; include \"{0}.kdl\"", n + 1),
            )
        })
        .collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (document, faults, _) = load(&files);
    assert_eq!(document.trees().count(), 257);
    assert_eq!(messages(&faults), ["more than 256 files are included"]);

    let chain: Vec<(String, String)> = (0..30)
        .map(|n| {
            (if n == 0 { "lockgate.kdl".to_owned() } else { format!("{n}.kdl") }, format!("include \"{}.kdl\"", n + 1))
        })
        .collect();
    let chain: Vec<(&str, &str)> = chain.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    assert_eq!(messages(&load(&chain).1), ["files are included deeper than 16"]);
}

#[test]
fn an_entry_file_that_cannot_be_read_is_a_fault() {
    let (document, faults, _) = load(&[]);
    assert_eq!(document.roots().count(), 0);
    assert_eq!(messages(&faults), ["there is no file `lockgate.kdl`"]);
}
