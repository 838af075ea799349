//! Stopping a run that goes on, because somebody asks for it.

use super::{Ask, Keeper};
use crate::ports::PortError;
use crate::run::{Event, Record};

impl Keeper {
    /// Asks a run to stop: nothing new of it begins, and what runs comes to its end. Asked again, running programs are stopped,
    /// too. What follows is on the disk when this returns, a refusal as well. Calls block, for as long as a commit takes.
    pub fn cancel(&self, by: &str, run: u64) -> Result<Vec<Record>, PortError> {
        let now = self.session().now();
        let mut book = self.book.lock();
        let (records, again) = match book.state.open.get(&run).map(|open| open.cancelled) {
            Some(again) => (self.write(&mut book, now, run, vec![Event::CancelAsked { by: by.to_string() }])?, again),
            None => {
                let reason = format!("run {run} is not under way");
                let refused = Event::Refused { call: format!("cancel run {run}"), by: by.to_string(), reason };
                return self.write(&mut book, now, 0, vec![refused]);
            }
        };
        drop(book);
        self.session().recall(run);
        let _ = self.asks.send(Ask::Cancel { run, again });
        Ok(records)
    }
}
