//! A password that stands in the file.

use super::Rule;
use crate::check::Context;
use crate::check::places::{self, Role};
use crate::diag::{Diagnostic, codes};

/// A password that stands in the file.
pub(super) static RULE: Rule = Rule { code: &codes::PLAIN_SECRET, needs_whole: false, run };

/// What names of variables end with when their values are secret.
const ENDS: [&str; 8] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"];

fn run(context: &Context<'_>, found: &mut Vec<Diagnostic>) {
    places::each(context.pipeline, &mut |place| {
        let (Role::Variable(name) | Role::BuildArg(name)) = place.role else { return };
        let upper = name.to_ascii_uppercase();
        let text = place.template.as_text().unwrap_or_default();
        if text.is_empty() || !ENDS.iter().any(|end| upper.ends_with(end)) {
            return;
        }
        let fault = Diagnostic::new(
            &codes::PLAIN_SECRET,
            format!("`{}` looks like a secret, and its value is in the file", name.value),
        );
        let fault = fault.at(place.template.span, "everyone who has this file can read it");
        found.push(fault.help("define a `secret` and write `{name}` here; if this one was real, change it"));
    });
}
