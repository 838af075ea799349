use super::*;
use std::fs;
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn row(number: u64) -> Row {
    Row {
        number,
        at: 1_700_000_000_000 + number.cast_signed(),
        run: number / 3,
        body: format!("{{\"event\":{number}}}"),
    }
}

fn rows(numbers: std::ops::RangeInclusive<u64>) -> Vec<Row> {
    numbers.map(row).collect()
}

fn writer(dir: &TempDir) -> Sqlite {
    Sqlite::open_for_writing(dir.path()).expect("opened to write")
}

fn reader(dir: &TempDir) -> Sqlite {
    Sqlite::open_for_reading(dir.path()).expect("opened to read")
}

/// Changes the file as someone would who doesn't go through us.
fn meddle(dir: &TempDir, sql: &str) {
    let database = Connection::open(dir.path().join(NAME)).expect("opened");
    database
        .execute_batch("DROP TRIGGER IF EXISTS events_stay; DROP TRIGGER IF EXISTS events_stay_the_same")
        .expect("dropped");
    database.execute_batch(sql).expect(sql);
}

#[test]
fn what_is_written_is_there_for_the_next() {
    let dir = folder();
    let mut journal = writer(&dir);
    journal.append(&[]).expect("nothing");
    journal.append(&rows(1..=1)).expect("one");
    journal.append(&rows(2..=5)).expect("more");
    drop(journal);
    let mut journal = writer(&dir);
    assert_eq!(journal.read(0).expect("read"), rows(1..=5));
    assert_eq!(journal.read(3).expect("read"), rows(4..=5));
    assert_eq!(journal.read(9).expect("read"), []);
    journal.append(&rows(6..=6)).expect("goes on");
    assert_eq!(journal.verify(), Ok(6));
}

#[test]
fn what_a_killed_writer_had_half_written_without_a_log_is_taken_back_by_a_reader() {
    let dir = folder();
    writer(&dir).append(&rows(1..=5)).expect("written");
    // As a copy that was brought back: one file, without a log. A writer of it is killed in the middle of a commit.
    copy::copy(&dir.path().join(NAME), &dir.path().join("copy.db")).expect("copied");
    let there = Connection::open(dir.path().join("copy.db")).expect("opened");
    let spill = "PRAGMA cache_size = 1; BEGIN IMMEDIATE; CREATE TABLE half (text TEXT);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200)
        INSERT INTO half SELECT hex(randomblob(2000)) FROM n";
    there.execute_batch(spill).expect("half written");
    let killed = folder();
    for (from, to) in [("copy.db", NAME.to_string()), ("copy.db-journal", format!("{NAME}-journal"))] {
        fs::copy(dir.path().join(from), killed.path().join(to)).expect("as it was when it was killed");
    }
    assert_eq!(reader(&killed).read(0).expect("read"), rows(1..=5));
    assert!(copy::check(&killed.path().join(NAME)).is_ok());
    assert_eq!(reader(&killed).verify(), Ok(5));
}

#[test]
fn a_second_writer_hears_who_is_the_first() {
    let dir = folder();
    let first = writer(&dir);
    let error = Sqlite::open_for_writing(dir.path()).expect_err("taken");
    assert_eq!(error.fault, Fault::Unavailable);
    let expected =
        format!("another lockgate (pid {}) is at work on this state, `{}`", std::process::id(), dir.path().display());
    assert_eq!(error.message, expected);
    drop(first);
    assert!(Sqlite::open_for_writing(dir.path()).is_ok());
}

#[test]
fn a_lock_file_without_a_name_is_a_lock_all_the_same() {
    let dir = folder();
    let first = writer(&dir);
    for text in ["", "pid x\n", "\u{fffd}"] {
        fs::write(dir.path().join("lock"), text).expect("written");
        let error = Sqlite::open_for_writing(dir.path()).expect_err("taken");
        assert!(error.message.starts_with("another lockgate is at work on this state"), "{error}");
    }
    drop(first);
}

#[test]
fn reading_goes_on_beside_writing() {
    let dir = folder();
    let mut journal = writer(&dir);
    let mut reader = reader(&dir);
    assert_eq!(reader.read(0).expect("empty"), []);
    for number in 1..=20 {
        journal.append(&[row(number)]).expect("written");
        assert_eq!(reader.read(number - 1).expect("read"), [row(number)]);
    }
    journal.keep(&Snapshot { number: 20, form: 1, body: b"all".to_vec() }).expect("kept");
    assert_eq!(reader.kept().expect("read").map(|s| s.body), Some(b"all".to_vec()));
    assert_eq!(reader.append(&rows(21..=21)).expect_err("reading only").fault, Fault::Denied);
    assert!(reader.keep(&Snapshot { number: 1, form: 1, body: Vec::new() }).is_err());
}

