//! Any bytes give a tree that holds every byte, and never a panic.
#![no_main]
use libfuzzer_sys::fuzz_target;
use lockgate::source::FileId;
use lockgate::syntax::{self, Limits};

fuzz_target!(|text: &str| {
    let (tree, _) = syntax::parse(FileId::default(), text.into(), &Limits::default());
    let tokens: usize = syntax::tokens(text).map(|t| (t.end - t.start) as usize).sum();
    assert_eq!(tokens, text.len(), "a byte is in no token");
    let document = syntax::Document::from(tree);
    document.roots().for_each(|node| _ = node.children().count());
});
