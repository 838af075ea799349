//! One image: the context goes to the engine as an archive, what it says comes back as a log, and the image as files.

use super::connect::Engine;
use super::faults;
use super::image::{self, Channel, Logins, Store, docker_credentials, stream};
use super::saved::Parts;
use super::session::{self, Answers};
use super::trace::Trace;
use crate::adapters::shell::log::Log;
use crate::digest::Digest;
use crate::image::Reference;
use crate::image::config::ImageConfig;
use crate::image::manifest::{self, Descriptor, Document};
use crate::ports::builder::{Base, Builder, Built, Image, Order, own_name};
use crate::ports::images::{Images, Repository};
use crate::ports::shell::Ticket;
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::{
    BuildImageOptions, BuilderVersion, ListImagesOptionsBuilder, RemoveImageOptionsBuilder,
};
use futures_util::StreamExt as _;
use parking_lot::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How many lines of the end of a log an error shows.
const LAST_LINES: usize = 8;
/// How long one of them may be.
const LINE: usize = 300;
/// How much of the context waits for the engine, in pieces.
const AHEAD: usize = 16;
/// How old files of ours are that somebody left behind who was killed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// Builds of one engine.
pub struct Builds {
    engine: Arc<Engine>,
    store: Store,
    running: Mutex<HashMap<Ticket, CancellationToken>>,
}

impl Builds {
    /// Builds of that engine; bases come from `images`, and `logins` knows what registries let us in with.
    pub fn new(engine: Arc<Engine>, images: Arc<dyn Images>, store: &Path, logins: Logins) -> Builds {
        let store = Store { images, at: Repository::layout(store.display().to_string()), logins };
        Builds { engine, store, running: Mutex::default() }
    }
}

impl Builder for Builds {
    fn build(&self, order: &Order<'_>) -> Result<Built, PortError> {
        let stop = CancellationToken::new();
        self.running.lock().insert(order.ticket, stop.clone());
        let mut log = Log::new(order.log, order.redact);
        let build = Build { engine: &self.engine, store: &self.store, order, stop: &stop };
        let image = build.image(&mut log);
        self.running.lock().remove(&order.ticket);
        let written = log.finish();
        let image = image.map_err(|failure| failure.told(order, &written.tail));
        let image = image.and_then(|image| written.fault.map_or(Ok(image), Err));
        Ok(Built { image, log_len: written.len, log_digest: written.digest })
    }

    fn cancel(&self, ticket: Ticket) {
        if let Some(stop) = self.running.lock().get(&ticket) {
            stop.cancel();
        }
    }
}

/// Why there is no image.
struct Failure {
    error: PortError,
    /// The instruction that failed, as the builder calls it.
    instruction: Option<String>,
}

impl From<PortError> for Failure {
    fn from(error: PortError) -> Failure {
        Failure { error, instruction: None }
    }
}

impl Failure {
    /// The error with the place of the instruction and the end of what it printed.
    fn told(self, order: &Order<'_>, tail: &[u8]) -> PortError {
        let Some(instruction) = self.instruction else { return self.error };
        let mut error = self.error;
        let short: String = instruction.chars().take(LINE).collect();
        error.message = format!("`{short}` failed: {}", error.message);
        let words = |text: &str| text.split_whitespace().map(str::to_string).collect::<Vec<_>>();
        let wanted = words(&instruction);
        // BuildKit names an instruction with its variables replaced; the beginning is the same.
        let close = |text: &str| words(text).iter().zip(&wanted).take_while(|(a, b)| a == b).count();
        let found = order.instructions.iter().filter(|(text, _)| close(text) > 1).max_by_key(|(text, _)| close(text));
        if let (None, Some((_, place))) = (&error.place, found) {
            error.place = Some(place.clone());
        }
        let text = String::from_utf8_lossy(tail);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        for line in lines.iter().skip(lines.len().saturating_sub(LAST_LINES)) {
            error.message.push_str("\n  ");
            error.message.extend(line.chars().take(LINE));
        }
        error
    }
}

struct Build<'a> {
    engine: &'a Arc<Engine>,
    store: &'a Store,
    order: &'a Order<'a>,
    stop: &'a CancellationToken,
}

