//! Images that an engine builds, since their Dockerfiles run programs: what the engine is given, and what becomes of what it
//! made. The image goes into the same store as those that we make ourselves, and from there on the same way.

use super::images::{placed, repository, tag_of, together};
use super::{World, observe, secret_value};
use crate::digest::Digest;
use crate::graph::Graph;
use crate::image::{self, Context, Dockerfile};
use crate::plan::observed::{ImageAnswer, ImageQuery};
use crate::plan::work::BuildWork;
use crate::plan::{Fields, Memory};
use crate::ports::builder::{Base, Built, Order, own_name};
use crate::ports::files::Files;
use crate::ports::images::{Platform, Push, Repository};
use crate::ports::shell::Ticket;
use crate::ports::{Fault, PortError};
use crate::run::StepResult;
use crate::run::event::Log;
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

/// A build of a step.
pub(super) struct Job {
    pub ticket: Ticket,
    /// The id of the step.
    pub name: String,
    /// Its key.
    pub key: Digest,
    pub work: BuildWork,
    pub log: (PathBuf, String),
}

/// What an engine would build: its key, the files that it can read, and the exact images that it starts from. Its digest
/// is told by the build.
pub(super) fn foresee(
    world: &World,
    graph: &Graph,
    files: &dyn Files,
    query: &ImageQuery,
) -> Result<ImageAnswer, PortError> {
    let context = Context::open(files, &query.folder, query.dockerfile.as_deref())?;
    let dockerfile = context.dockerfile_for_engine().map_err(together)?;
    let reading = read(&context, &dockerfile, query)?;
    let mut bases = Vec::new();
    for base in &reading.bases {
        let (at, digest) = repository(world, graph, &base.text)?;
        let digest = match digest {
            Some(digest) => digest,
            None => world.images.resolve(&at, tag_of(&base.text)).map_err(|e| placed(e, base))?.digest,
        };
        bases.push((base.text.clone(), digest));
    }
    let inputs = reading.inputs.iter().map(|e| (e.path.clone(), e.digest)).collect();
    let notes = dockerfile.remarks.iter().map(|(_, message)| message.clone()).collect();
    Ok(ImageAnswer { key: reading.key(&bases), digest: None, inputs: std::sync::Arc::new(inputs), bases, notes })
}

fn read(context: &Context<'_>, dockerfile: &Dockerfile, query: &ImageQuery) -> Result<image::Reading, PortError> {
    let request = image::Request {
        context,
        dockerfile,
        args: &query.args,
        target: query.target.as_deref(),
        labels: &query.labels,
        platform: platform(query)?,
    };
    image::read(&request).map_err(together)
}

fn platform(query: &ImageQuery) -> Result<Platform, PortError> {
    let bad = |_| PortError::new(Fault::Invalid, format!("`{}` is no platform", query.platform));
    query.platform.parse().map_err(bad)
}

/// Lets the engine build an image, and keeps it in the store. What was built under this key is not built again.
pub(super) fn build(world: &World, graph: &Graph, memory: &Memory, job: &Job) -> StepResult {
    let done = |digest: Digest, log| StepResult::Done {
        outputs: Fields::from([("digest".to_string(), digest.to_string())]),
        log,
    };
    match kept(world, job.key) {
        Ok(Some(digest)) => return done(digest, None),
        Ok(None) => {}
        Err(error) => return super::programs::failed(&error),
    }
    let built = match ordered(world, graph, memory, job) {
        Ok(built) => built,
        Err(error) => return super::programs::failed(&error),
    };
    let log =
        (built.log_len > 0).then(|| Log { path: job.log.1.clone(), length: built.log_len, digest: built.log_digest });
    match built.image.and_then(|image| keep(world, graph, job, &image)) {
        Ok(digest) => done(digest, log),
        Err(error) => {
            let reason = error.help.as_ref().map_or_else(|| error.to_string(), |help| format!("{error} ({help})"));
            StepResult::Failed { fault: error.fault, reason, log }
        }
    }
}

fn store(world: &World) -> Repository {
    Repository::layout(world.store.display().to_string())
}

/// The name under which the store has what came of a key.
fn tag(key: Digest) -> String {
    format!("key-{}", key.hex())
}

