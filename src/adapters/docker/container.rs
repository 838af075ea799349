//! One program in a container: from its start, or from where somebody before us lost sight of it, to its end.
//!
//! The container is named by the key of its step, so that after a crash the engine can be asked: where it runs or has run, it
//! is followed and not started again, and its time goes on from its own beginning.

use super::connect::Engine;
use super::files::{self, WORK, Wanted};
use super::image::{self, Channel, Needed, Store, stream};
use super::{ATTEMPT, KEY, faults};
use crate::adapters::shell::log::Log;
use crate::digest::Digest;
use crate::ports::shell::{Container, Exit, Program, Status};
use crate::ports::{Fault, PortError};
use bollard::Docker;
use bollard::container::LogOutput;
use bollard::models::{ContainerCreateBody, ContainerInspectResponse, ContainerState, HostConfig, HostConfigLogConfig};
use bollard::query_parameters::{
    AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, DownloadFromContainerOptionsBuilder,
    LogsOptionsBuilder, RemoveContainerOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
};
use futures_util::{Stream, StreamExt as _};
use std::collections::HashMap;
use std::path::Path;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How long a program has from being asked to stop until it is killed, in seconds; the same as on this machine.
const GRACE: i32 = 10;
/// How long we wait for an engine to come back that went away while a program runs: the time of a restart.
const COMEBACK: Duration = Duration::from_secs(30);
/// How often we look whether it is back.
const POLL: Duration = Duration::from_millis(500);
/// How often we try to make a container while one of before is being removed.
const CONFLICTS: u32 = 20;
/// How much of an output the engine itself keeps, in two files: what is followed may lie behind, and what is kept fills
/// the disk of somebody.
const ENGINE_LOG: &str = "64m";
/// How much of a copied file waits in memory.
const AHEAD: usize = 16;

/// The name of the container of a key.
pub(super) fn name(key: Digest) -> String {
    format!("lockgate-{}", key.hex().get(..24).unwrap_or_default())
}

/// A program on its way through a container.
pub(super) struct Run<'a> {
    pub engine: &'a Engine,
    pub store: &'a Store,
    pub program: &'a Program,
    pub container: &'a Container,
    pub stop: &'a CancellationToken,
}

/// What a container prints, as it comes.
type Lines = Pin<Box<dyn Stream<Item = Result<LogOutput, bollard::errors::Error>> + Send>>;

/// How following a container came to an end.
enum End {
    /// It has ended.
    Exited(Status),
    /// The engine cannot be asked any more.
    Lost(PortError),
    /// The container is not there any more.
    Gone(PortError),
}

