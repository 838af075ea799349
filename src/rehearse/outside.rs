//! The world of a rehearsal: it answers the questions of a plan, and what is done in it is only remembered.

use super::Local;
use super::files::{Imagined, with_witness};
use super::sources::Sources;
use crate::digest::{Digest, Hasher};
use crate::image;
use crate::model::Pipeline;
use crate::plan::observed::{Answer, ImageAnswer, ImageQuery, Query};
use crate::plan::{Bundle, Fields, Text, Work};
use crate::ports::files::{Entry, Files};
use crate::ports::places::{Rehearsal, Seen, plainly};
use crate::ports::{Fault, PortError};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is there.
pub(super) struct Outside {
    /// What is watched.
    pub sources: Sources,
    /// Rendered objects that were kept.
    pub bundles: BTreeMap<Digest, Arc<Bundle>>,
    /// The bundle at each place, by the place and the name of the release.
    places: BTreeMap<(String, String), Digest>,
    /// Images by repository, digest and tag.
    pushed: BTreeMap<(String, String), Digest>,
}

impl Outside {
    /// A world in which nothing was deployed.
    pub fn new(pipeline: &Pipeline, local: &dyn Local) -> Result<Outside, PortError> {
        let sources = Sources::new(pipeline, local)?;
        Ok(Outside { sources, bundles: BTreeMap::new(), places: BTreeMap::new(), pushed: BTreeMap::new() })
    }

    /// The answer to a question.
    pub fn answer(&self, query: &Query) -> Result<Answer, PortError> {
        Ok(match query {
            Query::Head { source } => Answer::Head(self.sources.head(source)?),
            Query::Listing { source, version } => Answer::Listing(self.sources.files(source, version)?.list()?),
            Query::File { source, version, path } => Answer::File(self.sources.files(source, version)?.read(path)?),
            Query::Folder { source, version, folder } => {
                Answer::Folder(Arc::new(with_witness(folder_of(self.sources.files(source, version)?, folder)?)))
            }
            Query::Image(query) => {
                let image = image_of(self.sources.files(&query.source, &query.version)?, query)?;
                // What an engine makes is known once it has made it.
                Answer::Image(ImageAnswer { digest: image.digest.filter(|_| !query.engine), ..image })
            }
            Query::Tagged { repository, tag, .. } => {
                Answer::Tagged(self.pushed.get(&(repository.clone(), tag.clone())).copied())
            }
            Query::Target { target, release, .. } => {
                let bundle = self.places.get(&(target.to_string(), release.clone())).copied();
                Answer::Target(Seen { bundle, drift: Vec::new() })
            }
            Query::Rehearsal(query) => {
                let bundle = self.places.get(&(query.target.to_string(), query.bundle.release.clone())).copied();
                let before = bundle.and_then(|digest| self.bundles.get(&digest));
                let objects = plainly(before.map(|b| &**b), &query.bundle);
                Answer::Rehearsal(Arc::new(Rehearsal { bundle, objects }))
            }
            Query::Facts { .. } => Answer::Facts(None),
            Query::Sought { .. } => Answer::Sought("{}".into()),
            Query::Bundle(digest) => {
                let gone = || PortError::new(Fault::NotFound, format!("there are no rendered objects {digest}"));
                Answer::Bundle(self.bundles.get(digest).cloned().ok_or_else(gone)?)
            }
            Query::Outputs(_) => Answer::Outputs(Arc::default()),
        })
    }

    /// Does what an order says, and gives what it tells.
    pub fn carry_out(&mut self, key: Digest, work: &Work) -> Fields {
        let mut told = Fields::new();
        match work {
            Work::Deploy(work) => {
                let place = (work.target.to_string(), work.name.clone());
                self.places.extend(work.bundle.map(|bundle| (place, bundle)));
            }
            Work::Push(push) => {
                let digest = push.digest.as_known().and_then(|d| d.parse().ok());
                if let (Some(digest), Some(tag)) = (digest, push.tag.as_known()) {
                    self.pushed.insert((push.repository.clone(), tag), digest);
                }
            }
            Work::Build(build) => {
                let query = ImageQuery {
                    source: build.source.clone(),
                    version: build.version.clone(),
                    folder: build.folder.clone(),
                    dockerfile: build.dockerfile.clone(),
                    target: build.target.clone(),
                    platform: build.platform.clone(),
                    engine: build.builder == crate::model::Builder::Docker,
                    args: known(&build.args),
                    labels: known(&build.labels),
                };
                let files = self.sources.files(&query.source, &query.version);
                let image = files.and_then(|files| image_of(files, &query)).ok().and_then(|i| i.digest);
                told.extend(image.map(|digest| ("digest".to_string(), digest.to_string())));
            }
            Work::Exec(exec) => {
                for output in &exec.outputs {
                    told.insert(output.name.clone(), format!("{}-{}", output.name, key.short()));
                    if output.path.is_some() {
                        told.insert(
                            format!("{}.path", output.name),
                            format!("/rehearsal/{}-{}", output.name, key.short()),
                        );
                    }
                }
            }
            Work::None | Work::Http(_) | Work::HelmTest(_) => {}
        }
        told
    }

