//! A command in a cluster without an image to run in.

use super::Rule;
use crate::check::Context;
use crate::check::places;
use crate::diag::{Diagnostic, codes};

/// A command in a cluster without an image to run in.
pub(super) static RULE: Rule = Rule { code: &codes::JOB_WITHOUT_IMAGE, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::commands(context.pipeline, &mut |command| {
        if let Some(cluster) = command.cluster.as_ref().filter(|_| command.image.is_none()) {
            let message = format!("a command in the cluster `{}` has no image to run in", cluster.value);
            let fault = Diagnostic::new(&codes::JOB_WITHOUT_IMAGE, message).at(cluster.span, "a Job needs an image");
            found.push(fault.help("say which: `image=\"…\"`"));
        }
    });
}
