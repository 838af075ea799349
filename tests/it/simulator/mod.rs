//! A seeded simulator of the pure core. It moves sources, lets people speak, fails programs, and crashes at every commit
//! boundary; after each step the invariants are asserted. A failing seed prints the one line that repeats it:
//! `LOCKGATE_SEED=17 cargo test simulator`.

mod world;

use lockgate::check::{AnyRepository, document};
use lockgate::digest::Digest;
use lockgate::graph::Graph;
use lockgate::plan::memory::Moment;
use lockgate::plan::{Memory, Observed, Options, Plan, Verdict, Work, diff, quorum};
use lockgate::run::{
    Event, Input, Order, Progress, Record, Report, RunOutcome, Saying, State, StepResult, Timed, Word, decide,
    open_orders, outcome, proceed, wants_replan,
};
use lockgate::source::FileId;
use lockgate::syntax::{self, Limits};
use std::collections::BTreeMap;
use std::sync::Arc;
use world::{Dice, Outside};

const PIPELINE: &str = r#"
lockgate 1
pipeline simulated {
    source app { folder "app" }
    source config { folder "config" }
    source chart { helm "./chart" }
    build image {
        context app
        test "./unit.sh"
        push "./registry" tag="{app.short}"
    }
    task scan {
        run scanner "{image}"
        on-unknown ON_UNKNOWN
        output verdict
    }
    release app {
        chart chart
        values config "values-{environment}.yaml"
        set image="{image}"
    }
    environment dev {
        folder "./dev"
        deploy app
        verify config "tests/test.sh"
    }
    environment staging after=dev {
        gate { approve 1 from=managers; QUEUE }
        folder "./staging"
        deploy app
        verify config "tests/test.sh"
    }
    environment prod after=staging {
        gate { approve 2 from=sre; soak "1s" }
        folder "./prod"
        deploy app
        verify config "tests/test.sh"
    }
}
"#;

/// What of a simulation survives a crash, and what is thrown away by it.
struct Simulation {
    dice: Dice,
    graph: Arc<Graph>,
    outside: Outside,
    /// The journal: survives.
    journal: Vec<Record>,
    /// What the journal adds up to: thrown away and folded again.
    state: State,
    now: Moment,
    /// Whether anything goes wrong at all.
    faults: bool,
}

/// Why an attempt to apply came to its end.
#[derive(Debug, PartialEq)]
enum End {
    Finished(RunOutcome),
    Crashed,
}

