//! What pages are made of: an example that was applied, and what somebody would see of it.

use crate::lab::Lab;
use lockgate::app::{Session, Settings};
use lockgate::ide::Analysis;
use lockgate::plan::Plan;
use lockgate::report::Clock;
use lockgate::report::past::Past;
use lockgate::run::{Record, State};
use lockgate::server::pages::{Look, Turn, Viewer};

/// An example with its state, read once.
pub(super) struct Scene {
    pub lab: Lab,
    pub session: Session,
    pub state: State,
    pub plan: Plan,
    pub records: Vec<Record>,
    pub past: Past,
    pub clock: Clock,
    pub viewer: Viewer,
    pub turns: Vec<Turn>,
    pub trouble: Vec<String>,
}

impl Scene {
    /// The scene of a folder as it is.
    pub fn of(lab: Lab) -> Scene {
        let settings =
            Settings { path: Some(lab.path().to_path_buf()), person: Some("rita".into()), ..Settings::default() };
        let session = Session::open(&settings).unwrap_or_else(|f| panic!("{:?}", f.diagnostics));
        let state = session.state().expect("a state");
        let plan = session.plan_of(&state, &[]).unwrap_or_else(|f| panic!("{:?}", f.diagnostics));
        let records = session.records(0).expect("records");
        let past = Past::of(&records);
        let now = session.now();
        let clock = Clock { now, zone: jiff::tz::TimeZone::UTC };
        let viewer = Viewer {
            name: Some("rita".into()),
            groups: Some(vec!["release-managers".into()]),
            also: Vec::new(),
            csrf: "a-token-of-this-test".into(),
            may_decide: true,
            may_operate: true,
            several: false,
        };
        let turn = |source: &str, by: &str, after: i64| Turn {
            source: source.into(),
            by: by.into(),
            at: Some(now + after),
            fault: None,
        };
        let turns =
            vec![turn("app", "poll", 40_000), turn("config", "poll", 52_000), turn("base", "cron", 6 * 3_600_000)];
        Scene { lab, session, state, plan, records, past, clock, viewer, turns, trouble: Vec::new() }
    }

    pub fn look(&self) -> Look<'_> {
        Look {
            graph: &self.session.graph,
            state: &self.state,
            plan: Some(&self.plan),
            trouble: &self.trouble,
            past: &self.past,
            turns: &self.turns,
            clock: &self.clock,
            viewer: &self.viewer,
            seen: "",
        }
    }

    pub fn analysis(&self) -> Analysis {
        let loaded = &self.session.loaded;
        Analysis::new(loaded.root.clone(), loaded.sources.clone(), loaded.document.clone(), loaded.diagnostics.clone())
    }

    pub fn run(&self, number: u64) -> Vec<Record> {
        self.records.iter().filter(|r| r.run == number).cloned().collect()
    }
}
