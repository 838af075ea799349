use super::*;
use crate::digest::Digest;
use crate::ports::shell::{Exit, Mark, Status};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// A folder to work in, and a pool of one thread.
struct Bench {
    // Dropped first: programs end before their folder does.
    pool: Pool,
    dir: tempfile::TempDir,
}

type Ended = Receiver<Result<Exit, PortError>>;

impl Bench {
    fn new() -> Bench {
        Bench { dir: tempfile::tempdir().expect("a folder"), pool: Pool::new(1) }
    }

    fn program(&self, argv: &[&str]) -> Program {
        let argv = argv.iter().map(|word| word.to_string()).collect();
        Program::new(argv, self.dir.path(), self.log())
    }

    fn log(&self) -> std::path::PathBuf {
        self.dir.path().join("logs/step.log")
    }

    fn start(&self, ticket: u64, program: Program) -> Ended {
        let (send, ended) = channel();
        self.pool.submit(Ticket(ticket), program, Box::new(move |result| send.send(result).expect("a listener")));
        ended
    }

    fn run(&self, program: Program) -> Result<Exit, PortError> {
        self.start(1, program).recv_timeout(Duration::from_secs(20)).expect("an end")
    }

    fn sh(&self, line: &str) -> Exit {
        self.run(self.program(&["sh", "-c", line])).expect("it runs")
    }

    /// Writes a program into the folder.
    fn script(&self, name: &str, text: &str, mode: u32) {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).expect("a mode");
    }

    fn error(&self, argv: &[&str]) -> PortError {
        self.run(self.program(argv)).expect_err("it cannot be started")
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn tells_how_a_program_ended() {
    let bench = Bench::new();
    assert!(bench.sh("exit 0").success());
    assert_eq!(bench.sh("exit 7").status, Status::Code(7));
    assert_eq!(bench.sh("kill -KILL $$").status, Status::Signal(9));
}

#[test]
fn the_log_is_what_was_printed() {
    let bench = Bench::new();
    let exit = bench.sh("echo out; echo err >&2; echo more");
    let log = std::fs::read(bench.log()).expect("a log");
    assert_eq!(text(&log), "out\nerr\nmore\n");
    assert_eq!((exit.log_len, exit.log_digest, exit.tail.as_slice()), (13, Digest::of(&log), log.as_slice()));
    bench.sh("echo again");
    assert_eq!(std::fs::read(bench.log()).expect("a log"), b"again\n", "another attempt begins anew");
}

#[test]
fn silence_makes_no_log() {
    let bench = Bench::new();
    let exit = bench.sh("true");
    assert_eq!((exit.log_len, exit.log_digest), (0, Digest::of("")));
    assert!(!bench.log().exists());
}

#[test]
fn a_long_log_keeps_its_beginning_and_its_end() {
    let bench = Bench::new();
    let exit = bench.sh("echo first; head -c 70000000 /dev/zero; echo; echo last");
    let log = std::fs::read(bench.log()).expect("a log");
    assert_eq!((exit.log_len, exit.log_digest), (log.len() as u64, Digest::of(&log)));
    assert!(log.len() < 65 << 20 && log.starts_with(b"first\n") && log.ends_with(b"\0\nlast\n"));
    let marks = memchr::memmem::find_iter(&log, b" bytes of output are left out here]").count();
    assert_eq!((marks, exit.tail.len()), (1, crate::ports::shell::TAIL));
}

#[test]
fn a_log_that_cannot_be_written_is_no_success() {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("logs"), "in the way").expect("a file");
    let exit = bench.sh("echo x");
    assert_eq!(exit.status, Status::Code(0));
    assert!(!exit.success());
    assert!(exit.log_fault.is_some_and(|fault| fault.message.contains("cannot be written")));
    assert_eq!(exit.tail, b"x\n", "what is known is told");
}

#[test]
fn secrets_stay_out_of_log_and_tail() {
    let bench = Bench::new();
    let line = "printf 'a hun'; sleep 0.05; printf 'ter2 b\\n'; printf hunter2 | base64";
    let program = Program { redact: vec!["hunter2".into()], ..bench.program(&["sh", "-c", line]) };
    let exit = bench.run(program).expect("it runs");
    assert_eq!(text(&exit.tail), "a *** b\n***\n");
    assert_eq!(std::fs::read(bench.log()).expect("a log"), exit.tail);
    let shown = format!("{:?}", Program { env: vec![("TOKEN".into(), "hunter2".into())], ..bench.program(&["x"]) });
    assert!(shown.contains("TOKEN") && !shown.contains("hunter2"), "{shown}");
}

