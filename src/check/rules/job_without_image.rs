//! A command in a cluster without an image to run in.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::Command;

/// A command in a cluster without an image to run in.
pub(super) static RULE: Rule = Rule { code: &codes::JOB_WITHOUT_IMAGE, needs_whole: false, sees: Sees::Commands(run) };

fn run(_: &Context<'_>, command: &Command, found: &mut Vec<Diagnostic>) {
    if let Some(cluster) = command.cluster.as_ref().filter(|_| command.image.is_none()) {
        let message = format!("a command in the cluster `{}` has no image to run in", cluster.value);
        let fault = Diagnostic::new(&codes::JOB_WITHOUT_IMAGE, message).at(cluster.span, "a Job needs an image");
        found.push(fault.help("say which: `image=\"…\"`"));
    }
}
