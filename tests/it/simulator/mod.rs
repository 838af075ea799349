//! A seeded simulator of the pure core. It moves sources, lets people speak, fails programs, and crashes at every commit
//! boundary; after each step the invariants are asserted. A failing seed prints the one line that repeats it:
//! `LOCKGATE_SEED=17 cargo test simulator`.

mod together;
mod world;

use lockgate::check::{AnyRepository, document};
use lockgate::digest::Digest;
use lockgate::graph::Graph;
use lockgate::plan::beside::{Beside, overtaken};
use lockgate::plan::memory::Moment;
use lockgate::plan::{EnvironmentPlan, Memory, Observed, Options, Plan, Verdict, Work, diff, quorum};
use lockgate::ports::sources::Head;
use lockgate::run::{
    Event, Input, Intent, Order, Progress, Record, Report, RunOutcome, Saying, State, StepResult, Timed, Word, decide,
    may_begin, may_start, open_orders, outcome, proceed, wants, wants_replan,
};
use lockgate::source::FileId;
use lockgate::syntax::{self, Limits};
use std::collections::{BTreeMap, BTreeSet};
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
    /// How often everything was thrown away.
    crashes: u32,
    /// Programs that were written down as started when everything was thrown away, and that never began: step, run, attempt.
    unbegun: BTreeSet<(Arc<str>, u64, u32)>,
}

