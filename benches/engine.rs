//! What a pipeline of many tasks costs on its way: reading it, planning it with nothing to do, deciding a whole run, and
//! writing events to the disk. `cargo bench --bench engine`; all rates are tasks, or events, a second.

#![allow(missing_docs)]

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use lockgate::adapters::fake::FakeWorld;
use lockgate::adapters::sqlite::Sqlite;
use lockgate::check::{AnyRepository, document};
use lockgate::digest::Digest;
use lockgate::engine::Book;
use lockgate::graph::Graph;
use lockgate::plan::observed::Answer;
use lockgate::plan::{Memory, Observed, Options, Plan, Query, diff};
use lockgate::ports::files::{Entry, Listing, Mode};
use lockgate::ports::journal::{Journal, Row};
use lockgate::ports::sources::{About, Head, Version};
use lockgate::run::{Input, Order, Progress, Report, StepResult, Timed, decide, open_orders, outcome, proceed};
use lockgate::source::FileId;
use lockgate::syntax::{self, Document, Limits};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

/// How many tasks there are.
const TASKS: usize = 10_000;
/// How many of them stand side by side; each reads what three of the layer before wrote.
const WIDTH: usize = 100;

/// A layered pipeline of tasks that copy a file.
fn text() -> Arc<str> {
    let mut out = String::from("lockgate 1\npipeline bench {\n    source src {\n        folder \".\"\n    }\n");
    for task in 0..TASKS {
        let _ = write!(out, "    task t{task} {{\n        in src\n        input \"src/{task}.in\"\n");
        for before in [1, 7, 41].map(|step| task.saturating_sub(task % WIDTH + 1 + (task * step) % WIDTH)) {
            if task >= WIDTH {
                let _ = writeln!(out, "        input \"{{t{before}.out}}\"");
            }
        }
        let _ = write!(
            out,
            "        output out \"out/{task}.out\"\n        run cp \"src/{task}.in\" \"out/{task}.out\"\n    }}\n"
        );
    }
    (out + "}\n").into()
}

fn graph(text: &Arc<str>) -> Arc<Graph> {
    let (tree, faults) = syntax::parse(FileId(0), text.clone(), &Limits::default());
    let (checked, found) = document(&Document::from(tree), faults, &AnyRepository);
    checked.unwrap_or_else(|| panic!("{found:#?}")).graphs()[0].clone()
}

/// The world as it is: one version with all inputs, and every output as it was written.
fn answer(query: &Query) -> Answer {
    match query {
        Query::Head { .. } => {
            let version = Version { id: "1".into(), name: None, content: Digest::of("1") };
            Answer::Head(Head { version, about: About::default() })
        }
        Query::Listing { .. } => {
            let entry = |task| Entry {
                path: format!("src/{task}.in").into(),
                digest: Digest::of([1]),
                size: 64,
                mode: Mode::File,
            };
            Answer::Listing(Arc::new(Listing::new((0..TASKS).map(entry).collect())))
        }
        Query::Outputs(_) => Answer::Outputs(Arc::default()),
        other => panic!("nobody asks {other:?}"),
    }
}

fn plan(graph: &Graph, memory: &Memory, observed: &mut Observed) -> Plan {
    let options = Options::default();
    loop {
        let (plan, missing) = diff(graph, memory, observed, &options);
        if missing.is_empty() {
            return plan;
        }
        missing.into_iter().for_each(|query| observed.insert(query.clone(), Ok(answer(&query))));
    }
}

/// Carries a plan out in a world in which everything succeeds at once.
fn run(plan: &Plan, book: &mut Book) {
    let mut progress = Progress::new(plan, &book.state, 64);
    let mut inputs =
        vec![Input::Begin { by: "ann".into(), heads: BTreeMap::new(), rerun: Vec::new(), unbegun: Default::default() }];
    while outcome(plan, &book.state, &progress).is_none() || !inputs.is_empty() {
        let mut records = Vec::new();
        let mut events: Vec<_> = Vec::new();
        for input in std::mem::take(&mut inputs) {
            events = decide(plan, &book.state, &progress, &Timed { at: 0, input });
            take(plan, book, &mut progress, std::mem::take(&mut events), &mut records);
        }
        loop {
            events.extend(proceed(plan, &book.state, &progress, 0));
            if events.is_empty() {
                break;
            }
            take(plan, book, &mut progress, std::mem::take(&mut events), &mut records);
        }
        book.write(&records).expect("written");
        for order in open_orders(plan, &book.state, &progress) {
            let Order::Step { number, .. } = order else { continue };
            let outputs = BTreeMap::from([("out".to_string(), Digest::of(number.to_le_bytes()).to_string())]);
            inputs.push(Input::Report(Report { step: number, result: StepResult::Done { outputs, log: None } }));
        }
        progress.given_out();
    }
}

fn take(
    plan: &Plan,
    book: &mut Book,
    progress: &mut Progress,
    events: Vec<lockgate::run::Event>,
    records: &mut Vec<lockgate::run::Record>,
) {
    let first = records.len();
    book.take(0, progress.run, events, records);
    records.iter().skip(first).for_each(|record| progress.apply(plan, &book.state, &record.event));
}

fn reading(c: &mut Criterion) {
    let text = text();
    let mut group = c.benchmark_group("pipeline");
    group.throughput(Throughput::Elements(TASKS as u64)).sample_size(10);
    group.bench_function("read, decode, resolve, check", |b| b.iter(|| black_box(graph(&text))));
    group.finish();
}

fn planning_and_running(c: &mut Criterion) {
    let graph = graph(&text());
    let first = plan(&graph, &Memory::default(), &mut Observed::default());
    let book =
        || Book::open(Box::new(FakeWorld::new("/").store.open_for_writing().expect("a journal"))).expect("a book");
    let mut group = c.benchmark_group("tasks");
    group.throughput(Throughput::Elements(TASKS as u64)).sample_size(10);
    group.bench_function("decide a run", |b| {
        b.iter_batched_ref(book, |book| run(&first, book), BatchSize::PerIteration)
    });

    let mut done = book();
    run(&first, &mut done);
    let memory = &done.state.memory;
    let mut observed = Observed::default();
    assert!(plan(&graph, memory, &mut observed).is_empty());
    group.bench_function("plan with nothing to do", |b| b.iter(|| black_box(plan(&graph, memory, &mut observed))));
    group.finish();
}

fn writing(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut journal = Sqlite::open_for_writing(folder.path()).expect("a journal");
    let mut number = 0;
    let mut rows = |count: usize| -> Vec<Row> {
        (0..count)
            .map(|_| {
                number += 1;
                Row { number, at: 0, run: 1, body: "x".repeat(250) }
            })
            .collect()
    };
    let mut group = c.benchmark_group("journal");
    group.sample_size(20);
    for count in [1, 8, 1_000] {
        group.throughput(Throughput::Elements(count as u64));
        let name = format!("{count} events a commit");
        group.bench_function(name, |b| {
            b.iter_batched_ref(|| rows(count), |rows| journal.append(rows).expect("written"), BatchSize::PerIteration);
        });
    }
    group.finish();
}

criterion_group!(benches, reading, planning_and_running, writing);
criterion_main!(benches);
