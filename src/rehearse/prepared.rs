//! A pipeline as it can be played: what needs a neighbour that is not there is done by one that is.

use crate::model::{Builder, Command, Part, Pipeline, Program, Template, VerifyKind};
use crate::source::Span;

/// The same pipeline, with nothing in it that only some machines can do. What depends on what stays as it is.
pub(super) fn playable(pipeline: &Pipeline) -> Pipeline {
    let mut pipeline = pipeline.clone();
    for build in &mut pipeline.builds {
        build.builder.value = Builder::Daemonless;
        build.tests.iter_mut().for_each(here);
    }
    pipeline.tasks.iter_mut().for_each(|t| here(&mut t.command));
    for verify in pipeline.environments.iter_mut().flat_map(|e| &mut e.verifies) {
        let span = verify.span;
        match &mut verify.kind {
            VerifyKind::Script { command, .. } | VerifyKind::Run(command) => here(command),
            VerifyKind::Http { url, .. } => verify.kind = VerifyKind::Run(asking(url, span)),
        }
    }
    pipeline
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
    let name = Template { parts: vec![Part::Text("ask".to_string())], span };
    Command {
        program: Program::Argv(vec![name, url.clone()]),
        span,
        image: None,
        cluster: None,
        workdir: None,
        env: Vec::new(),
        timeout: None,
        retries: None,
        on_unknown: crate::model::OnUnknown::Retry,
    }
}