    /// Brings a place back to a bundle.
    pub fn restore(&mut self, target: &crate::ports::places::Target, release: &str, bundle: Digest) {
        let name = self.bundles.get(&bundle).map_or(release, |b| b.release.as_str()).to_string();
        self.places.insert((target.to_string(), name), bundle);
    }
}

fn known(texts: &BTreeMap<String, Text>) -> BTreeMap<String, String> {
    texts.iter().map(|(k, t)| (k.clone(), t.as_known().unwrap_or_default())).collect()
}

fn folder_of(files: &Imagined, folder: &str) -> Result<BTreeMap<String, Arc<[u8]>>, PortError> {
    let listing = files.list()?;
    let skip = if folder.is_empty() { 0 } else { folder.len() + 1 };
    let read = |e: &Entry| Ok((e.path.get(skip..).unwrap_or_default().to_string(), files.read(&e.path)?));
    let found: BTreeMap<_, _> = listing.below(folder).map(read).collect::<Result<_, PortError>>()?;
    if found.is_empty() {
        return Err(PortError::new(Fault::NotFound, format!("there is no folder `{folder}`")));
    }
    Ok(found)
}

/// The image that a build would make. What it reads is what its Dockerfile says; everything in its folder where there is
/// none, or one that cannot be followed. Its digest is made up, and the same for the same image.
fn image_of(files: &Imagined, query: &ImageQuery) -> Result<ImageAnswer, PortError> {
    let listing = files.list()?;
    let followed = follow(files, query).unwrap_or_default();
    let (inputs, bases) = match followed {
        Some(found) => found,
        None => (listing.below(&query.folder).cloned().collect(), Vec::new()),
    };
    let name = query.dockerfile.as_deref().unwrap_or("Dockerfile");
    let dockerfile = if query.folder.is_empty() { name.to_string() } else { format!("{}/{name}", query.folder) };
    let mut hasher = Hasher::new("image");
    hasher.field(format!("{:?}", (&query.target, &query.platform, &query.args, &query.labels)));
    hasher.digest(listing.get(&dockerfile).map(|e| e.digest).unwrap_or_default());
    for entry in &inputs {
        hasher.field(entry.path.as_bytes()).digest(entry.digest);
    }
    for (text, digest) in &bases {
        hasher.field(text).digest(*digest);
    }
    let key = hasher.finish();
    let inputs = Arc::new(inputs.into_iter().map(|e| (e.path, e.digest)).collect());
    Ok(ImageAnswer { key, digest: Some(Digest::of(key.hex())), inputs, bases, notes: Vec::new() })
}

type Followed = Option<(Vec<Entry>, Vec<(String, Digest)>)>;

/// The files and bases that a Dockerfile names; nothing where it cannot be followed.
fn follow(files: &Imagined, query: &ImageQuery) -> Result<Followed, PortError> {
    let context = image::Context::open(files, &query.folder, query.dockerfile.as_deref())?;
    let dockerfile = if query.engine { context.dockerfile_for_engine() } else { context.dockerfile() };
    let Ok(dockerfile) = dockerfile else { return Ok(None) };
    let Ok(platform) = query.platform.parse() else { return Ok(None) };
    let (args, labels, target) = (&query.args, &query.labels, query.target.as_deref());
    let request = image::Request { context: &context, dockerfile: &dockerfile, args, target, labels, platform };
    let read = match query.engine {
        true => image::read(&request).map(|reading| (reading.inputs, reading.bases)),
        false => image::inputs(&request).and_then(|inputs| Ok((inputs, image::bases(&request)?))),
    };
    let Ok((inputs, bases)) = read else { return Ok(None) };
    let digest =
        |text: &str| text.split_once('@').and_then(|(_, d)| d.parse().ok()).unwrap_or_else(|| Digest::of(text));
    let bases = bases.into_iter().map(|b| (b.text.clone(), digest(&b.text))).collect();
    Ok(Some((inputs, bases)))
}
