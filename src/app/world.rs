//! The neighbours of one state folder.

use crate::adapters;
use crate::adapters::seen::Seen;
use crate::engine::World;
use crate::ports::builder::Builder;
use crate::ports::images::Images;
use crate::ports::places::Places;
use crate::ports::secrets::Secrets;
use crate::ports::shell::Shell;
use crate::ports::web::Web;
use std::path::Path;
use std::sync::Arc;

/// All adapters of this machine, keeping what they keep below `state`.
pub(super) fn open(root: &Path, state: &Path, parallel: usize, seen: &Arc<Seen>) -> World {
    let cache = state.join("cache");
    let images: Arc<dyn Images> = Arc::new(adapters::images::AllImages::new(cache.join("images")));
    let sources = adapters::sources::LocalSources::new(cache.clone(), images.clone()).seen(seen);
    #[cfg(feature = "registry")]
    let sources = sources.with_charts(adapters::charts::Remote::new(cache.join("charts")));
    let engine = engine(&images, &state.join("images"));
    let clusters = clusters();
    World {
        root: root.to_path_buf(),
        sources: Arc::new(sources),
        images,
        store: state.join("images"),
        folders: Arc::new(adapters::place::FolderPlaces),
        branches: Arc::new(adapters::git::Branches::new(cache.join("branches"))),
        clusters: clusters.places,
        shell: Arc::new(adapters::shell::Pool::noting(parallel, state.join("begun"))),
        containers: engine.containers,
        jobs: clusters.jobs,
        builder: engine.builder,
        web: web(),
        workshop: Arc::new(adapters::workshop::FolderWorkshop::new(state).seen(seen)),
        secrets: clusters.secrets,
        shelf: Arc::new(adapters::shelf::FolderShelf::new(state.join("shelf"))),
        clock: Arc::new(adapters::clock::SystemClock),
    }
}

/// What clusters do for us.
struct OfClusters {
    places: Option<Arc<dyn Places>>,
    jobs: Option<Arc<dyn Shell>>,
    secrets: Arc<dyn Secrets>,
}

/// The clusters of the kubeconfig. None is spoken with before it is needed.
#[cfg(feature = "kubernetes")]
fn clusters() -> OfClusters {
    use adapters::kube;
    let clusters = Arc::new(kube::Clusters::new());
    OfClusters {
        places: Some(clusters.clone()),
        jobs: Some(Arc::new(kube::jobs::Jobs::new(clusters.clone()))),
        secrets: Arc::new(kube::secrets::AllSecrets::new(clusters)),
    }
}

/// This Lockgate was built without.
#[cfg(not(feature = "kubernetes"))]
fn clusters() -> OfClusters {
    OfClusters { places: None, jobs: None, secrets: Arc::new(adapters::secrets::LocalSecrets) }
}

/// Who asks URLs.
#[cfg(feature = "registry")]
fn web() -> Option<Arc<dyn Web>> {
    Some(Arc::new(adapters::web::Asker::default()))
}

#[cfg(not(feature = "registry"))]
fn web() -> Option<Arc<dyn Web>> {
    None
}

/// What an engine for containers does for us.
struct Engine {
    containers: Option<Arc<dyn Shell>>,
    builder: Option<Arc<dyn Builder>>,
}

/// The Docker engine that this machine's own client would use. It is not spoken with before it is needed.
#[cfg(feature = "docker")]
fn engine(images: &Arc<dyn Images>, store: &Path) -> Engine {
    use adapters::docker;
    let (engine, logins) = (Arc::new(docker::Engine::of_this_machine()), logins());
    Engine {
        containers: Some(Arc::new(docker::Containers::new(engine.clone(), images.clone(), store, logins.clone()))),
        builder: Some(Arc::new(docker::Builds::new(engine, images.clone(), store, logins))),
    }
}

#[cfg(not(feature = "docker"))]
fn engine(_: &Arc<dyn Images>, _: &Path) -> Engine {
    Engine { containers: None, builder: None }
}

/// What registries let us in with: what Docker's own client left.
#[cfg(all(feature = "docker", feature = "registry"))]
fn logins() -> adapters::docker::Logins {
    Arc::new(adapters::registry::docker_login)
}

#[cfg(all(feature = "docker", not(feature = "registry")))]
fn logins() -> adapters::docker::Logins {
    Arc::new(|_| Ok(None))
}
