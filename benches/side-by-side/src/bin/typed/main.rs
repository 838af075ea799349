//! From a text to a typed model that keeps its places: Lockgate beside what `knus` derives, and the parsers by themselves.
//!
//! ```text
//! ./pipelines.py --quoted 10000 p.kdl
//! cargo run --release --bin typed -- p.kdl [ROUNDS]
//! ```
//!
//! The text is one that KDL 1 (knus) and KDL 2 read alike. Processor time of this process, medians of the rounds; `serde_json` reads the same nodes as JSON, and its rate is of the bytes of that.

mod derived;

use lockgate::model;
use lockgate::source::FileId;
use lockgate::syntax::{self, Document, Limits, Node, Value as Kdl};
use serde_json::{Map, Value};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn main() {
    let mut args = std::env::args().skip(1);
    let path = args.next().expect("a file of `pipelines.py --quoted`");
    let rounds: usize = args.next().map_or(5, |r| r.parse().expect("a number"));
    let text = std::fs::read_to_string(&path).expect("the file");
    let limits = Limits { size: usize::MAX, ..Limits::default() };
    let parse = || syntax::parse(FileId(0), text.as_str().into(), &limits);

    let (tree, faults) = parse();
    assert!(faults.is_empty(), "{faults:?}");
    let memory = tree.memory() as f64 / text.len() as f64;
    let document = Document::from(tree);
    let (file, faults) = model::decode(&document);
    assert!(faults.is_empty(), "{faults:?}");
    let derived = derived::read(&text);
    assert_eq!(file.pipelines.len(), derived.len(), "both read all of it");
    let json = Value::Array(document.roots().map(json_of).collect()).to_string();

    let knus_rounds = if text.len() > 500_000 { 1 } else { rounds };
    let rows = [
        ("lockgate: text to tree", text.len(), cpu(rounds, || drop(black_box(parse())))),
        (
            "lockgate: text to typed model",
            text.len(),
            cpu(rounds, || drop(black_box(model::decode(&parse().0.into())))),
        ),
        (
            "serde_json: text to Value",
            json.len(),
            cpu(rounds, || drop(black_box(serde_json::from_str::<Value>(&json)))),
        ),
        ("kdl: text to document", text.len(), cpu(knus_rounds, || drop(black_box(kdl::KdlDocument::parse(&text))))),
        ("knus: text to typed model", text.len(), cpu(knus_rounds, || drop(black_box(derived::read(&text))))),
    ];
    println!("{} bytes, {} lines, {} pipelines", text.len(), text.lines().count(), file.pipelines.len());
    println!("the tree takes {memory:.2} times the text");
    let typed = rows[1].2.as_secs_f64();
    for (what, bytes, time) in rows {
        let seconds = time.as_secs_f64();
        let (rate, ratio) = (bytes as f64 / 1e6 / seconds, seconds / typed);
        println!("{what:32} {:9.3} ms  {rate:8.1} MB/s  {ratio:8.2} of the typed model", seconds * 1e3);
    }
}

/// The processor time that something takes: the median of some rounds, after one that does not count. The kernel counts in ticks of
/// milliseconds, so a round does it as often as fills a quarter of a second.
fn cpu(rounds: usize, what: impl Fn()) -> Duration {
    let ticks = || {
        let text = std::fs::read_to_string("/proc/self/schedstat").expect("Linux");
        text.split(' ').next().and_then(|n| n.parse::<u64>().ok()).map(Duration::from_nanos).expect("a number")
    };
    let start = Instant::now();
    what();
    let often = (250 / start.elapsed().as_millis().max(1)).max(1) as u32;
    let mut times: Vec<Duration> = (0..rounds)
        .map(|_| {
            let before = ticks();
            (0..often).for_each(|_| what());
            (ticks() - before) / often
        })
        .collect();
    times.sort();
    times[rounds / 2]
}

fn json_of(node: Node<'_>) -> Value {
    let value = |v: Kdl<'_>| v.as_str().map(Value::from).or(v.as_i64().map(Value::from)).unwrap_or(Value::Null);
    let mut object = Map::new();
    object.insert("node".to_string(), node.name().into());
    object.insert("args".to_string(), node.args().map(value).collect());
    object.extend(node.props().map(|p| (p.key().to_string(), value(p.value()))));
    if node.has_block() {
        object.insert("children".to_string(), node.children().map(json_of).collect());
    }
    Value::Object(object)
}
