//! What a server costs that has much to keep, and how soon it does what it is asked. Not a part of the tests, since it takes
//! minutes; docs/performance.md has what came out. `LOCKGATE_MEASURED` names another program than the one under test:
//! `cargo test --test it measured -- --ignored --nocapture --test-threads 1`.

use super::http::send;
use crate::lab::{Lab, PROGRAM, wait_for};
use lockgate::app::{Session, Settings};
use lockgate::digest::Digest;
use lockgate::plan::Candidate;
use lockgate::plan::memory::Has;
use lockgate::ports::sources::Version;
use lockgate::run::{Event, RunOutcome};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A number that can be said otherwise.
fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|n| n.parse().ok()).unwrap_or(otherwise)
}

/// A server that is measured.
struct Measured {
    child: Child,
    address: String,
    token: String,
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Measured {
    /// Starts it on what is in a laboratory, and waits until it listens.
    fn start(lab: &Lab, env: &[(&str, &str)]) -> Measured {
        let program = std::env::var("LOCKGATE_MEASURED").unwrap_or_else(|_| PROGRAM.to_string());
        let mut command = Command::new(program);
        command.args(["serve", "--listen", "127.0.0.1:0", "--state", "state"]).current_dir(lab.path());
        command.args(pipelines(lab)).envs(env.iter().copied()).env("LOCKGATE_LOG", "error");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().expect("the server starts");
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        let mut line = || {
            let mut line = String::new();
            out.read_line(&mut line).expect("a line");
            line.trim().to_string()
        };
        let address = line().strip_prefix("listening on http://").expect("an address").to_string();
        let token = line().split_once('#').expect("a token").1.to_string();
        Measured { child, address, token }
    }

    fn get(&self, path: &str) -> serde_json::Value {
        let bearer = format!("Bearer {}", self.token);
        send(&self.address, "GET", path, &[("authorization", &bearer)], b"").json()
    }

    /// Waits until every pipeline was looked at and nothing runs.
    fn rests(&self) {
        let all = || self.get("/api/v1/pipelines")["pipelines"].as_array().cloned().unwrap_or_default();
        let rest = |p: &serde_json::Value| p["ready"] == true && p["running"] == false;
        wait_for("everything to come to rest", || all().iter().all(rest));
    }

    /// Resident memory in MiB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("it runs");
        let line = status.lines().find(|l| l.starts_with("VmRSS")).expect("its size");
        line.split_whitespace().nth(1).and_then(|n| n.parse::<f64>().ok()).expect("a number") / 1024.0
    }

    fn threads(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/task", self.child.id())).map_or(0, Iterator::count)
    }

    /// Seconds of CPU that it has used.
    fn cpu(&self) -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("it runs");
        let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
        let ticks: f64 = fields[11..13].iter().filter_map(|n| n.parse::<f64>().ok()).sum();
        ticks / 100.0
    }

    /// How much of one core it uses over so many seconds, in percent.
    fn idle(&self, seconds: u64) -> f64 {
        let before = self.cpu();
        std::thread::sleep(Duration::from_secs(seconds));
        (self.cpu() - before) * 100.0 / seconds as f64
    }
}

/// The pipelines of a laboratory: folders with names that are numbers.
fn pipelines(lab: &Lab) -> Vec<String> {
    let all = std::fs::read_dir(lab.path()).expect("a folder").filter_map(Result::ok);
    let names = all.filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<String> = names.filter(|n| n.parse::<u32>().is_ok()).collect();
    names.sort_unstable();
    names
}

fn open(lab: &Lab, name: &str, state: &str) -> Session {
    let settings = Settings { path: Some(lab.at(name)), state: Some(lab.at(state)), ..Settings::default() };
    Session::open(&settings).unwrap_or_else(|f| panic!("{:?}", f.diagnostics))
}

/// A repository with so many commits, and their names.
fn commits(lab: &Lab, count: usize) -> Vec<String> {
    lab.write("repository/values.yaml", "replicas: 0\n");
    lab.commit("repository", "first");
    let mut stream = String::new();
    for n in 1..=count {
        let values = format!("replicas: {n}\n");
        stream += "commit refs/heads/many\ncommitter dev <dev@example.com> 1 +0000\ndata 4\nmore\n";
        stream += &format!("M 100644 inline values.yaml\ndata {}\n{values}\n", values.len());
    }
    lab.write("stream", &stream);
    let input = std::fs::File::open(lab.at("stream")).expect("the stream");
    let mut git = Command::new("git");
    git.arg("-C").arg(lab.at("repository")).args(["fast-import", "--quiet"]).stdin(input);
    assert!(git.status().expect("git").success());
    let all = lab.git("repository", &["rev-list", "--reverse", "many"]);
    all.lines().map(str::to_string).collect()
}