/// What came of a key before, if it is in the store.
fn kept(world: &World, key: Digest) -> Result<Option<Digest>, PortError> {
    match world.images.resolve(&store(world), &tag(key)) {
        Ok(found) => Ok(Some(found.digest)),
        Err(e) if e.fault == Fault::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

fn keep(world: &World, graph: &Graph, job: &Job, image: &crate::ports::builder::Image) -> Result<Digest, PortError> {
    let place = |(text, _): &(String, Digest)| repository(world, graph, text).map(|(at, _)| at);
    let from = job.work.bases.iter().map(place).collect::<Result<Vec<_>, _>>()?;
    let digest = Digest::of(&image.manifest);
    world.images.push(&Push {
        target: &store(world),
        tags: &[digest.short(), tag(job.key)],
        manifest: &image.manifest,
        config: &image.config,
        blobs: &*image.blobs,
        from: &from,
    })
}

fn ordered(world: &World, graph: &Graph, memory: &Memory, job: &Job) -> Result<Built, PortError> {
    let none = || PortError::new(Fault::Unavailable, "nothing here can build an image whose Dockerfile runs programs");
    let unknown = || PortError::new(Fault::Invalid, "an argument of the build is not known");
    let builder = world.builder.as_ref().ok_or_else(none)?;
    let query = job.work.query().ok_or_else(unknown)?;
    let files = observe::open(world, graph, memory, &job.work.source, &job.work.version)?;
    let context = Context::open(&*files, &query.folder, query.dockerfile.as_deref())?;
    let dockerfile = context.dockerfile_for_engine().map_err(together)?;
    let reading = read(&context, &dockerfile, &query)?;
    let mut bases: BTreeMap<String, Base> = BTreeMap::new();
    for base in &reading.bases {
        bases.insert(base.text.clone(), pinned(world, graph, &job.work, base)?);
    }
    let text = reading.pinned(&context.dockerfile_text()?, &|name| Some(bases.get(name)?.name.clone()));
    let mut secrets = Vec::new();
    let mut redact = Vec::new();
    for (id, name) in &job.work.secrets {
        let value = secret_value(world, graph, name)?;
        redact.push(value.clone());
        secrets.push((id.clone(), SecretString::from(value)));
    }
    let bases: Vec<Base> = bases.into_values().collect();
    builder.build(&Order {
        ticket: job.ticket,
        key: job.key,
        name: &plain(&job.name),
        context: &|out: &mut dyn Write| context.pack(&text, out),
        dockerfile: context.dockerfile_path(),
        instructions: &reading.instructions,
        bases: &bases,
        args: &query.args,
        labels: &query.labels,
        target: query.target.as_deref(),
        platform: &platform(&query)?,
        secrets: &secrets,
        fresh: job.work.fresh,
        timeout: Duration::from_millis(job.work.timeout),
        log: &job.log.0,
        redact: &redact,
        scratch: &world.store.with_file_name("scratch"),
    })
}

/// A base at the digest that was planned. What lies in a folder of ours is handed to the engine under a name of ours.
fn pinned(world: &World, graph: &Graph, work: &BuildWork, base: &image::BaseRef) -> Result<Base, PortError> {
    let unplanned = || PortError::new(Fault::Moved, format!("the base image `{}` is not in the plan", base.text));
    let (_, digest) = work.bases.iter().find(|(text, _)| *text == base.text).ok_or_else(unplanned)?;
    let (at, _) = repository(world, graph, &base.text)?;
    let name = if at.layout { own_name(*digest) } else { format!("{}@{digest}", at.name) };
    Ok(Base { name, at, digest: *digest, platform: base.platform.clone() })
}

/// The name of a step as an engine takes it for the name of an image.
fn plain(name: &str) -> String {
    let name = name.strip_prefix("build.").unwrap_or(name).to_ascii_lowercase();
    let name: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    if name.is_empty() { "build".to_string() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_a_name_that_an_engine_takes() {
        assert_eq!(plain("build.image"), "image");
        assert_eq!(plain("build.Web--Shop_2@glad-dove-e94"), "web-shop-2-glad-dove-e94");
        assert_eq!(plain("build.…"), "build");
    }
}
