//! A secret that is used where it may not be.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::graph::Kind;
use crate::model::{Command, Environment, Secret, Target, VerifyKind};
use crate::source::Span;

/// A secret that is used where it may not be.
pub(super) static RULE: Rule =
    Rule { code: &codes::SECRET_OUT_OF_PLACE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    if context.pipeline.secrets.iter().all(|s| s.environments.is_empty()) {
        return;
    }
    let builds = context.pipeline.builds.iter().flat_map(|b| &b.tests);
    for command in builds.chain(context.pipeline.tasks.iter().map(|t| &t.command)) {
        variables(command).for_each(|(name, place)| found.extend(outside(context, name, place, None)));
    }
    let pushes = context.pipeline.builds.iter().filter_map(|build| build.push.as_ref()?.credentials.as_ref());
    for secret in pushes.chain(context.pipeline.sources.iter().filter_map(|source| source.credentials.as_ref())) {
        found.extend(outside(context, secret, secret.span, None));
    }
    for secret in context.pipeline.builds.iter().flat_map(|b| &b.secrets) {
        found.extend(outside(context, &secret.name, secret.name.span, None));
    }
    for to in context.pipeline.notifies.iter().filter_map(|n| n.to.as_ref()) {
        for reference in to.url().into_iter().flat_map(crate::model::Template::refs) {
            found.extend(outside(context, &reference.name, reference.span, None));
        }
        to.sign().iter().for_each(|secret| found.extend(outside(context, secret, secret.span, None)));
    }
    for environment in &context.pipeline.environments {
        for verify in &environment.verifies {
            if let VerifyKind::Run(command) | VerifyKind::Script { command, .. } = &verify.kind {
                variables(command)
                    .for_each(|(name, place)| found.extend(outside(context, name, place, Some(environment))));
            }
        }
        if let Some(name) = environment.target.as_ref().and_then(Target::secret) {
            found.extend(outside(context, name, name.span, Some(environment)));
        }
    }
}

/// The names in the variables of a command, with their places.
fn variables(command: &Command) -> impl Iterator<Item = (&str, Span)> {
    command.env.iter().flat_map(|(_, value)| value.refs()).map(|r| (r.name.as_str(), r.span))
}

fn outside(context: &Context<'_>, name: &str, place: Span, environment: Option<&Environment>) -> Option<Diagnostic> {
    let id = context.graph.find(name).filter(|id| matches!(context.graph.kind(*id), Kind::Secret(_)))?;
    let secret: &Secret = context.graph.secret(id)?;
    let allowed = |e: &Environment| secret.environments.iter().any(|s| s.value == e.name.value);
    if secret.environments.is_empty() || environment.is_some_and(allowed) {
        return None;
    }
    let here = environment.map_or("a source, build, task or notification, which has no environment".to_string(), |e| {
        format!("`{}`", *e.name)
    });
    let fault = Diagnostic::new(&codes::SECRET_OUT_OF_PLACE, format!("the secret `{name}` may not be used in {here}"));
    let fault = fault.at(place, "used here");
    let names: Vec<&str> = secret.environments.iter().map(|e| e.value.as_str()).collect();
    let fault = secret.environments.first().map_or(fault.clone(), |first| fault.at(first.span, "only in these"));
    Some(fault.help(format!("it is for: {}", names.join(", "))))
}
