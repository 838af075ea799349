//! The journal.

use crate::adapters::fake::FakeWorld;
use crate::adapters::sqlite::Sqlite;
use crate::ports::journal::{Base, Journal, Row, Snapshot};
use crate::ports::{Fault, PortError};

type Open<'a> = &'a dyn Fn(bool) -> Result<Box<dyn Journal>, PortError>;

fn row(number: u64) -> Row {
    Row { number, at: 1_000 - number.cast_signed(), run: number % 2, body: format!("{{\"n\":\"ü{number}\"}}") }
}

fn rows(numbers: std::ops::RangeInclusive<u64>) -> Vec<Row> {
    numbers.map(row).collect()
}

/// `open` opens the same journal each time: to write, or to read.
fn keeps_its_promises(open: Open<'_>) {
    let mut reader = open(false).expect("opened to read before anything is");
    assert_eq!((reader.read(0), reader.kept()), (Ok(Vec::new()), Ok(None)));
    assert_eq!(reader.append(&rows(1..=1)).expect_err("reading only").fault, Fault::Denied);

    let mut journal = open(true).expect("opened to write");
    assert_eq!(open(true).map(drop).expect_err("one writer").fault, Fault::Unavailable);
    journal.append(&[]).expect("nothing");
    journal.append(&rows(1..=3)).expect("several");
    journal.append(&rows(4..=4)).expect("one");
    for gap in [rows(4..=4), rows(6..=6), vec![row(5), row(7)], vec![row(0)]] {
        assert_eq!(journal.append(&gap).expect_err("a gap").fault, Fault::Invalid);
    }
    assert_eq!(journal.read(0), Ok(rows(1..=4)), "a refused row leaves nothing, not even those before it");
    assert_eq!(journal.read(2), Ok(rows(3..=4)));
    assert_eq!((journal.read(4), journal.read(100)), (Ok(Vec::new()), Ok(Vec::new())));

    let snapshot = |number, body: &str| Snapshot { number, form: 3, body: body.into() };
    assert_eq!(journal.keep(&snapshot(5, "")).expect_err("ahead").fault, Fault::Invalid);
    journal.keep(&snapshot(2, "two")).expect("kept");
    journal.keep(&snapshot(4, "four")).expect("kept");
    assert_eq!(journal.kept(), Ok(Some(snapshot(4, "four"))));
    journal.append(&rows(5..=5)).expect("goes on");

    let mut reader = open(false).expect("opened to read beside the writer");
    assert_eq!(reader.read(3), Ok(rows(4..=5)));
    assert_eq!(reader.kept(), Ok(Some(snapshot(4, "four"))));
    drop(journal);
    let mut journal = open(true).expect("the lock is free again");
    assert_eq!(journal.read(0), Ok(rows(1..=5)));
    journal.append(&rows(6..=6)).expect("goes on where the one before ended");

    // Old rows go, and what they added up to takes their place.
    let base = |number| Base { number, body: format!("up to {number}").into() };
    assert_eq!(journal.base(), Ok(None));
    assert_eq!(journal.cut(&base(7)).expect_err("rows that are not there").fault, Fault::Invalid);
    journal.cut(&base(3)).expect("cut");
    assert_eq!(
        (journal.read(0), journal.read(2), journal.read(4)),
        (Ok(rows(4..=6)), Ok(rows(4..=6)), Ok(rows(5..=6)))
    );
    assert_eq!((journal.base(), journal.kept()), (Ok(Some(base(3))), Ok(Some(snapshot(4, "four")))));
    assert_eq!(journal.cut(&base(3)).expect_err("they are gone").fault, Fault::Invalid);
    while journal.sweep().expect("swept") {}
    journal.cut(&base(5)).expect("cut again");
    assert_eq!((journal.base(), journal.kept()), (Ok(Some(base(5))), Ok(None)), "a snapshot of before goes along");
    while journal.sweep().expect("swept") {}
    drop(journal);
    let mut journal = open(true).expect("opened again");
    assert_eq!((journal.read(0), journal.base()), (Ok(rows(6..=6)), Ok(Some(base(5)))));
    journal.cut(&base(6)).expect("all of it");
    while journal.sweep().expect("swept") {}
    journal.append(&rows(7..=7)).expect("goes on behind what is gone");
    assert_eq!(journal.read(0), Ok(rows(7..=7)));
    let mut reader = open(false).expect("opened to read");
    assert_eq!(reader.cut(&base(7)).expect_err("reading only").fault, Fault::Denied);
    assert_eq!((reader.read(0), reader.base()), (Ok(rows(7..=7)), Ok(Some(base(6)))));
}

#[test]
fn of_sqlite() {
    let dir = tempfile::tempdir().expect("a folder");
    keeps_its_promises(&|write| {
        let open = if write { Sqlite::open_for_writing } else { Sqlite::open_for_reading };
        open(dir.path()).map(|journal| Box::new(journal) as Box<dyn Journal>)
    });
}

#[test]
fn of_the_fake() {
    let store = FakeWorld::new("/nowhere").store;
    keeps_its_promises(&|write| match write {
        true => store.open_for_writing().map(|journal| Box::new(journal) as Box<dyn Journal>),
        false => Ok(Box::new(store.open_for_reading())),
    });
}
