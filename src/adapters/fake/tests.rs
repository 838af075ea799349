use super::*;
use crate::digest::Digest;
use crate::ports::files::{MemoryFiles, Mode};
use crate::ports::journal::{Journal as _, Row, Snapshot};
use crate::ports::shell::{Program, Shell as _, Status, Ticket};
use crate::ports::sources::{HeadQuery, Origin, Sources as _};
use crate::ports::workshop::Workshop as _;
use crate::ports::{Fault, PortError};
use std::sync::mpsc;

fn world() -> FakeWorld {
    FakeWorld::new("/nowhere")
}

fn row(number: u64) -> Row {
    Row { number, at: 0, run: 0, body: "{}".into() }
}

#[test]
fn a_commit_meets_its_fate() {
    let world = world();
    for (commit, fate) in [(2, Fate::Fails), (3, Fate::AnswerLost), (4, Fate::CrashBefore), (5, Fate::CrashAfter)] {
        world.store.fate(commit, fate);
    }
    world.store.open_for_writing().expect("opened").append(&[row(1)]).expect("written");
    let mut on_disk = Vec::new();
    for _ in 0..4 {
        let mut journal = world.store.open_for_writing().expect("opened");
        let next = world.store.rows().len() as u64 + 1;
        journal.append(&[row(next)]).expect_err("its fate");
        assert!(journal.append(&[row(next)]).is_err(), "and it takes nothing more");
        on_disk.push((world.store.rows().len(), world.power.is_on()));
        world.restart();
    }
    assert_eq!(on_disk, [(1, true), (2, true), (2, false), (3, false)]);
    assert_eq!(world.ledger.of(Deed::Commit).len(), 3);
    assert_eq!(world.power.lives(), 4);
}

#[test]
fn a_dead_writer_writes_nothing_in_the_next_life() {
    let world = world();
    let mut old = world.store.open_for_writing().expect("opened");
    world.restart();
    let mut new = world.store.open_for_writing().expect("the lock went with its holder");
    assert_eq!(old.append(&[row(1)]).expect_err("dead").fault, Fault::Moved);
    new.append(&[row(1)]).expect("written");
    drop(old);
    assert!(world.store.open_for_writing().is_err(), "the new one still has the lock");
}

#[test]
fn a_journal_can_be_cut_off_and_put_back() {
    let world = world();
    let mut journal = world.store.open_for_writing().expect("opened");
    journal.append(&[row(1), row(2), row(3)]).expect("written");
    journal.keep(&Snapshot { number: 3, form: 1, body: Vec::new() }).expect("kept");
    let all = world.store.rows();
    world.store.truncate(2);
    assert_eq!((journal.read(0).expect("read").len(), journal.kept()), (2, Ok(None)));
    world.store.load(all.clone());
    assert_eq!(journal.read(0), Ok(all));
}

#[test]
fn every_boundary_can_be_the_last() {
    let scenario = |world: &FakeWorld| -> Result<(), PortError> {
        let mut journal = world.store.open_for_writing()?;
        journal.append(&[row(1)])?;
        journal.append(&[row(2)])
    };
    let whole = world();
    scenario(&whole).expect("undisturbed");
    let seen: Vec<_> = (1..=whole.power.boundaries())
        .map(|boundary| {
            let world = world();
            world.power.cut_at(boundary);
            scenario(&world).expect_err("cut off");
            let rows = world.store.rows().len();
            world.restart();
            assert!(world.store.open_for_writing().is_ok());
            rows
        })
        .collect();
    assert_eq!(seen, [0, 1, 1, 2]);
}

fn program(world: &FakeWorld, argv: &[&str], attempt: u32) -> Program {
    let (log, _) = world.workshop.log(1, argv[0], attempt);
    let folder = world.workshop.empty("task").expect("a folder");
    let mut program = Program::new(argv.iter().map(|s| s.to_string()).collect(), folder, log);
    let lines = world.workshop.lines("task").expect("lines").display().to_string();
    program.env.push(("LOCKGATE_OUTPUT".into(), lines));
    program
}

