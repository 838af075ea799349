//! `lockgate history`: what happened, in words.

use super::{Desk, Exit, remote};
use crate::app::Failure;
use crate::report::history::{self, Weight};
use crate::report::measures::delivery;
use crate::run::Record;

/// Tell what happened, the newest last
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate history
  lockgate history staging -n 100
  lockgate history --measures --days 90
  lockgate history --json | jq 'select(.event == \"approved\")'")]
pub(super) struct History {
    /// Only what is about this environment, source, build or task
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// How many events, counted from the newest
    #[arg(short, long, value_name = "NUMBER", default_value_t = 40)]
    number: usize,
    /// Only what came before the event of that number
    #[arg(long, value_name = "NUMBER")]
    before: Option<u64>,
    /// Also every step that began and ended
    #[arg(long)]
    steps: bool,
    /// How delivery goes instead: how often, how fast, how often in vain, how long until well
    #[arg(long, conflicts_with_all = ["name", "before", "steps"])]
    measures: bool,
    /// Of how many days that is told; at most 90
    #[arg(long, value_name = "NUMBER", requires = "measures", default_value_t = delivery::DAYS, value_parser = clap::value_parser!(u32).range(1..=i64::from(delivery::MOST_DAYS)))]
    days: u32,
    /// All of it, one line of JSON an event
    #[arg(long)]
    json: bool,
}

impl History {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        if let Some(server) = desk.server()? {
            if self.measures {
                return remote::show(desk, &server, "measures", &[("days", self.days.to_string())], self.json);
            }
            let mut query = vec![("number", self.number.to_string()), ("steps", (self.steps || self.json).to_string())];
            query.extend(self.name.map(|n| ("name", n)));
            query.extend(self.before.map(|n| ("before", n.to_string())));
            return remote::show(desk, &server, "history", &query, self.json);
        }
        let session = desk.open(None)?;
        let records = session.records(0)?;
        if self.measures {
            let mut delivery = delivery::Delivery::default();
            records.iter().for_each(|r| delivery.take(r));
            let summaries = delivery.summaries(session.now(), self.days);
            desk.terminal.print(&match self.json {
                true => delivery::json(&session.graph.pipeline().name.value, &summaries, self.days),
                false => delivery::text(&summaries, self.days, desk.terminal.out),
            });
            return Ok(Exit::Done);
        }
        let about = |r: &&Record| {
            self.before.is_none_or(|before| r.number < before)
                && self.name.as_ref().is_none_or(|n| history::is_about(r, n))
        };
        let weight = if self.steps || self.json { Weight::Detail } else { Weight::Main };
        let chosen: Vec<&Record> = records.iter().filter(about).filter(|r| history::told(r).weight >= weight).collect();
        if self.json {
            for record in chosen {
                if !desk.terminal.print(&history::json(record)) {
                    break;
                }
            }
            return Ok(Exit::Done);
        }
        let hidden = chosen.len().saturating_sub(self.number);
        if chosen.is_empty() {
            desk.terminal.print("Nothing has happened yet.\n");
        }
        if hidden > 0 {
            desk.terminal.print(&format!("… {hidden} before these (-n shows more)\n"));
        }
        let newest = chosen.get(hidden..).unwrap_or_default().iter().copied();
        desk.terminal.print(&history::text(newest, &desk.clock(&session), desk.terminal.out));
        Ok(Exit::Done)
    }
}
