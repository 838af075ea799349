//! A secret where it would be shown.

use super::{Rule, Sees};
use crate::check::Context;
use crate::check::known::Known;
use crate::check::places::{Place, Role};
use crate::diag::{Diagnostic, codes};
use crate::model::Reference;
use crate::model::fields::Nature;

/// A secret where it would be shown.
pub(super) static RULE: Rule = Rule { code: &codes::SECRET_PRINTED, needs_whole: false, sees: Sees::References(run) };

fn run(_: &Context<'_>, place: &Place<'_>, reference: &Reference, known: &Known<'_>, found: &mut Vec<Diagnostic>) {
    if place.role.keeps_secrets() || known.nature(reference) != Some(Nature::Secret) {
        return;
    }
    let message = format!("the secret `{}` would be shown: it is in {}", reference.name, place.role.words());
    let fault = Diagnostic::new(&codes::SECRET_PRINTED, message).at(reference.span, shown_in(place.role));
    let fault = known.declared().map_or(fault.clone(), |at| fault.at(at, "the secret"));
    found.push(fault.help(instead(place.role)));
}

fn shown_in(role: Role<'_>) -> &'static str {
    match role {
        Role::BuildArg(_) | Role::Label => "everyone who has the image can read this",
        Role::Tag | Role::Container => "names of images are public",
        Role::Argument | Role::Shell => "the list of processes and the log show this",
        Role::Set | Role::ReleaseName => "manifests show this, and so does every plan",
        _ => "plans and logs show this",
    }
}

fn instead(role: Role<'_>) -> &'static str {
    match role {
        Role::Argument | Role::Shell => "hand it over in `env`, where it is not shown",
        Role::Set => "let the chart read a Secret object of the cluster by its name",
        Role::BuildArg(_) => {
            "write `secret NAME` in the build, and mount it: `RUN --mount=type=secret,id=NAME`; so it is in no layer"
        }
        _ => {
            "a secret can stand in `env`, in `credentials`, in the address of a `notify`, and as `secret NAME` in a build"
        }
    }
}
