//! Anything can be read, decoded, resolved and judged; and no fix has edits that do not fit the text.
#![no_main]
use libfuzzer_sys::fuzz_target;
use lockgate::check::{self, AnyRepository};
use lockgate::diag::render;
use lockgate::source::Sources;
use lockgate::syntax::{self, Document, Limits};

fuzz_target!(|text: &str| {
    let mut sources = Sources::new();
    let id = sources.add("lockgate.kdl", text);
    let (tree, found) = syntax::parse(id, text.into(), &Limits::default());
    let (_, found) = check::document(&Document::from(tree), found, &AnyRepository);
    for edit in found.iter().filter_map(|d| d.fix.as_ref()).flat_map(|f| &f.edits) {
        assert!(text.get(edit.span.range()).is_some(), "an edit in the middle of a character");
    }
    render::render(&found, &sources, render::Style::default());
});
