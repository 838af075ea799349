//! An address that is no URL.

use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::format::parse_url;
use crate::model::{NotifyTo, Part, Template, VerifyKind};

/// An address that is no URL.
pub(super) static RULE: Rule = Rule { code: &codes::BAD_URL, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    for notify in &context.pipeline.notifies {
        if let Some(url) = notify.to.as_ref().and_then(NotifyTo::url) {
            found.extend(check(url));
        }
    }
    for verify in context.pipeline.environments.iter().flat_map(|e| &e.verifies) {
        if let VerifyKind::Http { url, .. } = &verify.kind {
            found.extend(check(url));
        }
    }
}

/// Looks at what stands before the first reference; an address that begins with one is known later.
fn check(template: &Template) -> Option<Diagnostic> {
    let text = match template.parts.first() {
        Some(Part::Ref(_)) => return None,
        Some(Part::Text(text)) => text.as_str(),
        None => "",
    };
    let whole = template.parts.len() == 1;
    let why = match parse_url(text) {
        _ if text.is_empty() => "it is empty",
        None => "it has no scheme",
        Some(url) if !matches!(url.scheme, "https" | "http") => "only `https:` and `http:` can be asked",
        Some(url) if url.host.is_empty() && whole => "it has no host",
        Some(url) if url.host.contains(char::is_whitespace) => "a blank stands in its host",
        Some(_) => return None,
    };
    let message = format!("`{text}` is not an address that can be asked: {why}");
    Some(
        Diagnostic::new(&codes::BAD_URL, message)
            .at(template.span, "")
            .help("an address is written so: `https://host/path`"),
    )
}