#[test]
fn rows_with_a_text_are_found_from_the_end() {
    let dir = folder();
    assert!(reader(&dir).with(100, 0, "1", 9).expect("nothing there").is_empty());
    let mut journal = writer(&dir);
    journal.append(&rows(1..=30)).expect("rows");
    let journal = reader(&dir);
    let numbers = |before, floor, text, most| -> Vec<u64> {
        journal.with(before, floor, text, most).expect("read").iter().map(|r| r.number).collect()
    };
    assert_eq!(numbers(31, 0, ":2", 99), [29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 2]);
    assert_eq!(numbers(29, 0, ":2", 3), [28, 27, 26]);
    assert_eq!(numbers(31, 28, ":2", 99), [29, 28]);
    assert!(numbers(31, 0, "%", 99).is_empty(), "it stands there as it is");
}

#[test]
fn a_second_writer_is_told_where_the_server_is() {
    let dir = folder();
    let holder = writer(&dir);
    tell_address(dir.path(), "https://lockgate.example.com").expect("told");
    let error = Sqlite::open_for_writing(dir.path()).expect_err("held");
    assert!(error.message.ends_with(": the server https://lockgate.example.com"), "{error}");
    assert!(error.help.is_some_and(|h| h.contains("--server https://lockgate.example.com")));
    drop(holder);
    // Who comes next is no server, and what would be no address is none.
    let _holder = writer(&dir);
    tell_address(dir.path(), "http://`rm`").expect("told");
    let error = Sqlite::open_for_writing(dir.path()).expect_err("held");
    assert!(!error.message.contains("server"), "{error}");
}

#[test]
fn nothing_is_an_empty_journal_to_a_reader() {
    let dir = folder();
    let state = dir.path().join("none");
    let mut journal = Sqlite::open_for_reading(&state).expect("opened");
    assert_eq!((journal.read(0), journal.kept(), journal.verify()), (Ok(Vec::new()), Ok(None), Ok(0)));
    assert!(!state.exists(), "reading makes nothing");
    // A file that another process has just made.
    fs::create_dir(&state).expect("made");
    fs::write(state.join(NAME), "").expect("written");
    let mut journal = Sqlite::open_for_reading(&state).expect("opened");
    assert_eq!(journal.read(0), Ok(Vec::new()));
}

#[test]
fn gaps_are_refused_and_change_nothing() {
    let dir = folder();
    let mut journal = writer(&dir);
    journal.append(&rows(1..=2)).expect("written");
    for wrong in [rows(2..=3), rows(4..=4), vec![row(3), row(5)], vec![row(3), row(3)], vec![row(u64::MAX)]] {
        assert_eq!(journal.append(&wrong).expect_err("a gap").fault, Fault::Invalid);
    }
    journal.append(&rows(3..=3)).expect("the next one");
    assert_eq!(journal.read(0), Ok(rows(1..=3)));
}

#[test]
fn a_failed_write_is_the_last() {
    let dir = folder();
    let mut journal = writer(&dir);
    journal.append(&rows(1..=1)).expect("written");
    // Someone else writes the next row behind our back.
    meddle(&dir, "INSERT INTO events VALUES (2, 0, 0, 'x', zeroblob(32))");
    assert_eq!(journal.append(&rows(2..=2)).expect_err("it is there").fault, Fault::Moved);
    let error = journal.append(&rows(2..=2)).expect_err("spent");
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.contains("takes nothing more since a write to it failed"), "{error}");
    assert!(journal.keep(&Snapshot { number: 1, form: 1, body: Vec::new() }).is_err());
}

#[test]
fn the_chain_tells_what_was_changed() {
    let damage = [
        ("UPDATE events SET body = '{}' WHERE number = 3", "row 3 of the journal is not as it was written"),
        ("UPDATE events SET at = at + 1 WHERE number = 2", "row 2 of the journal is not as it was written"),
        ("UPDATE events SET run = 7 WHERE number = 1", "row 1 of the journal is not as it was written"),
        ("UPDATE events SET hash = zeroblob(32) WHERE number = 4", "row 4 of the journal is not as it was written"),
        ("DELETE FROM events WHERE number = 3", "the journal has a gap: row 4 follows row 2"),
        ("DELETE FROM events WHERE number = 1", "the journal has a gap: row 2 follows row 0"),
        ("DELETE FROM events WHERE number > 3", "the journal ends at row 3, and had 5 once"),
    ];
    for (sql, words) in damage {
        let dir = folder();
        let mut journal = writer(&dir);
        journal.append(&rows(1..=5)).expect("written");
        journal.keep(&Snapshot { number: 5, form: 1, body: vec![1] }).expect("kept");
        drop(journal);
        meddle(&dir, sql);
        let error = reader(&dir).verify().expect_err(sql);
        assert_eq!((error.fault, error.message.as_str()), (Fault::Invalid, words));
    }
}

