//! Programs: a folder to work in, the program itself, and what it leaves.

use super::pace::Pace;
use super::{World, login, may_use, observe, secret_value};
use crate::digest::{Digest, Hasher};
use crate::graph::Graph;
use crate::plan::work::{Dir, Exec};
use crate::plan::{Fields, Memory};
use crate::ports::shell::{Container, Done, Exit, JobPlace, Mark, Program, Shell, Status, Ticket};
use crate::ports::{Fault, PortError};
use crate::run::StepResult;
use crate::run::event::Log;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// A program of a step.
pub(super) struct Job {
    pub ticket: Ticket,
    /// The name of its folder: of one step at a time.
    pub name: String,
    pub exec: Exec,
    pub log: (PathBuf, String),
    /// The key of the step.
    pub key: Digest,
    /// The attempt, from 1.
    pub attempt: u32,
    /// The environment that it is of: what its secrets are bound to.
    pub environment: Option<String>,
    /// What it is started for.
    pub mark: Mark,
    /// Told how long it took.
    pub pace: Arc<Pace>,
}

/// What is there before the program starts.
struct Prepared {
    dir: PathBuf,
    lines: Option<PathBuf>,
    /// What it was given and must not tell.
    secrets: Vec<String>,
}

/// Starts the program; `report` is called once, when it has ended.
pub(super) fn start(
    world: &World,
    graph: &Graph,
    memory: &Memory,
    job: Job,
    report: Box<dyn FnOnce(StepResult) + Send>,
) {
    let ready = shell_of(world, &job.exec).and_then(|shell| Ok((shell, prepare(world, graph, memory, &job)?)));
    match ready {
        Err(error) => report(failed(&error)),
        Ok((shell, (prepared, program))) => {
            let (world, ticket) = (world.clone(), job.ticket);
            let done: Done = Box::new(move |exit| report(ended(&world, &job, &prepared, exit)));
            shell.submit(ticket, program, done);
        }
    }
}

/// Who runs it: this machine, an engine for containers, or a cluster.
pub(super) fn shell_of(world: &World, exec: &Exec) -> Result<Arc<dyn Shell>, PortError> {
    let none = |what: &str| PortError::new(Fault::Unavailable, format!("nothing here can run a program {what}"));
    match (&exec.cluster, &exec.image) {
        (Some(_), _) => world.jobs.clone().ok_or_else(|| none("as a Job of a cluster")),
        (None, Some(_)) => world.containers.clone().ok_or_else(|| none("in a container")),
        (None, None) => Ok(world.shell.clone()),
    }
}

/// What names the container of a step: no two state folders share one.
pub(super) fn container_key(world: &World, step: &str, key: Digest) -> Digest {
    let mut hasher = Hasher::new("container");
    hasher.field(world.store.display().to_string()).field(step).digest(key);
    hasher.finish()
}

fn prepare(world: &World, graph: &Graph, memory: &Memory, job: &Job) -> Result<(Prepared, Program), PortError> {
    let exec = &job.exec;
    let (dir, start) = match &exec.dir {
        Dir::Place { path } => (path.clone(), path.clone()),
        Dir::Empty => world.workshop.empty(&job.name).map(|d| (d.clone(), d))?,
        Dir::Files { source, version, only, start } => {
            let files = observe::open(world, graph, memory, source, version)?;
            let dir = world.workshop.files(&job.name, &*files, only)?;
            let start = super::clean(&dir.join(start));
            (dir, start)
        }
    };
    let secret = |name: &str| {
        may_use(graph, name, job.environment.as_deref())?;
        secret_value(world, graph, name)
    };
    let mut redact = Vec::new();
    let mut fill = |text: &crate::plan::Text| -> Result<String, PortError> {
        for name in text.secrets() {
            redact.push(secret(name)?);
        }
        let unknown = || PortError::new(Fault::Invalid, format!("`{text}` is not known"));
        text.fill(&|_| None, &|name| secret(name).ok()).ok_or_else(unknown)
    };
    let argv = exec.argv.iter().map(&mut fill).collect::<Result<Vec<_>, _>>()?;
    let mut env =
        exec.env.iter().map(|(name, text)| Ok((name.clone(), fill(text)?))).collect::<Result<Vec<_>, PortError>>()?;
    let lines = exec.outputs.iter().any(|o| o.path.is_none()).then(|| world.workshop.lines(&job.name)).transpose()?;
    let image = exec.image.as_ref().map(&mut fill).transpose()?;
    if image.is_none() {
        // A program in a container is told of a path there.
        env.extend(lines.iter().map(|path| ("LOCKGATE_OUTPUT".to_string(), path.display().to_string())));
    }
    for output in exec.outputs.iter().filter_map(|o| o.path.as_ref()) {
        make_folder(&start.join(output))?;
    }
    let mut program = Program::new(argv, start.clone(), job.log.0.clone());
    program.env = env;
    program.timeout = Some(Duration::from_millis(exec.timeout));
    program.redact.clone_from(&redact);
    program.mark = Some(job.mark.clone());
    if exec.env.iter().any(|(name, _)| name == "LOCKGATE_CLUSTER") {
        // Whoever is told of a cluster is told how to reach it.
        program.inherit.push("KUBECONFIG".to_string());
    }
    let place = |text: &str| super::images::repository(world, graph, text).map(|(at, _)| at);
    let from = exec.bases.iter().map(|(text, _)| place(text)).collect::<Result<Vec<_>, PortError>>()?;
    let pulled = match (&exec.pull_secret, &image) {
        (Some(name), Some(image)) => login::of(&secret(name)?, image),
        _ => None,
    };
    let known = image.as_deref().map(place).transpose()?.and_then(|at| at.credentials);
    let credentials = pulled.or(known);
    program.container = image.map(|image| {
        Box::new(Container {
            image,
            credentials,
            from,
            key: container_key(world, &job.name, job.key),
            attempt: job.attempt,
            root: dir.clone(),
            ignore: matches!(exec.dir, Dir::Place { .. }),
            outputs: exec.outputs.iter().filter_map(|o| o.path.clone()).collect(),
            told: lines.clone(),
            job: exec
                .cluster
                .clone()
                .map(|context| JobPlace { context, namespace: exec.namespace.as_deref().map(str::to_string) }),
        })
    });
    let dir = if matches!(exec.dir, Dir::Place { .. }) { PathBuf::new() } else { dir };
    Ok((Prepared { dir, lines, secrets: redact }, program))
}

