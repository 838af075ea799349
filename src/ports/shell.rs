//! Programs: what is started on this machine or in a container, and how it ended.

use super::PortError;
use super::sources::Credentials;
use crate::digest::Digest;
use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// What a program sees of our own environment unless it is told otherwise: where programs are, whose home it is,
/// the language of messages, and where temporary files go. Nothing else, so that a run is the same everywhere.
pub const INHERITED: [&str; 4] = ["PATH", "HOME", "LANG", "TMPDIR"];

/// A program to start: an argument vector, never a line for a shell.
#[derive(Clone, PartialEq, Eq)]
pub struct Program {
    /// The program and its arguments. A name without `/` is looked for in `PATH`; one with `/` counts from `cwd`.
    pub argv: Vec<String>,
    /// The absolute path of the working folder.
    pub cwd: PathBuf,
    /// The variables of our own environment that it sees.
    pub inherit: Vec<String>,
    /// Its other variables; they win over inherited ones.
    pub env: Vec<(String, String)>,
    /// How long it may run; nothing: for ever.
    pub timeout: Option<Duration>,
    /// The file that takes what it prints. It is made when there is something to write, and replaced if it exists.
    pub log: PathBuf,
    /// Texts that must not be seen in the log or the tail, in any encoding.
    pub redact: Vec<String>,
    /// The container it runs in; a process of this machine without one.
    pub container: Option<Box<Container>>,
    /// What it is started for, where it counts after a crash whether it began.
    pub mark: Option<Mark>,
}

/// What a program is started for. The shell notes it right before the program begins, so that it is known after a crash of
/// this process which of the programs that were queued have begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The run.
    pub run: RunMark,
    /// The step.
    pub step: Arc<str>,
    /// The attempt, from 1.
    pub attempt: u32,
}

/// A run, so that it is no other's: another history of the same state may have a run of the same number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RunMark {
    /// Its number.
    pub number: u64,
    /// When it began, in milliseconds since 1970.
    pub since: i64,
}

/// The programs of a run that have begun, by step and attempt.
pub type Begun = HashSet<(Arc<str>, u32)>;

/// A container that a program runs in. Nothing of this machine is mounted there, since it may be on another one: files are
/// copied in before the program starts, and those that it was to make are copied out when it has succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The image: a reference of a registry, or `…@sha256:…` of one that is in our store.
    pub image: String,
    /// What the registry lets us in with; nothing: what this machine knows.
    pub credentials: Option<Credentials>,
    /// Where layers of an image of ours may be had that are not in the store: those of its bases.
    pub from: Vec<super::images::Repository>,
    /// What names the container: the same for the same step of the same state folder. Where one of that key runs, or ran
    /// and was not forgotten, its end is the end of the program, and nothing is started.
    pub key: Digest,
    /// The attempt, from 1. A container of an earlier one is no longer asked.
    pub attempt: u32,
    /// The folder whose files it sees. `cwd` is this folder or one below.
    pub root: PathBuf,
    /// Whether it does not see what git ignores there: where people work in the folder.
    pub ignore: bool,
    /// The files that it is to make, as paths from `cwd`; copied back to there.
    pub outputs: Vec<String>,
    /// The file of this machine that takes the lines it tells. The program finds the path of its own one in
    /// `LOCKGATE_OUTPUT`.
    pub told: Option<PathBuf>,
    /// The cluster in which it runs as a Job; a container of an engine without one.
    pub job: Option<JobPlace>,
}

/// Where a Job is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobPlace {
    /// The context of the kubeconfig.
    pub context: String,
    /// The namespace; nothing: the one of the context.
    pub namespace: Option<String>,
}

impl Program {
    /// A program with the default environment and no bound on its time.
    pub fn new(argv: Vec<String>, cwd: impl Into<PathBuf>, log: impl Into<PathBuf>) -> Program {
        Program {
            argv,
            cwd: cwd.into(),
            inherit: INHERITED.map(String::from).to_vec(),
            env: Vec::new(),
            timeout: None,
            log: log.into(),
            redact: Vec::new(),
            container: None,
            mark: None,
        }
    }
}

/// Names the variables and leaves out their values, which may be secrets.
impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program")
            .field("argv", &self.argv)
            .field("cwd", &self.cwd)
            .field("env", &self.env.iter().map(|(name, _)| name).collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .field("log", &self.log)
            .field("container", &self.container)
            .field("mark", &self.mark)
            .finish_non_exhaustive()
    }
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It returned that code.
    Code(i32),
    /// It died of that signal, which was not ours.
    Signal(i32),
    /// It ran longer than it may and was stopped.
    TimedOut,
    /// It was stopped because someone asked.
    Cancelled,
}

/// The end of a program, and what it left behind.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Exit {
    /// How it ended.
    pub status: Status,
    /// The length of the log file; without output there is no file.
    pub log_len: u64,
    /// The digest of the log file. Length and digest together are the log's end marker.
    pub log_digest: Digest,
    /// Why the log or what was to be copied out of a container is not whole, if it isn't: the disk is full, or the program
    /// could not be watched to its end. A step without its log has not succeeded.
    pub log_fault: Option<PortError>,
    /// The last bytes of the output, at most [`TAIL`] of them, without secrets.
    pub tail: Vec<u8>,
    /// How long it took.
    pub duration: Duration,
}

/// How much of a program's output is handed back with its end: enough for a screen, small enough for a journal.
pub const TAIL: usize = 8 * 1024;

impl Exit {
    /// Whether it returned 0 and its log is whole.
    pub fn success(&self) -> bool {
        self.status == Status::Code(0) && self.log_fault.is_none()
    }
}

/// The number under which a program can be cancelled: any that whoever submits it doesn't use twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Takes the end of a program. It is called once, on a thread of the shell's or on that of who cancels, and should hand
/// over and return. An error means that nothing ran: the program could not be started, or, with [`Cancelled`], it was
/// taken back before it began.
///
/// [`Cancelled`]: super::Fault::Cancelled
pub type Done = Box<dyn FnOnce(Result<Exit, PortError>) + Send>;

/// The window to programs: those of this machine, or those in containers of one kind.
pub trait Shell: Send + Sync {
    /// Queues a program and returns at once. `done` gets an error if it could not be started.
    fn submit(&self, ticket: Ticket, program: Program, done: Done);

    /// Stops the program of that ticket, running or queued; its `done` is still called, with
    /// [`Status::Cancelled`] if it had begun. Nothing happens when it has ended.
    fn cancel(&self, ticket: Ticket);

    /// Takes the programs of a run back that are still queued; the `done` of each is called with an error, since nothing of it
    /// ran. What has begun goes on.
    fn recall(&self, run: u64) {
        let _ = run;
    }

    /// Which programs of a run have begun, of all that a process before this one had queued when it was killed; nothing where
    /// that is not known for certain.
    fn begun(&self, run: RunMark) -> Option<Begun> {
        let _ = run;
        None
    }

    /// No run goes on any more: nobody will ask which programs have begun.
    fn all_over(&self) {}

    /// The end of the container of that key is written down: nobody will ask for it again. Returns at once.
    fn forget(&self, key: Digest) {
        let _ = key;
    }
}
