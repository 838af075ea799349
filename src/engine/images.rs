//! Images: foreseen for a plan, built into the store, pushed to where they are wanted.

use super::{World, clean};
use crate::digest::Digest;
use crate::graph::Graph;
use crate::image::reference::Reference;
use crate::image::{self, Base, LayerCache, LayerInfo, Tree, TreeCache};
use crate::model::source::is_path;
use crate::model::{Said, SourceKind, Spanned};
use crate::plan::observed::{ImageAnswer, ImageQuery};
use crate::plan::work::{PushWork, Taken, own_tag};
use crate::ports::files::Files;
use crate::ports::images::{Blobs, Platform, Push, Repository};
use crate::ports::{Fault, PortError, shelf};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of layers and bases, kept on the shelf.
struct Known<'w>(&'w World);

impl LayerCache for Known<'_> {
    fn get(&self, key: Digest) -> Option<LayerInfo> {
        let bytes = self.0.shelf.get(shelf::Kind::Layer, &key.hex()).ok()??;
        serde_json::from_slice(&bytes).ok()
    }

    fn put(&self, key: Digest, info: LayerInfo) {
        if let Ok(bytes) = serde_json::to_vec(&info) {
            // What cannot be kept is found out again the next time.
            let _ = self.0.shelf.put(shelf::Kind::Layer, &key.hex(), &bytes);
        }
    }
}

impl TreeCache for Known<'_> {
    fn get(&self, base: Digest) -> Option<Arc<Tree>> {
        let bytes = self.0.shelf.get(shelf::Kind::Tree, &base.hex()).ok()??;
        serde_json::from_slice(&bytes).ok().map(Arc::new)
    }

    fn put(&self, base: Digest, tree: &Arc<Tree>) {
        if let Ok(bytes) = serde_json::to_vec(&**tree) {
            let _ = self.0.shelf.put(shelf::Kind::Tree, &base.hex(), &bytes);
        }
    }
}

/// What is decided of an image, with the context it is made of.
struct Decided<'a> {
    context: image::Context<'a>,
    recipe: image::Recipe,
    image: image::Image,
    bases: Vec<(String, Digest)>,
}

/// The image that a build would make, to its digest.
pub(super) fn foresee(
    world: &World,
    graph: &Graph,
    files: &dyn Files,
    query: &ImageQuery,
) -> Result<ImageAnswer, PortError> {
    if query.engine {
        return super::builders::foresee(world, graph, files, query);
    }
    let decided = decide(world, graph, files, query)?;
    let input = |e: &crate::ports::files::Entry| (e.path.clone(), e.digest);
    Ok(ImageAnswer {
        key: decided.recipe.key(),
        digest: Some(decided.image.digest),
        inputs: Arc::new(decided.recipe.inputs().iter().map(input).collect()),
        bases: decided.bases,
        notes: decided.recipe.notes().iter().map(|n| n.message.clone()).collect(),
    })
}

/// Makes the image and keeps it in the store; gives its digest.
pub(super) fn build(world: &World, graph: &Graph, files: &dyn Files, query: &ImageQuery) -> Result<Digest, PortError> {
    let decided = decide(world, graph, files, query)?;
    // The layers of bases in registries stay there until the image is pushed: the store needs only their names.
    let bases = decided.bases.iter().map(|(text, _)| repository(world, graph, text).map(|(at, _)| at));
    let from: Vec<Repository> = bases.filter(|at| at.as_ref().is_ok_and(|at| at.layout)).collect::<Result<_, _>>()?;
    let target = Repository::layout(world.store.display().to_string());
    let tag = decided.image.digest.short();
    world.images.push(&Push {
        target: &target,
        tags: std::slice::from_ref(&tag),
        manifest: &decided.image.manifest,
        config: &decided.image.config,
        blobs: &decided.recipe.blobs(&decided.context, &decided.image),
        from: &from,
    })
}