/// A pipeline whose second environment has a gate that queues.
fn queueing(name: &str, url: &str) -> String {
    format!(
        "lockgate 1\npipeline p{name} {{\n    source app {{ git \"{url}\" branch=many }}\n    source chart {{ helm \"./chart\" }}\n    \
         release web {{ chart chart; values app \"values.yaml\" }}\n    environment dev {{ folder \"./out/dev\"; deploy web }}\n    \
         environment prod after=dev {{ gate {{ approve 1 from=sre; queue }}; folder \"./out/prod\"; deploy web }}\n}}\n"
    )
}

fn write_chart(lab: &Lab, name: &str) {
    lab.write(&format!("{name}/chart/Chart.yaml"), "apiVersion: v2\nname: web\nversion: 1.0.0\n");
    lab.write(&format!("{name}/chart/values.yaml"), "replicas: 0\n");
    let map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\ndata:\n  r: {{ .Values.replicas | quote }}\n";
    lab.write(&format!("{name}/chart/templates/map.yaml"), map);
}

/// Writes runs of before into a pipeline's journal, each of which left a candidate in the queue of a gate.
fn park(session: &Session, commits: &[String]) {
    let chart = session.head("chart", &BTreeMap::new()).expect("a chart").version;
    let mut book = session.write().unwrap_or_else(|f| panic!("{:?}", f.diagnostics));
    for (n, id) in commits.iter().enumerate() {
        let app = Version { content: Digest::of(id), id: id.clone(), name: None };
        let versions = BTreeMap::from([("app".to_string(), app), ("chart".to_string(), chart.clone())]);
        let candidate = Candidate::new(session.loaded.digest, versions);
        let id = candidate.id;
        let has = Has {
            candidate: id,
            substance: Digest::of(n.to_le_bytes()),
            bundles: BTreeMap::new(),
            deploys: BTreeMap::new(),
            verified: Vec::new(),
            since: n as i64,
        };
        let run = n as u64 + 1;
        let events = vec![
            Event::RunStarted { by: "lockgate".into(), candidate: id, plan: Digest::of(id.hex()), beside: Vec::new() },
            Event::CandidateFormed { candidate },
            Event::HasCandidate { environment: "dev".into(), has },
            Event::Queued { environment: "prod".into(), candidate: id },
            Event::RunFinished { outcome: RunOutcome::Waiting },
        ];
        book.say(n as i64, run, events).expect("written");
    }
    book.keep().expect("a snapshot");
}

#[test]
#[ignore = "measures"]
fn parked() {
    let (several, each) = (number("PIPELINES", 10), number("CANDIDATES", 1000));
    let lab = Lab::with(&[]);
    let commits = commits(&lab, each);
    let url = format!("file://{}", lab.at("repository").display());
    for n in 0..several {
        let name = format!("{n:04}");
        write_chart(&lab, &name);
        lab.write(&format!("{name}/lockgate.kdl"), &queueing(&name, &url));
        park(&open(&lab, &name, &format!("state/p{name}")), &commits);
    }
    let began = Instant::now();
    let server = Measured::start(&lab, &[]);
    server.rests();
    let up = began.elapsed();
    println!("{several} pipelines with {each} candidates at a gate each: up after {up:?}, {:.0} MiB", server.memory());
    println!("at rest: {:.2} % of a core, {:.0} MiB", server.idle(30), server.memory());
    let asked = Instant::now();
    for name in pipelines(&lab).iter().take(10) {
        let path = format!("/p/p{name}");
        let bearer = format!("Bearer {}", server.token);
        assert_eq!(send(&server.address, "GET", &path, &[("authorization", &bearer)], b"").status, 200);
    }
    println!("ten boards: {:?}; then {:.0} MiB", asked.elapsed(), server.memory());
}

#[test]
#[ignore = "measures"]
fn polled() {
    let (several, each) = (number("PIPELINES", 10), number("SOURCES", 100));
    let lab = Lab::with(&[]);
    lab.write("repository/a", "a\n");
    lab.commit("repository", "one");
    let url = format!("file://{}", lab.at("repository").display());
    for n in 0..several {
        let mut text = format!("lockgate 1\npipeline p{n:04} {{\n");
        for s in 0..each {
            text += &format!("    source s{s} {{ git \"{url}\" branch=main; trigger poll=\"1m\" }}\n");
        }
        let inputs: String = (0..each).map(|s| format!("input s{s} \"**\"; ")).collect();
        text += &format!("    task look {{ {inputs}shell \"true\" }}\n}}\n");
        lab.write(&format!("{n:04}/lockgate.kdl"), &text);
    }
    let server = Measured::start(&lab, &[]);
    server.rests();
    println!("{several} × {each} sources are looked at once: {:.1} s of CPU, {:.0} MiB", server.cpu(), server.memory());
    println!("each polled every minute: {:.2} % of a core, {:.0} MiB", server.idle(120), server.memory());
}

