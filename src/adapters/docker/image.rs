//! An image that a container needs: there already, in our own store, or pulled.

use super::connect::Engine;
use super::faults;
use super::saved;
use crate::digest::Digest;
use crate::image::Reference;
use crate::image::manifest::Document;
use crate::ports::builder::own_name;
use crate::ports::images::{Fetched, Images, Platform, Repository};
use crate::ports::sources::Credentials;
use crate::ports::{Fault, PortError};
use bollard::Docker;
use bollard::auth::DockerCredentials;
use bollard::models::ImageInspect;
use bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptions, RemoveImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt as _;
use std::io::Write;
use std::sync::Arc;
use tokio::sync::mpsc;

/// How much of an archive waits for the engine: some chunks, whatever their size.
const AHEAD: usize = 16;

/// What registries let us in with, by the name of the registry, where this machine knows.
pub type Logins = Arc<dyn Fn(&str) -> Result<Option<Credentials>, PortError> + Send + Sync>;

/// Images of this machine, where they are kept between being built and being pushed.
#[derive(Clone)]
pub(super) struct Store {
    /// All images.
    pub images: Arc<dyn Images>,
    /// The layout.
    pub at: Repository,
    /// What registries let us in with.
    pub logins: Logins,
}

/// An image that is wanted in the engine.
pub(super) struct Needed<'a> {
    /// Its name.
    pub name: &'a str,
    /// What the registry lets us in with, where the pipeline says so.
    pub credentials: Option<&'a Credentials>,
    /// Where layers may be had that are not in the store.
    pub from: &'a [Repository],
    /// Where there is a choice, the platform; empty: the engine's own.
    pub platform: &'a str,
}

/// Sees to it that the engine has an image; answers the name under which it has it. `say` takes lines for the log.
pub(super) async fn ensure(
    engine: &Engine,
    store: &Store,
    needed: &Needed<'_>,
    say: &mut (dyn FnMut(&str) + Send),
) -> Result<(String, ImageInspect), PortError> {
    let docker = engine.docker().await?;
    let digest = needed.name.split_once('@').and_then(|(_, digest)| digest.parse::<Digest>().ok());
    let own = digest.map(own_name);
    for name in own.iter().map(String::as_str).chain([needed.name]).filter(|name| !name.starts_with(['@', '.', '/'])) {
        if let Some(found) = look(engine, &docker, name).await? {
            return Ok((name.to_string(), found));
        }
    }
    if let (Some(digest), Some(own)) = (digest, own)
        && let Some(fetched) = stored(store, digest).await?
    {
        // An engine knows images by their configurations: one that it built itself it has already.
        if let Some(id) = config_of(&fetched)
            && let Some(found) = look(engine, &docker, &id).await?
        {
            return Ok((id, found));
        }
        say(&format!("loading {} into the engine\n", needed.name));
        load(engine, store, &fetched, needed.from, &own).await?;
        if let Some(found) = look(engine, &docker, &own).await? {
            return Ok((own, found));
        }
    }
    say(&format!("pulling {}\n", needed.name));
    pull(engine, store, needed).await?;
    let gone = || PortError::new(Fault::NotFound, format!("the image `{}` is gone again", needed.name));
    look(engine, &docker, needed.name).await?.map(|found| (needed.name.to_string(), found)).ok_or_else(gone)
}

/// The image of that name, if the engine has it.
pub(super) async fn look(engine: &Engine, docker: &Docker, name: &str) -> Result<Option<ImageInspect>, PortError> {
    match docker.inspect_image(name).await {
        Ok(found) => Ok(Some(found)),
        Err(e) if faults::is_missing(&e) => Ok(None),
        Err(e) => Err(faults::of(engine.host(), &format!("looking for the image `{name}`"), &e)),
    }
}

/// What names an image in an engine.
fn config_of(fetched: &Fetched) -> Option<String> {
    match Document::parse("the image", &fetched.manifest) {
        Ok(Document::Manifest(manifest)) => Some(manifest.config.digest.to_string()),
        _ => None,
    }
}

/// Takes a name of ours from an image, so that what nothing uses any more is the engine's to clean up.
pub(super) async fn untag(docker: &Docker, name: &str) {
    let options = RemoveImageOptionsBuilder::default().force(true).noprune(true).build();
    drop(docker.remove_image(name, Some(options), None).await);
}

async fn stored(store: &Store, digest: Digest) -> Result<Option<Fetched>, PortError> {
    let store = store.clone();
    blocking(move || match store.images.fetch(&store.at, digest, &Platform::default()) {
        Ok(fetched) => Ok(Some(fetched)),
        Err(e) if e.fault == Fault::NotFound => Ok(None),
        Err(e) => Err(e),
    })
    .await
}

