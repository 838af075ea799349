//! A password that stands in the file.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};

/// A password that stands in the file.
pub(super) static RULE: Rule = Rule { code: &codes::PLAIN_SECRET, needs_whole: false, sees: Sees::Places(run) };

/// What names of variables end with when their values are secret.
const ENDS: [&str; 8] = ["PASSWORD", "PASSWD", "SECRET", "TOKEN", "API_KEY", "APIKEY", "PRIVATE_KEY", "ACCESS_KEY"];

fn run(_: &Context<'_>, place: &Place<'_>, found: &mut Vec<Diagnostic>) {
    let (Role::Variable(name) | Role::BuildArg(name)) = place.role else { return };
    let ends = |end: &&str| {
        let tail = name.len().checked_sub(end.len()).and_then(|at| name.get(at..));
        tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
    };
    if !ENDS.iter().any(ends) || place.template.as_text().is_none_or(str::is_empty) {
        return;
    }
    let message = format!("`{}` looks like a secret, and its value is in the file", name.value);
    let fault = Diagnostic::new(&codes::PLAIN_SECRET, message)
        .at(place.template.span, "everyone who has this file can read it");
    found.push(fault.help("define a `secret` and write `{name}` here; if this one was real, change it"));
}
