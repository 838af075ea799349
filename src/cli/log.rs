//! `lockgate log`: what steps printed.

use super::{Desk, Exit, live};
use crate::app::{Failure, Session};
use crate::diag::{Diagnostic, codes, did_you_mean};
use crate::report::layout::{clean, elide};
use crate::report::{Paint, Style, history};
use crate::run::event::Log as Kept;
use crate::run::{Event, Outcome, Record};
use std::fmt::Write as _;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::Duration;

/// Show what steps printed
///
/// Without a step: the logs of all steps that failed in the last run.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:
  lockgate log
  lockgate log test.image
  lockgate log -f task.scan")]
pub(super) struct Log {
    /// The step, as a plan names it (`test.image`), or a node (`image`): all its steps
    step: Option<String>,
    /// Go on showing what comes, until the step or the run has ended
    #[arg(short = 'F', long)]
    follow: bool,
    /// How many lines of each, counted from the last; all unless said
    #[arg(short, long, value_name = "NUMBER")]
    number: Option<usize>,
}

/// A step's last end: what happened, and its log.
struct Ended {
    record: Record,
    step: String,
    log: Option<Kept>,
}

impl Log {
    pub fn run(self, desk: &Desk) -> Result<Exit, Failure> {
        let session = desk.open(None)?;
        if self.follow {
            return self.follow(desk, &session);
        }
        let ends = ends(&session.records(0)?, self.step.as_deref());
        if ends.is_empty() {
            return self.none(desk, &session);
        }
        for end in &ends {
            self.show(desk, &session, end);
        }
        Ok(Exit::Done)
    }

    fn show(&self, desk: &Desk, session: &Session, end: &Ended) {
        let style = desk.terminal.out;
        let told = history::told(&end.record);
        let clock = desk.clock(session);
        let text = crate::report::layout::one_line(&told.text);
        let head = format!("{}  {} at {}", Paint::Strong.on(&end.step, style), told.paint.on(&text, style), clock.moment(end.record.at));
        desk.terminal.print(&format!("{head}\n"));
        match &end.log {
            None => {
                desk.terminal.print("it printed nothing\n");
            }
            Some(kept) => {
                let file = session.logs().join(&kept.path);
                desk.terminal.print(&format!("{}\n", live::path(&file, style)));
                let text = match std::fs::read(&file) {
                    Ok(bytes) => lines(&bytes, self.number),
                    Err(e) => format!("the log cannot be read: {e}\n"),
                };
                desk.terminal.print(&text);
            }
        }
    }

    fn none(&self, desk: &Desk, session: &Session) -> Result<Exit, Failure> {
        let Some(step) = &self.step else {
            desk.terminal.print("No step failed in the last run. `lockgate log STEP` shows the log of one.\n");
            return Ok(Exit::Done);
        };
        let mut known: Vec<String> = session.records(0)?.iter().filter_map(|r| finished(&r.event)).map(|(s, _)| s.to_string()).collect();
        known.sort_unstable();
        known.dedup();
        let fault = Diagnostic::new(&codes::UNKNOWN_NAME, format!("no step `{step}` has run"));
        Err(Failure::plain(match did_you_mean(step, known.iter().map(String::as_str)) {
            Some(near) => fault.help(format!("did you mean `{near}`?")),
            None => fault,
        }))
    }

    /// Shows what the running steps print, as it comes.
    fn follow(&self, desk: &Desk, session: &Session) -> Result<Exit, Failure> {
        const BEAT: Duration = Duration::from_millis(250);
        let mut shown = 0;
        loop {
            let records = session.records(shown)?;
            shown = records.last().map_or(shown, |r| r.number);
            for end in ends(&records, self.step.as_deref().or(Some(""))) {
                self.show(desk, session, &end);
            }
            if !desk.terminal.print("") || session.state()?.open.is_none() {
                return Ok(Exit::Done);
            }
            std::thread::sleep(BEAT);
        }
    }
}

/// The last end of every step that is asked for; without one, of all that failed in the last run.
fn ends(records: &[Record], step: Option<&str>) -> Vec<Ended> {
    let last = records.iter().map(|r| r.run).max().unwrap_or(0);
    let mut out: Vec<Ended> = Vec::new();
    for record in records {
        let Some((id, outcome)) = finished(&record.event) else { continue };
        let (log, failed) = match outcome {
            Outcome::Succeeded { log, .. } => (log, false),
            Outcome::Failed { log, .. } => (log, true),
        };
        let wanted = match step {
            None => failed && record.run == last,
            Some("") => true,
            Some(name) => history::is_about(record, name),
        };
        out.retain(|e| e.step != id || !wanted);
        if wanted {
            out.push(Ended { record: record.clone(), step: id.to_string(), log: log.clone() });
        }
    }
    out
}

fn finished(event: &Event) -> Option<(&str, &Outcome)> {
    if let Event::StepFinished { step, outcome, .. } = event { Some((step, outcome)) } else { None }
}

/// The text of a log, or its last lines.
fn lines(bytes: &[u8], number: Option<usize>) -> String {
    let text = String::from_utf8_lossy(bytes);
    let count = text.lines().count();
    let skip = number.map_or(0, |n| count.saturating_sub(n));
    let mut out = String::with_capacity(text.len());
    text.lines().skip(skip).for_each(|line| {
        out.push_str(&clean(line));
        out.push('\n');
    });
    out
}

/// The last lines of a step's log, indented, and where all of it is.
pub(super) fn tail(file: &Path, most: usize, style: Style) -> String {
    let mut out = String::new();
    if let Ok(bytes) = end_of(file) {
        let text = lines(&bytes, Some(most));
        for line in text.lines() {
            let line = elide(&line.replace('\t', "    "), style.width.saturating_sub(4));
            let _ = writeln!(out, "    {line}");
        }
    }
    let _ = writeln!(out, "    {}", live::path(file, style));
    out
}

/// As much of the end of a file as the last lines can take.
fn end_of(file: &Path) -> std::io::Result<Vec<u8>> {
    const MOST: u64 = 64 << 10;
    let mut file = std::fs::File::open(file)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MOST)))?;
    let mut bytes = Vec::new();
    file.take(MOST).read_to_end(&mut bytes)?;
    Ok(bytes)
}