#[test]
fn programs_play_their_scenes() {
    let world = world();
    world
        .shell
        .on(&["make"], [Scene::code(2).printing("no"), Scene::default().telling("a", "1").writing("out/x", "y")]);
    world
        .shell
        .on(&["make", "clean"], [Scene { fault: Some(PortError::new(Fault::NotFound, "gone")), ..Scene::default() }]);
    let (sender, ends) = mpsc::channel();
    let run = |argv: &[&str], attempt| {
        let sender = sender.clone();
        world.shell.submit(
            Ticket(1),
            program(&world, argv, attempt),
            Box::new(move |exit| sender.send(exit).expect("heard")),
        );
        ends.try_recv().expect("it ended at once")
    };
    assert_eq!(run(&["make", "clean"], 1).expect_err("not there").message, "gone");
    let exit = run(&["make", "all"], 1).expect("an end");
    assert_eq!((exit.status, exit.tail, exit.log_digest), (Status::Code(2), b"no".to_vec(), Digest::of("no")));
    assert!(run(&["make", "all"], 2).expect("an end").success());
    let told = world.workshop.told(&world.workshop.root_of("task", "told")).expect("told");
    assert_eq!(told.get("a").map(String::as_str), Some("1"));
    assert!(world.workshop.digest(&world.workshop.root_of("task", "files/out/x")).is_ok());
    assert!(run(&["make"], 3).expect("the last scene again").success());
    assert!(run(&["other"], 1).expect("no script").success());
    assert!(world.ledger.repeated().is_empty(), "{:?}", world.ledger.repeated());
}

#[test]
fn programs_that_are_held_end_when_they_should() {
    let world = world();
    world.shell.hold(true);
    let (sender, ends) = mpsc::channel();
    for number in 1..=4 {
        let sender = sender.clone();
        let done = Box::new(move |exit: Result<crate::ports::shell::Exit, PortError>| {
            sender.send((number, exit.expect("an end").status)).expect("heard");
        });
        world.shell.submit(Ticket(number), program(&world, &[&format!("p{number}")], 1), done);
    }
    assert_eq!(world.shell.running().len(), 4);
    assert!(world.shell.finish(Ticket(3)) && !world.shell.finish(Ticket(3)));
    world.shell.cancel(Ticket(1));
    world.shell.cancel(Ticket(1));
    world.crash();
    assert!(world.shell.running().is_empty() && !world.shell.finish(Ticket(2)));
    assert_eq!(ends.try_iter().collect::<Vec<_>>(), [(3, Status::Code(0)), (1, Status::Cancelled)]);
    assert_eq!((world.ledger.of(Deed::Start).len(), world.ledger.of(Deed::End).len()), (4, 2));
}

#[test]
fn a_program_that_is_started_twice_shows() {
    let world = world();
    for _ in 0..2 {
        world.shell.submit(Ticket(1), program(&world, &["once"], 1), Box::new(|_| {}));
        world.restart();
    }
    let repeated = world.ledger.repeated();
    assert_eq!(repeated.iter().map(|entry| entry.deed).collect::<Vec<_>>(), [Deed::Start, Deed::End]);
}