impl Build<'_> {
    fn image(&self, log: &mut Log) -> Result<Image, Failure> {
        let layers = self.known_layers()?;
        std::fs::create_dir_all(self.order.scratch).map_err(|e| {
            PortError::new(Fault::Unavailable, format!("`{}` cannot be made: {e}", self.order.scratch.display()))
        })?;
        sweep(self.order.scratch);
        let (sender, receiver) = mpsc::channel(AHEAD);
        let built: Result<String, Failure> = std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                let mut out = Channel::new(sender);
                let written = (self.order.context)(&mut out);
                out.end(&written);
                written
            });
            let built = self.engine.wait(self.built(receiver, log)).unwrap_or_else(|e| Err(e.into()));
            // What went wrong with our own files explains best why the engine was not content.
            match (built, writer.join()) {
                (Err(_), Ok(Err(error))) if !is_hung_up(&error) => Err(error.into()),
                (built, _) => built,
            }
        });
        let name = built?;
        let image = self.engine.wait(self.taken(&name))??.image(&layers)?;
        self.engine.wait(self.tidy(&name))?;
        Ok(image)
    }

    /// The layers of the bases, by what they unpack to.
    fn known_layers(&self) -> Result<BTreeMap<Digest, Descriptor>, PortError> {
        let mut layers = BTreeMap::new();
        for base in self.order.bases {
            let fetched = match self.store.images.fetch(&base.at, base.digest, &base.platform) {
                Ok(fetched) => fetched,
                // The engine may still know it; its layers are then packed anew.
                Err(e) if e.fault == Fault::NotFound => continue,
                Err(e) => return Err(e),
            };
            let Document::Manifest(document) = Document::parse(&base.name, &fetched.manifest)? else { continue };
            let config: ImageConfig = manifest::json(&base.name, &fetched.config)?;
            for (diff_id, layer) in config.rootfs.diff_ids.iter().zip(&document.layers) {
                let media_type = manifest::oci_layer(&layer.media_type).to_string();
                layers.insert(*diff_id, Descriptor { media_type, ..layer.clone() });
            }
        }
        Ok(layers)
    }

    /// What images of this build are called in the engine. Builds of one name in two state folders are two.
    fn repository(&self) -> String {
        let place = Digest::of(self.order.scratch.as_os_str().as_encoded_bytes());
        format!("lockgate/build/{}-{}", self.order.name, place.short())
    }

    /// What the image is called in the engine: after a crash, it is asked for by this name.
    fn tag(&self) -> String {
        format!("{}:{}", self.repository(), self.order.key.hex().get(..24).unwrap_or_default())
    }

    /// Builds, unless the engine has done so already; answers the name of the image there.
    async fn built(
        &self,
        context: mpsc::Receiver<std::io::Result<bytes::Bytes>>,
        log: &mut Log,
    ) -> Result<String, Failure> {
        let docker = self.engine.docker().await?;
        let tag = self.tag();
        if image::look(self.engine, &docker, &tag).await?.is_some() {
            log.take(format!("the engine has built this before, as {tag}\n").as_bytes());
            return Ok(tag);
        }
        tokio::select! {
            hand_over = self.bases(&docker, log) => hand_over?,
            () = self.stop.cancelled() => return Err(cancelled().into()),
        }
        let buildkit = self.uses_buildkit(&docker).await?;
        let docker = self.engine.patient().await?;
        let (options, credentials) = self.options(&tag, buildkit).await?;
        let mut session = None;
        let docker = match &options.session {
            Some(id) => {
                let secrets = self.order.secrets.iter().cloned().collect();
                let answers = Answers { secrets, logins: self.logins() };
                session = Some(session::open(self.engine.host(), id, answers).await?);
                as_buildkit(docker)
            }
            None => docker,
        };
        let body = bollard::body_try_stream(stream(context));
        let mut trace = Trace::default();
        let mut answers = Box::pin(docker.build_image(options, credentials, Some(body)));
        let deadline = tokio::time::sleep(self.order.timeout);
        tokio::pin!(deadline);
        loop {
            tokio::select! {
                answer = answers.next() => match answer {
                    Some(Ok(info)) => log.take(&trace.take(info)),
                    Some(Err(error)) => return Err(self.failed(&error, trace)),
                    None => break,
                },
                () = self.stop.cancelled() => return Err(cancelled().into()),
                () = &mut deadline => {
                    let took = crate::model::duration::format(self.order.timeout);
                    let error = PortError::new(Fault::Limit, format!("it took longer than {took}"))
                        .help("give the build more time: `timeout \"…\"`");
                    return Err(Failure { error, instruction: trace.instruction });
                }
            }
        }
        drop((answers, session));
        let unmade =
            || PortError::new(Fault::Unavailable, "the engine ended the build without an image and without a word");
        image::look(self.engine, &docker, &tag).await?.ok_or_else(unmade)?;
        Ok(tag)
    }

    /// Sees to it that the engine has those bases that are in no registry.
    async fn bases(&self, docker: &Docker, log: &mut Log) -> Result<(), PortError> {
        for base in self.order.bases.iter().filter(|base| base.at.layout) {
            let name = own_name(base.digest);
            if image::look(self.engine, docker, &name).await?.is_some() {
                continue;
            }
            log.take(format!("loading {} into the engine\n", base.name).as_bytes());
            let (images, wanted) = (self.store.images.clone(), base.clone());
            let fetched = image::blocking(move || images.fetch(&wanted.at, wanted.digest, &wanted.platform)).await?;
            image::load(self.engine, self.store, &fetched, std::slice::from_ref(&base.at), &name).await?;
        }
        Ok(())
    }

    /// Whether the engine builds with BuildKit. Docker's own variable decides where it is set.
    async fn uses_buildkit(&self, docker: &Docker) -> Result<bool, PortError> {
        let version = docker.version().await.map_err(|e| faults::of(self.engine.host(), "asking the engine", &e))?;
        let said_no = std::env::var("DOCKER_BUILDKIT").is_ok_and(|value| value == "0" || value == "false");
        let names = version.components.iter().flatten().map(|c| c.name.as_str());
        let is_other = names.into_iter().any(|name| name.contains("Podman"));
        let api = version.api_version.unwrap_or_default();
        let (major, minor) = api.split_once('.').unwrap_or((&api, "0"));
        let has = (major.parse().unwrap_or(0), minor.parse().unwrap_or(0)) >= (1u32, 39u32)
            && version.os.as_deref() == Some("linux")
            && !is_other;
        let can = has && !said_no && session::can_reach(self.engine.host());
        if !can && !self.order.secrets.is_empty() {
            let why = match (has, said_no) {
                (false, _) => format!("the engine at {} has no BuildKit", self.engine.host()),
                (_, true) => "DOCKER_BUILDKIT switches it off".to_string(),
                _ => format!(
                    "the engine at {} is reached by TLS, over which secrets are not handed out",
                    self.engine.host()
                ),
            };
            let message = format!("the build has secrets, which only BuildKit keeps out of the image, and {why}");
            return Err(PortError::new(Fault::Invalid, message).help("use an engine with BuildKit, by its socket"));
        }
        Ok(can)
    }

    /// What registries let us in with: what the pipeline says of a base, then what this machine knows.
    fn logins(&self) -> Logins {
        let of = |base: &Base| {
            let domain = Reference::parse(&base.name).ok()?.domain;
            Some((domain, base.at.credentials.clone()?))
        };
        let said: BTreeMap<String, Credentials> = self.order.bases.iter().filter_map(of).collect();
        let known = self.store.logins.clone();
        Arc::new(move |registry| match said.get(registry) {
            Some(login) => Ok(Some(login.clone())),
            None => known(registry),
        })
    }

    async fn options(
        &self,
        tag: &str,
        buildkit: bool,
    ) -> Result<(BuildImageOptions, Option<HashMap<String, DockerCredentials>>), PortError> {
        let order = self.order;
        let hash = |map: &BTreeMap<String, String>| map.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let options = BuildImageOptions {
            dockerfile: order.dockerfile.to_string(),
            t: Some(tag.to_string()),
            nocache: order.fresh,
            rm: true,
            forcerm: true,
            buildargs: Some(hash(order.args)),
            labels: Some(hash(order.labels)),
            platform: order.platform.to_string(),
            target: order.target.unwrap_or_default().to_string(),
            version: BuilderVersion::BuilderV1,
            session: buildkit.then(|| session_id(order)),
            ..BuildImageOptions::default()
        };
        if buildkit {
            return Ok((options, None));
        }
        let mut credentials = HashMap::new();
        for base in order.bases.iter().filter(|base| !base.at.layout) {
            let Ok(reference) = Reference::parse(&base.name) else { continue };
            let (logins, domain) = (self.logins(), reference.domain.clone());
            if let Some(login) = image::blocking(move || logins(&domain)).await? {
                let known = docker_credentials(&reference.domain, &login);
                credentials.insert(known.serveraddress.clone().unwrap_or_default(), known);
            }
        }
        Ok((options, (!credentials.is_empty()).then_some(credentials)))
    }

    /// Why the engine gave up. When it is the program of an instruction that failed, the instruction is known.
    fn failed(&self, error: &Error, trace: Trace) -> Failure {
        let Error::DockerStreamError { error: said } = error else {
            return faults::of(self.engine.host(), "building the image", error).into();
        };
        let text = trace.error.as_deref().unwrap_or(said).trim();
        let exit = ["returned a non-zero code: ", "exit code: "].iter().find_map(|mark| text.split_once(mark));
        let (fault, message) = match exit {
            Some((_, code)) => {
                let code: String = code.chars().take_while(char::is_ascii_digit).collect();
                (Fault::Invalid, format!("it ended with exit status {code}"))
            }
            None => (faults::by_message(text).unwrap_or(Fault::Invalid), text.to_string()),
        };
        Failure { error: PortError::new(fault, message), instruction: trace.instruction }
    }

    /// Takes the image out of the engine, into files.
    async fn taken(&self, name: &str) -> Result<Parts, PortError> {
        let docker = self.engine.patient().await?;
        let mut chunks = Box::pin(docker.export_image(name));
        let (sender, receiver) = mpsc::channel(AHEAD);
        let scratch = self.order.scratch.to_path_buf();
        let reader = tokio::task::spawn_blocking(move || Parts::read(super::files::Pieces::new(receiver), &scratch));
        loop {
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = self.stop.cancelled() => return Err(cancelled()),
            };
            match chunk {
                Some(Ok(chunk)) => {
                    if sender.send(Ok(chunk)).await.is_err() {
                        break;
                    }
                }
                Some(Err(e)) => return Err(faults::of(self.engine.host(), "taking the image out of the engine", &e)),
                None => break,
            }
        }
        drop(sender);
        reader.await.map_err(|_| cancelled())?
    }

    /// Lets go of the names of older images of this build; what is not used by anything is the engine's to remove then.
    async fn tidy(&self, name: &str) {
        let Ok(docker) = self.engine.docker().await else { return };
        let filters = HashMap::from([("reference", vec![self.repository()])]);
        let options = ListImagesOptionsBuilder::default().filters(&filters).build();
        let images = docker.list_images(Some(options)).await.unwrap_or_default();
        for old in images.iter().flat_map(|image| &image.repo_tags).filter(|tag| *tag != name) {
            let options = RemoveImageOptionsBuilder::default().noprune(true).build();
            // A container may still use it.
            drop(docker.remove_image(old, Some(options), None).await);
        }
        for base in self.order.bases.iter().filter(|base| base.at.layout) {
            image::untag(&docker, &own_name(base.digest)).await;
        }
    }
}