#[test]
fn the_environment_is_what_was_said() {
    let bench = Bench::new();
    let mut program = bench.program(&["env"]);
    program.inherit = vec!["PATH".into(), "SURELY_NOT_SET".into()];
    program.env = vec![("GREETING".into(), "hello=you".into())];
    let exit = bench.run(program).expect("it runs");
    let path = std::env::var("PATH").expect("a path");
    assert_eq!(text(&exit.tail), format!("GREETING=hello=you\nPATH={path}\n"));
    let program = Program { env: vec![("A=B".into(), "".into())], ..bench.program(&["env"]) };
    assert_eq!(bench.run(program).expect_err("no name").fault, Fault::Invalid);
}

#[test]
fn input_is_empty_and_the_folder_is_what_was_said() {
    let bench = Bench::new();
    let exit = bench.sh("cat; pwd -P");
    let dir = bench.dir.path().canonicalize().expect("a path");
    assert_eq!(text(&exit.tail), format!("{}\n", dir.display()));
}

#[test]
fn what_takes_too_long_is_stopped_with_all_it_started() {
    let bench = Bench::new();
    let begin = Instant::now();
    let line = "echo begin; sleep 60 & sleep 60";
    let program = Program { timeout: Some(Duration::from_millis(200)), ..bench.program(&["sh", "-c", line]) };
    let exit = bench.run(program).expect("it runs");
    assert_eq!((exit.status, text(&exit.tail).as_str()), (Status::TimedOut, "begin\n"));
    assert!(begin.elapsed() < Duration::from_secs(5), "the sleeping helper has the pipe, and was stopped too");
}

#[test]
fn what_does_not_listen_is_killed() {
    let bench = Bench::new();
    let line = "trap '' TERM; echo deaf; while :; do sleep 0.05; done";
    let program = Program { timeout: Some(Duration::from_millis(200)), ..bench.program(&["sh", "-c", line]) };
    let exit = bench.run(program).expect("it runs");
    assert_eq!(exit.status, Status::TimedOut);
    assert!(exit.duration >= Duration::from_millis(500), "it had its time to end well: {:?}", exit.duration);
}

#[test]
fn what_is_stopped_may_say_a_last_word() {
    let bench = Bench::new();
    let line = "trap 'sleep 0.1; echo bye; exit 3' TERM; echo up; while :; do sleep 0.01; done";
    let program = Program { timeout: Some(Duration::from_millis(200)), ..bench.program(&["sh", "-c", line]) };
    let exit = bench.run(program).expect("it runs");
    assert_eq!(exit.status, Status::TimedOut);
    assert!(exit.tail.starts_with(b"up\n") && exit.tail.ends_with(b"bye\n"), "{}", text(&exit.tail));
}

#[test]
fn cancelling_reaches_the_running_and_the_queued() {
    let bench = Bench::new();
    let running = bench.start(1, bench.program(&["sleep", "60"]));
    let queued = bench.start(2, bench.program(&["sh", "-c", "echo ran"]));
    let after = bench.start(3, bench.program(&["sh", "-c", "echo ran"]));
    bench.pool.cancel(Ticket(2));
    bench.pool.cancel(Ticket(99));
    assert!(is_stopped(&queued));
    let end = |ended: Ended| ended.recv_timeout(Duration::from_secs(10)).expect("an end").expect("it runs");
    // Whether it has begun by now or not, cancelling ends it.
    bench.pool.cancel(Ticket(1));
    assert!(is_stopped(&running));
    assert_eq!(end(after).status, Status::Code(0), "the next one is not meant");
    bench.pool.cancel(Ticket(3));
}

#[test]
fn closing_stops_everything() {
    let bench = Bench::new();
    let running = bench.start(1, bench.program(&["sleep", "60"]));
    let queued = bench.start(2, bench.program(&["sleep", "60"]));
    drop(bench);
    for ended in [running, queued] {
        assert!(is_stopped(&ended));
    }
}

