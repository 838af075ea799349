//! Whatever goes: the state is as it was, what is left can be verified, and it goes on.

use super::*;
use crate::digest::Digest;
use crate::plan::Candidate;
use crate::plan::memory::{Has, Hold};
use crate::ports::journal::Journal as _;
use crate::ports::sources::{About, Head, Version};
use crate::run::{Event, RunOutcome};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Something that happens, in a word.
#[derive(Clone, Copy, Debug)]
enum Deed {
    Run,
    End,
    Seen(u8),
    Formed(u8),
    Has(u8, u8),
    Held(u8),
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let one = prop_oneof![
        Just(Deed::Run),
        Just(Deed::End),
        any::<u8>().prop_map(Deed::Seen),
        any::<u8>().prop_map(Deed::Formed),
        (0u8..3, any::<u8>()).prop_map(|(e, c)| Deed::Has(e, c)),
        (0u8..3).prop_map(Deed::Held),
    ];
    proptest::collection::vec(one, 1..80)
}

fn version(number: u8) -> Version {
    Version { id: format!("commit-{number}"), name: None, content: Digest::of([number]) }
}

fn event(deed: Deed, at: i64) -> Event {
    beside(deed, at, &State::default())
}

/// What happens, where some runs go on.
fn beside(deed: Deed, at: i64, state: &State) -> Event {
    let candidate =
        |number: u8| Candidate::new(Digest::of("file"), BTreeMap::from([("app".to_string(), version(number))]));
    let environment = |number: u8| format!("env{number}");
    match deed {
        Deed::Run => {
            let (by, beside) = ("a".to_string(), state.open.keys().skip(1).copied().collect());
            Event::RunStarted { by, candidate: Digest::default(), plan: Digest::default(), beside }
        }
        Deed::End => Event::RunFinished { outcome: RunOutcome::Done },
        Deed::Seen(n) => {
            Event::HeadSeen { source: "app".into(), head: Head { version: version(n), about: About::default() } }
        }
        Deed::Formed(n) => Event::CandidateFormed { candidate: candidate(n) },
        Deed::Has(e, n) => {
            let (id, bundles) = (candidate(n).id, BTreeMap::from([("web".to_string(), Digest::of([n, 7]))]));
            let has =
                Has { candidate: id, substance: id, bundles, deploys: BTreeMap::new(), verified: vec![], since: at };
            Event::HasCandidate { environment: environment(e), has }
        }
        Deed::Held(e) => {
            let word = Hold { by: "ann".into(), reason: "x".into(), at };
            Event::HoldSet { environment: environment(e), word }
        }
    }
}

fn open(folder: &Path) -> Book {
    Book::open(Box::new(Sqlite::open_for_writing(folder).expect("a journal"))).expect("a book")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_state_is_the_same_whatever_is_cut_off(deeds in deeds(), age in 0i64..100, left in 0u64..20, keeps: bool) {
        let dir = tempfile::tempdir().expect("a folder");
        let mut book = open(dir.path());
        for (at, deed) in (0i64..).zip(&deeds) {
            let run = book.state.open.keys().next().copied().unwrap_or(0);
            let event = beside(*deed, at, &book.state);
            book.say(at, run, vec![event]).expect("written");
        }
        drop(book);
        let before = open(dir.path()).state;
        let hash = Sqlite::open_for_reading(dir.path()).expect("a journal").last().expect("read");
        let keep = Keep {
            runs: Some(Duration::from_millis(age.unsigned_abs())),
            left,
            ..Keep::default()
        };
        let now = i64::try_from(deeds.len()).expect("a number");
        let told = alone(dir.path(), &keep, now, true).expect("told");
        let pruned = alone(dir.path(), &keep, now, false).expect("pruned");
        prop_assert_eq!(told.events, pruned.events);
        let mut journal = Sqlite::open_for_reading(dir.path()).expect("a journal");
        prop_assert_eq!(journal.last().expect("read"), hash, "the head of the chain stays");
        prop_assert_eq!(journal.verify().expect("whole"), before.number);
        let rows = journal.read(0).expect("read");
        prop_assert_eq!(rows.len() as u64, before.number - pruned.events);
        // It is read with the snapshot and without, and goes on.
        let mut book = open(dir.path());
        prop_assert_eq!(&book.state, &before);
        if keeps {
            book.keep().expect("kept");
        }
        book.say(now, 0, vec![event(Deed::Held(1), now)]).expect("it goes on");
        let after = book.state.clone();
        drop(book);
        prop_assert_eq!(&open(dir.path()).state, &after);
        // Cutting again finds what is old by then, and nothing goes wrong.
        alone(dir.path(), &Keep { left: 0, ..keep }, now + 50, false).expect("pruned again");
        prop_assert_eq!(&open(dir.path()).state, &after);
    }
}