/// Hands an image of ours to the engine, under that name.
pub(super) async fn load(
    engine: &Engine,
    store: &Store,
    fetched: &Fetched,
    from: &[Repository],
    name: &str,
) -> Result<(), PortError> {
    let docker = engine.patient().await?;
    let (sender, receiver) = mpsc::channel(AHEAD);
    let (store, fetched, from, tag) = (store.clone(), fetched.clone(), from.to_vec(), name.to_string());
    let writer = tokio::task::spawn_blocking(move || {
        let mut out = Channel::new(sender);
        let packed = saved::pack(&store, &fetched, &from, &tag, &mut out);
        out.end(&packed);
        packed
    });
    let what = format!("loading the image `{name}`");
    let mut answers = Box::pin(docker.import_image_stream(ImportImageOptions::default(), stream(receiver), None));
    let mut failed = None;
    while let Some(answer) = answers.next().await {
        if let Err(e) = answer {
            failed = Some(faults::of(engine.host(), &what, &e));
            break;
        }
    }
    drop(answers);
    // What went wrong here explains better what the engine heard of it.
    match writer.await {
        Ok(Err(error)) if failed.is_none() || error.fault != Fault::Cancelled => Err(error),
        _ => failed.map_or(Ok(()), Err),
    }
}

async fn pull(engine: &Engine, store: &Store, needed: &Needed<'_>) -> Result<(), PortError> {
    let name = needed.name;
    let reference = Reference::parse(name)
        .map_err(|e| PortError::new(Fault::Invalid, format!("`{name}` is no image that can be pulled: {e}")))?;
    let docker = engine.patient().await?;
    let mut options =
        CreateImageOptionsBuilder::default().from_image(&reference.repository()).platform(needed.platform);
    options = match (&reference.digest, &reference.tag) {
        (Some(digest), _) => options.tag(&digest.to_string()),
        (None, tag) => options.tag(tag.as_deref().unwrap_or("latest")),
    };
    let credentials = match needed.credentials {
        Some(said) => Some(said.clone()),
        None => {
            let (logins, domain) = (store.logins.clone(), reference.domain.clone());
            blocking(move || logins(&domain)).await?
        }
    };
    let credentials = credentials.map(|c| docker_credentials(&reference.domain, &c));
    let mut answers = Box::pin(docker.create_image(Some(options.build()), None, credentials));
    while let Some(answer) = answers.next().await {
        answer.map_err(|e| unpulled(faults::of(engine.host(), &format!("pulling `{name}`"), &e)))?;
    }
    Ok(())
}

/// How to go on when an image cannot be pulled.
fn unpulled(error: PortError) -> PortError {
    match error.fault {
        Fault::Denied => error.help("log in to the registry with `docker login`, or check the name: a private image and one that does not exist look the same"),
        Fault::NotFound => error.help("check the name and the tag"),
        _ => error,
    }
}

/// Credentials in the engine's words.
pub(super) fn docker_credentials(registry: &str, credentials: &Credentials) -> DockerCredentials {
    let server = if registry == "docker.io" { "https://index.docker.io/v1/" } else { registry };
    // A token that a registry gave to be used again has no user, or this one.
    let is_token = credentials.username.is_empty() || credentials.username == "<token>";
    DockerCredentials {
        username: (!is_token).then(|| credentials.username.clone()),
        password: (!is_token).then(|| credentials.password.clone()),
        identitytoken: is_token.then(|| credentials.password.clone()),
        serveraddress: Some(server.to_string()),
        ..DockerCredentials::default()
    }
}

/// Does something that blocks beside the runtime.
pub(super) async fn blocking<T: Send + 'static>(
    what: impl FnOnce() -> Result<T, PortError> + Send + 'static,
) -> Result<T, PortError> {
    let ended = |_| PortError::new(Fault::Cancelled, "the session with the Docker engine has ended");
    tokio::task::spawn_blocking(what).await.map_err(ended)?
}

/// A writer into what the engine reads.
pub(super) struct Channel {
    sender: mpsc::Sender<std::io::Result<Bytes>>,
    buffer: Vec<u8>,
}

/// How much goes to the engine at once.
const CHUNK: usize = 64 * 1024;

impl Channel {
    /// Writes into that channel.
    pub(super) fn new(sender: mpsc::Sender<std::io::Result<Bytes>>) -> Channel {
        Channel { sender, buffer: Vec::with_capacity(CHUNK) }
    }

    /// Ends what is read: well, or so that the reader hears that it is not whole.
    pub(super) fn end<T>(mut self, how: &Result<T, PortError>) {
        match how {
            // Nobody may listen any more; whoever stopped listening knows why.
            Ok(_) => drop(self.flush()),
            Err(error) => drop(self.sender.blocking_send(Err(std::io::Error::other(error.to_string())))),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let chunk = std::mem::replace(&mut self.buffer, Vec::with_capacity(CHUNK));
        self.sender.blocking_send(Ok(chunk.into())).map_err(|_| std::io::Error::from(std::io::ErrorKind::BrokenPipe))
    }
}

/// What was written into a channel, as the engine reads it.
pub(super) fn stream(
    receiver: mpsc::Receiver<std::io::Result<Bytes>>,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> + Send + 'static {
    futures_util::stream::unfold(receiver, |mut receiver| async move {
        let chunk = receiver.recv().await?;
        Some((chunk, receiver))
    })
}