#[test]
#[ignore = "measures"]
fn pushed() {
    let rounds = number("ROUNDS", 20);
    let lab = Lab::with(&[]);
    lab.write("repository/Dockerfile", "FROM scratch\nCOPY a /\n");
    lab.write("repository/a", "0\n");
    lab.commit("repository", "one");
    let url = format!("file://{}", lab.at("repository").display());
    lab.write(
        "0000/lockgate.kdl",
        &format!(
            "lockgate 1\npipeline p0000 {{\n    secret hook {{ env HOOK }}\n    source app {{ git \"{url}\" branch=main; trigger webhook=hook }}\n    \
             build image {{ context app; push \"./out\" tag=\"{{app.short}}\" }}\n}}\n"
        ),
    );
    let server = Measured::start(&lab, &[("HOOK", "pretty-secret")]);
    server.rests();
    let mut all = Vec::new();
    for round in 1..=rounds {
        lab.write("repository/a", &format!("{round}\n"));
        lab.commit("repository", "more");
        let before = jiff::Timestamp::now().as_millisecond();
        let headers = [("authorization", "Bearer pretty-secret"), ("content-type", "application/json")];
        send(&server.address, "POST", "/hooks/p0000/app", &headers, format!("{{\"n\": {round}}}").as_bytes()).is(202);
        server_started(&server, round + 1);
        all.push(last_start(&lab) - before);
    }
    all.sort_unstable();
    println!("from a webhook to the started build: median {} ms, worst {} ms", all[all.len() / 2], all[all.len() - 1]);
}

/// The programs of this machine that have that argument.
fn programs(argument: &str) -> Vec<rustix::process::Pid> {
    let all = std::fs::read_dir("/proc").expect("processes").filter_map(Result::ok);
    let numbers = all.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    let has = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.split(|b| *b == 0).collect::<Vec<_>>() == [b"sleep", argument.as_bytes(), b""]
    };
    numbers.filter(has).filter_map(rustix::process::Pid::from_raw).collect()
}

/// Ends the programs that a killed server has left.
fn end_all(argument: &str) {
    for pid in programs(argument) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
    }
    wait_for("their end", || programs(argument).is_empty());
}

#[test]
#[ignore = "measures"]
fn resumed() {
    let several = number("PIPELINES", 1000);
    let lab = Lab::with(&[("started", "")]);
    // Nobody else sleeps for exactly that long.
    let seconds = format!("{}.25", 90_000 + std::process::id());
    // Each program writes a letter when it runs. To ask the server, or the system for its processes, would be work of its own.
    let program = format!("printf x >>{}; exec sleep {seconds}", lab.at("started").display());
    for n in 0..several {
        let name = format!("{n:04}");
        lab.write(&format!("{name}/in/file"), &name);
        lab.write(
            &format!("{name}/lockgate.kdl"),
            &format!(
                "lockgate 1\npipeline p{name} {{\n    source files {{ folder \"./in\" }}\n    \
                 task wait {{ input files \"**\"; shell \"{program}\"; on-unknown retry }}\n}}\n"
            ),
        );
    }
    let under_way = |number: usize| {
        let began = Instant::now();
        let started = || std::fs::metadata(lab.at("started")).map_or(0, |m| m.len());
        while started() < number as u64 {
            assert!(began.elapsed() < Duration::from_secs(600), "{} of {number}", started());
            std::thread::sleep(Duration::from_millis(5));
        }
    };
    let server = Measured::start(&lab, &[]);
    under_way(several);
    println!("{several} runs under way: {:.0} MiB, {} threads", server.memory(), server.threads());
    drop(server);
    end_all(&seconds);
    let began = Instant::now();
    let server = Measured::start(&lab, &[]);
    let listens = began.elapsed();
    under_way(2 * several);
    let again = began.elapsed();
    println!("killed and started again: answers after {listens:?}, all programs run after {again:?}");
    println!("{:.1} s of CPU, {:.0} MiB, {} threads", server.cpu(), server.memory(), server.threads());
    assert_eq!(programs(&seconds).len(), several, "one for each");
    let known = |p: &serde_json::Value| p["running"] == true;
    let all = server.get("/api/v1/pipelines");
    assert!(all["pipelines"].as_array().is_some_and(|all| all.len() == several && all.iter().all(known)));
    drop(server);
    end_all(&seconds);
}

fn server_started(server: &Measured, runs: usize) {
    wait_for("the build", || {
        let all = send(
            &server.address,
            "GET",
            "/api/v1/pipelines/p0000/history?number=10000",
            &[("authorization", &format!("Bearer {}", server.token))],
            b"",
        );
        all.body.lines().filter(|l| l.contains("\"event\":\"step-started\"") && l.contains("build.image")).count()
            >= runs
    });
}

/// When a build began last.
fn last_start(lab: &Lab) -> i64 {
    let session = open(lab, "0000", "state");
    let records = session.records(0).unwrap_or_else(|f| panic!("{:?}", f.diagnostics));
    let started = |e: &Event| matches!(e, Event::StepStarted { step, .. } if step.starts_with("build."));
    records.iter().rev().find(|r| started(&r.event)).map(|r| r.at).expect("a build")
}
