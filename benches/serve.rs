//! What a server takes: signed webhooks until they are durable, and pages and answers over a long journal. Starts the program
//! itself, as people do. `cargo bench --bench serve`; RUNS, HOOKS and CLIENTS say how much.

#![allow(missing_docs, clippy::print_stdout, reason = "it prints what it measured")]

use hmac::{Hmac, KeyInit as _, Mac as _};
use lockgate::adapters::sqlite::Sqlite;
use lockgate::adapters::sqlite::register::Register;
use lockgate::digest::Digest;
use lockgate::engine::{Book, book};
use lockgate::plan::Candidate;
use lockgate::run::Event;
use lockgate::server::tokens::new_token;
use sha2::Sha256;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The program; LOCKGATE names another build.
fn lockgate() -> String {
    std::env::var("LOCKGATE").unwrap_or_else(|_| env!("CARGO_BIN_EXE_lockgate").to_string())
}
const SECRET: &str = "a secret of some length";
const PIPELINE: &str = r#"
lockgate 1
pipeline long {
    secret hook { env HOOK_SECRET }
    source app { git "./app" branch=main; trigger webhook=hook }
    source chart { helm "./chart" }
    release web {
        chart chart
        set app="{app.short}"
    }
    environment dev {
        folder "./out/dev"
        deploy web
    }
    environment staging after=dev {
        gate { approve 1 from=sre }
        folder "./out/staging"
        deploy web
    }
    environment prod after=staging {
        gate { approve 2 from=sre }
        folder "./out/prod"
        deploy web
    }
}
"#;

fn number(name: &str, unless: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(unless)
}

fn main() {
    // `cargo test --benches` only wants to know whether it starts.
    if !std::env::args().any(|a| a == "--bench") {
        return;
    }
    let (runs, hooks, clients) = (number("RUNS", 100_000), number("HOOKS", 6000), number("CLIENTS", 16));
    let folder = tempfile::tempdir().expect("a folder");
    set(folder.path());
    let began = Instant::now();
    let events = remember(&folder.path().join("state"), runs);
    println!("{runs} runs, {events} events written in {:.1} s", began.elapsed().as_secs_f64());
    let (shown, token) = new_token("viv", &[], "", 1, None).expect("a token");
    Register::open(&folder.path().join("state")).expect("a register").add_token(&token).expect("kept");
    let server = Server::start(folder.path(), shown);
    println!("ready after {:.2} s, {:.0} MiB resident", server.ready.as_secs_f64(), server.resident());
    pages(&server);
    webhooks(&server, hooks, clients, None);
    webhooks(&server, hooks.min(300 * 20), clients, Some(300));
}

