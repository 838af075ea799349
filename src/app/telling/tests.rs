//! From what is written to what is sent, with receivers in memory.

use super::*;
use crate::adapters::fake::{FakeNotices, Power};
use crate::app::{Session, Settings};
use crate::plan::memory::Hold;
use crate::ports::Fault;
use crate::ports::notices::{Parcel, To};
use crate::run::Event;
use secrecy::ExposeSecret as _;

const FILE: &str = r#"lockgate 1
pipeline shop {
    secret hook {
        file "hook"
    }
    notify team {
        webhook "http://receiver.example/{hook}" sign=hook
        on rolled-back rejected
    }
}
"#;

struct Lab {
    dir: tempfile::TempDir,
    receivers: Arc<FakeNotices>,
}

impl Lab {
    fn new() -> Lab {
        let dir = tempfile::tempdir().expect("a folder");
        std::fs::write(dir.path().join("lockgate.kdl"), FILE).expect("written");
        std::fs::write(dir.path().join("hook"), "s3cret-word\n").expect("written");
        Lab { dir, receivers: Arc::new(FakeNotices::new(Power::default())) }
    }

    fn session(&self) -> Session {
        let settings = Settings { path: Some(self.dir.path().join("lockgate.kdl")), ..Settings::default() };
        Session::open(&settings).unwrap_or_else(|f| panic!("{:?}", f.diagnostics))
    }

    fn telling(&self) -> Telling {
        Telling { url: Some("https://lockgate.example.com".into()), sender: self.receivers.clone() }
    }

    /// Writes an event, as somebody who does not tell of it.
    fn write(&self, environment: &str) {
        let event = Event::RolledBack { environment: environment.into() };
        self.session().write().expect("a book").say(5, 0, vec![event]).expect("written");
    }

    /// Tells of what is behind a number, to the end.
    fn tell(&self, before: u64) {
        let session = self.session();
        let book = SharedBook::new(session.write().expect("a book"));
        let voice = session.voice();
        let teller = Teller::start(self.telling(), book, before, move || voice.clone()).expect("a teller");
        teller.stop(PATIENCE);
    }

    fn number(&self) -> u64 {
        self.session().state().expect("a state").number
    }

    fn titles(&self) -> Vec<String> {
        let title = |p: &Parcel| match &p.to {
            To::Post { body, .. } => {
                let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
                body["title"].as_str().expect("a title").to_string()
            }
            To::Mail { subject, .. } => subject.clone(),
        };
        self.receivers.taken().iter().map(title).collect()
    }
}

#[test]
fn what_was_before_is_not_told_and_what_comes_is_told_once() {
    let lab = Lab::new();
    lab.write("old");
    lab.tell(lab.number());
    assert!(lab.titles().is_empty());
    lab.write("dev");
    lab.write("prod");
    lab.tell(lab.number());
    assert_eq!(lab.titles(), ["shop: dev is back at what it had", "shop: prod is back at what it had"]);
    lab.tell(lab.number());
    assert_eq!(lab.titles().len(), 2);
    let first = &lab.receivers.taken()[0];
    let To::Post { url, key, body } = &first.to else { panic!("{first:?}") };
    assert_eq!(url.expose_secret(), "http://receiver.example/s3cret-word");
    assert_eq!(key.as_ref().map(|k| k.expose_secret().to_string()).as_deref(), Some("s3cret-word"));
    assert!(
        body.contains(&first.id) && body.contains("https://lockgate.example.com/p/shop") && !body.contains("s3cret")
    );
}

