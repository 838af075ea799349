//! Reading and formatting a pipeline file, beside `serde_json` and the `kdl` crate on the same data.
//!
//! `cargo bench --bench parse`; all rates are bytes of the text that each reads.

#![allow(missing_docs, reason = "criterion makes the functions")]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use lockgate::source::FileId;
use lockgate::syntax::{self, Limits};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

const JOBS: usize = 2_000;

/// A pipeline of many jobs.
fn kdl_text() -> String {
    let mut out = String::from("pipeline \"service\" team=\"payments\" {\n");
    for job in 0..JOBS {
        let _ = write!(
            out,
            "    build \"job-{job:06}\" image=\"rust:1.79-bookworm\" {{\n        needs \"job-{before:06}\"\n        \
             run \"cargo build --release --locked\"\n        inputs \"services/{job}/src/**/*.rs\" \"Cargo.lock\"\n        \
             env {{\n            RUST_LOG \"info\"\n            SHARD \"{shard}\"\n        }}\n        \
             resources cpu={cpu} memory=\"512Mi\" // per pod\n        retry 3 backoff=\"exponential\"\n    }}\n",
            before = job.saturating_sub(1),
            shard = job % 16,
            cpu = job % 8 + 1,
        );
    }
    out + "}\n"
}

/// The same data.
fn json_text() -> String {
    let job = |job: usize| {
        json!({
            "name": format!("job-{job:06}"), "image": "rust:1.79-bookworm", "needs": [format!("job-{:06}", job.saturating_sub(1))],
            "run": ["cargo build --release --locked"], "inputs": [format!("services/{job}/src/**/*.rs"), "Cargo.lock"],
            "env": {"RUST_LOG": "info", "SHARD": (job % 16).to_string()},
            "resources": {"cpu": job % 8 + 1, "memory": "512Mi"}, "retry": {"times": 3, "backoff": "exponential"},
        })
    };
    let jobs: Vec<Value> = (0..JOBS).map(job).collect();
    json!({"name": "service", "team": "payments", "builds": jobs}).to_string()
}

fn reading(c: &mut Criterion) {
    let kdl: Arc<str> = kdl_text().into();
    let json = json_text();
    let limits = Limits::default();

    let mut group = c.benchmark_group("read");
    group.throughput(Throughput::Bytes(kdl.len() as u64));
    group.bench_function("lockgate", |b| b.iter(|| black_box(syntax::parse(FileId(0), Arc::clone(&kdl), &limits))));
    group.bench_function("tokens", |b| b.iter(|| black_box(syntax::tokens(&kdl).count())));
    group.sample_size(10).measurement_time(Duration::from_secs(3));
    group.bench_function("kdl", |b| b.iter(|| black_box(kdl::KdlDocument::parse(&kdl))));
    group.throughput(Throughput::Bytes(json.len() as u64));
    group.bench_function("serde_json", |b| b.iter(|| black_box(serde_json::from_str::<Value>(&json))));
    group.finish();

    let (tree, _) = syntax::parse(FileId(0), Arc::clone(&kdl), &limits);
    println!("memory of the tree: {:.2} times the text", tree.memory() as f64 / kdl.len() as f64);
}

fn formatting(c: &mut Criterion) {
    let kdl = kdl_text();
    let mut group = c.benchmark_group("format");
    group.throughput(Throughput::Bytes(kdl.len() as u64));
    group.bench_function("lockgate", |b| b.iter(|| black_box(syntax::format(&kdl))));
    group.finish();
}

criterion_group!(benches, reading, formatting);
criterion_main!(benches);