fn cancelled() -> PortError {
    PortError::new(Fault::Cancelled, "it was stopped")
}

/// Whether writing failed because the engine stopped reading, which it has its own reasons for.
fn is_hung_up(error: &PortError) -> bool {
    error.fault == Fault::Cancelled
}

/// The id of a session: no two builds may have the same.
fn session_id(order: &Order<'_>) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    let id = Digest::of(format!("{}/{now}/{}/{}", order.key, order.ticket.0, std::process::id())).hex();
    id.chars().take(25).collect()
}

/// The client, asking for BuildKit. It would open a session of its own that has no secrets; so it is asked for the classic
/// builder, and its question put right on the way.
fn as_buildkit(docker: Docker) -> Docker {
    docker.with_request_modifier(|mut request| {
        let uri = request.uri().to_string();
        if let Ok(changed) = uri.replacen("&version=1&", "&version=2&", 1).parse() {
            *request.uri_mut() = changed;
        }
        request
    })
}

/// Removes what somebody left behind who was killed.
fn sweep(scratch: &Path) {
    let old = |entry: &std::fs::DirEntry| {
        let age = entry.metadata().and_then(|m| m.modified()).ok().and_then(|at| at.elapsed().ok());
        age.is_some_and(|age| age > STALE)
    };
    for entry in std::fs::read_dir(scratch).into_iter().flatten().flatten().filter(old) {
        drop(std::fs::remove_dir_all(entry.path()));
    }
}