#[test]
fn rows_are_final_for_everyone_who_goes_through_the_database() {
    let dir = folder();
    writer(&dir).append(&rows(1..=2)).expect("written");
    let database = Connection::open(dir.path().join(NAME)).expect("opened");
    for sql in ["UPDATE events SET body = ''", "DELETE FROM events"] {
        assert!(database.execute_batch(sql).expect_err(sql).to_string().contains("events are final"));
    }
}

#[test]
fn the_last_snapshot_is_kept_and_a_damaged_one_is_none() {
    let dir = folder();
    let mut journal = writer(&dir);
    assert_eq!(journal.kept(), Ok(None));
    journal.append(&rows(1..=4)).expect("written");
    let snapshot = |number, body: &str| Snapshot { number, form: 7, body: body.into() };
    journal.keep(&snapshot(2, "two")).expect("kept");
    journal.keep(&snapshot(4, "four")).expect("kept");
    assert_eq!(journal.keep(&snapshot(5, "five")).expect_err("ahead of the rows").fault, Fault::Invalid);
    drop(journal);
    assert_eq!(reader(&dir).kept(), Ok(Some(snapshot(4, "four"))));
    meddle(&dir, "UPDATE snapshot SET body = x'00'");
    assert_eq!(reader(&dir).kept(), Ok(None));
}

#[test]
fn a_newer_layout_is_refused_unchanged() {
    let dir = folder();
    writer(&dir).append(&rows(1..=1)).expect("written");
    meddle(&dir, "UPDATE meta SET value = 3; PRAGMA wal_checkpoint(TRUNCATE)");
    let content = || {
        let mut files: Vec<_> =
            fs::read_dir(dir.path()).expect("a folder").map(|e| e.expect("an entry").path()).collect();
        files.sort();
        files.retain(|path| !path.ends_with("lock"));
        files
            .into_iter()
            .map(|path| (fs::read(&path).expect("read"), path))
            .filter(|(bytes, _)| !bytes.is_empty())
            .collect::<Vec<_>>()
    };
    let before = content();
    for error in
        [Sqlite::open_for_writing(dir.path()), Sqlite::open_for_reading(dir.path())].map(|r| r.expect_err("newer"))
    {
        assert_eq!(error.fault, Fault::Invalid);
        assert!(error.message.ends_with("has version 3, and this Lockgate knows up to 2"), "{error}");
    }
    let after: Vec<_> = content().into_iter().filter(|(_, path)| !path.to_string_lossy().ends_with("-shm")).collect();
    assert_eq!(after, before, "nothing was changed");
}

#[test]
fn what_is_no_journal_is_said_to_be_none() {
    let dir = folder();
    let path = dir.path().join(NAME);
    let both = |words: &str| {
        for result in [Sqlite::open_for_writing(dir.path()), Sqlite::open_for_reading(dir.path())] {
            let error = result.expect_err(words);
            assert_eq!((error.fault, error.message.contains(words)), (Fault::Invalid, true), "{error}");
        }
    };
    fs::create_dir(&path).expect("made");
    both("it is a folder");
    fs::remove_dir(&path).expect("removed");
    fs::write(&path, "a text of someone, long enough to be looked at as a database".repeat(100)).expect("written");
    both("it is no journal");
    for foreign in ["CREATE TABLE notes (text)", "CREATE TABLE meta (name, text)", "CREATE TABLE meta (name, value)"] {
        fs::remove_file(&path).expect("removed");
        Connection::open(&path).expect("opened").execute_batch(foreign).expect("made");
        both("it is a database of something else");
    }
}

#[test]
fn a_damaged_file_is_an_error() {
    let dir = folder();
    let mut journal = writer(&dir);
    journal.append(&rows(1..=2_000)).expect("written");
    drop(journal);
    meddle(&dir, "PRAGMA wal_checkpoint(TRUNCATE)");
    let path = dir.path().join(NAME);
    let mut bytes = fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle..].fill(0x55);
    fs::write(&path, bytes).expect("written");
    let error = reader(&dir).verify().expect_err("damaged");
    assert_eq!(error.fault, Fault::Invalid, "{error}");
    assert!(error.help.is_some());
}

