//! `lockgate resolve`: what became of a step that was cut off.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::run::Saying;

/// Say what became of a step that was cut off, where nobody else can know
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate resolve task.migrate --done
  lockgate resolve task.migrate --again")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(super) struct Resolve {
    /// The step, as `status` names it
    step: String,
    /// It was done
    #[arg(long, group = "what")]
    done: bool,
    /// It was not, and is to run again
    #[arg(long, group = "what")]
    again: bool,
}

impl Resolve {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            let body = serde_json::json!({"step": self.step, "done": self.done});
            return remote::say(desk, &server, "resolve", &body);
        }
        let session = desk.open(None)?;
        let state = session.state()?;
        let unclear: Vec<&str> = state.intents.iter().filter(|(_, i)| i.indeterminate).map(|(s, _)| &**s).collect();
        if let Some(near) =
            did_you_mean(&self.step, unclear.iter().copied()).filter(|_| !unclear.contains(&self.step.as_str()))
        {
            let fault =
                Diagnostic::new(&codes::UNKNOWN_NAME, format!("there is no step `{}` that was cut off", self.step));
            return Err(Failure::plain(fault.help(format!("did you mean `{near}`?"))));
        }
        desk.say(&session, Saying::Resolve { step: self.step, done: self.done }, None, "apply")?;
        Ok(Exit::Done)
    }
}