fn graph_of(text: &str) -> Arc<Graph> {
    let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
    let (checked, found) = document(&syntax::Document::from(tree), faults, &AnyRepository);
    let errors: Vec<_> = found.iter().filter(|d| d.is_error()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    checked.expect("no errors").graphs()[0].clone()
}

impl Simulation {
    fn new(seed: u64) -> Simulation {
        let mut dice = Dice(seed);
        let queue = if dice.one_in(3) { "queue" } else { "" };
        let on_unknown = ["ask", "retry", "fail"][dice.below(3) as usize];
        let text = PIPELINE.replace("QUEUE", queue).replace("ON_UNKNOWN", on_unknown);
        let mut outside = Outside { foresees: dice.one_in(2), ..Outside::default() };
        for source in ["app", "config", "chart"] {
            outside.heads.insert(source.to_string(), 1);
        }
        let graph = graph_of(&text);
        Simulation { dice, graph, outside, journal: Vec::new(), state: State::default(), now: 1_000_000, faults: true }
    }

    fn plan(&self, memory: &Memory, versions: Option<BTreeMap<String, lockgate::ports::sources::Head>>) -> Plan {
        let options = Options { file: Digest::of("file"), versions, ..Options::default() };
        let mut observed = Observed::default();
        for _ in 0..12 {
            let (plan, missing) = diff(&self.graph, memory, &observed, &options);
            if missing.is_empty() {
                assert!(plan.diagnostics.is_empty(), "{:#?}", plan.diagnostics);
                return plan;
            }
            for query in missing {
                let answer = self.outside.answer(&query);
                observed.insert(query, answer);
            }
        }
        panic!("the plan never stops asking");
    }

    /// Takes events in without writing them.
    fn take(&mut self, events: Vec<Event>, records: &mut Vec<Record>) {
        for event in events {
            let run = match &event {
                Event::RunStarted { .. } => self.state.runs + 1,
                _ if self.state.open.is_some() => self.state.runs,
                _ => 0,
            };
            let record = Record { number: self.state.number + 1, at: self.now, run, event };
            self.state.apply(&record);
            records.push(record);
        }
    }

    /// A commit. Returns false when the process dies of it: before it, or after it with its answer lost.
    fn commit(&mut self, records: Vec<Record>) -> bool {
        if self.faults && self.dice.one_in(25) {
            if self.dice.one_in(2) {
                self.journal.extend(records);
            }
            self.crash();
            return false;
        }
        self.journal.extend(records);
        true
    }

    /// Everything in memory is gone; what the journal says is folded again (I3, I29).
    fn crash(&mut self) {
        let mut again = State::default();
        let mut twice = State::default();
        for record in &self.journal {
            again.apply(record);
        }
        for record in &self.journal {
            // Written and read back, as a store would.
            let text = serde_json::to_string(record).expect("events can be written");
            twice.apply(&serde_json::from_str(&text).expect("events can be read"));
        }
        assert_eq!(again, twice, "the journal reads back as it was written");
        self.state = again;
    }

    /// One `apply`.
    fn apply(&mut self, by: &str) -> End {
        self.now += 100;
        let mut plan = self.plan(&self.state.memory, None);
        let again = self.plan(&self.state.memory, None);
        assert_eq!(
            serde_json::to_string(&plan).expect("plans can be written"),
            serde_json::to_string(&again).expect("plans can be written"),
            "two plans of one state are the same bytes"
        );
        let head = |s: &lockgate::plan::SourceLine| {
            (s.name.clone(), lockgate::ports::sources::Head { version: s.version.clone(), about: s.about.clone() })
        };
        let heads: BTreeMap<_, _> = plan.sources.iter().map(head).collect();
        self.outside.bundles.extend(plan.bundles.clone());
        let mut progress = Progress::new(&plan, &self.state, 1 + self.dice.below(4) as usize);
        let mut inputs = vec![Input::Begin { by: by.to_string(), heads: heads.clone(), rerun: Vec::new() }];
        let mut in_flight: Vec<(Order, Digest)> = Vec::new();
        for _ in 0..10_000 {
            self.now += 1;
            let mut records = Vec::new();
            for input in std::mem::take(&mut inputs) {
                let timed = Timed { at: self.now, input };
                let events = decide(&plan, &self.state, &progress, &timed);
                assert_eq!(
                    events,
                    decide(&plan, &self.state, &progress, &timed),
                    "I4: deciding twice is deciding once"
                );
                self.absorb(&plan, &mut progress, events, &mut records);
            }
            loop {
                let events = proceed(&plan, &self.state, &progress, self.now);
                if events.is_empty() {
                    break;
                }
                self.absorb(&plan, &mut progress, events, &mut records);
            }
            if !self.commit(records) {
                // What was given out before goes on outside, and nobody hears of it.
                for (order, payload) in in_flight {
                    if self.dice.one_in(2) {
                        self.carry_out(&plan, &order, payload);
                    }
                }
                return End::Crashed;
            }
            let orders = open_orders(&plan, &self.state, &progress);
            progress.given_out();
            for order in orders {
                let payload = self.admit(&plan, &order);
                in_flight.push((order, payload));
            }
            if let Some(outcome) = outcome(&plan, &self.state, &progress) {
                assert!(in_flight.is_empty(), "I10: nothing is under way at the end");
                let mut records = Vec::new();
                self.take(vec![Event::RunFinished { outcome }], &mut records);
                return if self.commit(records) { End::Finished(outcome) } else { End::Crashed };
            }
            if progress.is_quiet() && in_flight.is_empty() && wants_replan(&plan, &self.state, &progress) {
                plan = self.plan(&self.state.memory, Some(heads.clone()));
                self.outside.bundles.extend(plan.bundles.clone());
                progress = Progress::new(&plan, &self.state, 3);
                inputs.push(Input::Replanned);
                continue;
            }
            if in_flight.is_empty() {
                assert!(
                    !inputs.is_empty(),
                    "I27: nothing runs, nothing waits, and the run does not end: {progress:?}\n{}\n{:?}",
                    serde_json::to_string_pretty(&plan.steps).unwrap_or_default(),
                    self.journal.iter().map(|r| &r.event).collect::<Vec<_>>()
                );
                continue;
            }
            let at = self.dice.below(in_flight.len() as u64) as usize;
            let (order, payload) = in_flight.swap_remove(at);
            inputs.push(self.finish(&plan, &order, payload));
        }
        panic!("the run does not come to an end");
    }

    fn absorb(&mut self, plan: &Plan, progress: &mut Progress, events: Vec<Event>, records: &mut Vec<Record>) {
        let first = records.len();
        self.take(events, records);
        for record in records.iter().skip(first) {
            progress.apply(plan, &self.state, &record.event);
        }
    }

    /// What must be true when an order is given out.
    fn admit(&self, plan: &Plan, order: &Order) -> Digest {
        let Order::Step { number, key, work, .. } = order else { return Digest::default() };
        let step = &plan.steps[*number as usize];
        let intent = self.state.intents.get(&step.id).expect("I7: an intent stands before every effect");
        assert_eq!(intent.key, *key, "I7: of the same key");
        let committed = self.journal.iter().rev().any(
            |r| matches!(&r.event, Event::StepStarted { step: s, payload, .. } if *s == step.id && *payload == intent.payload),
        );
        assert!(committed, "I7: and it is in the journal");
        if let Work::Deploy(_) = work {
            self.assert_gate(plan, step.environment.expect("a deploy is of an environment"));
        }
        intent.payload
    }

    fn assert_gate(&self, plan: &Plan, number: u32) {
        let environment = &plan.environments[number as usize];
        let place = self.state.memory.environments.get(&environment.name);
        for before in &environment.after {
            let before = &plan.environments[*before as usize];
            if before.candidate != environment.candidate {
                // An older candidate: its predecessors had it when it came to this gate.
                let came = |r: &Record| matches!(&r.event, Event::StandsAtGate { environment: e, standing } if *e == environment.name && standing.candidate == environment.candidate);
                assert!(environment.is_rollback || self.journal.iter().any(came), "I13: it never came to the gate");
                continue;
            }
            let has = self.state.memory.environments.get(&before.name).and_then(|p| p.has.as_ref());
            assert!(has.is_some_and(|h| Some(h.substance) == before.substance), "I13: {} has it first", before.name);
        }
        let Some(gate) = &environment.gate else { return };
        let standing = place.and_then(|p| p.standing.as_ref()).expect("I16: it stands at the gate");
        assert_eq!(Some(standing.subplan), environment.subplan, "I17: what is done is what was approved");
        assert!(quorum::met(gate, standing, Some(self.now)), "I16: the quorum precedes the effect");
        assert!(standing.rejected.is_none(), "I21: a rejected candidate goes nowhere");
        assert!(place.is_some_and(|p| p.hold.is_none()) || environment.is_rollback, "a held environment is left alone");
        for approval in &standing.approvals {
            assert!(!quorum::is_own_change(&approval.by, &standing.people), "I19: nobody approves their own change");
            assert_eq!(approval.subplan, standing.subplan, "I18: an approval is of one plan");
        }
    }

    fn carry_out(&mut self, plan: &Plan, order: &Order, payload: Digest) -> BTreeMap<String, String> {
        match order {
            Order::Restore { target, release, bundle, .. } => {
                self.outside.deploy(target.namespace(), release, *bundle);
                BTreeMap::new()
            }
            Order::Step { number, key, work, .. } => {
                let id = plan.steps[*number as usize].id.to_string();
                self.outside.carry_out(&id, *key, payload, work)
            }
        }
    }

    fn finish(&mut self, plan: &Plan, order: &Order, payload: Digest) -> Input {
        match order {
            Order::Restore { environment, release, .. } => {
                let failed = (self.faults && self.dice.one_in(20)).then(|| "the place is down".to_string());
                if failed.is_none() {
                    self.carry_out(plan, order, payload);
                }
                Input::Restored { environment: environment.clone(), release: release.clone(), failed }
            }
            Order::Step { number, .. } => {
                let id = plan.steps[*number as usize].id.clone();
                let fails = self.faults && self.dice.one_in(if id.starts_with("verify") { 6 } else { 30 });
                let result = if fails {
                    if self.dice.one_in(2) {
                        self.carry_out(plan, order, payload);
                    }
                    StepResult::Failed { fault: lockgate::ports::Fault::Invalid, reason: "it failed".into(), log: None }
                } else {
                    let mut outputs = self.carry_out(plan, order, payload);
                    if id.starts_with("task.") {
                        outputs.insert("verdict".to_string(), "fine".to_string());
                    }
                    StepResult::Done { outputs, log: None }
                };
                Input::Report(Report { step: *number, result })
            }
        }
    }

    fn say(&mut self, by: &str, what: Saying) {
        let word = Word { by: by.to_string(), groups: None, also: Vec::new(), reason: Some("because".into()), what };
        let events = lockgate::run::said(&self.state.memory, &self.state.intents, &word, self.now);
        assert_eq!(events.len(), 1, "I33: every call leaves one row, refusals included");
        let mut records = Vec::new();
        self.take(events, &mut records);
        self.commit(records);
    }

    /// Something happens outside, or somebody says something.
    fn stir(&mut self) {
        let people = ["ann", "bob", "cid", "dan", "author1"];
        let by = people[self.dice.below(5) as usize];
        let environment = ["dev", "staging", "prod"][self.dice.below(3) as usize].to_string();
        self.now += self.dice.below(2_000) as i64;
        match self.dice.below(12) {
            0..=2 => {
                let source = ["app", "config", "chart"][self.dice.below(3) as usize];
                *self.outside.heads.entry(source.to_string()).or_default() += 1;
            }
            3..=7 => self.say(by, Saying::Approve { environment, subplan: None }),
            8 => self.say(by, Saying::Reject { environment }),
            9 => self.say(by, Saying::Hold { environment }),
            10 => self.say(by, Saying::Release { environment }),
            _ => self.say(by, Saying::Rollback { environment, candidate: None }),
        }
    }

    /// What must be true between runs.
    fn assert_invariants(&self) {
        for (i, record) in self.journal.iter().enumerate() {
            assert_eq!(record.number, i as u64 + 1, "I1: no gaps");
        }
        if self.state.open.is_none() {
            let open: Vec<_> = self.state.intents.iter().filter(|(_, i)| !i.indeterminate).collect();
            assert!(
                open.is_empty() || self.journal.last().is_none(),
                "I27: a finished run leaves no intent behind: {open:?}"
            );
        }
        // I9: what counts as deployed is there.
        for (name, place) in &self.state.memory.environments {
            for (release, deployed) in &place.deployed {
                let there = self.outside.places.get(&(name.clone(), release.clone()));
                let restoring = self.state.restoring.contains_key(name);
                let broken = place.failed.is_some() || !self.state.intents.is_empty();
                assert!(there.is_some() || restoring || broken, "I9: {name} says it has {release}: {deployed:?}");
            }
        }
    }

    /// I8: with one key one thing was done, and opaque programs that may not be done twice were not.
    fn assert_ledger(&self) {
        let mut payloads: BTreeMap<Digest, Digest> = BTreeMap::new();
        for effect in &self.outside.ledger {
            let before = payloads.entry(effect.key).or_insert(effect.payload);
            assert_eq!(
                *before, effect.payload,
                "I8: the same key is the same payload ({}, foresees {})",
                effect.step, self.outside.foresees
            );
        }
        let text = format!("{:?}", self.graph.pipeline().tasks[0].command.on_unknown);
        if text == "Ask" {
            let mut seen: BTreeMap<Digest, usize> = BTreeMap::new();
            for effect in self.outside.ledger.iter().filter(|e| e.step.starts_with("task.")) {
                *seen.entry(effect.key).or_default() += 1;
            }
            let started = |key: &Digest| {
                self.journal
                    .iter()
                    .filter(|r| matches!(&r.event, Event::StepStarted { key: k, .. } if k == key))
                    .count()
            };
            for (key, times) in seen {
                assert!(times <= started(&key), "I8: an opaque program runs once for each time it was started");
            }
        }
    }

    /// When faults stop and people say yes, everything converges (I28).
    fn settle(&mut self) {
        self.faults = false;
        for _ in 0..40 {
            for environment in ["dev", "staging", "prod"] {
                self.say("bob", Saying::Release { environment: environment.to_string() });
            }
            let indeterminate: Vec<String> =
                self.state.intents.iter().filter(|(_, i)| i.indeterminate).map(|(s, _)| s.to_string()).collect();
            for step in indeterminate {
                self.say("bob", Saying::Resolve { step, done: false });
            }
            // What failed or was rejected stays out: a new version may try.
            let plan = self.plan(&self.state.memory, None);
            if plan.environments.iter().any(|e| matches!(e.verdict, Verdict::Banned { .. } | Verdict::Rejected { .. }))
            {
                for source in ["app", "config"] {
                    *self.outside.heads.entry(source.to_string()).or_default() += 3;
                }
            }
            self.apply("ann");
            for environment in ["staging", "prod"] {
                for by in ["bob", "cid", "dan"] {
                    self.say(by, Saying::Approve { environment: environment.to_string(), subplan: None });
                }
            }
            self.now += 10_000;
            let plan = self.plan(&self.state.memory, None);
            if plan.is_empty() && plan.environments.iter().all(|e| e.verdict == Verdict::UpToDate) {
                return;
            }
        }
        let plan = self.plan(&self.state.memory, None);
        let verdicts: Vec<_> = plan.environments.iter().map(|e| (&e.name, &e.verdict, &e.reasons)).collect();
        panic!("I28: it does not converge: {verdicts:#?}");
    }
}

fn simulate(seed: u64) {
    let mut simulation = Simulation::new(seed);
    for _ in 0..12 {
        for _ in 0..simulation.dice.below(4) {
            simulation.stir();
        }
        simulation.apply("ann");
        simulation.assert_invariants();
        simulation.assert_ledger();
    }
    simulation.settle();
    simulation.crash();
    simulation.assert_invariants();
    simulation.assert_ledger();
}

#[test]
fn a_thousand_worlds_keep_the_invariants() {
    let seeds: Vec<u64> = match std::env::var("LOCKGATE_SEED").ok().and_then(|s| s.parse().ok()) {
        Some(seed) => vec![seed],
        None => (0..std::env::var("LOCKGATE_SEEDS").ok().and_then(|s| s.parse().ok()).unwrap_or(40)).collect(),
    };
    for seed in seeds {
        if let Err(fault) = std::panic::catch_unwind(|| simulate(seed)) {
            eprintln!("to repeat: LOCKGATE_SEED={seed} cargo test simulator");
            std::panic::resume_unwind(fault);
        }
    }
}

/// A journal that was cut after any of its events goes on to the same end, and nothing is done twice.
#[test]
fn a_journal_cut_anywhere_goes_on_to_the_same_end() {
    let mut whole = Simulation::new(4);
    whole.faults = false;
    assert_eq!(whole.apply("ann"), End::Finished(RunOutcome::Waiting));
    let golden = whole.journal.clone();
    let end = whole.outside.places.clone();
    for cut in 0..golden.len() {
        let mut again = Simulation::new(4);
        again.faults = false;
        again.journal = golden[..cut].to_vec();
        again.crash();
        let finished = again.apply("ann");
        assert!(
            matches!(finished, End::Finished(RunOutcome::Waiting | RunOutcome::Asks)),
            "cut after {cut}: {finished:?}"
        );
        if finished == End::Finished(RunOutcome::Waiting) {
            let has = |s: &State| s.memory.environments.get("dev").and_then(|p| p.has.clone()).map(|h| h.substance);
            assert_eq!(has(&again.state), has(&whole.state), "cut after {cut}");
            if cut == 0 {
                assert_eq!(again.outside.places, end);
            }
        }
    }
}