/// A run that goes on: thrown away by a crash.
struct Live {
    plan: Plan,
    progress: Progress,
    heads: BTreeMap<String, Head>,
    inputs: Vec<Input>,
    in_flight: Vec<(Order, Digest)>,
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
        let (journal, state, now) = (Vec::new(), State::default(), 1_000_000);
        Simulation { dice, graph, outside, journal, state, now, faults: true, crashes: 0, unbegun: BTreeSet::new() }
    }

    fn plan(&self, memory: &Memory) -> Plan {
        self.plan_beside(memory, None, &Beside::new(), false)
    }

    fn plan_beside(
        &self,
        memory: &Memory,
        versions: Option<BTreeMap<String, Head>>,
        beside: &Beside,
        goes_on: bool,
    ) -> Plan {
        let file = Digest::of("file");
        let options = Options { file, versions, beside: beside.clone(), goes_on, ..Options::default() };
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

    /// Takes events of a run in without writing them.
    fn take(&mut self, run: u64, events: Vec<Event>, records: &mut Vec<Record>) {
        let mut run = run;
        for event in events {
            if let Event::RunStarted { .. } = event {
                run = self.state.runs + 1;
            }
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
        self.crashes += 1;
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
        let mut run = self.begin(by, &Beside::new());
        for _ in 0..10_000 {
            if let Some(end) = self.step(&mut run) {
                if end == End::Crashed {
                    self.abandon(run);
                }
                return end;
            }
        }
        panic!("the run does not come to an end");
    }

    /// A run of what is to be done now, beside those that go on.
    fn begin(&mut self, by: &str, beside: &Beside) -> Live {
        let plan = self.plan_beside(&self.state.memory, None, beside, false);
        let again = self.plan_beside(&self.state.memory, None, beside, false);
        assert_eq!(
            serde_json::to_string(&plan).expect("plans can be written"),
            serde_json::to_string(&again).expect("plans can be written"),
            "two plans of one state are the same bytes"
        );
        let heads = plan.heads();
        self.outside.bundles.extend(plan.bundles.clone());
        let mut progress = Progress::new(&plan, &self.state, 1 + self.dice.below(4) as usize);
        progress.ahead = self.dice.below(3) as usize;
        let never = |(step, i): &(&Arc<str>, &Intent)| self.unbegun.contains(&(Arc::clone(step), i.run, i.attempt));
        let unbegun = self.state.intents.iter().filter(never).map(|(step, _)| step.clone()).collect();
        let inputs = vec![Input::Begin { by: by.to_string(), heads: heads.clone(), rerun: Vec::new(), unbegun }];
        Live { plan, progress, heads, inputs, in_flight: Vec::new() }
    }

    /// What was given out goes on outside, and nobody hears of it.
    fn abandon(&mut self, run: Live) {
        for (order, payload) in run.in_flight {
            if self.dice.one_in(2) {
                self.carry_out(&run.plan, &order, payload);
            } else if let Order::Step { number, attempt, work: Work::Exec(_), .. } = &order
                && self.dice.one_in(2)
            {
                let step = run.plan.steps[*number as usize].id.clone();
                self.unbegun.insert((step, run.progress.run, *attempt));
            }
        }
    }

    /// One turn of a run: something of it comes to an end, and what follows is decided, written and given out. Nothing while it
    /// goes on, or waits for others.
    fn step(&mut self, run: &mut Live) -> Option<End> {
        self.now += 1;
        if run.inputs.is_empty() && !run.in_flight.is_empty() {
            let at = self.dice.below(run.in_flight.len() as u64) as usize;
            let (order, payload) = run.in_flight.swap_remove(at);
            let input = self.finish(&run.plan, &order, payload);
            run.inputs.push(input);
        }
        let mut records = Vec::new();
        for input in std::mem::take(&mut run.inputs) {
            let timed = Timed { at: self.now, input };
            let events = decide(&run.plan, &self.state, &run.progress, &timed);
            assert_eq!(
                events,
                decide(&run.plan, &self.state, &run.progress, &timed),
                "I4: deciding twice is deciding once"
            );
            if let Input::Begin { unbegun, .. } = &timed.input {
                let asked = |e: &Event| matches!(e, Event::Indeterminate { step, .. } if unbegun.contains(step));
                assert!(!events.iter().any(asked), "I9: somebody is asked about what never began");
            }
            self.absorb(&run.plan, &mut run.progress, events, &mut records);
        }
        loop {
            let events = proceed(&run.plan, &self.state, &run.progress, self.now);
            if events.is_empty() {
                break;
            }
            self.absorb(&run.plan, &mut run.progress, events, &mut records);
        }
        if !self.commit(records) {
            return Some(End::Crashed);
        }
        let orders = open_orders(&run.plan, &self.state, &run.progress);
        run.progress.given_out();
        for order in orders {
            if let Order::Step { number, .. } = &order
                && !may_start(&run.plan, &self.state, run.progress.run, *number, self.now)
            {
                run.inputs.push(Input::Report(Report { step: *number, result: StepResult::NotDone }));
                continue;
            }
            let payload = self.admit(run, &order);
            run.in_flight.push((order, payload));
        }
        let runs = run.in_flight.iter().filter(|(order, _)| matches!(order, Order::Step { .. })).count();
        assert!(runs <= run.progress.limit + run.progress.ahead, "more is under way than may be");
        if let Some(outcome) = outcome(&run.plan, &self.state, &run.progress) {
            assert!(run.in_flight.is_empty(), "I10: nothing is under way at the end");
            let mut records = Vec::new();
            self.take(run.progress.run, vec![Event::RunFinished { outcome }], &mut records);
            return Some(if self.commit(records) { End::Finished(outcome) } else { End::Crashed });
        }
        if run.progress.is_quiet() && run.in_flight.is_empty() && wants_replan(&run.plan, &self.state, &run.progress) {
            let beside = self.state.beside(run.progress.run);
            run.plan = self.plan_beside(&self.state.memory, Some(run.heads.clone()), &beside, true);
            self.outside.bundles.extend(run.plan.bundles.clone());
            run.progress = run.progress.again(&run.plan, &self.state);
            run.inputs.push(Input::Replanned);
            return None;
        }
        let waits_for_others = run.progress.ready.iter().any(|n| {
            let step = &run.plan.steps[*n as usize];
            step.key.is_none_or(|key| self.state.is_in_hand(&step.id, key, run.progress.run))
        });
        assert!(
            !run.in_flight.is_empty() || !run.inputs.is_empty() || waits_for_others,
            "I27: nothing runs, nothing waits, and the run does not end: {:?}\n{}\n{:?}",
            run.progress,
            serde_json::to_string_pretty(&run.plan.steps).unwrap_or_default(),
            self.journal.iter().map(|r| &r.event).collect::<Vec<_>>()
        );
        None
    }

    fn absorb(&mut self, plan: &Plan, progress: &mut Progress, events: Vec<Event>, records: &mut Vec<Record>) {
        let first = records.len();
        self.take(progress.run, events, records);
        for record in records.iter().skip(first) {
            progress.apply(plan, &self.state, &record.event);
        }
    }

    /// What must be true when an order is given out.
    fn admit(&self, run: &Live, order: &Order) -> Digest {
        let plan = &run.plan;
        let Order::Step { number, key, work, .. } = order else { return Digest::default() };
        let step = &plan.steps[*number as usize];
        let intent = self.state.intents.get(&step.id).expect("I7: an intent stands before every effect");
        assert_eq!(intent.key, *key, "I7: of the same key");
        let committed = self.journal.iter().rev().any(
            |r| matches!(&r.event, Event::StepStarted { step: s, payload, .. } if *s == step.id && *payload == intent.payload),
        );
        assert!(committed, "I7: and it is in the journal");
        let same = self.state.intents.iter().filter(|(_, i)| i.key == *key && !i.indeterminate);
        let others: Vec<_> = same.filter(|(_, i)| i.run != run.progress.run).collect();
        assert!(others.is_empty(), "I8: another run carries the same out: {others:?}");
        if let Work::Deploy(_) = work {
            let number = step.environment.expect("a deploy is of an environment");
            self.assert_gate(plan, number);
            self.assert_alone(run, &plan.environments[number as usize]);
        }
        intent.payload
    }

    /// I12 and I14: the run is in the environment, and nobody else; and no newer candidate is there, unless somebody asked for an
    /// older one.
    fn assert_alone(&self, run: &Live, environment: &EnvironmentPlan) {
        let place = self.state.memory.environments.get(&environment.name).expect("it was entered");
        let taken = place.taken.as_ref().expect("I12: the run is in the environment");
        assert_eq!(taken.run, run.progress.run, "I12: another run is in {}", environment.name);
        let deploys = format!("deploy.{}.", environment.name);
        let of_others = |(id, i): &(&Arc<str>, &Intent)| i.run != run.progress.run && id.starts_with(&deploys);
        assert_eq!(self.state.intents.iter().find(of_others), None, "I12: one deploy in flight per target");
        let newer = overtaken(&self.state.memory, None, &environment.name, environment.candidate);
        assert!(environment.is_rollback || newer.is_none(), "I14: {} has a newer candidate", environment.name);
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
        self.take(0, events, &mut records);
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
        if self.state.open.is_empty() {
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
        // Those that queue enter one after the other.
        let queued: usize = self.state.memory.environments.values().map(|place| place.queue.len()).sum();
        for _ in 0..40 + 2 * queued {
            for environment in ["dev", "staging", "prod"] {
                self.say("bob", Saying::Release { environment: environment.to_string() });
            }
            let indeterminate: Vec<String> =
                self.state.intents.iter().filter(|(_, i)| i.indeterminate).map(|(s, _)| s.to_string()).collect();
            for step in indeterminate {
                self.say("bob", Saying::Resolve { step, done: false });
            }
            // What failed or was rejected stays out: a new version may try.
            let plan = self.plan(&self.state.memory);
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
            let plan = self.plan(&self.state.memory);
            if plan.is_empty() && plan.environments.iter().all(|e| e.verdict == Verdict::UpToDate) {
                return;
            }
        }
        let plan = self.plan(&self.state.memory);
        let verdicts: Vec<_> = plan.environments.iter().map(|e| (&e.name, &e.verdict, &e.reasons)).collect();
        panic!("I28: it does not converge, with {queued} in queues: {verdicts:#?}");
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