#[test]
fn heads_move_and_what_does_not_count_is_no_new_version() {
    let world = world();
    let origin = Origin::Git { url: "u".into(), branch: "main".into() };
    let files = |text: &str, readme: &str| {
        let mut files = MemoryFiles::default();
        files.add("app/text", Mode::File, text.as_bytes()).add("README.md", Mode::File, readme.as_bytes());
        files
    };
    let query = |last| HeadQuery {
        origin: origin.clone(),
        paths: vec!["app".into()],
        ignore: Vec::new(),
        last,
        credentials: None,
    };
    assert_eq!(world.sources.head(&query(None)).expect_err("none").fault, Fault::NotFound);
    world.sources.set(&origin, "1", files("a", ""));
    let first = world.sources.head(&query(None)).expect("a head").version;
    world.sources.set(&origin, "2", files("a", "changed"));
    assert_eq!(world.sources.head(&query(Some(first.clone()))).expect("a head").version, first);
    world.sources.set(&origin, "3", files("b", "changed"));
    let third = world.sources.head(&query(Some(first.clone()))).expect("a head").version;
    assert_eq!(third.id, "3");
    let opened = world.sources.open(&query(None), &first).expect("still there");
    assert_eq!(&*opened.read("app/text").expect("a file"), b"a");
    world.sources.forget(&origin, "1");
    assert!(world.sources.open(&query(None), &first).is_err());
    world.sources.fail(&origin, Some(PortError::new(Fault::Denied, "no")));
    assert_eq!(world.sources.head(&query(None)).expect_err("denied").fault, Fault::Denied);
    world.sources.fail(&origin, None);
    assert!(world.sources.head(&query(None)).is_ok());
}

/// Layers that are made when they are asked for.
struct Made<'a>(&'a [&'a str]);

impl crate::ports::images::Blobs for Made<'_> {
    fn write(&self, digest: Digest, out: &mut dyn std::io::Write) -> Result<bool, PortError> {
        let made = self.0.iter().find(|layer| Digest::of(layer) == digest);
        made.into_iter().for_each(|layer| out.write_all(layer.as_bytes()).expect("written"));
        Ok(made.is_some())
    }
}

#[test]
fn images_are_pushed_once() {
    use crate::image::manifest::{self, Descriptor, Manifest};
    use crate::ports::images::{Images as _, Platform, Push, Repository};
    let world = world();
    let descriptor = |kind: &str, bytes: &str| Descriptor::new(kind, Digest::of(bytes), bytes.len() as u64);
    let bytes = serde_json::to_vec(&Manifest {
        schema_version: 2,
        media_type: Some(manifest::MANIFEST.into()),
        config: descriptor(manifest::CONFIG, "{}"),
        layers: vec![descriptor(manifest::LAYER, "layer")],
        annotations: Default::default(),
    });
    let bytes = bytes.expect("JSON");
    let (store, registry) = (Repository::layout("/store"), Repository::registry("example.com/app"));
    let push = |target: &Repository, tags: &[&str], made: &[&str], from: &[Repository]| {
        let tags: Vec<String> = tags.iter().map(|tag| tag.to_string()).collect();
        world.images.push(&Push { target, tags: &tags, manifest: &bytes, config: b"{}", blobs: &Made(made), from })
    };
    assert!(!world.images.exists(&store, Digest::of(&bytes)).expect("an answer"));
    let digest = push(&store, &["1.0.0"], &["layer"], &[]).expect("pushed");
    assert_eq!(digest, Digest::of(&bytes));
    push(&store, &["1.0.0"], &["layer"], &[]).expect("pushed again");
    assert_eq!(world.ledger.of(Deed::Push).len(), 1, "pushing the same again is no effect");
    push(&registry, &["1.0.0", "1.1.0"], &[], std::slice::from_ref(&store)).expect("pushed from the store");
    let resolved = world.images.resolve(&registry, "^1").expect("a tag");
    assert_eq!((resolved.tag.as_deref(), resolved.digest), (Some("1.1.0"), digest));
    assert_eq!(&*world.images.fetch(&registry, digest, &Platform::default()).expect("fetched").manifest, &*bytes);
    let mut layer = String::new();
    let mut blob = world.images.blob(&registry, Digest::of("layer"), 5).expect("taken along");
    std::io::Read::read_to_string(&mut blob, &mut layer).expect("read");
    assert_eq!(layer, "layer");
    world.images.retag(&registry, "1.2.0", Digest::of("other"));
    assert_eq!(world.images.resolve(&registry, "^1").expect("a tag").digest, Digest::of("other"));
    world.images.forget(&registry, digest);
    assert_eq!(world.images.resolve(&registry, "1.0.0").expect_err("gone").fault, Fault::NotFound);
}
