//! The URLs of a pipeline, for the rules that look at URLs.

use crate::model::{NotifyTo, Part, Pipeline, SourceKind, Target, Template, VerifyKind};
use crate::source::Span;

/// Calls `see` with each URL and its place; of one with references, with the text before the first.
pub(super) fn each<'a>(pipeline: &'a Pipeline, see: &mut dyn FnMut(&'a str, Span)) {
    for source in &pipeline.sources {
        match &source.kind {
            SourceKind::Git { url, .. } => see(url, url.span),
            SourceKind::Helm { repo: Some(url), .. } => see(url, url.span),
            _ => {}
        }
    }
    for environment in &pipeline.environments {
        if let Some(Target::Branch { url, .. }) = &environment.target {
            see(url, url.span);
        }
    }
    for notify in &pipeline.notifies {
        if let Some(url) = notify.to.as_ref().and_then(NotifyTo::url) {
            template(url, see);
        }
    }
    for verify in pipeline.environments.iter().flat_map(|e| &e.verifies) {
        if let VerifyKind::Http { url, .. } = &verify.kind {
            template(url, see);
        }
    }
}

fn template<'a>(template: &'a Template, see: &mut dyn FnMut(&'a str, Span)) {
    if let Some(Part::Text(text)) = template.parts.first() {
        see(text, template.span);
    }
}
