//! A pipeline as it can be played: what needs a neighbour that is not there is done by one that is.

use crate::model::source::is_path;
use crate::model::{
    Builder, Command, Part, Pipeline, Program, Said, SourceKind, Spanned, Target, Template, VerifyKind,
};
use crate::source::Span;

/// The same pipeline, with nothing in it that only some machines can do. What depends on what stays as it is.
pub(super) fn playable(pipeline: &Pipeline) -> Pipeline {
    let mut pipeline = pipeline.clone();
    for build in &mut pipeline.builds {
        build.builder.value = Builder::Daemonless;
        build.tests.iter_mut().for_each(here);
        build.push.iter_mut().for_each(|p| beside(&mut p.repository));
    }
    pipeline.sources.iter_mut().for_each(|s| reachable(&mut s.kind));
    for environment in &mut pipeline.environments {
        environment.target.iter_mut().for_each(|target| folder(target, &environment.name));
    }
    pipeline.tasks.iter_mut().for_each(|t| here(&mut t.command));
    for verify in pipeline.environments.iter_mut().flat_map(|e| &mut e.verifies) {
        let span = verify.span;
        match &mut verify.kind {
            VerifyKind::Script { command, .. } | VerifyKind::Run(command) => here(command),
            VerifyKind::Http { url, .. } => verify.kind = VerifyKind::Run(asking(url, span)),
            VerifyKind::HelmTest { .. } => {}
        }
    }
    pipeline
}

/// A source that every machine can look at: what is far away is beside the pipeline file instead.
fn reachable(kind: &mut SourceKind) {
    match kind {
        SourceKind::Image { repository, .. } => beside(repository),
        SourceKind::Helm { chart, repo, .. } => {
            *repo = None;
            beside(chart);
        }
        SourceKind::Webhook => *kind = SourceKind::Folder { path: Spanned::new("./webhook".into(), Span::default()) },
        _ => {}
    }
}

fn beside(name: &mut Spanned<Said>) {
    if !is_path(name) {
        name.value = format!("./{}", name.value).into();
    }
}

/// A cluster is a folder of its own, and so is a branch.
fn folder(target: &mut Target, environment: &str) {
    if let Target::Branch { url, namespace, span, .. } = target {
        let path = Spanned::new(format!("./branches/{environment}").into(), url.span);
        *target = Target::Folder { path, namespace: namespace.clone(), span: *span };
        return;
    }
    if let Target::Cluster { context, namespace, span, .. } = target {
        let path = Spanned::new(format!("./clusters/{}/{}", context.value, namespace.value).into(), context.span);
        *target = Target::Folder { path, namespace: Some(namespace.clone()), span: *span };
    }
}

/// The image and the cluster that a command runs in are arguments of it instead.
fn here(command: &mut Command) {
    let image = command.image.take();
    let cluster = command.cluster.take();
    let cluster = cluster.map(|c| Template { parts: vec![Part::Text(c.value)], span: c.span });
    if let Program::Argv(argv) = &mut command.program {
        argv.extend(image.into_iter().chain(cluster));
    }
}

fn asking(url: &Template, span: Span) -> Command {
    let name = Template { parts: vec![Part::Text("ask".into())], span };
    Command {
        program: Program::Argv(vec![name, url.clone()]),
        span,
        image: None,
        cluster: None,
        namespace: None,
        workdir: None,
        env: Vec::new(),
        timeout: None,
        retries: None,
        on_unknown: crate::model::OnUnknown::Retry,
    }
}