/// Makes the folder of a file that is going to be written.
fn make_folder(file: &Path) -> Result<(), PortError> {
    let Some(folder) = file.parent().filter(|f| !f.is_dir()) else { return Ok(()) };
    std::fs::create_dir_all(folder)
        .map_err(|e| PortError::new(Fault::Unavailable, format!("the folder {} cannot be made: {e}", folder.display())))
}

fn ended(world: &World, job: &Job, prepared: &Prepared, exit: Result<Exit, PortError>) -> StepResult {
    let exit = match exit {
        Ok(exit) => exit,
        // Taken back; of an engine or a cluster it may be more than that.
        Err(error) if error.fault == Fault::Cancelled && job.exec.image.is_none() => return StepResult::NotDone,
        Err(error) => return failed(&error),
    };
    job.pace.took(exit.duration);
    let log =
        (exit.log_len > 0).then(|| Log { path: job.log.1.clone(), length: exit.log_len, digest: exit.log_digest });
    if !exit.success() {
        // What it told does not count, and may be what nobody is to find.
        prepared.lines.iter().for_each(|path| drop(world.workshop.told(path)));
        let fault = if exit.status == Status::Cancelled { Fault::Cancelled } else { Fault::Invalid };
        return StepResult::Failed { fault, reason: in_words(&exit, job), log };
    }
    let result = match outputs(world, job, prepared) {
        Ok(outputs) => StepResult::Done { outputs, log },
        Err(error) => StepResult::Failed { fault: error.fault, reason: error.to_string(), log },
    };
    if !prepared.dir.as_os_str().is_empty() {
        world.workshop.clear(&job.name);
    }
    result
}

fn in_words(exit: &Exit, job: &Job) -> String {
    if let Some(fault) = &exit.log_fault {
        return fault.to_string();
    }
    match exit.status {
        Status::Code(code) => format!("it ended with exit status {code}"),
        Status::Signal(signal) => format!("it was killed by signal {signal}"),
        Status::TimedOut => {
            format!("it took longer than {}", crate::model::duration::format(Duration::from_millis(job.exec.timeout)))
        }
        Status::Cancelled => "it was stopped".to_string(),
    }
}

/// What a program told, and the files that it wrote.
fn outputs(world: &World, job: &Job, prepared: &Prepared) -> Result<Fields, PortError> {
    let mut fields = Fields::new();
    if job.exec.outputs.is_empty() {
        return Ok(fields);
    }
    let reveals = prepared.lines.as_ref().map(|path| reveals(world, prepared, path)).transpose()?.unwrap_or(false);
    // It is dropped, whatever it holds.
    let told = prepared.lines.as_ref().map(|path| world.workshop.told(path)).transpose()?.unwrap_or_default();
    if reveals {
        return Err(revealed("what it told in LOCKGATE_OUTPUT"));
    }
    for output in &job.exec.outputs {
        let Some(path) = &output.path else {
            let missing = || {
                let message = format!("it did not tell its output `{}`", output.name);
                PortError::new(Fault::Invalid, message)
                    .help(format!("it must append a line `{}=…` to the file named by LOCKGATE_OUTPUT", output.name))
            };
            let value = told.get(&output.name).ok_or_else(missing)?;
            fields.insert(output.name.clone(), value.clone());
            continue;
        };
        match &job.exec.dir {
            Dir::Place { path: place } => {
                let digest = world.workshop.digest(&place.join(path)).map_err(|e| unwritten(e, path))?;
                fields.insert(output.name.clone(), digest.to_string());
            }
            dir => {
                let start = if let Dir::Files { start, .. } = dir { start.as_str() } else { "" };
                if self::reveals(world, prepared, &prepared.dir.join(start).join(path))? {
                    return Err(revealed(&format!("its output `{path}`")));
                }
                let (digest, kept) =
                    world.workshop.keep(&prepared.dir.join(start).join(path)).map_err(|e| unwritten(e, path))?;
                fields.insert(output.name.clone(), digest.to_string());
                fields.insert(format!("{}.path", output.name), kept.display().to_string());
            }
        }
    }
    Ok(fields)
}

/// Whether a secret that the program was given is in something that would be kept.
fn reveals(world: &World, prepared: &Prepared, path: &Path) -> Result<bool, PortError> {
    if prepared.secrets.is_empty() { Ok(false) } else { world.workshop.reveals(path, &prepared.secrets) }
}

fn revealed(what: &str) -> PortError {
    PortError::new(Fault::Invalid, format!("{what} holds a secret that the program was given"))
        .help("outputs are kept, and shown in plans; hand a secret on as a secret")
}

fn unwritten(error: PortError, path: &str) -> PortError {
    let message = format!("its output `{path}`: {}", error.message);
    PortError { message, ..error }
}

/// A failure with how to go on.
pub(super) fn failed(error: &PortError) -> StepResult {
    let reason = match &error.help {
        Some(help) => format!("{error} ({help})"),
        None => error.to_string(),
    };
    StepResult::Failed { fault: error.fault, reason, log: None }
}
