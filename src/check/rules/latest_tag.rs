//! A push, or the image of a command, under the tag `latest`.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};

/// A push, or the image of a command, under the tag `latest`.
pub(super) static RULE: Rule = Rule { code: &codes::LATEST_TAG, needs_whole: false, sees: Sees::Places(run) };

fn run(_: &Context<'_>, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    let moves = match place.role {
        Role::Container => place.template.as_text().is_some_and(is_unversioned),
        Role::Tag => place.template.as_text() == Some("latest"),
        _ => false,
    };
    if moves {
        let fault = Diagnostic::new(&codes::LATEST_TAG, "`latest` is whatever was pushed last");
        let fault = fault.at(place.template.span, "says no version");
        found.push(fault.help("name a version, or better a digest"));
    }
}

/// Whether an image is named without a version: no tag, or `latest`.
fn is_unversioned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
}
