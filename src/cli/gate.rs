//! `lockgate approve` and `lockgate reject`: what people say at a gate.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::app::names;
use crate::diag::{Diagnostic, codes};
use crate::digest::Digest;
use crate::report::{Paint, gate};
use crate::run::Saying;

/// Say yes to what waits at a gate
///
/// The approval is of exactly what waits there: if that changes, it does not count any more. Nobody approves their own change.
/// With `--edit`, of an edit of the pipeline file that makes gates weaker and waits for the people whom they ask.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate approve staging
  lockgate approve prod --as ann --reason 'CHG-1042'
  lockgate approve --edit --server https://lockgate.example.com")]
pub(super) struct Approve {
    /// The environment whose gate it is
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "edit", conflicts_with = "edit")]
    environment: Option<String>,
    /// The edit of the pipeline file that waits; with a digest, only if it is exactly that one
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, require_equals = true, conflicts_with = "subplan")]
    edit: Option<Option<Digest>>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Only if exactly this waits there: the hash of the sub-plan that was looked at
    #[arg(long, value_name = "DIGEST")]
    subplan: Option<Digest>,
}

impl Approve {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(wanted) = self.edit {
            return edit(desk, wanted, self.reason, "approve");
        }
        let name = self.environment.unwrap_or_default();
        if let Some(server) = desk.server()? {
            let subplan = self.subplan.map(|s| s.to_string());
            return remote::approve(desk, &server, &name, subplan, self.reason);
        }
        let session = desk.telling(desk.open(None)?)?;
        let environment = names::environment(&session, &name)?;
        let saying = Saying::Approve { environment: environment.clone(), subplan: self.subplan };
        desk.say(&session, saying, self.reason, "")?;
        let (state, style, clock) = (session.state()?, desk.terminal.out, desk.clock(&session));
        let standing = state.memory.environments.get(&environment).and_then(|p| p.standing.as_ref());
        let missing: Vec<String> =
            standing.map(|s| gate::missing(s, &clock).iter().map(gate::approvals).collect()).unwrap_or_default();
        let typed = desk.typed(&session, None);
        if missing.is_empty() {
            desk.terminal.print(&format!("then: {}\n", Paint::Typed.on(&typed.command("apply"), style)));
        } else {
            let command = typed.command(&format!("approve {environment}"));
            let text =
                format!("Still to come: {}\n  {} --as NAME\n", missing.join(", "), Paint::Typed.on(&command, style));
            desk.terminal.print(&text);
        }
        Ok(Exit::Done)
    }
}

/// Say no to what waits at a gate
///
/// The candidate does not enter this environment any more. A newer one may. With `--edit`, an edit of the pipeline file that waits
/// does not count; another one may.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate reject staging --reason 'the probe still fails under load'
  lockgate reject --edit --reason 'two of us look at production'")]
pub(super) struct Reject {
    /// The environment whose gate it is
    #[arg(value_name = "ENVIRONMENT", required_unless_present = "edit", conflicts_with = "edit")]
    environment: Option<String>,
    /// The edit of the pipeline file that waits; with a digest, only if it is exactly that one
    #[arg(long, value_name = "DIGEST", num_args = 0..=1, require_equals = true)]
    edit: Option<Option<Digest>>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Reject {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(wanted) = self.edit {
            return edit(desk, wanted, Some(self.reason), "reject");
        }
        let name = self.environment.unwrap_or_default();
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"environment": name, "reason": self.reason});
            return remote::say(desk, &server, "reject", &body);
        }
        let session = desk.telling(desk.open(None)?)?;
        let environment = names::environment(&session, &name)?;
        desk.say(&session, Saying::Reject { environment }, Some(self.reason), "")?;
        Ok(Exit::Done)
    }
}

/// Says `approve` or `reject` to the edit of the pipeline file that waits, after telling what it makes weaker.
fn edit(desk: &Desk, wanted: Option<Digest>, reason: Option<String>, word: &str) -> Result<Exit, Failure> {
    if let Some(server) = desk.server()? {
        return remote::edit(desk, &server, wanted, reason, word);
    }
    let session = desk.telling(desk.open(None)?)?;
    let none = || Failure::plain(Diagnostic::new(&codes::REFUSED, "no edit of the pipeline file waits"));
    let waits = session.state()?.memory.edit.ok_or_else(none)?;
    let file = wanted.unwrap_or(waits.file);
    if file == waits.file {
        desk.terminal.say(&crate::report::board::weaker(&waits.weakens));
    }
    let saying = if word == "approve" { Saying::ApproveEdit { file } } else { Saying::RejectEdit { file } };
    desk.say(&session, saying, reason, "")?;
    Ok(Exit::Done)
}
