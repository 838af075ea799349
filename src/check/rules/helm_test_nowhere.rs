//! Tests of a chart that cannot run where they should.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::{Environment, Said, Spanned, Target, VerifyKind};

/// Tests of a chart that cannot run where they should.
pub(super) static RULE: Rule = Rule { code: &codes::HELM_TEST_NOWHERE, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for environment in &context.pipeline.environments {
        for verify in &environment.verifies {
            let VerifyKind::HelmTest { releases, span, .. } = &verify.kind else { continue };
            if let Some(Target::Folder { span: place, .. } | Target::Branch { span: place, .. }) = &environment.target {
                let message = format!("no tests of a chart run in `{}`, which is no cluster", *environment.name);
                let fault = Diagnostic::new(&codes::HELM_TEST_NOWHERE, message).at(*span, "they run in a cluster");
                let fault = fault.at(*place, "and this is where the manifests go");
                found.push(fault.help("deploy to a `cluster`, or verify what is rendered with a script"));
                continue;
            }
            // A name that is none at all is told of already.
            let is_one = |name: &&Spanned<Said>| context.pipeline.releases.iter().any(|r| *r.name == name.value);
            found.extend(releases.iter().filter(is_one).filter_map(|name| not_deployed(environment, name)));
        }
    }
}

fn not_deployed(environment: &Environment, name: &Spanned<Said>) -> Option<Diagnostic> {
    if environment.deploys.iter().any(|d| d.value == name.value) {
        return None;
    }
    let message =
        format!("the tests of `{}` cannot run in `{}`: it is not deployed there", name.value, *environment.name);
    let fault = Diagnostic::new(&codes::HELM_TEST_NOWHERE, message).at(name.span, "not deployed here");
    Some(fault.help(match environment.deploys.as_slice() {
        [] => format!("add `deploy {}`", name.value),
        deployed => {
            let names: Vec<String> = deployed.iter().map(|d| format!("`{}`", d.value)).collect();
            format!(
                "{} deploys {}; add `deploy {}`, or name one of those",
                *environment.name,
                names.join(", "),
                name.value
            )
        }
    }))
}