#[test]
fn a_file_where_the_folder_should_be() {
    let dir = folder();
    let path = dir.path().join("state");
    fs::write(&path, "x").expect("written");
    let error = Sqlite::open_for_writing(&path).expect_err("a file");
    assert_eq!(error.fault, Fault::Invalid, "{error}");
}

#[test]
fn the_log_is_cut_off_anywhere_and_whole_commits_are_left() {
    let dir = folder();
    let mut journal = writer(&dir);
    for number in 1..=30 {
        journal.append(&[row(number)]).expect("written");
    }
    drop(journal);
    let read = |name: &str| fs::read(dir.path().join(name)).expect("read");
    let (database, log) = (read(NAME), read("journal.db-wal"));
    let mut seen = std::collections::BTreeSet::new();
    for cut in (0..130_000).step_by(8_101) {
        let copy = folder();
        fs::write(copy.path().join(NAME), &database).expect("written");
        fs::write(copy.path().join("journal.db-wal"), &log[..cut.min(log.len())]).expect("written");
        let mut journal = writer(&copy);
        let there = journal.verify().expect("whole");
        journal.append(&[row(there + 1)]).expect("goes on");
        seen.insert(there);
    }
    assert!(seen.len() > 8, "{seen:?}");
}

#[test]
fn the_log_does_not_grow_without_bound() {
    let dir = folder();
    let mut journal = writer(&dir);
    let size = || fs::metadata(dir.path().join("journal.db-wal")).expect("there").len();
    journal.append(&rows(1..=500)).expect("written");
    let before = size();
    for group in 1..60 {
        journal.append(&rows(group * 500 + 1..=group * 500 + 500)).expect("written");
    }
    assert_eq!(size(), before, "it is large enough from the beginning");
    drop(journal);
    assert_eq!(size(), before, "and stays for the next");
    assert_eq!(reader(&dir).verify(), Ok(30_000));
}

#[test]
fn a_full_disk_is_an_error_and_what_was_written_is_whole() {
    let dir = folder();
    let mut journal = writer(&dir);
    journal.append(&rows(1..=1)).expect("written");
    let database = journal.database.as_ref().expect("a database");
    let pages: u32 = database.pragma_query_value(None, "page_count", |row| row.get(0)).expect("a number");
    database.pragma_update_and_check(None, "max_page_count", pages + 2, |_| Ok(())).expect("set");
    let error = journal.append(&rows(2..=5_000)).expect_err("no room");
    assert_eq!(error.fault, Fault::Unavailable);
    assert!(error.message.ends_with("cannot be written: the disk is full"), "{error}");
    assert!(journal.append(&rows(2..=2)).is_err());
    drop(journal);
    let mut journal = writer(&dir);
    assert_eq!(journal.verify(), Ok(1));
    journal.append(&rows(2..=2)).expect("goes on");
}

const HOLD: &str = "LOCKGATE_TEST_HOLD";

/// No test of its own: what the process does that the next test kills.
#[test]
fn hold_until_killed() {
    let Some(folder) = std::env::var_os(HOLD) else { return };
    let mut journal = Sqlite::open_for_writing(Path::new(&folder)).expect("opened");
    let last = journal.verify().expect("whole");
    for number in last + 1.. {
        journal.append(&[row(number)]).expect("written");
    }
}

#[test]
fn a_killed_writer_leaves_whole_commits_and_no_lock() {
    let dir = folder();
    let (_, test) = concat!(module_path!(), "::hold_until_killed").split_once("::").expect("a path");
    let program = std::env::current_exe().expect("this program");
    let mut before = 0;
    for _ in 0..3 {
        let mut command = std::process::Command::new(&program);
        command.args(["--exact", test]).env(HOLD, dir.path()).stdout(std::process::Stdio::null());
        let mut child = command.spawn().expect("started");
        let mut seen = before;
        while seen < before + 5 && child.try_wait().expect("asked").is_none() {
            seen = Sqlite::open_for_reading(dir.path()).and_then(|mut reader| reader.verify()).expect("whole");
        }
        let error = Sqlite::open_for_writing(dir.path()).expect_err("taken");
        assert!(error.message.contains(&format!("(pid {})", child.id())), "{error}");
        child.kill().expect("killed");
        child.wait().expect("gone");
        let mut journal = writer(&dir);
        before = journal.verify().expect("whole");
        assert!(before >= seen, "what was seen stays");
    }
}
