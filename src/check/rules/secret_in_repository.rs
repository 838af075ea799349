//! A secret that is read from a file of the repository.

use super::{Rule, Sees, files};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::SecretFrom;

/// A secret that is read from a file of the repository.
pub(super) static RULE: Rule =
    Rule { code: &codes::SECRET_IN_REPOSITORY, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for secret in &context.pipeline.secrets {
        let Some(SecretFrom::File(path)) = &secret.from else { continue };
        if files::is_within(path) {
            let message = format!("the secret `{}` is read from a file beside the pipeline file", *secret.name);
            let fault = Diagnostic::new(&codes::SECRET_IN_REPOSITORY, message).at(path.span, "in the repository");
            found.push(
                fault.help("what is committed once stays in the history: keep it outside, as in `/run/secrets/NAME`"),
            );
        }
    }
}