/// Sends an image from the store to where it is wanted.
pub(super) fn push(world: &World, graph: &Graph, work: &PushWork) -> Result<Digest, PortError> {
    let unknown = |what: &str| PortError::new(Fault::Invalid, format!("the {what} to push is not known"));
    let digest: Digest = work.digest.as_known().and_then(|d| d.parse().ok()).ok_or_else(|| unknown("digest"))?;
    let tag = work.tag.as_known().filter(|t| !t.is_empty()).ok_or_else(|| unknown("tag"))?;
    let tag = free_tag(world, graph, work, tag, digest)?;
    let store = Repository::layout(world.store.display().to_string());
    let fetched = world.images.fetch(&store, digest, &Platform::default()).map_err(|e| match e.fault {
        Fault::NotFound => PortError::new(Fault::NotFound, format!("the image {digest} is not in the store any more"))
            .help("build it again: `lockgate apply --rerun BUILD`"),
        _ => e,
    })?;
    let mut from = vec![store.clone()];
    for (text, _) in &work.bases {
        from.push(repository(world, graph, text)?.0);
    }
    let target = target(world, graph, &work.repository, work.layout)?;
    let blobs = Stored { world, store: &store, sizes: sizes(&fetched.manifest) };
    let pushed = world.images.push(&Push {
        target: &target,
        tags: std::slice::from_ref(&tag),
        manifest: &fetched.manifest,
        config: &fetched.config,
        blobs: &blobs,
        from: &from,
    })?;
    if pushed != digest {
        let message = format!("{digest} was pushed to {}, and {pushed} arrived", work.repository);
        return Err(PortError::new(Fault::Invalid, message));
    }
    Ok(pushed)
}

/// The image that a tag names, if it is there.
pub(super) fn tagged(
    world: &World,
    graph: &Graph,
    repository: &str,
    layout: bool,
    tag: &str,
) -> Result<Option<Digest>, PortError> {
    let target = target(world, graph, repository, layout)?;
    match world.images.resolve(&target, tag) {
        Ok(found) => Ok(world.images.exists(&target, found.digest)?.then_some(found.digest)),
        Err(e) if e.fault == Fault::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The tag that the image gets, now that it is about to be pushed.
fn free_tag(world: &World, graph: &Graph, work: &PushWork, tag: String, digest: Digest) -> Result<String, PortError> {
    if work.taken == Taken::Move {
        return Ok(tag);
    }
    let Some(other) = tagged(world, graph, &work.repository, work.layout, &tag)?.filter(|other| *other != digest)
    else {
        return Ok(tag);
    };
    if work.taken == Taken::Stay {
        return Ok(own_tag(&tag, digest));
    }
    let message =
        format!("the tag `{tag}` of {} names {other} by now, and was free when the plan was made", work.repository);
    Err(PortError::new(Fault::Moved, message).help("plan again: the image gets a tag of its own"))
}

/// The layers of an image in the store.
struct Stored<'w> {
    world: &'w World,
    store: &'w Repository,
    sizes: BTreeMap<Digest, u64>,
}

impl Blobs for Stored<'_> {
    fn write(&self, digest: Digest, out: &mut dyn std::io::Write) -> Result<bool, PortError> {
        let Some(size) = self.sizes.get(&digest) else { return Ok(false) };
        let mut blob = match self.world.images.blob(self.store, digest, *size) {
            Ok(blob) => blob,
            // A layer of the base: it stays where it is.
            Err(e) if e.fault == Fault::NotFound => return Ok(false),
            Err(e) => return Err(e),
        };
        let failed = |e: std::io::Error| PortError::new(Fault::Unavailable, format!("copying the layer {digest}: {e}"));
        std::io::copy(&mut blob, out).map_err(failed)?;
        Ok(true)
    }
}

fn sizes(manifest: &[u8]) -> BTreeMap<Digest, u64> {
    let manifest: serde_json::Value = serde_json::from_slice(manifest).unwrap_or_default();
    let layers = manifest.get("layers").and_then(|l| l.as_array()).cloned().unwrap_or_default();
    layers.iter().filter_map(|l| Some((l.get("digest")?.as_str()?.parse().ok()?, l.get("size")?.as_u64()?))).collect()
}

fn decide<'a>(
    world: &World,
    graph: &Graph,
    files: &'a dyn Files,
    query: &ImageQuery,
) -> Result<Decided<'a>, PortError> {
    let context = image::Context::open(files, &query.folder, query.dockerfile.as_deref())?;
    let dockerfile = context.dockerfile().map_err(together)?;
    let platform = query
        .platform
        .parse()
        .map_err(|_| PortError::new(Fault::Invalid, format!("`{}` is no platform", query.platform)))?;
    let request = image::Request {
        context: &context,
        dockerfile: &dockerfile,
        args: &query.args,
        target: query.target.as_deref(),
        labels: &query.labels,
        platform,
    };
    let mut bases = BTreeMap::new();
    let mut digests = Vec::new();
    for base in image::bases(&request).map_err(together)? {
        let (at, digest) = repository(world, graph, &base.text).map_err(|e| placed(e, &base))?;
        let digest = match digest {
            Some(digest) => digest,
            None => world.images.resolve(&at, tag_of(&base.text)).map_err(|e| placed(e, &base))?.digest,
        };
        let found =
            Base::fetch(&*world.images, &at, digest, &base.platform, &Known(world)).map_err(|e| placed(e, &base))?;
        digests.push((base.text.clone(), digest));
        bases.insert(base.text.clone(), found);
    }
    let recipe = image::recipe(&request, &bases).map_err(together)?;
    let image = recipe.plan(&context, &Known(world))?;
    Ok(Decided { context, recipe, image, bases: digests })
}