#[test]
fn what_fails_is_in_the_outbox_and_has_the_same_id_the_next_time() {
    let lab = Lab::new();
    lab.tell(0);
    lab.receivers.fail(Fault::Unavailable);
    lab.write("dev");
    lab.tell(0);
    assert!(lab.titles().is_empty());
    let folder = lab.session().folder.clone();
    let waiting = newest(&folder, 9).expect("read");
    assert_eq!((waiting.len(), waiting[0].tried), (1, 1));
    let told = untold(&folder, waiting[0].since).expect("read");
    assert_eq!((told[0].receiver.as_str(), told[0].waiting, told[0].given_up), ("team", 1, 0));
    assert!(told[0].text().starts_with("team could not be told: the receiver does not take it (1 tried again)"));
    // Its time has come.
    let outbox = Outbox::open(&folder).expect("an outbox");
    outbox.not_sent(&waiting[0].id, "x", Some(0)).expect("written");
    lab.tell(0);
    assert_eq!(lab.receivers.taken()[0].id, waiting[0].id);
    assert!(untold(&folder, waiting[0].since).expect("read").is_empty());
}

#[test]
fn a_receiver_that_refuses_is_given_up_and_a_missing_secret_is_told() {
    let lab = Lab::new();
    lab.tell(0);
    std::fs::remove_file(lab.dir.path().join("hook")).expect("removed");
    lab.write("dev");
    lab.tell(0);
    let folder = lab.session().folder.clone();
    let fault = newest(&folder, 1).expect("read")[0].fault.clone().expect("a fault");
    assert!(fault.contains("secret `hook`"), "{fault}");
    std::fs::write(lab.dir.path().join("hook"), "s3cret-word\n").expect("written");
    let outbox = Outbox::open(&folder).expect("an outbox");
    for _ in 0..5 {
        lab.receivers.fail(Fault::Denied);
        if let Some(id) = outbox.waiting().expect("read").first().map(|n| n.id.clone()) {
            outbox.not_sent(&id, "x", Some(0)).expect("written");
        }
        lab.tell(0);
    }
    let told = untold(&folder, 0).expect("read");
    assert_eq!((told[0].waiting, told[0].given_up), (0, 1));
}

#[test]
fn what_people_say_is_told_where_it_is_wanted() {
    let lab = Lab::new();
    let session = lab.session().telling(lab.telling());
    let saying = crate::run::Saying::Hold { environment: "dev".into() };
    session.say(saying, Some("freeze".into())).expect("held");
    assert!(lab.titles().is_empty(), "nobody wanted to know of that");
    let word = Hold { by: "ann".into(), reason: "not <!channel>".into(), at: 1 };
    let event = Event::Rejected { environment: "dev".into(), candidate: Default::default(), word };
    session.write().expect("a book").say(5, 0, vec![event]).expect("written");
    lab.tell(0);
    assert_eq!(lab.titles().len(), 1);
    // A run of which nobody is told.
    lab.write("dev");
    pass_over(&lab.session().voice(), lab.number()).expect("written");
    lab.tell(0);
    assert_eq!(lab.titles().len(), 1);
}

#[test]
fn whoever_comes_with_an_edit_is_told_from_then_on() {
    let lab = Lab::new();
    let file = lab.dir.path().join("lockgate.kdl");
    let (nobody, _) = FILE.split_once("    notify").expect("somebody");
    std::fs::write(&file, format!("{nobody}}}\n")).expect("written");
    let session = lab.session();
    let book = SharedBook::new(session.write().expect("a book"));
    let voice = Arc::new(Mutex::new(session.voice()));
    let now = voice.clone();
    let teller = Teller::start(lab.telling(), book.clone(), 0, move || now.lock().clone()).expect("a teller");
    assert!(matches!(*teller.stage.lock(), Stage::Idle(_)), "nobody has to be told, and no thread is there for it");
    let wake = teller.wake();
    book.lock().watch(Box::new(move |_| wake.look()));
    let write = |environment: &str| {
        let event = Event::RolledBack { environment: environment.into() };
        book.lock().say(5, 0, vec![event]).expect("written");
    };
    write("dev");
    std::fs::write(&file, FILE).expect("written");
    *voice.lock() = lab.session().voice();
    begin(&voice.lock(), book.lock().state.number).expect("taken in");
    teller.renew().expect("a thread");
    write("prod");
    teller.stop(PATIENCE);
    assert_eq!(lab.titles(), ["shop: prod is back at what it had"]);
}
