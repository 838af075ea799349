//! What can be formatted means the same afterwards, and stays as it is when it is formatted again.
#![no_main]
use libfuzzer_sys::fuzz_target;
use lockgate::model;
use lockgate::source::FileId;
use lockgate::syntax::{self, Document, Limits};

fn meaning(text: &str) -> String {
    let (tree, _) = syntax::parse(FileId::default(), text.into(), &Limits::default());
    let (file, faults) = model::decode(&Document::from(tree));
    let names: Vec<_> = file.pipelines.iter().map(|p| p.name.value.clone()).collect();
    let codes: Vec<_> = faults.iter().map(|d| (d.code.id, d.message.clone())).collect();
    format!("{names:?} {codes:?}")
}

fuzz_target!(|text: &str| {
    let Ok(once) = syntax::format(text) else { return };
    assert_eq!(syntax::format(&once).as_deref(), Ok(once.as_str()), "not its own form");
    assert_eq!(meaning(text), meaning(&once), "it means something else");
});