/// Whether it was stopped, or taken back before it began.
fn is_stopped(ended: &Ended) -> bool {
    match ended.recv_timeout(Duration::from_secs(10)).expect("an end") {
        Ok(exit) => exit.status == Status::Cancelled,
        Err(error) => error.fault == Fault::Cancelled,
    }
}

/// A program of a run.
fn of(run: u64, program: Program) -> Program {
    let run = RunMark { number: run, since: 1000 };
    Program { mark: Some(Mark { run, step: "task.a".into(), attempt: 2 }), ..program }
}

#[test]
fn what_is_taken_back_never_begins_and_what_has_begun_goes_on() {
    let bench = Bench::new();
    let line = "touch runs; while ! [ -e go ]; do sleep 0.01; done";
    let running = bench.start(1, of(7, bench.program(&["sh", "-c", line])));
    let queued = bench.start(2, of(7, bench.program(&["touch", "queued"])));
    let another = bench.start(3, of(8, bench.program(&["touch", "another"])));
    while !bench.dir.path().join("runs").exists() {
        std::thread::yield_now();
    }
    bench.pool.recall(7);
    let error = queued.recv_timeout(Duration::from_secs(10)).expect("an end").expect_err("it never began");
    assert_eq!(error.fault, Fault::Cancelled);
    std::fs::write(bench.dir.path().join("go"), "").expect("a file");
    for ended in [running, another] {
        let exit = ended.recv_timeout(Duration::from_secs(10)).expect("an end").expect("it runs");
        assert_eq!(exit.status, Status::Code(0));
    }
    assert!(!bench.dir.path().join("queued").exists());
    assert!(bench.dir.path().join("another").exists(), "one of another run");
}

#[test]
fn what_begins_is_noted_before_it_does() {
    let bench = Bench::new();
    let notes = bench.dir.path().join("begun");
    let bench = Bench { pool: Pool::noting(1, notes.clone()), ..bench };
    let exit = bench.run(of(7, bench.program(&["cat", "begun"]))).expect("it runs");
    assert!(text(&exit.tail).ends_with("run 7 1000\n7 2 task.a\n"), "{}", text(&exit.tail));
    let run = RunMark { number: 7, since: 1000 };
    let next = Pool::noting(1, notes.clone());
    assert_eq!(next.begun(run), Some([("task.a".into(), 2)].into_iter().collect()));
    next.all_over();
    assert!(notes.exists(), "it has begun nothing");
    bench.pool.all_over();
    assert!(!notes.exists());
}

#[test]
fn a_daemon_that_keeps_the_output_open_does_not_hold_us() {
    let bench = Bench::new();
    let begin = Instant::now();
    let exit = bench.sh("sleep 5 & echo ready");
    assert_eq!((exit.status, text(&exit.tail).as_str()), (Status::Code(0), "ready\n"));
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
}

#[test]
fn an_output_that_is_closed_early_is_no_end() {
    let bench = Bench::new();
    let exit = bench.sh("echo x; exec >&- 2>&-; sleep 0.2; exit 4");
    assert_eq!(exit.status, Status::Code(4));
    assert!(exit.duration >= Duration::from_millis(200));
}

#[test]
fn a_program_that_is_not_there_is_named_with_a_guess() {
    let bench = Bench::new();
    let error = bench.error(&["surely-not-there-xyz"]);
    assert_eq!(error.fault, Fault::NotFound);
    assert_eq!(error.message, "there is no program `surely-not-there-xyz` in `PATH`");
    bench.script("deploy-it", "#!/bin/sh\n", 0o755);
    let help = bench.error(&["deploy-it"]).help.expect("help");
    assert!(help.contains("did you mean `./deploy-it`?"), "{help}");
    let help = bench.error(&["ehco", "x"]).help.expect("help");
    assert_eq!(help, "did you mean `echo`?");
    let help = bench.error(&["echo hello"]).help.expect("help");
    assert!(help.contains("each argument as a word of its own"), "{help}");
    let error = bench.error(&["./nowhere.sh"]);
    assert!(error.message.starts_with("there is no program `./nowhere.sh` in `"), "{error}");
    let program = Program { inherit: vec![], ..bench.program(&["true"]) };
    assert!(bench.run(program).expect_err("no path").message.contains("`PATH` is not set"));
    assert_eq!(bench.run(bench.program(&[])).expect_err("nothing").fault, Fault::Invalid);
    assert_eq!(bench.error(&["echo", "a\0b"]).fault, Fault::Invalid);
}