/// Several faults as one: the first, with the others told behind it.
pub(super) fn together(mut faults: Vec<PortError>) -> PortError {
    if faults.is_empty() {
        return PortError::new(Fault::Invalid, "the image cannot be built");
    }
    let mut fault = faults.remove(0);
    for other in faults {
        fault.message.push_str(&format!("\n{other}"));
    }
    fault
}

pub(super) fn placed(error: PortError, base: &image::BaseRef) -> PortError {
    let message = format!("base image `{}`: {}", base.text, error.message);
    let mut error = PortError { message, ..error };
    error.place.get_or_insert_with(|| base.place.clone());
    error
}

/// Where a base image is, and its digest where the text names one.
pub(super) fn repository(world: &World, graph: &Graph, text: &str) -> Result<(Repository, Option<Digest>), PortError> {
    let (name, digest) = match text.split_once('@') {
        Some((name, digest)) => (name, digest.parse().ok()),
        None => (text, None),
    };
    if is_path(name) {
        let path = name.rsplit_once(':').filter(|(_, t)| !t.contains('/')).map_or(name, |(n, _)| n);
        return Ok((target(world, graph, path, true)?, digest));
    }
    let name = Reference::parse(name).map_or_else(|_| name.to_string(), |r| r.repository());
    Ok((target(world, graph, &name, false)?, digest))
}

pub(super) fn tag_of(text: &str) -> &str {
    text.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or("latest", |(_, tag)| tag)
}

/// A repository, with what the pipeline says that lets us in.
fn target(world: &World, graph: &Graph, repository: &str, layout: bool) -> Result<Repository, PortError> {
    if layout {
        return Ok(Repository::layout(clean(&world.root.join(repository)).display().to_string()));
    }
    let mut at = Repository::registry(repository);
    if let Some(access) = Access::find(graph, repository) {
        at.plain = access.plain;
        let secret = access.credentials.map(|secret| super::secret_value(world, graph, secret)).transpose()?;
        // A secret may be what Docker's client writes, as those of clusters are.
        let known = |value: String| super::login::of(&value, repository).unwrap_or_else(|| super::credentials(&value));
        at.credentials = secret.map(known);
    }
    Ok(at)
}

/// What the pipeline says of a registry: where it names a repository, as a source or to push to.
#[derive(Default)]
struct Access<'g> {
    credentials: Option<&'g str>,
    plain: bool,
}

impl<'g> Access<'g> {
    /// What is said of that repository itself, or else of another one of the same registry.
    fn find(graph: &'g Graph, repository: &str) -> Option<Access<'g>> {
        let wanted = Reference::parse(repository).ok()?;
        let mut near = None;
        for (name, access) in Access::all(graph) {
            match Reference::parse(name) {
                Ok(found) if found.path == wanted.path && found.domain == wanted.domain => return Some(access),
                Ok(found) if found.domain == wanted.domain && near.is_none() => near = Some(access),
                _ => {}
            }
        }
        near
    }

    fn all(graph: &'g Graph) -> impl Iterator<Item = (&'g str, Access<'g>)> {
        let pipeline = graph.pipeline();
        let text = |secret: &'g Option<Spanned<Said>>| secret.as_ref().map(|secret| secret.value.as_str());
        let pushes = pipeline.builds.iter().filter_map(|build| build.push.as_ref()).map(move |push| {
            let access = Access { credentials: text(&push.credentials), plain: push.plain_http };
            (push.repository.value.as_str(), access)
        });
        let sources = pipeline.sources.iter().filter_map(move |source| match &source.kind {
            SourceKind::Image { repository, plain_http, .. } => {
                let access = Access { credentials: text(&source.credentials), plain: *plain_http };
                Some((repository.value.as_str(), access))
            }
            _ => None,
        });
        pushes.chain(sources).filter(|(_, access)| access.credentials.is_some() || access.plain)
    }
}
