//! The tag `latest`.

use super::Rule;
use crate::check::Context;
use crate::check::places::{self, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::SourceKind;
use crate::model::source::is_path;

/// The tag `latest`.
pub(super) static RULE: Rule = Rule { code: &codes::LATEST_TAG, needs_whole: false, run };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for source in &context.pipeline.sources {
        if let SourceKind::Image { repository, tag } = &source.kind
            && *tag.value == *"latest"
            && !is_path(repository)
        {
            let fault = Diagnostic::new(&codes::LATEST_TAG, "`latest` is whatever was pushed last")
                .at(tag.span, "says no version");
            found.push(fault.help("name the versions that are wanted: `tag=\"1.2.*\"`"));
        }
    }
    places::each(context.pipeline, &mut |place| {
        let Some(text) = place.template.as_text() else { return };
        let moves = match place.role {
            Role::Container => is_unversioned(text),
            Role::Tag => text == "latest",
            _ => false,
        };
        if moves {
            let fault = Diagnostic::new(&codes::LATEST_TAG, "`latest` is whatever was pushed last")
                .at(place.template.span, "says no version");
            found.push(fault.help("name a version, or better a digest"));
        }
    });
}

/// Whether an image is named without a version: no tag, or `latest`.
fn is_unversioned(image: &str) -> bool {
    let name = image.rsplit('/').next().unwrap_or(image);
    !image.contains('@') && (!name.contains(':') || name.ends_with(":latest"))
}
