//! The shelf.

use crate::adapters::fake::FakeWorld;
use crate::adapters::shelf::FolderShelf;
use crate::digest::Digest;
use crate::ports::shelf::{Kind, Shelf};

fn keeps_its_promises(shelf: &dyn Shelf) {
    let (one, two) = (Digest::of("one").hex(), Digest::of("two").hex());
    assert_eq!(shelf.get(Kind::Bundle, &one), Ok(None));
    shelf.put(Kind::Bundle, &one, b"one").expect("put");
    shelf.put(Kind::Bundle, &one, b"one").expect("put again");
    shelf.put(Kind::Bundle, &two, b"").expect("nothing is something");
    assert_eq!(shelf.get(Kind::Bundle, &one), Ok(Some(b"one".to_vec())));
    assert_eq!(shelf.get(Kind::Bundle, &two), Ok(Some(Vec::new())));
    // Each kind has names of its own.
    for kind in [Kind::Layer, Kind::Tree] {
        assert_eq!(shelf.get(kind, &one), Ok(None));
        shelf.put(kind, &one, kind.word().as_bytes()).expect("put");
    }
    assert_eq!(shelf.get(Kind::Layer, &one), Ok(Some(b"layers".to_vec())));
    assert_eq!(shelf.get(Kind::Bundle, &one), Ok(Some(b"one".to_vec())));
    // Several at once, as threads of one process and processes of one machine do.
    let large: Vec<u8> = (0u32..100_000).flat_map(u32::to_le_bytes).collect();
    let name = Digest::of(&large).hex();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                shelf.put(Kind::Layer, &name, &large).expect("put");
                assert_eq!(shelf.get(Kind::Layer, &name), Ok(Some(large.clone())), "never half of it");
            });
        }
    });
}

#[test]
fn of_a_folder() {
    let dir = tempfile::tempdir().expect("a folder");
    keeps_its_promises(&FolderShelf::new(dir.path().join("shelf")));
}

#[test]
fn of_the_fake() {
    keeps_its_promises(&*FakeWorld::new("/nowhere").shelf);
}