impl Run<'_> {
    /// Runs the program to its end. An error means that it was not started.
    pub(super) async fn run(&self) -> Result<Exit, PortError> {
        let begin = Instant::now();
        let mut head = String::new();
        let ready = tokio::select! {
            ready = self.ready(&mut head) => Some(ready?),
            () = self.stop.cancelled() => None,
        };
        let Some(mut lines) = ready else {
            // Whatever was made by then has not run, or has only just begun.
            self.remove().await;
            return Ok(self.exit(Log::new(&self.program.log, &[]), Status::Cancelled, None, begin));
        };
        let mut lost_since: Option<Instant> = None;
        loop {
            let follows = Instant::now();
            // From the beginning each time: the engine keeps what was printed.
            let mut log = Log::new(&self.program.log, &self.program.redact);
            log.take(head.as_bytes());
            match self.follow(lines.take(), &mut log).await {
                End::Exited(status) => {
                    let fault = if status == Status::Code(0) { self.copy_out().await.err() } else { None };
                    if status == Status::Cancelled {
                        self.remove().await;
                    }
                    return Ok(self.exit(log, status, fault, begin));
                }
                End::Gone(error) => return Ok(self.exit(log, Status::Signal(9), Some(error), begin)),
                End::Lost(error) => {
                    if follows.elapsed() > COMEBACK {
                        lost_since = None;
                    }
                    let since = *lost_since.get_or_insert_with(Instant::now);
                    if since.elapsed() > COMEBACK || self.stop.is_cancelled() {
                        return Ok(self.exit(log, Status::Signal(9), Some(error), begin));
                    }
                    tokio::time::sleep(POLL).await;
                }
            }
        }
    }

    fn exit(&self, log: Log, status: Status, fault: Option<PortError>, begin: Instant) -> Exit {
        let written = log.finish();
        Exit {
            status,
            log_len: written.len,
            log_digest: written.digest,
            log_fault: fault.or(written.fault),
            tail: written.tail,
            duration: begin.elapsed(),
        }
    }

    fn name(&self) -> String {
        name(self.container.key)
    }

    fn fault(&self, what: &str, error: &bollard::errors::Error) -> PortError {
        faults::of(self.engine.host(), what, error)
    }

    /// Sees to it that the container runs, or has run. `head` takes what is said before the program says something.
    async fn ready(&self, head: &mut String) -> Result<Option<Lines>, PortError> {
        let docker = self.engine.docker().await?;
        if self.is_there(&docker).await? {
            return Ok(None);
        }
        self.make(head).await?;
        // We listen before it starts: what the engine keeps of the output is bounded, and what we hear is all of it.
        let options = AttachContainerOptionsBuilder::default().stream(true).stdout(true).stderr(true).build();
        let what = "listening to the container of this step";
        let attached = docker.attach_container(&self.name(), Some(options)).await;
        let attached = attached.map_err(|e| self.fault(what, &e))?;
        if let Err(e) = docker.start_container(&self.name(), None).await {
            self.remove().await;
            return Err(self.unstarted(&e));
        }
        Ok(Some(attached.output))
    }

    /// Whether somebody before us has started it. What was made and not started is made anew: its files may not be whole.
    async fn is_there(&self, docker: &Docker) -> Result<bool, PortError> {
        let found = match docker.inspect_container(&self.name(), None).await {
            Ok(found) => found,
            Err(e) if faults::is_missing(&e) => return Ok(false),
            Err(e) => return Err(self.fault("looking for the container of this step", &e)),
        };
        let is_older = attempt(&found) < self.container.attempt;
        if is_older || !has_run(found.state.as_ref()) {
            self.remove().await;
            return Ok(false);
        }
        Ok(true)
    }

    async fn make(&self, head: &mut String) -> Result<(), PortError> {
        let Container { image, credentials, from, .. } = self.container;
        let needed = Needed { name: image, credentials: credentials.as_ref(), from, platform: "" };
        let (found, inspected) =
            image::ensure(self.engine, self.store, &needed, &mut |line| head.push_str(line)).await?;
        let docker = self.engine.patient().await?;
        if let Some(note) = self.foreign(&docker, &inspected).await {
            head.push_str(&note);
        }
        // By its id: a name of ours goes at once, and the image with the last thing that uses it.
        let id = inspected.id.as_deref().unwrap_or(&found);
        self.create(&docker, id).await?;
        if found.starts_with("lockgate/image:") {
            image::untag(&docker, &found).await;
        }
        self.copy_in(&docker).await
    }

    /// Makes the container. One of before may still be on its way out under the same name.
    async fn create(&self, docker: &Docker, image: &str) -> Result<(), PortError> {
        let options = CreateContainerOptionsBuilder::default().name(&self.name()).build();
        for _ in 0..CONFLICTS {
            match docker.create_container(Some(options.clone()), self.body(image)).await {
                Ok(_) => return Ok(()),
                Err(e) if faults::is_conflict(&e) => {
                    self.remove().await;
                    tokio::time::sleep(POLL).await;
                }
                Err(e) => return Err(self.unstarted(&e)),
            }
        }
        let message = format!("the container {} of before cannot be removed", self.name());
        Err(PortError::new(Fault::Unavailable, message).help(format!("remove it: `docker rm -f {}`", self.name())))
    }

    /// What is to be told where the image is for another machine.
    async fn foreign(&self, docker: &Docker, image: &bollard::models::ImageInspect) -> Option<String> {
        let engine = docker.version().await.ok()?;
        let (os, arch) = (engine.os?, engine.arch?);
        let (image_os, image_arch) = (image.os.as_deref()?, image.architecture.as_deref()?);
        (os != image_os || arch != image_arch).then(|| {
            let name = &self.container.image;
            format!("note: the image {name} is for {image_os}/{image_arch}, and the engine runs {os}/{arch}\n")
        })
    }

    fn body(&self, image: &str) -> ContainerCreateBody {
        let (first, rest) = self.program.argv.split_first().map_or((None, &[][..]), |(f, r)| (Some(f.clone()), r));
        let own = ("LOCKGATE_OUTPUT".to_string(), format!("/{}", files::TOLD));
        let env = self.program.env.iter().chain([&own]).map(|(name, value)| format!("{name}={value}"));
        let log = HostConfigLogConfig {
            typ: Some("json-file".into()),
            config: Some(HashMap::from([("max-size".into(), ENGINE_LOG.into()), ("max-file".into(), "2".into())])),
        };
        ContainerCreateBody {
            image: Some(image.to_string()),
            entrypoint: first.map(|program| vec![program]),
            cmd: Some(rest.to_vec()),
            env: Some(env.collect()),
            working_dir: Some(format!("/{}", self.folder())),
            labels: Some(HashMap::from([
                (KEY.to_string(), self.container.key.hex()),
                (ATTEMPT.to_string(), self.container.attempt.to_string()),
            ])),
            host_config: Some(HostConfig { log_config: Some(log), init: Some(false), ..HostConfig::default() }),
            ..ContainerCreateBody::default()
        }
    }

    /// The folder in which the program starts, without the slash before it.
    fn folder(&self) -> String {
        let below = self.program.cwd.strip_prefix(&self.container.root).unwrap_or(Path::new(""));
        below.iter().fold(WORK.to_string(), |path, part| format!("{path}/{}", part.to_string_lossy()))
    }

    async fn copy_in(&self, docker: &Docker) -> Result<(), PortError> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let (root, ignore) = (self.container.root.clone(), self.container.ignore);
        let writer = tokio::task::spawn_blocking(move || {
            let mut out = Channel::new(sender);
            let packed = files::pack(&root, ignore, &mut out).map_err(|e| {
                PortError::new(Fault::Unavailable, format!("the files of `{}` cannot be read: {e}", root.display()))
            });
            out.end(&packed);
            packed
        });
        let options = UploadToContainerOptionsBuilder::default().path("/").build();
        let body = bollard::body_try_stream(stream(receiver));
        let sent = docker.upload_to_container(&self.name(), Some(options), body).await;
        match (sent, writer.await) {
            (Err(e), Ok(Ok(())) | Err(_)) => Err(self.fault("copying files into the container", &e)),
            (_, Ok(Err(error))) => Err(error),
            (Ok(()), _) => Ok(()),
        }
    }

    /// The program could not be started: the message of the engine has the reason at its end.
    fn unstarted(&self, error: &bollard::errors::Error) -> PortError {
        let program = self.program.argv.first().map_or("", String::as_str);
        let said = error.to_string();
        let missing = ["executable file not found", "no such file or directory"].iter().any(|text| said.contains(text));
        if missing {
            let message = format!("there is no program `{program}` in the image `{}`", self.container.image);
            return PortError::new(Fault::NotFound, message)
                .help("name one that the image has; a script needs its interpreter there, too");
        }
        if said.contains("permission denied") && said.contains("exec") {
            let message = format!("`{program}` may not be executed in the image `{}`", self.container.image);
            return PortError::new(Fault::Denied, message).help("make it executable: `chmod +x`, and commit that");
        }
        self.fault(&format!("starting a container of `{}`", self.container.image), error)
    }

    /// Follows what the program prints until it has ended.
    async fn follow(&self, lines: Option<Lines>, log: &mut Log) -> End {
        let docker = match self.engine.patient().await {
            Ok(docker) => docker,
            Err(error) => return End::Lost(error),
        };
        let lost = |e: &bollard::errors::Error| End::Lost(self.fault("following the container of this step", e));
        let left = match self.time_left(&docker).await {
            Ok(left) => left,
            Err(e) if faults::is_missing(&e) => return self.vanished(),
            Err(e) => return lost(&e),
        };
        let options = LogsOptionsBuilder::default().follow(true).stdout(true).stderr(true).tail("all").build();
        let mut lines = lines.unwrap_or_else(|| Box::pin(docker.logs(&self.name(), Some(options))));
        let deadline = tokio::time::sleep(left.unwrap_or(Duration::MAX / 4));
        tokio::pin!(deadline);
        let mut stopped = None;
        let mut exited = Box::pin(docker.wait_container(&self.name(), None));
        // A program may go on that has closed its output.
        let mut prints = true;
        loop {
            tokio::select! {
                line = lines.next(), if prints => match line {
                    Some(Ok(line)) => log.take(line.as_ref()),
                    Some(Err(e)) if faults::went_away(&e) => return lost(&e),
                    // Whatever else the stream says, the container says how it ended.
                    Some(Err(_)) | None => prints = false,
                },
                end = exited.next(), if !prints => match end {
                    Some(Err(e)) if faults::went_away(&e) => return lost(&e),
                    _ => break,
                },
                () = self.stop.cancelled(), if stopped.is_none() => {
                    stopped = Some(Status::Cancelled);
                    self.ask_to_stop(&docker);
                }
                () = &mut deadline, if stopped.is_none() && left.is_some() => {
                    stopped = Some(Status::TimedOut);
                    self.ask_to_stop(&docker);
                }
            }
        }
        self.ended(&docker, stopped, log).await
    }

    /// How the container ended, once it prints nothing more.
    async fn ended(&self, docker: &Docker, stopped: Option<Status>, log: &mut Log) -> End {
        let state = loop {
            match docker.inspect_container(&self.name(), None).await {
                Ok(found) if found.state.as_ref().and_then(|s| s.running) == Some(true) => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Ok(found) => break found.state.unwrap_or_default(),
                Err(e) if faults::is_missing(&e) => return self.vanished(),
                Err(e) => return End::Lost(self.fault("asking how the container of this step ended", &e)),
            }
        };
        if state.oom_killed == Some(true) {
            log.take(b"[the container ran out of memory and was killed]\n");
        }
        let code = i32::try_from(state.exit_code.unwrap_or(-1)).unwrap_or(-1);
        End::Exited(stopped.unwrap_or(Status::Code(code)))
    }

    /// Somebody removed it while it ran.
    fn vanished(&self) -> End {
        let message = format!("the container {} was removed while it ran", self.name());
        End::Gone(PortError::new(Fault::Moved, message).help("run `apply` again; nothing of it runs any more"))
    }

    /// How long it may still run: its time began when it was started, by whomever.
    async fn time_left(&self, docker: &Docker) -> Result<Option<Duration>, bollard::errors::Error> {
        let found = docker.inspect_container(&self.name(), None).await?;
        let Some(timeout) = self.program.timeout else { return Ok(None) };
        let started = found.state.and_then(|s| s.started_at).and_then(|at| at.parse::<jiff::Timestamp>().ok());
        let since = started.map(|at| jiff::Timestamp::now().duration_since(at).unsigned_abs());
        Ok(Some(timeout.saturating_sub(since.unwrap_or_default().min(timeout))))
    }

    /// Asks the program to stop, and lets the engine kill it if it does not.
    fn ask_to_stop(&self, docker: &Docker) {
        let (docker, name) = (docker.clone(), self.name());
        tokio::spawn(async move {
            let options = StopContainerOptionsBuilder::default().t(GRACE).build();
            // That it has ended by itself meanwhile is no fault; that the engine is gone is told by who follows it.
            drop(docker.stop_container(&name, Some(options)).await);
        });
    }

    /// Copies out what the program was to leave. What it did not make is told by who wanted it.
    async fn copy_out(&self) -> Result<(), PortError> {
        let docker = self.engine.patient().await?;
        let folder = self.folder();
        let output = |path: &String| Wanted::output(format!("/{folder}/{path}"), self.program.cwd.join(path));
        let told = self.container.told.clone().map(Wanted::told);
        for wanted in self.container.outputs.iter().map(output).chain(told) {
            self.copy_one(&docker, wanted).await?;
        }
        Ok(())
    }

    async fn copy_one(&self, docker: &Docker, wanted: Wanted) -> Result<(), PortError> {
        let what = format!("copying `{}` out of the container", wanted.there);
        let options = DownloadFromContainerOptionsBuilder::default().path(&wanted.there).build();
        let mut chunks = Box::pin(docker.download_from_container(&self.name(), Some(options)));
        let (sender, receiver) = mpsc::channel::<std::io::Result<bytes::Bytes>>(AHEAD);
        let there = wanted.there.clone();
        let reader = tokio::task::spawn_blocking(move || wanted.unpack(files::Pieces::new(receiver)));
        while let Some(chunk) = chunks.next().await {
            match chunk {
                Ok(chunk) => {
                    // Once the file has been read, the rest of the archive is of no interest.
                    if sender.send(Ok(chunk)).await.is_err() {
                        break;
                    }
                }
                Err(e) if faults::is_missing(&e) => {
                    let message = format!("`{there}` is not in its container: the program did not make it");
                    return Err(PortError::new(Fault::NotFound, message));
                }
                Err(e) => return Err(self.fault(&what, &e)),
            }
        }
        drop(sender);
        reader.await.map_err(|_| PortError::new(Fault::Cancelled, what))?
    }

    /// Removes the container, whether it runs or not.
    async fn remove(&self) {
        remove(self.engine, self.container.key).await;
    }
}

/// Removes the container of a key, if there is one. That it cannot be removed harms nobody: it does not run, and says what
/// it is of.
pub(super) async fn remove(engine: &Engine, key: Digest) {
    if let Ok(docker) = engine.docker().await {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        drop(docker.remove_container(&name(key), Some(options)).await);
    }
}

fn attempt(found: &ContainerInspectResponse) -> u32 {
    let labels = found.config.as_ref().and_then(|c| c.labels.as_ref());
    labels.and_then(|l| l.get(ATTEMPT)).and_then(|a| a.parse().ok()).unwrap_or(0)
}

/// Whether it was started: one that never was says that it did so in the year 1.
fn has_run(state: Option<&ContainerState>) -> bool {
    let started = state.and_then(|s| s.started_at.as_deref()).unwrap_or_default();
    !started.is_empty() && !started.starts_with("0001-")
}