#[test]
fn a_cut_that_was_cut_off_is_finished_by_the_next() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut book = open(dir.path());
    for at in 0..40 {
        book.say(at, 0, vec![event(Deed::Seen(at as u8), at)]).expect("written");
    }
    drop(book);
    // The base is written, and then the process ends.
    let mut journal = Sqlite::open_for_reading(dir.path()).expect("a journal");
    let mut state = State::default();
    journal.some(0, 10).expect("rows").iter().for_each(|r| state.apply(&book::record(r).expect("an event")));
    Sqlite::open_for_writing(dir.path()).expect("a journal").cut(&book::base_of(&state).expect("a base")).expect("cut");
    assert_eq!(journal.read(0).expect("read").len(), 30, "rows of before are nobody's");
    assert_eq!(journal.verify(), Ok(40));
    let mut journal = Sqlite::open_for_writing(dir.path()).expect("a journal");
    while journal.sweep().expect("swept") {}
    assert_eq!((journal.verify(), journal.read(0).expect("read").len()), (Ok(40), 30));
    // What is not there cannot be cut off, and what is damaged is told.
    assert!(journal.cut(&crate::ports::journal::Base { number: 41, body: vec![] }).is_err());
    assert!(journal.cut(&crate::ports::journal::Base { number: 10, body: vec![] }).is_err());
}

#[test]
fn what_is_named_stays_and_what_nobody_names_goes() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut book = open(dir.path());
    book.say(0, 0, vec![event(Deed::Formed(1), 0), event(Deed::Has(0, 1), 0)]).expect("written");
    drop(book);
    let (needed, orphan) = (Digest::of([1, 7]).hex(), Digest::of("nobody's").hex());
    let put = |path: String| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, "x").expect("written");
        path
    };
    let bundles = [put(format!("shelf/bundles/aa/{needed}")), put(format!("shelf/bundles/bb/{orphan}"))];
    let logs = [put("logs/1/test.log".into()), put("logs/2/test.log".into())];
    let (kept, listing) = (Digest::of("commit-1").hex(), Digest::of("commit-9").hex());
    let versions = [put(format!("cache/folders/versions/{kept}")), put(format!("cache/folders/versions/{listing}"))];
    let other = put("cache/folders/readme".into());
    let old = std::time::SystemTime::now() - Duration::from_secs(10 * 86_400);
    for path in bundles.iter().chain(&versions).chain(&logs[..1]) {
        std::fs::File::open(path).and_then(|f| f.set_modified(old)).expect("made old");
    }
    let now = jiff::Timestamp::now().as_millisecond();
    let day = Some(Duration::from_secs(86_400));
    let keep = Keep { runs: day, logs: day, ..Keep::default() };
    let told = alone(dir.path(), &keep, now, true).expect("told");
    assert!(bundles.iter().chain(&versions).chain(&logs).all(|p| p.exists()), "it was only told");
    assert_eq!(alone(dir.path(), &keep, now, false), Ok(told));
    assert_eq!((told.kept, told.logs), (2, 1));
    assert!(bundles[0].exists() && !bundles[1].exists() && versions[0].exists() && !versions[1].exists());
    assert!(!logs[0].exists() && logs[1].exists() && other.exists());
    // What can be made again is bounded; the oldest goes first.
    let cached = [put("cache/charts/a".into()), put("cache/charts/b".into())];
    std::fs::File::open(&cached[0]).and_then(|f| f.set_modified(old)).expect("made old");
    let pruned = alone(dir.path(), &Keep { cache: 1, ..Keep::default() }, now, false).expect("pruned");
    assert_eq!((pruned.cache, cached[0].exists(), cached[1].exists()), (1, false, true));
}

#[test]
fn images_that_nobody_names_go_when_no_run_may_be_about_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let mut book = open(dir.path());
    book.say(0, 0, vec![event(Deed::Run, 0)]).expect("written");
    drop(book);
    let put = |path: &str, text: &str| {
        let path = dir.path().join("images").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    };
    let kind = "application/vnd.oci.image.manifest.v1+json";
    let config = format!("{{\"mediaType\":\"x\",\"digest\":\"{}\",\"size\":1}}", Digest::of("config"));
    let manifest = format!("{{\"schemaVersion\":2,\"mediaType\":\"{kind}\",\"config\":{config},\"layers\":[]}}");
    let digest = Digest::of(&manifest);
    let listed = format!("{{\"mediaType\":\"{kind}\",\"digest\":\"{digest}\",\"size\":{}}}", manifest.len());
    put("oci-layout", "{\"imageLayoutVersion\":\"1.0.0\"}");
    put("index.json", &format!("{{\"schemaVersion\":2,\"manifests\":[{listed}]}}"));
    let blob = put(&format!("blobs/sha256/{}", digest.hex()), &manifest);
    let old = std::time::SystemTime::now() - Duration::from_secs(10 * 86_400);
    std::fs::File::open(&blob).and_then(|f| f.set_modified(old)).expect("made old");
    let now = jiff::Timestamp::now().as_millisecond();
    let keep = Keep { runs: Some(Duration::from_secs(86_400)), ..Keep::default() };
    assert_eq!(alone(dir.path(), &keep, now, false).expect("pruned").images, 0);
    assert!(blob.exists(), "a run goes on");
    open(dir.path()).say(1, 1, vec![event(Deed::End, 1)]).expect("written");
    assert_eq!(alone(dir.path(), &keep, now, false).expect("pruned").images, 1);
    assert!(!blob.exists());
}
