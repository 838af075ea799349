//! A URL without encryption.

use super::urls;
use super::{Rule, Sees};
use crate::check::Context;
use crate::diag::{Diagnostic, codes};
use crate::model::format::parse_url;

/// A URL without encryption.
pub(super) static RULE: Rule = Rule { code: &codes::INSECURE_URL, needs_whole: false, sees: Sees::Pipeline(run) };

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    urls::each(context.pipeline, &mut |text, span| {
        let Some(url) = parse_url(text).filter(|u| matches!(u.scheme, "http" | "git")) else { return };
        if is_here(url.host) {
            return;
        }
        let fault = Diagnostic::new(
            &codes::INSECURE_URL,
            format!("what comes over `{}:` can be changed on its way", url.scheme),
        );
        found.push(fault.at(span, "not encrypted").help("use `https:`"));
    });
}

/// Whether the host is this machine or a service of the same cluster, whose names are short or end so.
fn is_here(host: &str) -> bool {
    let name = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or(host) };
    let address = name.starts_with("127.") || name.starts_with("[::1]");
    let service = name.ends_with(".svc") || name.ends_with(".svc.cluster.local") || !name.contains(['.', ':']);
    address || service
}