/// The pipeline, and a first run of it.
fn set(folder: &Path) {
    let write = |path: &str, text: &str| {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("it is made");
        std::fs::write(path, text).expect("it is written");
    };
    write("lockgate.kdl", PIPELINE);
    write("server.kdl", "user viv\nlimits requests=1000000\n");
    write("app/file", "one\n");
    write("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    write("chart/values.yaml", "app: none\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  app: {{ .Values.app }}\n";
    write("chart/templates/c.yaml", map);
    let git = ["init -q -b main", "add -A", "-c user.name=A -c user.email=a@example.com commit -q -m one"];
    for args in git {
        let done = Command::new("git").args(args.split(' ')).current_dir(folder.join("app")).status();
        assert!(done.is_ok_and(|s| s.success()), "git {args}");
    }
    let applied = program(folder, &["apply"]).status().expect("it starts");
    assert_eq!(applied.code(), Some(3), "the first run waits at a gate");
}

fn program(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(lockgate());
    command
        .args(args)
        .args(["--state", "state"])
        .current_dir(folder)
        .env("HOOK_SECRET", SECRET)
        .env("LOCKGATE_LOG", "warn");
    command
}

/// Writes so many runs behind the first, each with the events that the first one had; every tenth is of a new candidate.
fn remember(state: &Path, runs: usize) -> u64 {
    let records = Sqlite::open_for_reading(state).and_then(|s| s.some(0, 1000)).expect("the first run");
    let first: Vec<Event> = records.iter().map(|r| book::record(r).expect("an event").event).collect();
    let journal = Sqlite::open_for_writing(state).expect("the journal");
    let mut book = Book::open(Box::new(journal)).expect("a book");
    let now = jiff::Timestamp::now().as_millisecond();
    let mut formed = Digest::default();
    let mut batch = Vec::new();
    for run in 0..runs {
        if run % 10 == 0 {
            formed = Digest::of(run.to_string());
        }
        for event in &first {
            batch.push(match event.clone() {
                Event::RunStarted { by, plan, beside, .. } => Event::RunStarted { by, candidate: formed, plan, beside },
                Event::CandidateFormed { candidate } if run % 10 == 0 => {
                    Event::CandidateFormed { candidate: Candidate { id: formed, ..candidate } }
                }
                Event::CandidateFormed { .. } => continue,
                event => event,
            });
        }
        if run % 200 == 199 || run + 1 == runs {
            let at = now - i64::try_from(runs - run).unwrap_or(0) * 60_000;
            book.say(at, 0, std::mem::take(&mut batch)).expect("it is written");
            book.keep().expect("it is kept");
        }
    }
    book.state.number
}

struct Server {
    child: Child,
    address: String,
    token: String,
    ready: Duration,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(folder: &Path, token: String) -> Server {
        let began = Instant::now();
        let args = ["serve", "--listen", "127.0.0.1:0", "--config", "server.kdl"];
        let mut child = program(folder, &args).stdout(Stdio::piped()).spawn().expect("it starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("an output")).read_line(&mut line).expect("a line");
        let address = line.trim().strip_prefix("listening on http://").expect("an address").to_string();
        let mut server = Server { child, address, token, ready: Duration::ZERO };
        while server.get("/readyz").0 != 200 {
            std::thread::sleep(Duration::from_millis(10));
        }
        server.ready = began.elapsed();
        server
    }

    /// Processor time so far.
    fn cpu(&self) -> Duration {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its numbers");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks: u64 = [fields[11], fields[12]].iter().map(|f| f.parse::<u64>().expect("a number")).sum();
        Duration::from_millis(ticks * 10)
    }

    /// Memory, in MiB.
    fn resident(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("its numbers");
        let line = status.lines().find_map(|l| l.strip_prefix("VmRSS:")).expect("a line");
        line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") / 1024.0
    }

    fn get(&self, path: &str) -> (u16, usize) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let head = format!(
            "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\naccept: text/html\r\nauthorization: Bearer {}\r\n\r\n",
            self.token
        );
        stream.write_all(head.as_bytes()).expect("it is sent");
        let mut all = Vec::new();
        stream.read_to_end(&mut all).expect("an answer");
        let status = String::from_utf8_lossy(all.get(9..12).unwrap_or_default()).parse().unwrap_or(0);
        (status, all.len())
    }
}

/// The moment below which so many of a hundred are.
fn percentile(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    times.get((times.len() * percent / 100).min(times.len() - 1)).map_or(0.0, |t| t.as_secs_f64() * 1000.0)
}

fn pages(server: &Server) {
    println!("| page or answer | first | p50 | p95 | CPU each | bytes |\n|---|---|---|---|---|---|");
    let middle = number("RUNS", 100_000) / 2;
    for path in [
        "/".to_string(),
        "/p/long/candidates".to_string(),
        "/p/long/gates/staging".to_string(),
        "/p/long/runs".to_string(),
        format!("/p/long/runs/{middle}"),
        "/p/long/history".to_string(),
        "/p/long/history?before=300000".to_string(),
        "/p/long/history?about=prod".to_string(),
        "/p/long/file".to_string(),
        "/api/v1/pipelines".to_string(),
        "/api/v1/pipelines/long/status".to_string(),
        "/api/v1/pipelines/long/plan".to_string(),
        "/api/v1/pipelines/long/gate/staging".to_string(),
        "/api/v1/pipelines/long/history?number=100".to_string(),
        "/api/v1/pipelines/long/history?name=prod".to_string(),
        "/api/v1/pipelines/long/deliveries".to_string(),
        "/feed/long".to_string(),
        "/badge/long/dev".to_string(),
    ] {
        let ask = || {
            let began = Instant::now();
            let (status, bytes) = server.get(&path);
            assert_eq!(status, 200, "{path}");
            (began.elapsed(), bytes)
        };
        let (first, bytes) = ask();
        let cpu = server.cpu();
        let mut times: Vec<Duration> = (0..100).map(|_| ask().0).collect();
        let cpu = (server.cpu() - cpu).as_secs_f64() * 10.0;
        let (p50, p95) = (percentile(&mut times, 50), percentile(&mut times, 95));
        println!(
            "| `{path}` | {:.0} ms | {p50:.1} ms | {p95:.1} ms | {cpu:.1} ms | {bytes} |",
            first.as_secs_f64() * 1000.0
        );
    }
}

/// Sends webhooks over connections that stay, as fast as they are answered or so many a second.
fn webhooks(server: &Server, hooks: usize, clients: usize, pace: Option<usize>) {
    let body = r#"{"ref":"refs/heads/main","after":"0000000000000000000000000000000000000000"}"#;
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("a key");
    mac.update(body.as_bytes());
    let signature: String = mac.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    let times = Mutex::new(Vec::new());
    let (began, cpu) = (Instant::now(), server.cpu());
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (times, signature) = (&times, &signature);
            scope.spawn(move || {
                let stream = TcpStream::connect(&server.address).expect("it listens");
                stream.set_nodelay(true).expect("no delay");
                let mut reader = BufReader::new(stream.try_clone().expect("the stream"));
                let mut writer = stream;
                let mut own = Vec::new();
                for n in (client..hooks).step_by(clients) {
                    // Who sends by the clock counts from when it should have been sent.
                    let due = pace.map(|pace| began + Duration::from_secs_f64(n as f64 / pace as f64));
                    if let Some(wait) = due.and_then(|d| d.checked_duration_since(Instant::now())) {
                        std::thread::sleep(wait);
                    }
                    let start = due.unwrap_or_else(Instant::now);
                    let head = format!(
                        "POST /hooks/long/app HTTP/1.1\r\nhost: x\r\nx-github-event: push\r\nx-github-delivery: {}-{n}\r\nx-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n{body}",
                        pace.unwrap_or(0),
                        body.len()
                    );
                    writer.write_all(head.as_bytes()).expect("it is sent");
                    let mut line = String::new();
                    reader.read_line(&mut line).expect("an answer");
                    assert!(line.contains(" 202 "), "{line}");
                    let mut length = 0;
                    while !line.trim().is_empty() {
                        line.clear();
                        reader.read_line(&mut line).expect("a header");
                        if let Some(n) = line.to_lowercase().strip_prefix("content-length:") {
                            length = n.trim().parse().expect("a number");
                        }
                    }
                    let mut answer = vec![0; length];
                    reader.read_exact(&mut answer).expect("a body");
                    own.push(start.elapsed());
                }
                times.lock().expect("times").extend(own);
            });
        }
    });
    let (wall, cpu) = (began.elapsed().as_secs_f64(), (server.cpu() - cpu).as_secs_f64());
    let mut times = times.into_inner().expect("times");
    let how = pace.map_or("as fast as answered".to_string(), |p| format!("{p} a second"));
    println!(
        "{hooks} webhooks of {clients} senders, {how}: {:.0}/s, p50 {:.1} ms, p99 {:.1} ms, CPU {:.2} ms each",
        hooks as f64 / wall,
        percentile(&mut times, 50),
        percentile(&mut times, 99),
        cpu * 1000.0 / hooks as f64
    );
}
