//! The world in motion: asks the plan's questions, carries out orders, writes the journal. Async and IO start here; it
//! sees ports and never adapters.

pub mod book;
pub mod drive;
pub mod observe;

mod builders;
mod deploys;
mod dispatch;
mod images;
mod login;
mod pace;
mod programs;

pub use book::{Book, SharedBook};
pub use drive::{Call, Driver, Finish};

use crate::graph::Graph;
use crate::model::{SourceKind, source::is_path};
use crate::plan::Memory;
pub(crate) use crate::plan::work::clean;
use crate::ports::PortError;
use crate::ports::builder::Builder;
use crate::ports::clock::Clock;
use crate::ports::images::Images;
use crate::ports::places::{Guarded, Places};
use crate::ports::secrets::{self, Secrets};
use crate::ports::shelf::Shelf;
use crate::ports::shell::Shell;
use crate::ports::sources::{HeadQuery, Origin, Sources};
use crate::ports::web::Web;
use crate::ports::workshop::Workshop;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All neighbours, and where things are.
#[derive(Clone)]
pub struct World {
    /// The folder of the pipeline file; its relative paths start here.
    pub root: PathBuf,
    /// Sources and their files.
    pub sources: Arc<dyn Sources>,
    /// Images in registries and layouts.
    pub images: Arc<dyn Images>,
    /// The layout in which images wait between being built and being pushed.
    pub store: PathBuf,
    /// Folders that are deployed to.
    pub folders: Arc<dyn Places>,
    /// Branches of git repositories that are deployed to.
    pub branches: Arc<dyn Guarded>,
    /// Namespaces of clusters that are deployed to, where something can speak with clusters.
    pub clusters: Option<Arc<dyn Places>>,
    /// Programs of this machine.
    pub shell: Arc<dyn Shell>,
    /// Programs in containers, where an engine for them can be spoken with.
    pub containers: Option<Arc<dyn Shell>>,
    /// Programs as Jobs of clusters, where something can speak with clusters.
    pub jobs: Option<Arc<dyn Shell>>,
    /// What makes images of Dockerfiles that run programs, where there is something that does.
    pub builder: Option<Arc<dyn Builder>>,
    /// URLs, where something can ask them.
    pub web: Option<Arc<dyn Web>>,
    /// Folders for programs.
    pub workshop: Arc<dyn Workshop>,
    /// Values that are never shown.
    pub secrets: Arc<dyn Secrets>,
    /// What is kept by name.
    pub shelf: Arc<dyn Shelf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// The question for the head of a source, with paths made absolute and credentials fetched.
pub(crate) fn head_query(world: &World, graph: &Graph, memory: &Memory, name: &str) -> Result<HeadQuery, PortError> {
    let missing = || PortError::new(crate::ports::Fault::Invalid, format!("there is no source `{name}`"));
    let source = graph.find(name).and_then(|id| graph.source(id)).ok_or_else(missing)?;
    let texts = |list: &[crate::model::Spanned<crate::model::Said>]| list.iter().map(|s| s.value.to_string()).collect();
    let credentials = match &source.credentials {
        Some(secret) => Some(credentials(&secret_value(world, graph, secret)?)),
        None => None,
    };
    Ok(HeadQuery {
        origin: origin(&world.root, &source.kind, name),
        paths: texts(&source.paths),
        ignore: texts(&source.ignore),
        last: memory.heads.get(name).map(|h| h.version.clone()),
        credentials,
    })
}

/// `user:password`, a token alone, or a private key.
pub fn credentials(value: &str) -> crate::ports::sources::Credentials {
    // A key is a key, though there be a `:` in it.
    let is_key = value.trim_start().starts_with("-----BEGIN");
    let (username, password) = value.split_once(':').filter(|_| !is_key).unwrap_or(("", value));
    crate::ports::sources::Credentials { username: username.to_string(), password: password.to_string() }
}

fn origin(root: &Path, kind: &SourceKind, name: &str) -> Origin {
    let absolute = |path: &str| clean(&root.join(path));
    match kind {
        SourceKind::Git { url, branch } => {
            let url = if is_path(url) { absolute(url).display().to_string() } else { url.value.to_string() };
            Origin::Git { url, branch: branch.value.to_string() }
        }
        SourceKind::Folder { path } => Origin::Folder { path: absolute(path) },
        SourceKind::Image { repository, tag, newest, plain_http } => {
            let layout = is_path(repository);
            let repository =
                if layout { absolute(repository).display().to_string() } else { repository.value.to_string() };
            Origin::Image { repository, layout, tag: tag.value.to_string(), newest: *newest, plain: *plain_http }
        }
        SourceKind::Helm { chart, repo, version } => Origin::Chart {
            name: if is_path(chart) && repo.is_none() {
                absolute(chart).display().to_string()
            } else {
                chart.value.to_string()
            },
            repository: repo.as_ref().map(|r| r.value.to_string()),
            version: version.as_ref().map(|v| v.value.to_string()),
        },
        SourceKind::Webhook | SourceKind::Unknown => Origin::Webhook { name: name.to_string() },
    }
}

/// Refuses a secret where it may not be used: outside of the environments that it is for. The pipeline's rules say so
/// before; here it is looked at once more, where the value would be put in.
pub(crate) fn may_use(graph: &Graph, name: &str, environment: Option<&str>) -> Result<(), PortError> {
    let Some(secret) = graph.find(name).and_then(|id| graph.secret(id)) else { return Ok(()) };
    let is_for = |environment: &str| secret.environments.iter().any(|e| e.value == environment);
    if secret.environments.is_empty() || environment.is_some_and(is_for) {
        return Ok(());
    }
    let names: Vec<&str> = secret.environments.iter().map(|e| e.value.as_str()).collect();
    let place = environment.map_or("what has no environment".to_string(), |e| format!("environment `{e}`"));
    let message = format!("the secret `{name}` may not be used in {place}");
    Err(PortError::new(crate::ports::Fault::Denied, message).help(format!("it is for: {}", names.join(", "))))
}

/// The value of a secret of the pipeline.
pub(crate) fn secret_value(world: &World, graph: &Graph, name: &str) -> Result<String, PortError> {
    use crate::model::SecretFrom;
    use secrecy::ExposeSecret;
    let invalid = |text: String| PortError::new(crate::ports::Fault::Invalid, text);
    let secret = graph
        .find(name)
        .and_then(|id| graph.secret(id))
        .ok_or_else(|| invalid(format!("there is no secret `{name}`")))?;
    let origin = match &secret.from {
        Some(SecretFrom::Env(variable)) => secrets::Origin::Env(variable.value.to_string()),
        Some(SecretFrom::File(path)) => secrets::Origin::File(clean(&world.root.join(&path.value))),
        Some(SecretFrom::Command(argv)) => {
            secrets::Origin::Command(argv.iter().map(|t| t.as_text().unwrap_or_default().to_string()).collect())
        }
        Some(SecretFrom::Kubernetes { context, namespace, name, key }) => secrets::Origin::Kubernetes {
            context: context.value.to_string(),
            namespace: namespace.value.to_string(),
            name: name.value.to_string(),
            key: key.value.to_string(),
        },
        None => return Err(invalid(format!("secret `{name}` does not say where its value is"))),
    };
    let named = |error: PortError| PortError { message: format!("secret `{name}`: {}", error.message), ..error };
    Ok(world.secrets.get(&origin).map_err(named)?.expose_secret().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;
    use crate::syntax::tree::Document;
    use crate::syntax::{self, Limits};

    fn graph(text: &str) -> Graph {
        let (tree, faults) = syntax::parse(FileId(0), text.into(), &Limits::default());
        assert_eq!(faults, []);
        let (file, _) = crate::model::decode(&Document::from(tree));
        crate::graph::lower(Arc::new(file.pipelines.into_iter().next().expect("a pipeline"))).0
    }

    #[test]
    fn a_secret_is_for_its_environments() {
        let graph = graph(
            "lockgate 1\npipeline p {\n    secret bound {\n        env A\n        environments dev\n    }\n    secret free {\n        env B\n    }\n    environment dev {\n        folder \"./out\"\n    }\n}\n",
        );
        let may = |name: &str, environment| may_use(&graph, name, environment);
        assert_eq!((may("bound", Some("dev")), may("free", Some("prod")), may("free", None)), (Ok(()), Ok(()), Ok(())));
        let error = may("bound", Some("prod")).expect_err("not for it");
        assert_eq!(error.message, "the secret `bound` may not be used in environment `prod`");
        assert_eq!(may("bound", None).expect_err("no environment").fault, crate::ports::Fault::Denied);
    }
}