#[test]
fn a_program_that_cannot_be_started_says_why() {
    let bench = Bench::new();
    bench.script("plain.sh", "#!/bin/sh\n", 0o644);
    bench.script("bare", "echo hello\n", 0o755);
    bench.script("windows.sh", "#!/bin/sh\r\necho\r\n", 0o755);
    bench.script("strange", "#!/no/such/interpreter -x\n", 0o755);
    bench.script("binary", "\x7fELF\0\0\0", 0o755);
    std::fs::create_dir(bench.dir.path().join("folder")).expect("a folder");
    for (name, message, help) in [
        ("./plain.sh", "`./plain.sh` is not executable", Some("chmod +x ./plain.sh")),
        ("./bare", "has no `#!` line", Some("#!/bin/sh")),
        ("./windows.sh", "wants to be run by `/bin/sh`", Some("as Windows ends them")),
        ("./strange", "wants to be run by `/no/such/interpreter -x`", None),
        ("./binary", "is not a program for this machine's processor", None),
        ("./folder", "is a folder and not a program", None),
    ] {
        let error = bench.error(&[name]);
        assert!(error.message.contains(message), "{name}: {error}");
        assert_eq!(
            help.map(|help| error.help.as_deref().is_some_and(|it| it.contains(help))),
            help.map(|_| true),
            "{name}"
        );
    }
    let elsewhere = |cwd: &Path| Program { cwd: cwd.into(), ..bench.program(&["true"]) };
    let error = bench.run(elsewhere(&bench.dir.path().join("nowhere"))).expect_err("no folder");
    assert!(error.message.ends_with("nowhere` does not exist"), "{error}");
    let error = bench.run(elsewhere(&bench.dir.path().join("bare"))).expect_err("no folder");
    assert!(error.message.ends_with("bare` is not a folder"), "{error}");
}

#[test]
fn many_programs_on_several_threads_all_end_once() {
    let pool = Pool::new(4);
    let dir = tempfile::tempdir().expect("a folder");
    let (send, ended) = channel();
    for n in 0..200 {
        let program = Program::new(
            vec!["sh".into(), "-c".into(), format!("echo {n}")],
            dir.path(),
            dir.path().join(n.to_string()),
        );
        let send = send.clone();
        pool.submit(Ticket(n), program, Box::new(move |result| send.send((n, result)).expect("a listener")));
    }
    drop(send);
    let mut seen: Vec<u64> = ended
        .iter()
        .map(|(n, result)| (n, text(&result.expect("it runs").tail)))
        .map(|(n, tail)| {
            assert_eq!(tail, format!("{n}\n"));
            n
        })
        .collect();
    seen.sort_unstable();
    assert_eq!(seen, (0..200).collect::<Vec<_>>());
}

#[test]
fn a_program_is_started_where_few_files_are_open() {
    match apart::begin() {
        Err(why) if why.kind() == std::io::ErrorKind::PermissionDenied => return println!("not shown: {why}"),
        made => made.expect("a thread"),
    }
    let bench = Bench::new();
    bench.script("held", "", 0o600);
    let _held = std::fs::File::open(bench.dir.path().join("held")).expect("a file");
    assert_eq!(bench.sh("echo here; exit 3").status, Status::Code(3));
    assert_eq!(text(&std::fs::read(bench.log()).expect("a log")), "here\n");
    let tasks = std::fs::read_dir("/proc/self/task").expect("threads").flatten().map(|task| task.path());
    let is_it = |task: &std::path::PathBuf| std::fs::read(task.join("comm")).is_ok_and(|name| name == b"programs\n");
    let starter = tasks.into_iter().find(is_it).expect("the thread");
    let open = std::fs::read_dir(starter.join("fd")).expect("its files").flatten();
    let held: Vec<_> = open.filter_map(|file| std::fs::read_link(file.path()).ok()).collect();
    assert!(!held.iter().any(|path| path.ends_with("held")), "{held:?}");
}
